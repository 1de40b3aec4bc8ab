package governance

import (
	"slices"
	"time"
)

// Facts are what rules look at of what a request wants.
type Facts struct {
	Kind     string `json:"kind"` // of the intent: "buy"
	Account  string `json:"account"`
	Asset    string `json:"asset"`
	Amount   string `json:"amount"`   // what is spent, a decimal
	Currency string `json:"currency"` // of Amount: ISO 4217, or the LedgerId of an asset
	Chain    string `json:"chain"`    // CAIP-2, of Address
	Address  string `json:"address"`
	Provider string `json:"provider"`
}

// Admin is the rule set of the administrators, which governs what changes the vault
// itself and is of no account.
const Admin = "admin"

// Administration is the kind that the rule of the administrators is for: every kind that
// changes the vault. Administrators is its name, and that of the group of those who are
// active, which no rule of an account names.
const (
	Administration = "administration"
	Administrators = "administrators"
)

// AdminSet is the rule set of the administrators in a version: one step, of those who are
// active when the rules are asked.
func AdminSet(version, quorum int) Set {
	return Set{Version: version, Rules: []Rule{{
		Name: Administrators, When: []Condition{{Filter: &Filter{Kinds: []string{Administration}}}},
		Steps: []Step{{Name: Administrators, Quorum: quorum, Group: Administrators}},
	}}}
}

// RuleSet is the id of the rule set that governs an intent with these facts.
func (f Facts) RuleSet() string {
	if f.Account == "" {
		return Admin
	}
	return f.Account
}

// Spent is what counts as spent before, in a currency, over the last Seconds: the
// input of a velocity condition. [Velocity.Spent] adds it up.
type Spent struct {
	Currency string `json:"currency"` // empty: Amount is how many requests
	Seconds  int64  `json:"seconds"`
	Amount   string `json:"amount"`
}

// Member is a member that exists and may approve; who is not listed does not.
type Member struct {
	ID   string `json:"id"`
	Name string `json:"name"` // shown in reasons
}

// Approval is one verified decision of a member, in the order of the log.
type Approval struct {
	Member string `json:"member"`
	// Step is the step that it was given for, from 1. 0: it was given before the rules,
	// members or groups changed, and counts for the first step that waits for the member.
	Step   int  `json:"step"`
	Reject bool `json:"reject"`
	// Verdict is there when Member is not a member, but the reviewer of a step.
	Verdict Verdict   `json:"verdict,omitempty"`
	At      time.Time `json:"at,omitzero"` // zero: not known, and no delay after it is ever over
}

// Verdict is what the reviewer of a step says.
type Verdict string

// The verdicts. Silence is none of them, and approves nothing.
const (
	Approves Verdict = "APPROVE"
	Rejects  Verdict = "REJECT"
	Defer    Verdict = "DEFER" // to the members of the step
	Retries  Verdict = "RETRY" // ask again
)

// Verdicts are all of them.
func Verdicts() []Verdict { return []Verdict{Approves, Rejects, Defer, Retries} }

// Input is everything that a decision depends on.
type Input struct {
	Rules     Set
	Pinned    string // name of the rule that governs since the request was made; empty: find it
	Facts     Facts
	Recorded  Recorded
	Initiator string // member id that is proven to have asked; empty when none is proven, which no claim makes up for
	Created   time.Time
	Expires   time.Time // as asked for; zero: what the rule says, which is never exceeded
	Now       time.Time
	Spent     []Spent // before this request
	Members   []Member
	Groups    []Group
	Lists     []List
	Accounts  []Account
	Approvals []Approval
}

// State of a request under its rules.
type State string

// The states. Uninitiated and Pending are those of an open request, the others final.
const (
	Uninitiated State = "PENDING_INITIATION" // its rule has a creation step, and it is not signed yet
	Pending     State = "PENDING_APPROVAL"
	Approved    State = "APPROVED"
	Rejected    State = "REJECTED"
	Expired     State = "EXPIRED"
	Denied      State = "DENIED"
	Blocked     State = "BLOCKED" // an open request that a change of the vault denied; no decision of rules alone
)

// Open reports whether a request in this state may still come to another one.
func (s State) Open() bool { return s == Uninitiated || s == Pending }

// Decision is the answer, and why.
type Decision struct {
	State   State      `json:"state"`
	Rule    string     `json:"rule"` // name of the governing rule; empty when none matched
	Version int        `json:"version"`
	Digest  string     `json:"digest"` // of the rules
	Step    int        `json:"step"`   // the step that is waited for, from 1; the last one when approved; 0 while uninitiated
	Steps   []Progress `json:"steps"`
	// Initiators are those who may initiate, member ids in the order of the rule, while
	// that is waited for.
	Initiators []string  `json:"initiators,omitempty"`
	Expires    time.Time `json:"expires"`
	// UseWithin is the rule's; see [Use].
	UseWithin int64 `json:"use_within,omitempty"`
	// Completed is when an approved request was: at its last approval or verdict, or at the
	// end of the delay after it.
	Completed time.Time `json:"completed,omitzero"`
	Reasons   []string  `json:"reasons"` // sentences without a full stop, most important first
}

// Progress is how far a step is.
type Progress struct {
	Name     string   `json:"name"`
	Needed   int      `json:"needed"`   // the fewest approvals with which it can be done: the quorum, where there is one
	Approved []string `json:"approved"` // member ids that count, in the order of their approvals
	Waiting  []string `json:"waiting"`  // member ids that may still approve
	Any      []Part   `json:"any,omitempty"`
	Reviewer string   `json:"reviewer,omitempty"` // whose verdict is asked for first
	Verdict  Verdict  `json:"verdict,omitempty"`  // its newest; empty: none yet
	Delay    int64    `json:"delay,omitempty"`    // seconds
	// Until is when a delay that began is over.
	Until time.Time `json:"until,omitzero"`
	Stop  []string  `json:"stop,omitempty"` // member ids that may stop it by a rejection, during a delay
}

// Part is how far one of several quorums is.
type Part struct {
	Needed   int      `json:"needed"`
	Approved []string `json:"approved"`
	Waiting  []string `json:"waiting"`
}

// MayInitiate reports whether the member may initiate now.
func (d Decision) MayInitiate(member string) bool { return slices.Contains(d.Initiators, member) }

// Until is when the delay that is waited for is over, and all that follow it at once;
// zero: none is waited for.
func (d Decision) Until() time.Time {
	if d.State != Pending {
		return time.Time{}
	}
	until := d.Steps[d.Step-1].Until
	if until.IsZero() {
		return until
	}
	for _, p := range d.Steps[d.Step:] {
		if p.Delay == 0 {
			break
		}
		until = until.Add(time.Duration(p.Delay) * time.Second)
	}
	return until
}

// MayReject reports whether the member's rejection would count now.
func (d Decision) MayReject(member string) bool {
	return d.MayApprove(member) || d.State == Pending && slices.Contains(d.Steps[d.Step-1].Stop, member)
}

// Reviewer is the program whose verdict the current step waits for; empty: it waits for none.
func (d Decision) Reviewer() string {
	if d.State != Pending || d.Step == 0 {
		return ""
	}
	if p := d.Steps[d.Step-1]; p.Verdict != Defer {
		return p.Reviewer
	}
	return ""
}

// MayApprove reports whether the member's approval of the current step would count now.
func (d Decision) MayApprove(member string) bool {
	if d.State != Pending {
		return false
	}
	return slices.Contains(d.Steps[d.Step-1].Waiting, member)
}
