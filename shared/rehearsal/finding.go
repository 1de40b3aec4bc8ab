package rehearsal

import (
	"fmt"
	"slices"
	"strings"

	"countersign/shared/governance"
	"countersign/shared/name"
)

// Code says what a finding is.
type Code string

// The codes. The first ones are about who can, the next about who cannot, the others
// about what is written and does nothing.
const (
	MovesAlone      Code = "moves_alone"      // one member can move something
	MovesTogether   Code = "moves_together"   // two or three members can
	MovesItself     Code = "moves_itself"     // no member has to approve
	Unmatched       Code = "unmatched"        // no rule matches such requests
	Unapprovable    Code = "unapprovable"     // a rule governs requests that nobody can approve
	TokenLost       Code = "token_lost"       // what nobody can approve when one member's token is lost
	EachNeeded      Code = "each_needed"      // a quorum of all who may approve a step
	Contradiction   Code = "contradiction"    // no request meets all conditions of a rule
	DeadRule        Code = "dead_rule"        // the rules before match everything that a rule matches
	UnreachableStep Code = "unreachable_step" // the steps before can never be taken
	IdleDeny        Code = "idle_deny"        // a rule denies what would be denied without it
	NotJudged       Code = "not_judged"       // a condition may match or not, whatever the request
)

var codes = []Code{
	MovesAlone, MovesTogether, MovesItself, Unmatched, Unapprovable, TokenLost, EachNeeded, Contradiction, DeadRule, UnreachableStep, IdleDeny, NotJudged,
}

// Severity says how much a finding matters.
type Severity string

// The severities, the gravest first.
const (
	Alert   Severity = "alert"
	Warning Severity = "warning"
	Note    Severity = "note"
)

var severities = []Severity{Alert, Warning, Note}

// Finding is one thing that the rules allow or prevent. Fields that have no meaning for
// its code are empty.
type Finding struct {
	Code     Code     `json:"code"`
	Severity Severity `json:"severity"`
	Account  string   `json:"account,omitempty"` // id; empty for what the administrators do
	Rule     string   `json:"rule,omitempty"`
	Step     string   `json:"step,omitempty"`
	Rules    []string `json:"rules,omitempty"` // that together do it; of dead_rule, those before
	Kind     string   `json:"kind,omitempty"`  // of the requests
	// Members are ids: who moves, whose token is lost, who is needed.
	Members []string `json:"members,omitempty"`
	// Together are the smallest sets of members who can, by id.
	Together [][]string `json:"together,omitempty"`
	More     int        `json:"more,omitempty"` // sets of members, or kinds of requests, that are not listed
	// Reviewers are the programs that must approve as well, by id.
	Reviewers []string `json:"reviewers,omitempty"`
	Currency  string   `json:"currency,omitempty"` // of Day and Request; empty: each
	Day       string   `json:"day,omitempty"`      // the most in 24 hours, a decimal; empty: without a limit
	Request   string   `json:"request,omitempty"`  // the most in one request, a decimal; empty: without a limit
	Text      string   `json:"text"`               // one sentence without a full stop
}

// key is what a finding says, without how it says it.
func (f Finding) key() string {
	f.Text = ""
	return digest(f)
}

// Rehearse returns what the rules of a vault allow and prevent, in the order of accounts
// and rules. It expects a vault that passed [Vault.Check].
func Rehearse(v Vault) []Finding {
	var all []Finding
	var accounts []*rules
	for _, a := range v.Accounts {
		r := newRules(v, a)
		all = slices.Concat(all, r.powers(), r.unmatched(), r.unapprovable(), r.idle(), r.needed())
		accounts = append(accounts, r)
	}
	for _, m := range v.Members {
		if m.approves() {
			all = append(all, lost(v, accounts, m)...)
		}
	}
	for i := range all {
		all[i].Text = clip(all[i].Text)
	}
	return all
}

// rules are those of one account, with what each can come to.
type rules struct {
	vault   Vault
	account Account
	objects governance.Objects
	reach   []reach // one for each kind
	can     []bool  // of each rule: somebody can approve under it
}

func newRules(v Vault, a Account) *rules {
	a.Rules.Rules = a.Rules.Ordered() // "before" is in the order in which they are asked
	r := &rules{vault: v, account: a, objects: v.objects("")}
	for _, k := range kinds(a.Rules) {
		r.reach = append(r.reach, reaches(v, a, k))
	}
	for _, rule := range a.Rules.Rules {
		r.can = append(r.can, !rule.Deny && approvable(rule, r.objects))
	}
	return r
}

// approvable reports whether the members could approve what a rule governs.
func approvable(rule governance.Rule, o governance.Objects) bool {
	if rule.Creation == nil && slices.ContainsFunc(rule.Steps, func(s governance.Step) bool { return s.ExcludeInitiator }) {
		return false // nothing proves who asked, so that each request is denied
	}
	return o.CanBeMet(rule)
}

// in names an account for people.
func (r *rules) in() string { return name.Within(r.account.Name) }

func quoted(rules []string) string {
	var all []string
	for _, s := range rules {
		all = append(all, fmt.Sprintf("%q", s))
	}
	noun := "rule "
	if len(all) > 1 {
		noun = "rules "
	}
	return noun + join(all, "and")
}

// governs reports whether a rule may govern anything.
func (r *rules) governs(i int) bool {
	return slices.ContainsFunc(r.reach, func(k reach) bool { return len(k.governs[i]) > 0 })
}

// unmatched finds what no rule matches, of the kinds that this version knows.
func (r *rules) unmatched() (all []Finding) {
	for _, k := range r.reach {
		if !known(k.kind) {
			continue
		}
		var matched []region
		for _, m := range k.match {
			if !m.empty() {
				matched = append(matched, m.region)
			}
		}
		left := without([]region{everything(k.kind)}, matched)
		f := Finding{Code: Unmatched, Severity: Note, Account: r.account.Account, Kind: k.kind}
		switch {
		case len(left) == 0:
			continue
		case len(matched) == 0:
			f.Text = fmt.Sprintf("nobody can approve %s of %s: no rule is for them", plural(k.kind), r.in())
		default:
			what, more := describe(left, k.kind)
			f.More = more
			f.Text = fmt.Sprintf("nobody can approve, of %s, %s: no rule matches", r.in(), what)
		}
		all = append(all, f)
	}
	return all
}

// unapprovable finds the rules that govern something and under which nobody can approve,
// and the steps that come too late.
func (r *rules) unapprovable() (all []Finding) {
	for i, rule := range r.account.Rules.Rules {
		if rule.Deny || r.can[i] || !r.governs(i) {
			continue
		}
		f := Finding{Code: Unapprovable, Severity: Alert, Account: r.account.Account, Rule: rule.Name}
		var what []string
		for _, k := range r.reach {
			if len(k.governs[i]) > 0 {
				said, more := describe(k.governs[i], k.kind)
				what, f.More = append(what, said), f.More+more
			}
		}
		f.Text = fmt.Sprintf("nobody can approve what rule %q of %s governs: %s", rule.Name, r.in(), strings.Join(what, "; "))
		all = append(all, f)
		for n := 1; n < len(rule.Steps); n++ {
			before := rule
			before.Steps = rule.Steps[:n]
			if approvable(before, r.objects) {
				continue
			}
			for _, s := range rule.Steps[n:] {
				all = append(all, Finding{Code: UnreachableStep, Severity: Warning, Account: r.account.Account, Rule: rule.Name, Step: s.Name,
					Text: fmt.Sprintf("step %q of rule %q of %s is never reached: the steps before it can never be taken", s.Name, rule.Name, r.in())})
			}
			break
		}
	}
	return all
}

// idle finds what is written and does nothing, and what cannot be judged.
func (r *rules) idle() (all []Finding) {
	set := r.account.Rules.Rules
	for i, rule := range set {
		f := Finding{Severity: Warning, Account: r.account.Account, Rule: rule.Name}
		matches := slices.ContainsFunc(r.reach, func(k reach) bool { return !k.match[i].empty() })
		switch {
		case !matches:
			f.Code, f.Text = Contradiction, fmt.Sprintf("rule %q of %s never matches: no request meets all its conditions", rule.Name, r.in())
		case !r.governs(i):
			f.Code, f.Rules = DeadRule, r.before(i)
			f.Text = fmt.Sprintf("rule %q of %s governs nothing: %s before it match everything that it matches", rule.Name, r.in(), quoted(f.Rules))
			if len(f.Rules) == 1 {
				f.Text = strings.Replace(f.Text, " match ", " matches ", 1)
			}
		case rule.Deny && !r.bites(i):
			f.Code, f.Text = IdleDeny, fmt.Sprintf("rule %q of %s denies nothing that would be allowed without it", rule.Name, r.in())
		default:
			continue
		}
		all = append(all, f)
	}
	for i, rule := range set {
		if slices.ContainsFunc(r.reach, func(k reach) bool { return k.match[i].odd && !k.match[i].empty() }) {
			all = append(all, Finding{Code: NotJudged, Severity: Note, Account: r.account.Account, Rule: rule.Name,
				Text: fmt.Sprintf("rule %q of %s has a condition that may match or not, whatever is asked for: it is not looked into", rule.Name, r.in())})
		}
	}
	return all
}

// before are the rules that take everything from rule i.
func (r *rules) before(i int) (names []string) {
	for j, rule := range r.account.Rules.Rules[:i] {
		if slices.ContainsFunc(r.reach, func(k reach) bool {
			return k.match[j].sure && !k.match[i].and(k.match[j].region).empty()
		}) {
			names = append(names, rule.Name)
		}
	}
	return names
}

// bites reports whether a rule may deny what another, behind it, would let be approved.
func (r *rules) bites(i int) bool {
	for _, k := range r.reach {
		for _, denied := range k.governs[i] {
			for j := i + 1; j < len(k.match); j++ {
				if r.can[j] && !k.match[j].and(denied).empty() {
					return true
				}
			}
		}
	}
	return false
}

// needed finds the quorums that one lost token breaks.
func (r *rules) needed() (all []Finding) {
	for i, rule := range r.account.Rules.Rules {
		if !r.can[i] || !r.governs(i) {
			continue
		}
		for _, s := range rule.Steps {
			if ids := r.electorate(s); len(ids) == s.Quorum && fewest(s) == s.Quorum && len(s.Any) == 0 && plain(s) {
				all = append(all, Finding{Code: EachNeeded, Severity: Warning, Account: r.account.Account, Rule: rule.Name, Step: s.Name, Members: ids,
					Text: fmt.Sprintf("step %q of rule %q of %s needs %s: one lost token breaks it", s.Name, rule.Name, r.in(), r.vault.names(ids, "and"))})
			}
		}
	}
	return all
}

// electorate is everybody who exists and may approve a step.
func (r *rules) electorate(s governance.Step) (ids []string) {
	named := r.objects.Electorate(s)
	for _, m := range r.objects.Members {
		if slices.Contains(named, m.ID) {
			ids = append(ids, m.ID)
		}
	}
	return ids
}

// lost finds what nobody can approve without one member.
func lost(v Vault, accounts []*rules, m Member) (all []Finding) {
	who, left := name.Within(m.Name), v.objects(m.Member)
	for _, r := range accounts {
		f := Finding{Code: TokenLost, Severity: Warning, Account: r.account.Account, Members: []string{m.Member}}
		for i, rule := range r.account.Rules.Rules {
			if r.can[i] && (r.named(rule, m.Member) != "" || reviews(rule, m.Member)) && r.governs(i) && !approvable(rule, left) {
				f.Rules = append(f.Rules, rule.Name)
			}
		}
		if len(f.Rules) > 0 {
			governs := "governs"
			if len(f.Rules) > 1 {
				governs = "govern"
			}
			f.Text = fmt.Sprintf("if the token of %s is lost, nobody can approve what %s of %s %s", who, quoted(f.Rules), r.in(), governs)
			all = append(all, f)
		}
	}
	if v.Admin != nil && m.administers() {
		admins := 0
		for _, other := range v.Members {
			if other.administers() && other.Member != m.Member {
				admins++
			}
		}
		if admins < v.Admin.Quorum {
			all = append(all, Finding{Code: TokenLost, Severity: Alert, Members: []string{m.Member},
				Text: fmt.Sprintf("if the token of %s is lost, the administrators can change nothing: %s are needed, and %d would be left", who, count(v.Admin.Quorum, "administrator"), admins)})
		}
	}
	return all
}
