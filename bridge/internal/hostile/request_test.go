package hostile

import (
	"bytes"
	"strings"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// asked changes what the gateway asks of the signer.
func asked(change func(*wire.SignerRequestInput)) func(*world) error {
	return func(w *world) error { w.gateway.asks = change; return nil }
}

// swapped changes the intent that it asks for.
func swapped[T intent.Intent](change func(*T)) func(*world) error {
	return asked(func(in *wire.SignerRequestInput) { intenttest.Edit(&in.Intent, change) })
}

// reworded changes its bytes.
func reworded(from, to string) func(*world) error {
	return asked(func(in *wire.SignerRequestInput) { in.Intent = bytes.Replace(in.Intent, []byte(from), []byte(to), 1) })
}

// after has the vault changed before.
func after(change intent.Intent, how func(*world) error) func(*world) error {
	return func(w *world) error {
		const before = "req_eeeeeeeeeeeeeeeeeeeeeeeeee"
		w.must(w.gateway.request(before, change))
		w.must(w.approve(before, "mem_alice", "mem_bob"))
		return how(w)
	}
}

func untouched(*world) error { return nil }

// requests is what the gateway does to what pages want.
func requests() []row {
	return append([]row{
		// What it asks for instead, the member reads.
		{"asks for a purchase of more", buys, swapped(func(b *intent.Buy) { b.Fiat.Amount = "2500" }), person, fault.Declined, ""},
		{"asks for a purchase in another currency", buys, swapped(func(b *intent.Buy) { b.Fiat.Currency = "USD" }), atSigner, fault.Denied, ""},
		{"asks for less in return", buys, swapped(func(b *intent.Buy) { b.Crypto.Amount, b.Minimum = "0.0100", "0.0099" }), person, fault.Declined, ""},
		{"asks for a purchase at another provider", buys, swapped(func(b *intent.Buy) { b.Provider, b.ProviderName = "evilpay", "EvilPay" }), person, fault.Declined, ""},
		{"pays to another address of the whitelist", pays, after(suppliers(2, mill, thief), swapped(func(t *intent.Transfer) { t.To.Address = thief })), person, fault.Declined, ""},
		{"pays more", pays, swapped(func(t *intent.Transfer) { t.Crypto.Amount = "15" }), person, fault.Declined, ""},
		{"puts another member into a group", regroups, swapped(func(g *intent.GroupPut) { g.Members[0].Member = "mem_carol" }), person, fault.Declined, ""},
		{"puts another address on a whitelist", relists, swapped(func(l *intent.WhitelistPut) { l.Entries[0].Address = "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb" }), person, fault.Declined, ""},
		{"puts one address more on a whitelist", relists, swapped(func(l *intent.WhitelistPut) {
			l.Entries = append(l.Entries, governance.Entry{Address: "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb", Chain: chain, Label: "Mill"})
		}), person, fault.Declined, ""},
		{"puts an address on a whitelist under another name", relists, swapped(func(l *intent.WhitelistPut) { l.Entries[1].Label = "Mill, new account" }), person, fault.Declined, ""},
		{"asks for rules with a lower quorum", rerules, swapped(func(a *intent.AccountEdit) { a.Rules.Rules[0].Steps[0].Quorum = 1 }), person, fault.Declined, ""},
		{"asks for rules with a higher limit", rerules, swapped(func(a *intent.AccountEdit) { a.Rules.Rules[0].When[0].Amount.Max = "1000000" }), person, fault.Declined, ""},
		{"asks to remove the group", regroups, asked(func(in *wire.SignerRequestInput) {
			in.Intent = intenttest.Doc(intent.GroupRemove{Kind: intent.KindGroupRemove, V: 1, Group: "grp_officers", FromVersion: 1})
		}), person, fault.Declined, ""},
		// What does not fit the vault, the signer refuses.
		{"asks for a purchase that is beyond the rules", buys, swapped(func(b *intent.Buy) { b.Fiat.Amount = "20000" }), atSigner, fault.Denied, ""},
		{"asks for a purchase into an account that there is none of", buys, swapped(func(b *intent.Buy) { b.Account = "acc_other" }), atSigner, fault.NotFound, "field=account"},
		{"pays to an address that is on no whitelist", pays, swapped(func(t *intent.Transfer) { t.To.Address = thief }), atSigner, fault.Denied, ""},
		{"pays to an address whose check is wrong", pays, swapped(func(t *intent.Transfer) { t.To.Address = strings.Replace(mill, "E", "e", 1) }), atSigner, fault.Invalid, "field=to.address"},
		{"asks for an intent with a field that there is none of", buys, reworded(`"v":1`, `"v":1,"x":1`), atSigner, fault.Invalid, "field=x"},
		{"asks for an intent that is not canonical", buys, reworded(`"kind":"buy","v":1`, `"v":1,"kind":"buy"`), atSigner, fault.Invalid, "field=kind"},
		{"asks for an intent of another version", buys, reworded(`"v":1`, `"v":2`), atSigner, fault.IntentUnsupported, "field=kind"},
		{"asks for a request that has expired", buys, asked(func(in *wire.SignerRequestInput) { in.ExpiresAt = in.ExpiresAt.Add(-2 * time.Hour) }), atSigner, fault.Invalid, "field=expires_at"},
		{"puts an address on a whitelist whose check is wrong", relists, swapped(func(l *intent.WhitelistPut) { l.Entries[0].Address = strings.ToLower(mill) }), atSigner, fault.Invalid, "field=entries.0.address"},
		{"asks for a whitelist from the version before", relists, after(suppliers(2, mill), untouched), atSigner, fault.Conflict, "field=from_version"},
		{"asks for rules from the version before", rerules, after(tightened(1, 2), untouched), atSigner, fault.Conflict, "field=from_version"},
		{"asks for rules that name a member who was removed", rerules, after(turns(intent.KindMemberSuspend, "mem_carol", 1), untouched), atSigner, fault.Invalid, "field=rules.purchases, tightened.steps.treasury.members"},
		// What exists, stays what it is.
		{"asks again for another amount", asks, swapped(func(b *intent.Buy) { b.Fiat.Amount = "251" }), atSigner, fault.Conflict, ""},
		{"asks again for another kind", asks, asked(func(in *wire.SignerRequestInput) { in.Intent = intenttest.Doc(payment()) }), atSigner, fault.Conflict, ""},
		{"asks again for less time", asks, asked(func(in *wire.SignerRequestInput) { in.ExpiresAt = in.ExpiresAt.Add(-time.Minute) }), atSigner, fault.Conflict, ""},
		{"asks again for a change as another change", asks, asked(func(in *wire.SignerRequestInput) {
			in.Request, in.Intent = changed, intenttest.Doc(suppliers(1, thief))
		}), atSigner, fault.Conflict, ""},
		{"has a change approved whose version is over", regroups, func(w *world) error {
			w.must(w.gateway.request(wanted, officers(1, "mem_alice", "mem_bob")))
			return after(officers(1, "mem_carol"), func(w *world) error { return w.approve(wanted, "mem_alice") })(w)
		}, atSigner, fault.RequestClosed, "state=BLOCKED"},
		{"asks for a report of what changes nothing", asks, func(w *world) error {
			return w.gateway.call("GET", "/v1/requests/"+pending+"/impact", nil, nil)
		}, atSigner, fault.Conflict, ""},
	}, colluding()...)
}

// colludes has a member who works for the gateway submit something in a channel of their own.
func colludes(token func(w *world, l *membertest.Line, served []byte) string) func(*world) error {
	return func(w *world) error {
		l, code := membertest.Connect(w.t, membertest.Handler(w.t, w.gateway.signer), w.members["mem_carol"], w.file)
		if code != "" {
			return refuses(atSigner, fault.New(code, "the channel"))
		}
		data, ferr := l.Statement(pending, statement.Approve)
		if ferr != nil {
			return refuses(atSigner, ferr)
		}
		if _, ferr := l.Submit(token(w, l, data)); ferr != nil {
			return refuses(atSigner, ferr)
		}
		return nil
	}
}

// edited is a statement with changes, signed by who works for the gateway.
func edited(change func(*statement.Approval)) func(*world, *membertest.Line, []byte) string {
	return func(w *world, l *membertest.Line, data []byte) string {
		a, err := statement.DecodeDecision(data)
		w.must(err)
		change(&a)
		data, err = statement.EncodeDecision(a)
		w.must(err)
		return l.Sign(data)
	}
}

// logged is the signature of a member on a request, which anybody reads in the log.
func logged(w *world, request, member string) (token string) {
	for _, line := range w.lines() {
		e, err := signedlog.Read(line, w.statementKey())
		w.must(err)
		var b signedlog.DecisionBody
		if e.Type == signedlog.Approval && strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody) == nil && b.Request == request && b.Member == member {
			token = b.JWS
		}
	}
	return token
}

// signedBy is what a signature of the log is on.
func signedBy(w *world, token string) statement.Approval {
	payload, err := jws.Payload(token)
	w.must(err)
	a, err := statement.DecodeDecision(payload)
	w.must(err)
	return a
}

// colluding is what the gateway does with a member who works for it.
func colluding() []row {
	submits := func(does string, token func(*world, *membertest.Line, []byte) string, code fault.Code, detail string) row {
		return row{does, approves, colludes(token), atSigner, code, detail}
	}
	return []row{
		submits("submits the approval of another member, from the log", func(w *world, _ *membertest.Line, _ []byte) string { return logged(w, bought, "mem_alice") }, fault.StatementInvalid, "field=member"),
		submits("submits an approval of another vault", edited(func(a *statement.Approval) { a.Entity = "ent_other" }), fault.StatementInvalid, "field=entity"),
		submits("submits an approval of another request", edited(func(a *statement.Approval) { a.Request = bought }), fault.StatementInvalid, "field=request"),
		submits("submits an approval at another step", edited(func(a *statement.Approval) { a.Step = 2 }), fault.StatementInvalid, "field=step"),
		submits("submits an approval of another rule version", edited(func(a *statement.Approval) { a.GovernedBy.Version = 2 }), fault.StatementInvalid, "field=statement"),
		submits("submits an approval of another intent", edited(func(a *statement.Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Address = thief })
		}), fault.StatementInvalid, "field=statement"),
		submits("submits an approval with a nonce of its own", edited(func(a *statement.Approval) { a.Nonce = strings.Repeat("ab", 32) }), fault.StatementInvalid, "field=nonce"),
		submits("submits an approval that lives longer", edited(func(a *statement.Approval) { a.Expires, a.NotBefore = a.Expires+60, a.NotBefore+60 }), fault.StatementInvalid, "field=statement"),
		submits("submits an approval over an older log", edited(func(a *statement.Approval) { a.Log.Size = 1 }), fault.StatementInvalid, "field=statement"),
		submits("submits an approval that the signer's key did not ask for", func(w *world, l *membertest.Line, data []byte) string {
			token, err := jws.Sign(w.t.Context(), l.Who.Channel, statement.TypApproval, data)
			w.must(err)
			return token
		}, fault.SignatureInvalid, ""),
		{"submits an approval of a change with another report", approves, func(w *world) error {
			w.must(w.gateway.request(wanted, tightened(1, 3)))
			l, code := membertest.Connect(w.t, membertest.Handler(w.t, w.gateway.signer), w.members["mem_carol"], w.file)
			if code != "" {
				return refuses(atSigner, fault.New(code, "the channel"))
			}
			data, ferr := l.Statement(wanted, statement.Approve)
			if ferr != nil {
				return refuses(atSigner, ferr)
			}
			_, ferr = l.Submit(edited(func(a *statement.Approval) {
				a.Impact = &statement.Impact{Report: a.Impact.Report, Log: a.Impact.Log, Summary: []string{}}
			})(w, l, data))
			return refuses(atSigner, ferr)
		}, atSigner, fault.StatementInvalid, "field=statement"},
	}
}
