package governance

import "time"

// Intent is what a request wants, as far as rules look at it.
type Intent struct {
	Kind     string // "buy"
	Account  string
	Asset    string
	Amount   string // what is spent, a decimal
	Currency string // of Amount
	Address  string
	Provider string
}

// Spent is what the account spent before, in a currency, over the last Seconds:
// the input of a velocity condition. The caller adds it up.
type Spent struct {
	Currency string
	Seconds  int64
	Amount   string
}

// Member is a member that exists and may approve; who is not listed does not.
type Member struct {
	ID   string
	Name string // shown in reasons
}

// Approval is one verified decision of a member, in the order of the log.
type Approval struct {
	Member string
	Step   int // from 1
	Reject bool
}

// Input is everything that a decision depends on.
type Input struct {
	Rules     Set
	Pinned    string // name of the rule that governs since the request was made; empty: find it
	Intent    Intent
	Initiator string // member id, or empty when a program asked
	Created   time.Time
	Expires   time.Time // as asked for; zero: what the rule says, which is never exceeded
	Now       time.Time
	Spent     []Spent // before this request
	Members   []Member
	Approvals []Approval
}

// State of a request under its rules.
type State string

// The states. All but Pending are final.
const (
	Pending  State = "PENDING_APPROVAL"
	Approved State = "APPROVED"
	Rejected State = "REJECTED"
	Expired  State = "EXPIRED"
	Denied   State = "DENIED"
)

// Decision is the answer, and why.
type Decision struct {
	State   State
	Rule    string // name of the governing rule; empty when none matched
	Version int
	Digest  string // of the rules
	Step    int    // the step that is waited for, from 1; the last one when approved
	Steps   []Progress
	Expires time.Time
	Reasons []string // sentences without a full stop, most important first
}

// Progress is how far a step is.
type Progress struct {
	Name     string
	Needed   int      // quorum
	Approved []string // member ids that count, in the order of their approvals
	Waiting  []string // member ids that may still approve
}

// MayApprove reports whether the member's approval or rejection of the current
// step would count now.
func (d Decision) MayApprove(member string) bool {
	if d.State != Pending {
		return false
	}
	for _, m := range d.Steps[d.Step-1].Waiting {
		if m == member {
			return true
		}
	}
	return false
}
