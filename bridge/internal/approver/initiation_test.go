package approver

import (
	"slices"
	"strings"
	"testing"

	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/statement"
)

func TestAPersonReadsWhatTheySignAndSend(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	decided, err := l.decide(t.Context(), "req_0001", statement.Initiate)
	if err != nil {
		t.Fatal(err)
	}
	shown, _ := g.person.questions()
	last := shown[len(shown)-1]
	if last.Title != "Sign and send a purchase of Sandbox" || !strings.HasPrefix(last.Text, "Decision      ASK for this purchase, which approves nothing yet\n") ||
		!strings.Contains(last.Text, "Asked by      you, for Sandbox (") || decided.StatementText != last.Text {
		t.Errorf("%s\n%s", last.Title, last.Text)
	}
	entries := g.entries()
	for i, kind := range []string{journal.Approved, journal.Signed} {
		e := entries[len(entries)-2+i]
		if e.Kind != kind || e.Decision != statement.Initiate || e.Statement != statement.TypInitiation || e.Request != "req_0001" || e.Digest == "" {
			t.Errorf("the journal says %+v", e)
		}
	}
}

func TestAVaultThatServesAnotherDecisionIsRefused(t *testing.T) {
	t.Parallel()
	for asked, served := range map[string]string{statement.Initiate: statement.Approve, statement.Approve: statement.Initiate} {
		g := newRig(t)
		g.vault.serve = func(a *statement.Approval) { a.Decision = served }
		l := g.mustOpen(g.mustConnect(), "mem_alice")
		_, err := l.decide(t.Context(), "req_0001", asked)
		wantCode(t, asked, err, fault.StatementInvalid)
		if shown, _ := g.person.questions(); len(shown) != 1 { // the pairing
			t.Errorf("%s: the person was asked %d times", asked, len(shown))
		}
	}
}

func TestWhatIsSignedAndSentIsNotInABatch(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	var ids []string
	for _, request := range []string{"req_0001", "req_0002"} {
		id, _, err := l.prepare(request, statement.Initiate)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	var result frame.ApprovalBatchResult
	err := l.bridge.Call(t.Context(), frame.ApprovalBatch, frame.ApprovalBatchParams{Approvals: ids}, &result)
	wantCode(t, "a batch", err, fault.Invalid)
	if events := g.events(); slices.Contains(events, journal.Signed) {
		t.Errorf("journal %v", events)
	}
}
