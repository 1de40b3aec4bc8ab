package vault

import (
	"testing"

	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
)

// A transaction with less gas than the chain wants for its bytes is in no block, ever, and
// holds the nonce of its account.
func TestATransactionThatWasSignedWithTooLittleGasMayBeSignedWithMore(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	w.sign(approved, fees("100", "100")) // all that was approved, for as little gas as there can be
	more := func(gas int64, price string) signedlog.SigningBody {
		b := w.signing(approved, fees(price, price))
		b.Fees.Gas = gas
		return b
	}
	for name, b := range map[string]signedlog.SigningBody{"less than twice the gas": more(41999, "1"), "more than was approved": more(42000, "51")} {
		if err := w.try(signedlog.Signing, b); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
	w.append(signedlog.Signing, more(42000, "1"))
	w.append(signedlog.Signed, w.raw(approved, accountKey, nil))
	w.sign(approved, fees("99", "99"))
	if err := w.try(signedlog.Signing, more(42000, "1")); err == nil {
		t.Error("twice the gas of the last attempt was taken, which is not twice that of each")
	}
}

func TestHowOftenATransactionIsSignedIsLimitedByWhatNodesTakeInItsPlace(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	wei := func(price string) gas.Fees { return gas.Fees{Gas: 21000, FeeCap: price, Tip: price} }
	w.sign(approved, wei("0"))
	w.sign(approved, wei("1"))
	w.sign(approved, wei("1000"))
	for _, price := range []string{"1001", "1099"} {
		if err := w.try(signedlog.Signing, w.signing(approved, wei(price))); err == nil {
			t.Errorf("%s wei after 1000 were taken", price)
		}
	}
	w.sign(approved, wei("1100"))
}

func TestATransactionThatIsNotSignedYetIsNotForgotten(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	w.append(signedlog.Signing, w.signing(approved, fees("2", "1")))
	w.s.accounts[ruled].nonce = maxBehind + 1
	w.s.forget(w.s.accounts[ruled])
	if w.s.Sending(approved) == nil {
		t.Fatal("the nonce of a transaction that nobody signed is lost, and with it all after it")
	}
	w.append(signedlog.Signed, w.raw(approved, accountKey, nil))
}

// Else a version that knows more, or less, would refuse the checkpoints of one before it.
func TestTheStateDoesNotDependOnWhichChainsAVersionCanSendOn(t *testing.T) {
	t.Parallel()
	w := enrolled(t)
	i := intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: ruled, AccountName: "Treasury", Crypto: intent.Crypto{Amount: "1", Asset: "base"}, Chain: "eip155:8453",
		To: intent.Recipient{Address: "0x52908400098527886E0F7030069857D2E4169EE7"}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "base"},
	}
	r := &Request{RequestBody: signedlog.RequestBody{Request: approved, Intent: intenttest.Doc(i)}, Wants: i, Outcome: string(governance.Approved), ends: w.at + 60}
	w.s.begin(r, w.at)
	x := w.s.Sending(approved)
	if x == nil || fault.CodeOf(x.Refused()) != fault.NotSupported {
		t.Fatalf("%+v", x)
	}
	if err := w.try(signedlog.Signing, w.signing(approved, fees("2", "1"))); err == nil {
		t.Error("it was to be signed")
	}
	data, err := w.s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Restore(data, statementKey.PublicKey(), nil)
	if err != nil || again.Sending(approved) == nil {
		t.Errorf("it is not restored: %v", err)
	}
}
