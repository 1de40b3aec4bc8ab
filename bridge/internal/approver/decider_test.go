package approver

import (
	"context"
	"slices"
	"testing"

	"countersign/bridge/internal/approval"
	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/statement"
)

// policy approves what is spent from one account, and asks nobody.
type policy struct{ account string }

func (p policy) Decide(_ context.Context, q approval.Question) error {
	for _, w := range q.Wants {
		if w.Facts().Account != p.account {
			return fault.New(fault.Declined, "the policy does not allow this account")
		}
	}
	return nil
}

func TestAPolicyMayDecideInsteadOfAPerson(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]struct {
		account string
		want    fault.Code
		lines   []string // of the journal, at its end
	}{
		"it approves": {"acc_treasury", "", []string{journal.Approved, journal.Signed}},
		"it declines": {"acc_petty", fault.Declined, []string{journal.Declined}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			g.bridge.pages.Decider = policy{r.account}
			l := g.mustOpen(g.mustConnect(), "mem_alice")
			_, err := l.decide(t.Context(), "req_0001", statement.Approve)
			wantCode(t, "one", err, r.want)
			if events := g.events(); !slices.Equal(events[len(events)-len(r.lines):], r.lines) {
				t.Errorf("journal %v", events)
			}
			_, errs := l.pile(2).decide(t.Context())
			if got := codes(errs); !slices.Equal(got, []fault.Code{r.want, r.want}) {
				t.Errorf("a batch: %v", errs)
			}
			if shown, pins := g.person.questions(); len(shown) != 1 || len(pins) != 1 { // the pairing
				t.Errorf("asked %q, %d PINs", shown, len(pins))
			}
		})
	}
}
