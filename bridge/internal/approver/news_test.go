package approver

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/intent/intenttest"
	"countersign/shared/statement"
)

func TestThePageIsToldTheLinesOfThePromptAsThePersonSeesThem(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	type told struct {
		method string
		text   frame.PromptTextParams
	}
	notes := make(chan told, 64)
	b, err := g.connect(func(method string, m frame.Message) {
		n := told{method: method}
		if method == frame.PromptText {
			if err := frame.DecodeParams(m, &n.text); err != nil {
				t.Error(err)
			}
		}
		notes <- n
	})
	if err != nil {
		t.Fatal(err)
	}
	l := g.mustOpen(b, "mem_alice")
	seen := make(chan string, 1)
	g.person.answer(func(_ context.Context, q consent.Question) error {
		for n := range notes { // while the prompt is open
			if n.method == frame.PromptText {
				seen <- n.text.Text
				if want := strings.Join(g.person.Lines(q), "\n"); n.text.Text != want {
					t.Errorf("told %q, shown %q", n.text.Text, want)
				}
				return nil
			}
		}
		return nil
	})
	decided, err := l.decide(t.Context(), "req_0001", statement.Approve)
	if err != nil {
		t.Fatal(err)
	}
	if text := <-seen; !strings.HasSuffix(text, decided.StatementText) {
		t.Errorf("told %q, signed %q", text, decided.StatementText)
	}
}

func TestThePersonIsToldWhatTheVaultRecorded(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.person.told = make(chan string, 8)
	b := g.mustConnect()
	if got := <-g.person.told; got != "The page is paired." {
		t.Errorf("told %q", got)
	}
	l := g.mustOpen(b, "mem_alice")
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatal(err)
	}
	if got := <-g.person.told; got != "Signed. The vault recorded 1 of 2." {
		t.Errorf("told %q", got)
	}
	if _, err := l.decide(t.Context(), "req_0002", statement.Reject); err != nil {
		t.Fatal(err)
	}
	if got := <-g.person.told; got != "Signed. The vault recorded the rejection." {
		t.Errorf("told %q", got)
	}
	for _, c := range []struct {
		answer channel.Message
		want   string
	}{
		{&channel.Error{Code: fault.AlreadyApproved, Message: "you have approved this"}, "Signed, but the vault did not record it: you have approved this."},
		{nil, "Signed. Whether the vault recorded it is not known: look at the request before you decide again."},
	} {
		approval, record, err := l.prepare("req_0003", statement.Approve)
		if err != nil {
			t.Fatal(err)
		}
		var decided frame.ApprovalDecideResult
		if err := b.Call(t.Context(), frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: approval, Record: record}, &decided); err != nil {
			t.Fatal(err)
		}
		if c.answer == nil {
			b.Close()
		} else if err := b.Call(t.Context(), frame.ApprovalFinish, frame.ApprovalFinishParams{Approval: approval, Record: l.seal(c.answer)}, &frame.ApprovalFinishResult{}); err == nil {
			t.Error("an error was taken for a receipt")
		}
		if got := <-g.person.told; got != c.want {
			t.Errorf("told %q, want %q", got, c.want)
		}
	}
}

func TestThePersonIsToldThatAPairingWasNotStored(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.person.told = make(chan string, 8)
	g.person.answer(func(context.Context, consent.Question) error { // the list fills up while the person reads
		for i := 0; ; i++ {
			if err := g.bridge.pairings.Add(origin, fmt.Append(nil, i), time.Now()); err != nil {
				return nil
			}
		}
	})
	_, err := g.connect(nil)
	wantCode(t, "connect", err, fault.Limited)
	if got := <-g.person.told; got != "The page is not paired: too many pages are paired: revoke some." {
		t.Errorf("told %q", got)
	}
}

func TestTheJournalAnswersWhatWasApproved(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatal(err)
	}
	g.person.answer(decline)
	if _, err := l.decide(t.Context(), "req_0002", statement.Approve); fault.CodeOf(err) != fault.Declined {
		t.Fatal(err)
	}
	want := intenttest.Buy(l.approval("req_0001", statement.Approve).Intent)
	seen := map[string]int{}
	for _, e := range g.entries() {
		if e.Digest == "" {
			continue
		}
		seen[e.Kind]++
		if e.Price != "250.00 EUR" || e.Amount != "0.1" || e.Asset != "ethereum" || e.Minimum != "0.098" || e.Counterparty != "Northpay (northpay)" ||
			e.Account != "Treasury (acc_treasury)" || e.Address != want.Address || e.Chain != want.Chain {
			t.Errorf("%s says %+v", e.Kind, e.Event)
		}
	}
	if seen[journal.Approved] != 1 || seen[journal.Signed] != 1 || seen[journal.Declined] != 1 {
		t.Errorf("lines about statements: %v", seen)
	}
}

func TestEachDecisionHasAWordOfItsOwn(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	for decision, word := range map[string]string{statement.Approve: consent.Word, statement.Reject: consent.RejectWord, statement.Initiate: consent.SendWord} {
		if _, err := l.decide(t.Context(), "req_0001", decision); err != nil {
			t.Fatal(err)
		}
		shown, _ := g.person.questions()
		if last := shown[len(shown)-1]; last.Word != word {
			t.Errorf("%s is signed by %q", decision, last.Word)
		}
	}
}
