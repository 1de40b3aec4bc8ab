package vault

import (
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// fees are of 21,000 gas at prices in gwei; "0.0021 ETH" allows 100.
func fees(gwei, tip string) gas.Fees {
	return gas.Fees{Gas: 21000, FeeCap: gwei + "000000000", Tip: tip + "000000000"}
}

// signing is the signing entry of the next attempt of a request.
func (w *writer) signing(request string, f gas.Fees) signedlog.SigningBody {
	w.t.Helper()
	x := w.s.Sending(request)
	if x == nil {
		w.t.Fatalf("%s has no transaction", request)
	}
	nonce := w.s.accounts[ruled].nonce
	if n := len(x.Attempts); n > 0 {
		nonce = x.Attempts[n-1].Nonce
	}
	return signedlog.SigningBody{Request: request, Attempt: len(x.Attempts) + 1, Nonce: nonce, Fees: f}
}

// raw signs the last attempt of a request with a key.
func (w *writer) raw(request string, key seed, change func(*Attempt)) signedlog.SignedBody {
	w.t.Helper()
	x := w.s.Sending(request)
	a := x.Attempts[len(x.Attempts)-1]
	if change != nil {
		change(&a)
	}
	tx, err := x.Tx(a)
	if err != nil {
		w.t.Fatal(err)
	}
	digest, err := tx.Digest()
	if err != nil {
		w.t.Fatal(err)
	}
	signature, err := key.SignDigest(w.t.Context(), digest[:])
	if err != nil {
		w.t.Fatal(err)
	}
	address, _ := AddressOn("eip155:31337", key.PublicKey())
	raw, err := tx.Sign(signature, address)
	if err != nil {
		w.t.Fatal(err)
	}
	return signedlog.SignedBody{Request: request, Attempt: len(x.Attempts), Raw: base64.RawURLEncoding.EncodeToString(raw)}
}

// sign writes both entries of an attempt.
func (w *writer) sign(request string, f gas.Fees) {
	w.t.Helper()
	w.append(signedlog.Signing, w.signing(request, f))
	w.append(signedlog.Signed, w.raw(request, accountKey, nil))
}

// approvedTransfer is a vault with transfers that were asked for, and approved.
func approvedTransfer(t testing.TB, ids ...string) *writer {
	w := enrolled(t)
	for _, id := range ids {
		w.append(signedlog.Request, ask(t, w.s, id))
		w.decide(id, "mem_alice", statement.Initiate, aliceKey)
		w.decide(id, "mem_bob", statement.Approve, bobKey)
		w.decide(id, "mem_alice", statement.Approve, aliceKey)
		w.close(id)
	}
	return w
}

func TestEachApprovedTransferHasTheNextNonceAndKeepsIt(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved, waiting)
	w.sign(waiting, fees("2", "1")) // in the order in which they are asked for
	w.sign(approved, fees("2", "1"))
	w.sign(waiting, fees("3", "2"))
	for id, want := range map[string][]int64{waiting: {0, 0}, approved: {1}} {
		all := w.s.Sending(id).Attempts
		if len(all) != len(want) {
			t.Fatalf("%s has %d attempts", id, len(all))
		}
		for i, a := range all {
			tx, _, err := a.Signed()
			if err != nil || a.Nonce != want[i] || tx.Nonce != uint64(want[i]) || tx.From != accountAddress || tx.Value.String() != "1500000000000000000" {
				t.Errorf("attempt %d of %s: %+v (%v)", i+1, id, tx, err)
			}
		}
	}
}

func TestNoOtherTransactionThanTheApprovedOneIsEverInTheLog(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	right := w.signing(approved, fees("2", "1"))
	for name, change := range map[string]func(*signedlog.SigningBody){
		"a later nonce":                 func(b *signedlog.SigningBody) { b.Nonce = 1 },
		"the second attempt first":      func(b *signedlog.SigningBody) { b.Attempt = 2 },
		"fees of more than was allowed": func(b *signedlog.SigningBody) { b.Fees = fees("101", "1") },
		"more gas than was allowed":     func(b *signedlog.SigningBody) { b.Fees.Gas = gas.Max },
		"less gas than any uses":        func(b *signedlog.SigningBody) { b.Fees.Gas = 20999 },
		"a tip above the price":         func(b *signedlog.SigningBody) { b.Fees = fees("1", "2") },
		"a price that is not a number":  func(b *signedlog.SigningBody) { b.Fees.FeeCap = "1e9" },
		"a price below nothing":         func(b *signedlog.SigningBody) { b.Fees.Tip = "-1" },
		"another request":               func(b *signedlog.SigningBody) { b.Request = older },
	} {
		b := right
		change(&b)
		if err := w.try(signedlog.Signing, b); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if err := w.try(signedlog.Signed, signedlog.SignedBody{Request: approved, Attempt: 1, Raw: "AA"}); err == nil {
		t.Error("a signature was taken that was not about to be made")
	}
	w.append(signedlog.Signing, right)
	if err := w.try(signedlog.Signing, right); err == nil {
		t.Error("a second attempt was taken before the first was signed")
	}
	good := w.raw(approved, accountKey, nil)
	for name, b := range map[string]signedlog.SignedBody{
		"signed by another key": w.raw(approved, bobKey, nil),
		"with another nonce":    w.raw(approved, accountKey, func(a *Attempt) { a.Nonce = 1 }),
		"with other fees":       w.raw(approved, accountKey, func(a *Attempt) { a.Fees = fees("1", "1") }),
		"another attempt":       {Request: approved, Attempt: 2, Raw: good.Raw},
		"no transaction":        {Request: approved, Attempt: 1, Raw: "AAAA"},
		"no base64url":          {Request: approved, Attempt: 1, Raw: good.Raw + "="},
	} {
		if err := w.try(signedlog.Signed, b); err == nil {
			t.Errorf("a transaction %s was taken", name)
		}
	}
	w.append(signedlog.Signed, good)
	for name, f := range map[string]gas.Fees{"the same fees": fees("2", "1"), "a lower tip": fees("3", "1"), "a lower price": fees("2", "2"), "more than was allowed": fees("101", "2")} {
		if err := w.try(signedlog.Signing, w.signing(approved, f)); err == nil {
			t.Errorf("a second attempt with %s was taken", name)
		}
	}
	w.sign(approved, fees("100", "2"))
}

func TestWhatIsNotApprovedHasNoTransaction(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t)
	w.append(signedlog.Request, ask(t, w.s, approved))
	if w.s.Sending(approved) != nil {
		t.Error("an open request has one")
	}
	w.decide(approved, "mem_alice", statement.Initiate, aliceKey)
	w.decide(approved, "mem_bob", statement.Reject, bobKey)
	w.close(approved)
	if w.s.Sending(approved) != nil {
		t.Error("a rejected request has one")
	}
}

func TestAnApprovalThatEndedSignsNothingNewButGoesOnWithWhatItBegan(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved, waiting)
	w.sign(approved, fees("2", "1"))
	unused := w.signing(waiting, fees("2", "1"))
	w.at = w.s.Sending(waiting).UseBy + 1
	w.sign(approved, fees("3", "2"))
	if err := w.try(signedlog.Signing, unused); err == nil {
		t.Error("a transaction was begun after the approval ended")
	}
	w.s.begin(&Request{Wants: w.s.Sending(approved).wants(t)}, w.at)
	if w.s.Sending(waiting) != nil || w.s.Sending(approved) == nil {
		t.Error("what is over is kept, or what goes on is not")
	}
}

func TestAnApprovalOfOtherEffectsIsRefused(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	w.append(signedlog.Request, ask(t, w.s, approved))
	w.decide(approved, "mem_alice", statement.Initiate, aliceKey)
	typ, b := w.signedAs(approved, "mem_bob", statement.Approve, bobKey, func(a *statement.Approval) { a.Effects = strings.Repeat("A", 43) })
	if err := w.try(typ, b); err == nil || !strings.Contains(err.Error(), "effects") {
		t.Errorf("got %v", err)
	}
}

func TestATransactionIsTakenToBeOverWhenManyFollowedIt(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	w.sign(approved, fees("2", "1"))
	w.s.accounts[ruled].nonce = maxBehind
	w.s.forget(w.s.accounts[ruled])
	if w.s.Sending(approved) == nil {
		t.Error("it is forgotten too early")
	}
	w.s.accounts[ruled].nonce++
	w.s.forget(w.s.accounts[ruled])
	if w.s.Sending(approved) != nil {
		t.Error("it is kept for ever")
	}
}

// wants is the intent of a request that was approved.
func (x *Sending) wants(t testing.TB) intent.Intent {
	t.Helper()
	i, err := intent.Open(x.Intent)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestATokenIsSentByACallOfItsContract(t *testing.T) {
	t.Parallel()
	x := Sending{Intent: intenttest.Doc(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: ruled, AccountName: "Treasury", Crypto: intent.Crypto{Amount: "10", Asset: "ethereum/erc20/usd__coin"}, Chain: "eip155:1",
		To: intent.Recipient{Address: "0x52908400098527886E0F7030069857D2E4169EE7"}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"},
	})}
	if err := x.open(); err != nil {
		t.Fatal(err)
	}
	tx, err := x.Tx(Attempt{Fees: fees("2", "1")})
	if err != nil || len(tx.Data) != 68 || tx.Value.Cmp(new(big.Int)) != 0 || tx.Chain != 1 {
		t.Errorf("%+v (%v)", tx, err)
	}
}
