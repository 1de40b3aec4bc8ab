package rehearsal

import (
	"cmp"
	"container/heap"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/governance"
)

// Past is a request of the history, or one that is open, as its log tells it.
type Past struct {
	Request   string              `json:"request"`
	Facts     governance.Facts    `json:"intent"`
	Recorded  governance.Recorded `json:"recorded,omitzero"` // what the signer saw when it was made
	Created   time.Time           `json:"created"`
	Expires   time.Time           `json:"expires"`
	Initiator string              `json:"initiator,omitempty"` // member id; empty when none is proven
	Approvals []string            `json:"approvals"`           // member ids, in the order of the log
	Rule      string              `json:"rule"`                // that governs it
	Needed    int                 `json:"needed"`              // approvals, of all steps
	// State is what became of it. One that is open has one that is.
	State    governance.State `json:"state"`
	Ended    time.Time        `json:"ended,omitzero"`    // of a closed one
	Approved time.Time        `json:"approved,omitzero"` // of an approved one: when its last approval was given
}

// Effect is what other rules say to a request.
type Effect string

// The effects. A request has the first that fits.
const (
	Unknown    Effect = "unknown" // the log does not have what the rules look at
	Denied     Effect = "denied"
	Initiation Effect = "initiation" // it needs a member who signs and sends it
	More       Effect = "more"       // it needs more approvals
	Fewer      Effect = "fewer"
	Others     Effect = "others"     // those who approved it would not be enough
	OtherRule  Effect = "other_rule" // another rule, and as many approvals
	Same       Effect = "same"
)

// Change is what other rules say to one request.
type Change struct {
	Request string `json:"request"`
	Effect  Effect `json:"effect"`
	// By is how many approvals more or fewer it needs: of an open request, beside those
	// that it has.
	By     int    `json:"by,omitempty"`
	Rule   string `json:"rule,omitempty"` // that would govern it
	Reason string `json:"reason"`
}

// BackTest asks rules about a history: whoever was denied spends nothing, and what was
// not, ends as it ended. It is not safe for concurrent use.
type BackTest struct {
	objects  governance.Objects
	accounts map[string]*replayed
}

// replayed is an account while its history is replayed.
type replayed struct {
	rules   governance.Set
	digest  string
	windows []*spending
}

// NewBackTest asks the rules of a vault that passed [Vault.Check].
func NewBackTest(to Vault) *BackTest {
	b := &BackTest{objects: to.objects(""), accounts: map[string]*replayed{}}
	for _, a := range to.Accounts {
		r := &replayed{rules: a.Rules, digest: a.Rules.Digest()}
		for _, w := range a.Rules.Windows() {
			r.windows = append(r.windows, &spending{Velocity: w})
		}
		b.accounts[a.Account] = r
	}
	if to.Admin != nil {
		admins := governance.Group{Group: governance.Administrators, Name: governance.Administrators}
		for _, m := range to.Members {
			if m.administers() {
				admins.Members = append(admins.Members, m.Member)
			}
		}
		b.objects.Groups = append(slices.Clip(b.objects.Groups), admins)
		b.accounts[governance.Admin] = &replayed{rules: governance.AdminSet(1, to.Admin.Quorum)}
	}
	return b
}

// Take takes the next request of the history, in the order of their creation, and says
// what the rules say to it.
func (b *BackTest) Take(p Past) Change {
	set := p.Facts.RuleSet()
	a := b.accounts[set]
	switch {
	case a == nil && set == governance.Admin:
		return Change{Request: p.Request, Effect: Unknown, Reason: "the rule of the administrators is not among the new rules"}
	case a == nil:
		return Change{Request: p.Request, Effect: Denied, Reason: "there are no rules of its account"}
	case set == governance.Admin:
		p.Facts.Kind = governance.Administration
	}
	in := governance.Input{
		Rules: a.rules, Facts: p.Facts, Recorded: p.Recorded, Initiator: p.Initiator, Created: p.Created, Expires: p.Expires, Now: p.Created,
		Members: b.objects.Members, Groups: b.objects.Groups, Lists: b.objects.Lists, Accounts: b.objects.Accounts,
	}
	for _, w := range a.windows {
		in.Spent = append(in.Spent, w.at(p.Created))
	}
	for _, m := range p.Approvals {
		in.Approvals = append(in.Approvals, governance.Approval{Member: m})
	}
	d := governance.DecideUnder(in, a.digest)
	if d.State != governance.Denied {
		for _, w := range a.windows {
			w.take(p, d)
		}
	}
	c := p.change(d)
	if lacks := p.lacks(a.rules, d.Rule); lacks != "" {
		c.Effect, c.By, c.Reason = Unknown, 0, clip(lacks)
	}
	return c
}

// lacks is what rules look at and was not recorded; empty when that is nothing. governs is
// the one that governs.
func (p Past) lacks(set governance.Set, governs string) string {
	for _, r := range set.Rules {
		for _, s := range r.Steps {
			if s.Reviewer != "" && r.Name == governs {
				return fmt.Sprintf("rule %q asks a program, whose verdict is not recorded", r.Name)
			}
		}
		if !r.For(p.Facts.Kind) {
			continue
		}
		for _, c := range r.When {
			if w := c.Window; w != nil && w.Zone != "" && !slices.ContainsFunc(p.Recorded.Zones, func(z governance.Zone) bool { return z.Name == w.Zone }) {
				return fmt.Sprintf("rule %q looks at the time in %s, which is not recorded", r.Name, w.Zone)
			}
		}
		if r.RateWithin != 0 && p.unvalued(set.RateSource, r.ValuedIn()) {
			return fmt.Sprintf("rule %q looks at what it was worth, which is not recorded", r.Name)
		}
	}
	return ""
}

// unvalued reports whether it is not recorded what a source said that p was worth in a
// currency.
func (p Past) unvalued(source, currency string) bool {
	v := p.Recorded.Value
	return p.Facts.Currency != "" && !isCurrency(p.Facts.Currency) && (v == nil || v.Source != source || v.Currency != currency)
}

// change holds what other rules decide against what was decided.
func (p Past) change(d governance.Decision) Change {
	c := Change{Request: p.Request, Rule: d.Rule, Effect: Same, Reason: clip(strings.Join(d.Reasons, "; "))}
	needed, approved := 0, 0
	for _, s := range d.Steps {
		needed, approved = needed+s.Needed, approved+len(s.Approved)
	}
	by := needed - p.Needed
	if p.State.Open() {
		by += len(p.Approvals) - approved
	}
	switch {
	case d.State == governance.Denied:
		c.Effect = Denied
	case d.State == governance.Uninitiated && p.State != governance.Uninitiated:
		c.Effect = Initiation
	case by > 0:
		c.Effect, c.By = More, by
	case by < 0:
		c.Effect, c.By = Fewer, -by
	case p.State == governance.Approved && approved < needed:
		c.Effect = Others
	case d.Rule != p.Rule:
		c.Effect = OtherRule
	}
	return c
}

// spending is what counts in one window, by when it counts no more.
type spending struct {
	governance.Velocity
	sum  amount.Amount
	ends ending
}

// at is what counts at a time. Times do not go back: an earlier one is taken as the last.
func (s *spending) at(now time.Time) governance.Spent {
	for len(s.ends) > 0 && s.ends[0].at <= now.Unix() {
		s.sum = s.sum.Sub(heap.Pop(&s.ends).(counted).amount)
	}
	return governance.Spent{Currency: s.Currency, Seconds: s.Seconds, Amount: s.sum.String()}
}

// take counts a request from now on.
func (s *spending) take(p Past, d governance.Decision) {
	of := s.Of(governance.Earlier{Amount: p.Facts.Amount, Currency: p.Facts.Currency, Value: p.Recorded.Value})
	if of == "" {
		return
	}
	until := p.Ended
	switch {
	case p.State.Open():
		until = p.Expires
	case p.State == governance.Approved:
		until = s.Until(governance.Earlier{Approved: p.Approved, UseBy: p.Approved.Add(governance.Use(d.UseWithin))})
	}
	a, err := amount.Parse(of)
	if err != nil || !until.After(p.Created) {
		return
	}
	s.sum = s.sum.Add(a)
	heap.Push(&s.ends, counted{until.Unix(), a})
}

// counted is what counts in a window until a time, Unix seconds.
type counted struct {
	at     int64
	amount amount.Amount
}

// ending is a heap of what counts, by its end.
type ending []counted

func (e ending) Len() int           { return len(e) }
func (e ending) Less(i, j int) bool { return e[i].at < e[j].at }
func (e ending) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }

// Push implements [heap.Interface].
func (e *ending) Push(x any) { *e = append(*e, x.(counted)) }

// Pop implements [heap.Interface].
func (e *ending) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	*e = (*e)[:last]
	return x
}

// tally is what a history comes to.
type tally struct {
	counts   Counts
	pending  []Change
	examples map[Effect][]Change
}

func (t *tally) take(p Past, c Change) {
	if p.State.Open() {
		t.counts.Open++
		if c.Effect != Same {
			t.pending = append(t.pending, c)
		}
		return
	}
	t.counts.Past++
	*t.counts.of(c.Effect)++
	if c.Effect != Same && len(t.examples[c.Effect]) < maxExamples {
		t.examples[c.Effect] = append(t.examples[c.Effect], c)
	}
}

// changes are the examples, in the order of the effects.
func (t *tally) changes() (all []Change) {
	for _, e := range effects {
		all = append(all, t.examples[e]...)
	}
	return all
}

func sortChanges(all []Change) {
	slices.SortFunc(all, func(a, b Change) int { return cmp.Compare(a.Request, b.Request) })
}
