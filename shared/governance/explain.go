package governance

import (
	"strconv"

	"countersign/shared/amount"
)

// Explanation is a decision with what led to it and what would lead on: for people who
// ask why, and before they ask.
type Explanation struct {
	Decision  Decision    `json:"decision"`
	Rules     []Answer    `json:"rules"`     // of each rule, in the order in which they are asked
	Remaining []Remaining `json:"remaining"` // steps that are not done, in their order; none when the decision is final
	Windows   []Left      `json:"windows"`   // of each velocity condition, in the order of the rules
}

// Result is how a rule stands to a request.
type Result string

// The results.
const (
	Governs Result = "GOVERNS"
	Follows Result = "FOLLOWS" // it matches too, and another one comes first
	Unmet   Result = "UNMET"
)

// Answer is how one rule stands to a request, and why. One that governs because the
// request pins it may be unmet by now: Result says that it governs.
type Answer struct {
	Rule   string `json:"rule"`
	Deny   bool   `json:"deny,omitempty"`
	Result Result `json:"result"`
	// Condition is the number, from 0, of the first condition that is not met, or that
	// nobody can decide; -1: none.
	Condition int        `json:"condition"`
	Unmet     *Condition `json:"unmet,omitempty"` // that condition
	Why       string     `json:"why,omitempty"`   // in words, as in the reasons of a decision
}

// Remaining is a step that is not done.
type Remaining struct {
	Step    int       `json:"step"` // from 1
	Name    string    `json:"name"`
	Quorums []Missing `json:"quorums"` // of which one is enough; none where no member approves
	// ExcludeInitiator: whoever asks is not among them, while nobody is proven to have.
	ExcludeInitiator bool   `json:"exclude_initiator,omitempty"`
	Reviewer         string `json:"reviewer,omitempty"` // whose verdict is waited for; members approve only when it leaves it to them
	Delay            int64  `json:"delay,omitempty"`    // seconds
}

// Missing is what a quorum lacks.
type Missing struct {
	Needed  int      `json:"needed"`  // approvals
	Members []string `json:"members"` // ids of those who could give one
}

// Left is what is left of the window of a velocity condition, before the request.
type Left struct {
	Rule      string `json:"rule"`
	Condition int    `json:"condition"` // its number in the rule, from 0
	Currency  string `json:"currency,omitempty"`
	Seconds   int64  `json:"seconds"`
	Max       string `json:"max"`             // of the currency; without one, a number of requests
	Spent     string `json:"spent,omitempty"` // absent: not known
	Left      string `json:"left,omitempty"`  // absent: not known
}

// Explain decides as [Decide] does, and says more about it. A caller who wants to know
// what is left of the windows of a request that pins a rule gives what was spent as well.
func Explain(in Input) Explanation {
	d, stages := in.decide(in.Rules.Digest())
	if d.Steps == nil {
		d.Steps = []Progress{}
	}
	e := Explanation{Decision: d, Rules: []Answer{}, Remaining: []Remaining{}, Windows: []Left{}}
	for _, r := range in.Rules.Ordered() {
		e.Rules = append(e.Rules, in.answer(r, d))
	}
	if d.State.Open() {
		for i, s := range stages {
			if !s.over {
				e.Remaining = append(e.Remaining, in.remaining(i+1, s))
			}
		}
	}
	for _, r := range in.Rules.Rules {
		for i, c := range r.When {
			if c.Velocity != nil {
				left := in.left(*c.Velocity)
				left.Rule, left.Condition = r.Name, i
				e.Windows = append(e.Windows, left)
			}
		}
	}
	return e
}

func (in Input) answer(r Rule, d Decision) Answer {
	v := in.verdict(r)
	a := Answer{Rule: r.Name, Deny: r.Deny, Result: Unmet, Condition: v.condition, Why: v.why}
	switch {
	case r.Name == d.Rule:
		a.Result = Governs
	case v.matches:
		a.Result = Follows
	}
	if v.condition >= 0 {
		a.Unmet = &r.When[v.condition]
	}
	return a
}

func (in Input) remaining(number int, s *stage) Remaining {
	r := Remaining{Step: number, Name: s.step.Name, Quorums: []Missing{}, Delay: s.step.Delay}
	if s.step.ExcludeInitiator && in.Initiator == "" {
		r.ExcludeInitiator = true
	}
	if s.verdict != Defer {
		r.Reviewer = s.step.Reviewer
	}
	for _, p := range s.parts {
		r.Quorums = append(r.Quorums, Missing{p.left(), p.Waiting})
	}
	return r
}

// left is what is left of a window.
func (in Input) left(v Velocity) Left {
	l := Left{Currency: v.Currency, Seconds: v.Seconds, Max: v.Max}
	if v.Count != 0 {
		l.Max = strconv.Itoa(v.Count)
	}
	spent, ok := in.spent(v)
	if !ok || !decimalOK(spent) {
		return l
	}
	l.Spent, l.Left = spent, "0"
	if left := amount.Must(l.Max).Sub(amount.Must(spent)); left.Sign() > 0 {
		l.Left = left.Trim().String()
	}
	return l
}
