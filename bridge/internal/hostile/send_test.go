package hostile

import (
	"time"

	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/wire"
)

const (
	stopped = "req_hhhhhhhhhhhhhhhhhhhhhhhhhh" // a cancellation of it
	paid    = "req_ffffffffffffffffffffffffff" // a transfer that a flow has signed
	swept   = "req_gggggggggggggggggggggggggg" // the change that lets deposits be swept
)

func gwei(price, tip string) gas.Fees {
	return gas.Fees{Gas: 21000, FeeCap: price + "000000000", Tip: tip + "000000000"}
}

// sign asks the signer for the transaction of a request.
func (g *gateway) sign(id string, fees gas.Fees) error {
	return g.call("POST", "/v1/requests/"+id+"/transactions", wire.SignerTransactionInput{Fees: fees}, new(wire.SignerTransaction))
}

// sends has a transfer approved, and asks for its transaction.
var sends = flow{"has an approved transfer signed", func(w *world) error {
	w.must(w.gateway.request(paid, payment()))
	w.must(w.approve(paid, "mem_alice", "mem_bob"))
	return w.gateway.sign(paid, gwei("2", "1"))
}}

func replacement(action string) intent.Replace {
	return intent.Replace{Kind: intent.KindReplace, V: 1, Account: treasury, Request: paid, Action: action, MaxFee: intent.Crypto{Amount: "0.0042", Asset: "ethereum"}}
}

// hurries asks to have a transfer that was signed sped up, and cancels to have it cancelled.
var hurries, cancels = replacing(intent.SpeedUp), replacing(intent.Cancel)

func replacing(action string) flow {
	of := signing(replacement(action))
	return flow{of.name, func(w *world) error {
		asks := w.gateway.asks
		w.gateway.asks = nil
		w.must(sends.play(w))
		w.gateway.asks = asks
		return of.play(w)
	}}
}

// stops has an approved cancellation signed.
var stops = flow{"has an approved cancellation signed", func(w *world) error {
	w.must(sends.play(w))
	w.must(w.gateway.request(stopped, replacement(intent.Cancel)))
	w.must(w.approve(stopped, "mem_alice", "mem_bob"))
	return w.gateway.sign(stopped, gwei("150", "3"))
}}

// sweeps has the administrators agree to sweeps, and asks for one of the deposit address of
// a purchase.
var sweeps = flow{"has a deposit swept", func(w *world) error { return w.sweep(func(*wire.SignerSweepInput) {}) }}

func (w *world) sweep(change func(*wire.SignerSweepInput)) error {
	edit := tightened(1, 2)
	edit.Sweep = &intent.Sweep{MaxFee: "0.0021", PerDay: "0.005"}
	w.must(w.gateway.request(swept, edit))
	w.must(w.approve(swept, "mem_alice", "mem_bob"))
	return w.sweepAgain(change)
}

func (w *world) sweepAgain(change func(*wire.SignerSweepInput)) error {
	to, _ := w.replay(w.lines()).requests[bought].Receives()
	in := wire.SignerSweepInput{Account: treasury, Address: to.Address, Amount: "1000", Fees: gwei("2", "1")}
	change(&in)
	return w.gateway.call("POST", "/v1/sweeps", in, new(wire.SignerTransaction))
}

// then goes on after an honest flow.
func then(f flow, how func(*world) error) func(*world) error {
	return func(w *world) error {
		w.must(f.play(w))
		return how(w)
	}
}

func signs(id, price, tip string) func(*world) error {
	return func(w *world) error { return w.gateway.sign(id, gwei(price, tip)) }
}

// unapproved asks for a transfer of which one member has approved.
func unapproved(w *world) error {
	w.must(w.gateway.request(paid, payment()))
	w.must(w.approve(paid, "mem_alice"))
	return w.gateway.sign(paid, gwei("2", "1"))
}

func unswept(change func(*wire.SignerSweepInput)) func(*world) error {
	return func(w *world) error { return w.sweep(change) }
}

// transactions is what the gateway does to have other transactions signed than were approved.
func transactions() []row {
	return []row{
		{"has a transfer signed that nobody approved", sends, func(w *world) error {
			w.must(w.gateway.request(paid, payment()))
			return w.gateway.sign(paid, gwei("2", "1"))
		}, atSigner, fault.RequestClosed, "state=PENDING"},
		{"has a transfer signed that one of two approved", sends, unapproved, atSigner, fault.RequestClosed, "state=PENDING"},
		{"has a purchase signed", sends, signs(bought, "2", "1"), atSigner, fault.Conflict, ""},
		{"has a change of the vault signed", sends, signs(changed, "2", "1"), atSigner, fault.Conflict, ""},
		{"has a request signed that never was", sends, signs("req_zzzzzzzzzzzzzzzzzzzzzzzzzz", "2", "1"), atSigner, fault.NotFound, "field=request"},
		{"pays more fees than were approved", sends, then(sends, signs(paid, "101", "2")), atSigner, fault.Invalid, "field=fees"},
		{"pays more fees by more gas", sends, then(sends, func(w *world) error {
			return w.gateway.sign(paid, gas.Fees{Gas: 2_000_000, FeeCap: "3000000000", Tip: "2000000000"})
		}), atSigner, fault.Invalid, "field=fees"},
		{"has a second transaction signed in place of the first", sends, then(sends, signs(paid, "2", "2")), atSigner, fault.Invalid, "field=fees"},
		{"keeps an approval until it has ended", sends, func(w *world) error {
			w.must(w.gateway.request(paid, payment()))
			w.must(w.approve(paid, "mem_alice", "mem_bob"))
			w.wait(25 * time.Hour)
			return w.gateway.sign(paid, gwei("2", "1"))
		}, atSigner, fault.RequestClosed, "state=ENDED"},
		{"has a cancellation asked for as a speed-up", cancels, swapped(func(r *intent.Replace) { r.Action = intent.SpeedUp }), person, fault.Declined, ""},
		{"speeds up for a higher fee", hurries, swapped(func(r *intent.Replace) { r.MaxFee.Amount = "0.0099" }), person, fault.Declined, ""},
		{"speeds up for more than the rule allows", hurries, swapped(func(r *intent.Replace) { r.MaxFee.Amount = "0.02" }), atSigner, fault.Denied, ""},
		{"replaces what was never signed", cancels, swapped(func(r *intent.Replace) { r.Request = pending }), atSigner, fault.Conflict, "field=request"},
		{"has a cancellation signed that nobody approved", stops, func(w *world) error {
			w.must(sends.play(w))
			w.must(w.gateway.request(stopped, replacement(intent.Cancel)))
			return w.gateway.sign(stopped, gwei("150", "3"))
		}, atSigner, fault.RequestClosed, "state=PENDING"},
		{"has the transfer signed again after it was cancelled", stops, then(stops, signs(paid, "99", "40")), atSigner, fault.RequestClosed, "request=" + stopped},
		{"pays more fees for a cancellation than were approved", stops, then(stops, signs(stopped, "201", "4")), atSigner, fault.Invalid, "field=fees"},
		{"has a cancellation signed below what was signed before", stops, func(w *world) error {
			w.must(sends.play(w))
			w.must(w.gateway.request(stopped, replacement(intent.Cancel)))
			w.must(w.approve(stopped, "mem_alice", "mem_bob"))
			return w.gateway.sign(stopped, gwei("2", "1"))
		}, atSigner, fault.Invalid, "field=fees"},
		{"sweeps without a standing rule", sweeps, func(w *world) error { return w.sweepAgain(func(*wire.SignerSweepInput) {}) }, atSigner, fault.Denied, ""},
		{"sweeps the account's own address", sweeps, unswept(func(in *wire.SignerSweepInput) { in.Address = mill }), atSigner, fault.NotFound, "field=address"},
		{"sweeps into another account", sweeps, unswept(func(in *wire.SignerSweepInput) { in.Account = "acc_thief" }), atSigner, fault.NotFound, "field=address"},
		{"burns what is swept as fees", sweeps, unswept(func(in *wire.SignerSweepInput) { in.Fees = gwei("101", "100") }), atSigner, fault.Denied, ""},
		{"sweeps more than once with the same nonce", sweeps, then(sweeps, func(w *world) error {
			return w.sweepAgain(func(in *wire.SignerSweepInput) { in.Fees = gwei("2", "2") })
		}), atSigner, fault.Denied, ""},
		{"burns fees by sweeping again and again", sweeps, then(sweeps, func(w *world) error {
			for nonce := range int64(2) {
				w.must(w.sweepAgain(func(in *wire.SignerSweepInput) { in.Nonce, in.Fees = nonce, gwei("100", "2") }))
			}
			return w.sweepAgain(func(in *wire.SignerSweepInput) { in.Nonce, in.Fees = 2, gwei("100", "2") })
		}), atSigner, fault.Denied, ""},
	}
}
