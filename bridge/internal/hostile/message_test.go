package hostile

import (
	"errors"
	"slices"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/receipt"
	"countersign/shared/wire"
)

// said is a message that a flow has signed.
const said = "req_jjjjjjjjjjjjjjjjjjjjjjjjjj"

// letter is typed data that names a contract of the sandbox chain.
func letter() intent.Message {
	return intent.Message{
		Kind: intent.KindMessage, V: 1, Account: treasury,
		TypedData: intent.Doc(`{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"chainId","type":"uint256"},{"name":"verifyingContract","type":"address"}],"Vote":[{"name":"proposal","type":"uint256"},{"name":"support","type":"bool"}]},"primaryType":"Vote","domain":{"name":"Mill Council","chainId":31337,"verifyingContract":"` + mill + `"},"message":{"proposal":"9007199254740993","support":true}}`),
	}
}

// signMessage asks the signer for the signature of a message.
func (g *gateway) signMessage(id string) error {
	return g.call("POST", "/v1/requests/"+id+"/signature", wire.SignerSignatureInput{}, new(wire.SignerSignature))
}

// votes asks for the letter, and speaks has it signed once it is approved.
var (
	votes  = signing(letter())
	speaks = flow{"has an approved message signed", func(w *world) error {
		w.must(w.gateway.request(said, letter()))
		w.must(w.approve(said, "mem_alice", "mem_bob"))
		return w.gateway.signMessage(said)
	}}
)

// proves verifies the receipt of a message that was signed.
var proves = flow{"verifies the receipt of a message", func(w *world) error {
	w.must(speaks.play(w))
	r, err := receipt.Verify(w.gateway.receipt(said, changed), w.statementKey().Thumbprint())
	if err == nil && r.Signature == nil {
		err = errors.New("the receipt has no signature")
	}
	return refuses(verifier, err)
}}

// written changes the typed data that the gateway asks for.
func written(from, to string) func(*world) error {
	return swapped(func(m *intent.Message) { m.TypedData = intent.Doc(strings.Replace(string(m.TypedData), from, to, 1)) })
}

func signsMessage(id string) func(*world) error {
	return func(w *world) error { return w.gateway.signMessage(id) }
}

// elsewhere is a vault whose members approved the same message, of the same request.
func elsewhere(w *world) *world {
	other := lived(w.t)
	other.must(speaks.play(other))
	return other
}

// messages is what the gateway does to have other messages signed than were approved.
func messages() []row {
	return []row{
		// What it asks for instead, the member reads.
		{"has a field of a message changed", votes, written(`"support":true`, `"support":false`), person, fault.Declined, ""},
		{"has a number of a message changed by one", votes, written("9007199254740993", "9007199254740992"), person, fault.Declined, ""},
		{"has a message signed for another contract", votes, written(mill, thief), person, fault.Declined, ""},
		{"has a message signed for another domain", votes, written("Mill Council", "Thief Council"), person, fault.Declined, ""},
		{"has a message signed of another type", votes, written(`"Vote":[{"name":"proposal"`, `"Vote":[{"name":"proposal"`+`,"type":"uint256"},{"name":"also"`), atSigner, fault.Invalid, "field=typed_data.message.also"},
		{"has a text signed in place of typed data", votes, swapped(func(m *intent.Message) { m.TypedData, m.Text = nil, "I support 9007199254740993" }), person, fault.Declined, ""},
		// What is not exact, or not of this account, the signer refuses.
		{"has a message signed for another chain", votes, written("31337", "1"), atSigner, fault.Invalid, "field=typed_data.domain.chainId"},
		{"has a message signed with a field that its type does not declare", votes, written(`"support":true`, `"support":true,"amount":"1"`), atSigner, fault.Invalid, "field=typed_data.message"},
		{"has a message signed with a number that is rounded elsewhere", votes, written(`"9007199254740993"`, "9007199254740993e0"), atSigner, fault.Invalid, "field=typed_data.message.proposal"},
		{"has a message signed with an address whose check is wrong", votes, written(mill, strings.Replace(mill, "E", "e", 1)), atSigner, fault.Invalid, "field=typed_data.domain.verifyingContract"},
		{"has a digest signed alone", votes, swapped(func(m *intent.Message) { m.TypedData, m.Hex = nil, "0x"+strings.Repeat("ff", 32) }), atSigner, fault.Invalid, "field=hex"},
		{"has a message signed by an account whose rules name none", votes, swapped(func(m *intent.Message) { m.Account = payroll }), atSigner, fault.Denied, ""},
		// What was not approved here, is not signed here.
		{"has a message signed that nobody approved", speaks, func(w *world) error {
			w.must(w.gateway.request(said, letter()))
			return w.gateway.signMessage(said)
		}, atSigner, fault.RequestClosed, "state=PENDING"},
		{"has a message signed that one of two approved", speaks, func(w *world) error {
			w.must(w.gateway.request(said, letter()))
			w.must(w.approve(said, "mem_alice"))
			return w.gateway.signMessage(said)
		}, atSigner, fault.RequestClosed, "state=PENDING"},
		{"has a message signed that was approved in another vault", speaks, func(w *world) error {
			elsewhere(w)
			return w.gateway.signMessage(said)
		}, atSigner, fault.NotFound, "field=request"},
		{"has a purchase signed as a message", speaks, signsMessage(bought), atSigner, fault.Conflict, ""},
		{"has a transaction signed of a message", speaks, then(speaks, signs(said, "2", "1")), atSigner, fault.Conflict, ""},
		{"gives a receipt the signature that another vault made of the same message", proves, stored(func(w *world, f *receipt.File) {
			other := elsewhere(w).lines()
			f.Lines[len(f.Lines)-1].JWS = other[len(other)-1]
		}), verifier, fault.SignatureInvalid, "part=entry 15"},
		{"leaves out of a receipt what was about to be signed", proves, stored(func(_ *world, f *receipt.File) {
			n := len(f.Lines)
			f.Lines = slices.Delete(f.Lines, n-2, n-1)
		}), verifier, fault.SignatureInvalid, "part=entry 15"},
	}
}
