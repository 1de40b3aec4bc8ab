package hostile

import (
	"strings"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// payroll is an account whose rules count in euros, at rates that Carol signs.
const payroll = "acc_payroll"

// inEuros lets Alice or Bob send what is worth at most 5,000 EUR, at a rate of the last quarter
// of an hour.
func inEuros() governance.Set {
	return governance.Set{Version: 1, RateSource: "mem_carol", Rules: []governance.Rule{{
		Name: "small", RateWithin: 900, When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindTransfer}}}, {Amount: &governance.Amount{Currency: "EUR", Max: "5000"}}},
		Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}}},
	}}}
}

// priced is a rate that Carol says now, with changes.
func (w *world) priced(change func(*statement.Rate)) statement.Rate {
	r := statement.Rate{V: 1, Type: "rate", Entity: entity, Source: "mem_carol", Asset: "ethereum", Currency: "EUR", Rate: "2600", At: w.clock().Unix()}
	change(&r)
	return r
}

// signedBy is a rate that a key signed for a purpose.
func (w *world) signedBy(key jws.Signer, typ string, r statement.Rate) string {
	payload, err := statement.Encode(r)
	w.must(err)
	token, err := jws.Sign(w.t.Context(), key, typ, payload)
	w.must(err)
	return token
}

// carols is a rate that she signed.
func (w *world) carols(change func(*statement.Rate)) string {
	return w.signedBy(w.members["mem_carol"].Approval, statement.TypRate, w.priced(change))
}

func unchanged(*statement.Rate) {}

// brings hands the signer what is said to be a rate.
func (g *gateway) brings(token string) error {
	var known wire.SignerRate
	return g.call("POST", "/v1/rates", wire.SignerRateInput{JWS: token}, &known)
}

func wages() intent.Transfer {
	t := payment()
	t.Account = payroll
	return t
}

// values is a flow in which the gateway brings the rate of now, unless a row has brought another,
// and a page asks for a transfer that is worth 3,900 EUR.
var values = flow{"values a transfer", func(w *world) error {
	if err := w.gateway.brings(w.carols(unchanged)); err != nil {
		return err
	}
	return w.gateway.request(wanted, wages())
}}

// brought has the gateway bring what it made of rates.
func brought(token func(*world) string) func(*world) error {
	return func(w *world) error { return w.gateway.brings(token(w)) }
}

// rates is what the gateway does with what assets are worth.
func rates() []row {
	older := func(w *world) string {
		kept := w.carols(func(r *statement.Rate) { r.Rate = "1" })
		w.wait(time.Minute)
		w.must(w.gateway.brings(w.carols(unchanged)))
		return kept
	}
	return []row{
		{"brings a rate that it signed itself", values, brought(func(w *world) string {
			return w.signedBy(membertest.NewKey(w.t, jws.Secp256k1), statement.TypRate, w.priced(unchanged))
		}), atSigner, fault.SignatureInvalid, ""},
		{"brings a rate whose digits it changed", values, brought(func(w *world) string {
			one, other := strings.Split(w.carols(unchanged), "."), strings.Split(w.carols(func(r *statement.Rate) { r.Rate = "1" }), ".")
			return one[0] + "." + other[1] + "." + one[2]
		}), atSigner, fault.SignatureInvalid, ""},
		{"brings a rate that was signed for another purpose", values, brought(func(w *world) string {
			return w.signedBy(w.members["mem_carol"].Approval, statement.TypVerdict, w.priced(unchanged))
		}), atSigner, fault.SignatureInvalid, ""},
		{"brings a rate of a member who is not a source", values, brought(func(w *world) string {
			return w.signedBy(w.members["mem_bob"].Approval, statement.TypRate, w.priced(func(r *statement.Rate) { r.Source = "mem_bob" }))
		}), atSigner, fault.Invalid, "field=source"},
		{"brings a rate that was signed for another vault", values, brought(func(w *world) string {
			return w.carols(func(r *statement.Rate) { r.Entity = "ent_other" })
		}), atSigner, fault.StatementInvalid, "field=entity"},
		{"brings a rate of another asset", values, brought(func(w *world) string {
			return w.carols(func(r *statement.Rate) { r.Asset = "bitcoin" })
		}), atSigner, fault.Invalid, "field=source"},
		{"brings a rate of an hour ahead", values, brought(func(w *world) string {
			return w.carols(func(r *statement.Rate) { r.At += 3600 })
		}), atSigner, fault.StatementInvalid, "field=at"},
		{"brings the one of several rates that suits it", values, brought(older), atSigner, fault.Conflict, "field=at"},
		{"brings a rate of before one in the log, to a signer that was started again", values, brought(func(w *world) string {
			kept := older(w)
			w.must(w.gateway.request(wanted, wages()))
			w.restart()
			return kept
		}), atSigner, fault.Conflict, "field=at"},
		{"brings a rate of a source that was suspended", values, after(turns(intent.KindMemberSuspend, "mem_carol", 1), untouched), atSigner, fault.Forbidden, "field=source"},
		{"keeps a rate until it is too old", values, func(w *world) error {
			w.must(w.gateway.brings(w.carols(unchanged)))
			w.wait(901 * time.Second)
			return w.gateway.request(wanted, wages())
		}, atSigner, fault.Denied, ""},
		{"brings no rate", values, func(w *world) error { return w.gateway.request(wanted, wages()) }, atSigner, fault.Denied, ""},
	}
}
