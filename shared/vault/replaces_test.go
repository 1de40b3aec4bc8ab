package vault

import (
	"strings"
	"testing"

	"countersign/shared/eip1559"
	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// replacing is a draft that replaces the transfer of a request, for a fee of at most 0.0042
// ether: 200 gwei for each of 21,000 gas.
func replacing(transfer, action string) intent.Replace {
	return intent.Replace{Kind: intent.KindReplace, V: 1, Account: ruled, Request: transfer, Action: action, MaxFee: intent.Crypto{Amount: "0.0042", Asset: "ethereum"}}
}

// replaced asks for a replace and has it approved.
func (w *writer) replaced(id, transfer, action string) {
	w.t.Helper()
	filled, err := replacing(transfer, action).Fill(w.s)
	if err != nil {
		w.t.Fatal(err)
	}
	w.append(signedlog.Request, w.asking(id, filled))
	w.decide(id, "mem_alice", statement.Initiate, aliceKey)
	w.decide(id, "mem_bob", statement.Approve, bobKey)
	w.decide(id, "mem_alice", statement.Approve, aliceKey)
	w.close(id)
}

// asking is the entry of a request for what is filled.
func (w *writer) asking(id string, filled intent.Intent) signedlog.RequestBody {
	w.t.Helper()
	r, err := newRequest(signedlog.RequestBody{Request: id, Created: w.at, Expires: w.at + 3600, Intent: intenttest.Doc(filled)})
	if err != nil {
		w.t.Fatal(err)
	}
	r.GovernedBy = r.Pin(w.s.Govern(r))
	return r.RequestBody
}

// again is the signing entry of the next attempt of a replace.
func (w *writer) again(request string, f gas.Fees) signedlog.SigningBody {
	w.t.Helper()
	x := w.s.Sending(request)
	return signedlog.SigningBody{Request: request, Attempt: len(x.Attempts) + 1, Nonce: x.nonce, Fees: f}
}

func (w *writer) signAgain(request string, f gas.Fees) {
	w.t.Helper()
	w.append(signedlog.Signing, w.again(request, f))
	w.append(signedlog.Signed, w.raw(request, accountKey, nil))
}

const replace, second = "req_eeeeeeeeeeeeeeeeeeeeeeeeee", "req_ffffffffffffffffffffffffff"

func TestACancellationHasTheNonceOfTheTransferAndSendsNothing(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved, waiting)
	w.sign(waiting, fees("2", "1"))
	w.sign(approved, fees("2", "1"))
	w.replaced(replace, approved, intent.Cancel)
	w.signAgain(replace, fees("101", "2")) // more than was approved for the transfer
	w.signAgain(replace, fees("200", "3"))
	own, _ := eip1559.Address(accountAddress)
	for _, a := range w.s.Sending(replace).Attempts {
		tx, _, err := a.Signed()
		if err != nil || tx.Nonce != 1 || tx.From != accountAddress || tx.Value.Sign() != 0 || len(tx.Data) != 0 || tx.To != own {
			t.Errorf("%+v (%v)", tx, err)
		}
	}
	if w.s.accounts[ruled].nonce != 2 {
		t.Errorf("the next nonce is %d", w.s.accounts[ruled].nonce)
	}
}

func TestASpeedUpSendsWhatTheTransferSends(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	w.sign(approved, fees("2", "1"))
	w.replaced(replace, approved, intent.SpeedUp)
	w.signAgain(replace, fees("150", "2"))
	was, _, _ := w.s.Sending(approved).Last().Signed()
	is, _, err := w.s.Sending(replace).Last().Signed()
	if err != nil || is.Nonce != was.Nonce || is.To != was.To || is.Value.Cmp(was.Value) != 0 || is.Hash == was.Hash {
		t.Errorf("%+v, then %+v (%v)", was, is, err)
	}
}

func TestWhatIsReplacedGetsNoMoreAttemptsAndALaterReplaceIsAboveTheEarlier(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	w.sign(approved, fees("2", "1"))
	w.replaced(replace, approved, intent.SpeedUp)
	w.sign(approved, fees("3", "2")) // until the replace is signed, it goes on
	w.replaced(second, approved, intent.Cancel)
	for name, f := range map[string]gas.Fees{"the fees of the transfer": fees("3", "2"), "a lower tip": fees("4", "1"), "more than was approved": fees("201", "3")} {
		if err := w.try(signedlog.Signing, w.again(replace, f)); err == nil {
			t.Errorf("a replace with %s was taken", name)
		}
	}
	other := w.again(replace, fees("4", "3"))
	other.Nonce = 1
	if err := w.try(signedlog.Signing, other); err == nil {
		t.Error("a replace took the next nonce")
	}
	w.append(signedlog.Signing, w.again(replace, fees("4", "3")))
	if err := w.try(signedlog.Signing, w.again(second, fees("5", "4"))); err == nil {
		t.Error("a second replace was taken before the first was signed")
	}
	w.append(signedlog.Signed, w.raw(replace, accountKey, nil))
	if err := w.try(signedlog.Signing, w.signing(approved, fees("50", "40"))); err == nil {
		t.Error("the transfer got another attempt after it was replaced")
	}
	w.signAgain(second, fees("5", "4"))
	if err := w.try(signedlog.Signing, w.again(replace, fees("50", "40"))); err == nil {
		t.Error("the first replace got another attempt after the second")
	}
	w.signAgain(second, fees("6", "5"))
}

func TestNothingReplacesWhatWasApprovedLater(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	w.sign(approved, fees("2", "1"))
	w.replaced(replace, approved, intent.SpeedUp)
	w.replaced(second, approved, intent.Cancel)
	w.signAgain(second, fees("3", "2"))
	if err := w.try(signedlog.Signing, w.again(replace, fees("50", "40"))); err == nil || !strings.Contains(err.Error(), second+" has replaced it") {
		t.Errorf("the speed-up was signed after the cancellation: %v", err)
	}
}

func TestAReplaceThatNothingCanBeReplacedByIsRefused(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved, waiting)
	w.append(signedlog.Request, ask(t, w.s, unsent))
	w.sign(approved, fees("2", "1"))
	w.replaced(replace, approved, intent.Cancel)
	w.append(signedlog.Signing, w.signing(waiting, fees("2", "1")))
	for name, id := range map[string]string{"that is about to be signed": waiting, "that is open": unsent, "that never was": older, "that is a replace": replace} {
		_, err := replacing(id, intent.Cancel).Fill(w.s)
		if f, ok := fault.As(err); !ok || f.Code != fault.Conflict || f.Details["field"] != "request" {
			t.Errorf("a request %s: %v", name, err)
		}
	}
	filled, err := replacing(approved, intent.SpeedUp).Fill(w.s)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*intent.Replace){
		"another nonce":     func(x *intent.Replace) { x.Nonce = 5 },
		"another recipient": func(x *intent.Replace) { x.To.Address = accountAddress },
		"another amount":    func(x *intent.Replace) { x.Crypto.Amount = "15" },
		"another origin":    func(x *intent.Replace) { x.From = x.To.Address },
		"a lower fee":       func(x *intent.Replace) { x.FeeBefore.Amount = "0.0001" },
	} {
		x := filled.(intent.Replace)
		change(&x)
		if err := w.try(signedlog.Request, w.asking(second, x)); err == nil || !strings.Contains(err.Error(), "does not fit the vault") {
			t.Errorf("a replace with %s: %v", name, err)
		}
	}
}

func TestAReplaceKnowsTheFeeThatWasApprovedLast(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	w.sign(approved, fees("2", "1"))
	w.replaced(replace, approved, intent.SpeedUp)
	for _, want := range []string{"0.0021", "0.0042"} {
		sent, err := w.s.Sent(approved)
		if err != nil || sent.Fee.Amount != want {
			t.Errorf("%+v, want %s (%v)", sent.Fee, want, err)
		}
		if want == "0.0021" {
			w.signAgain(replace, fees("150", "2"))
		}
	}
}

func TestAReplaceIsOverWithTheTransfer(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	w.sign(approved, fees("2", "1"))
	w.replaced(replace, approved, intent.Cancel)
	w.replaced(second, approved, intent.SpeedUp)
	w.signAgain(replace, fees("150", "2"))
	filled, err := replacing(approved, intent.Cancel).Fill(w.s)
	if err != nil {
		t.Fatal(err)
	}
	w.append(signedlog.Request, w.asking(older, filled))
	w.s.accounts[ruled].nonce = maxBehind + 1
	w.s.forget(w.s.accounts[ruled])
	if len(w.s.sends) != 0 {
		t.Errorf("%d are kept", len(w.s.sends))
	}
	w.decide(older, "mem_alice", statement.Initiate, aliceKey)
	w.decide(older, "mem_bob", statement.Approve, bobKey)
	w.decide(older, "mem_alice", statement.Approve, aliceKey)
	w.close(older)
	if w.s.Sending(older) != nil {
		t.Error("what was approved after the transfer was over can be signed")
	}
}

func TestARestoredStateReplacesAsTheOneThatWasKept(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	w.sign(approved, fees("2", "1"))
	w.replaced(replace, approved, intent.SpeedUp)
	w.replaced(second, approved, intent.Cancel)
	w.signAgain(second, fees("150", "2"))
	data, err := w.s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if w.s, err = Restore(data, statementKey.PublicKey(), w.s.past); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{approved, replace} {
		if err := w.try(signedlog.Signing, w.again(id, fees("100", "3"))); err == nil {
			t.Errorf("%s got an attempt after what was approved later", id)
		}
	}
	w.signAgain(second, fees("170", "3"))
}

func TestTheFeeOfAReplaceCountsAndWhatItSendsDoesNot(t *testing.T) {
	t.Parallel()
	w := approvedTransfer(t, approved)
	w.sign(approved, fees("2", "1"))
	w.replaced(replace, approved, intent.SpeedUp)
	if got := w.s.accounts[ruled].spends[0].at(seconds(w.at)); got != "1.5042" {
		t.Errorf("%s were spent", got)
	}
}
