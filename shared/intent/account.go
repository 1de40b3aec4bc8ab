package intent

import (
	"slices"
	"strconv"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// KindAccountEdit is the kind of [AccountEdit].
const KindAccountEdit = "account.edit"

// AccountEdit is the intent to change an account: its name, its tier and its parent, and the
// rules that govern what it is asked for. The vault alone knows ParentName, the version of
// Rules, and Before.
type AccountEdit struct {
	Kind        string         `json:"kind"` // "account.edit"
	V           int            `json:"v"`    // 1
	Account     string         `json:"account"`
	FromVersion int            `json:"from_version"` // of the account, that this changes
	Name        string         `json:"name"`
	Tier        string         `json:"tier,omitempty"`        // [Treasury], [Trading]; absent: none
	Parent      string         `json:"parent,omitempty"`      // the account that funds it; absent: none
	ParentName  string         `json:"parent_name,omitempty"` // of Parent
	Sweep       *Sweep         `json:"sweep,omitempty"`       // absent: none
	Rules       governance.Set `json:"rules"`                 // all of them; the version stays when they do
	Before      AccountBefore  `json:"before"`                // as it was
	Purpose     string         `json:"purpose,omitempty"`
	Reference   string         `json:"reference,omitempty"`
}

// AccountBefore is what an account was before it changes.
type AccountBefore struct {
	Name       string         `json:"name"`
	Tier       string         `json:"tier,omitempty"`
	Parent     string         `json:"parent,omitempty"`
	ParentName string         `json:"parent_name,omitempty"`
	Sweep      *Sweep         `json:"sweep,omitempty"`
	Order      []string       `json:"order"` // the names of its rules
	Rules      governance.Set `json:"rules"` // without those that stay as they are
}

// CheckFields implements [Intent]. That the rules hold is for the vault to say.
func (a AccountEdit) CheckFields() error {
	var c field.Checks
	c.That(a.Kind == KindAccountEdit && a.V == 1, "kind", "is not account.edit, version 1")
	c.ID(id.Account, a.Account, "account")
	c.That(a.FromVersion >= 1, "from_version", "is not a version")
	c.Name(a.Name, "name")
	CheckPlace(&c, a.Tier, a.Parent, "")
	checkParentName(&c, a.Parent, a.ParentName, "")
	CheckSweep(&c, a.Sweep, "", "")
	CheckSweep(&c, a.Before.Sweep, "", "before.")
	checkRules(&c, a.Rules, "rules")
	c.Name(a.Before.Name, "before.name")
	CheckPlace(&c, a.Before.Tier, a.Before.Parent, "before.")
	checkParentName(&c, a.Before.Parent, a.Before.ParentName, "before.")
	c.That(a.Before.Rules.Version >= 1 && (a.Rules.Version == a.Before.Rules.Version || a.Rules.Version == a.Before.Rules.Version+1), "rules.version", "does not follow the version before")
	for i, r := range a.Before.Rules.Rules {
		c.Name(r.Name, "before.rules.rules."+strconv.Itoa(i)+".name")
	}
	for i, n := range a.Before.Order {
		c.Name(n, "before.order."+strconv.Itoa(i))
	}
	a.Why().check(&c)
	return c.Err()
}

// checkRules checks what is read of rules in words.
func checkRules(c *field.Checks, rules governance.Set, at string) {
	c.That(len(rules.Rules) > 0, at, "are none")
	for i, r := range rules.Rules {
		c.Name(r.Name, at+".rules."+strconv.Itoa(i)+".name")
	}
}

// checkParentName checks that there is a name where there is a parent.
func checkParentName(c *field.Checks, parent, name, at string) {
	if parent != "" || name != "" {
		c.That(parent != "", at+"parent", "is missing")
		c.Name(name, at+"parent_name")
	}
}

// CheckNow implements [Intent].
func (a AccountEdit) CheckNow() error { return a.CheckFields() }

// Fill implements [Intent]: the account as it is, the name of the parent, and the version
// of the rules. It fails with NOT_FOUND, with CONFLICT when it is of another version, and
// with INVALID_REQUEST when the account cannot have the parent.
func (a AccountEdit) Fill(v Vault) (Intent, error) {
	now, ok := v.Account(a.Account)
	if !ok {
		return nil, fault.New(fault.NotFound, "the vault has no such account").With("field", "account")
	}
	if err := outdated("the account", a.FromVersion, now.Version); err != nil {
		return nil, err
	}
	var err error
	if a.ParentName, err = parentName(v, a.Account, now.Chain, a.Parent); err != nil {
		return nil, err
	}
	var c field.Checks
	if CheckSweep(&c, a.Sweep, now.Chain, ""); c.Err() != nil {
		return nil, Refused(c.Err())
	}
	a.Before = AccountBefore{Name: now.Name, Tier: now.Tier, Parent: now.Parent, Sweep: now.Sweep, Order: []string{}, Rules: now.Rules}
	if p, ok := v.Account(now.Parent); ok {
		a.Before.ParentName = p.Name
	}
	a.Before.Rules.Rules = []governance.Rule{}
	a.Rules.Version = now.Rules.Version
	for _, r := range now.Rules.Rules {
		a.Before.Order = append(a.Before.Order, r.Name)
		if after := a.rule(r.Name); after == nil || !slices.Equal(ruleLines(*after), ruleLines(r)) {
			a.Before.Rules.Rules = append(a.Before.Rules.Rules, r)
		}
	}
	if a.Rules.Digest() != now.Rules.Digest() {
		a.Rules.Version++
	}
	return a, nil
}

func (a AccountEdit) rule(called string) *governance.Rule {
	for i, r := range a.Rules.Rules {
		if r.Name == called {
			return &a.Rules.Rules[i]
		}
	}
	return nil
}

// Of implements [Change].
func (a AccountEdit) Of() (string, int) { return a.Account, a.FromVersion }

// Drafted implements [Change].
func (a AccountEdit) Drafted() Intent {
	a.ParentName, a.Rules.Version, a.Before = "", 0, AccountBefore{}
	return a
}

// Facts implements [Intent].
func (AccountEdit) Facts() governance.Facts { return facts(KindAccountEdit) }

// Noun implements [Intent].
func (AccountEdit) Noun() string { return "account change" }

// Title implements [Intent].
func (a AccountEdit) Title() string {
	return "Change account " + name.Within(a.Before.Name) + ": " + a.Summary()
}

// Summary implements [Intent].
func (a AccountEdit) Summary() string {
	var parts []string
	for _, part := range []struct {
		changes bool
		called  string
	}{
		{a.Name != a.Before.Name, "its name"}, {a.Tier != a.Before.Tier, "its tier"}, {a.Parent != a.Before.Parent, "what funds it"}, {a.Sweep.text() != a.Before.Sweep.text(), "what is swept"},
		{a.Rules.Version != a.Before.Rules.Version, "rules version " + strconv.Itoa(a.Rules.Version)},
	} {
		if part.changes {
			parts = append(parts, part.called)
		}
	}
	if len(parts) == 0 {
		return "nothing"
	}
	return strings.Join(parts, ", ")
}

// Lines implements [Intent]. A rule that stays is named, with its place where that is
// another one; of one that is new, or that changes, everything is said, and what it was.
func (a AccountEdit) Lines() []Line {
	lines := append([]Line{{Label: "Account", Value: name.WithID(a.Name, a.Account)}, version(a.FromVersion)}, renamed(a.Before.Name, a.Name)...)
	lines = append(lines, turned("Tier", a.Before.Tier, a.Tier, tierText(a.Tier))...)
	lines = append(lines, turned("Funded by", called(a.Before.Parent, a.Before.ParentName), called(a.Parent, a.ParentName), called(a.Parent, a.ParentName))...)
	lines = append(lines, sweepTurned(a.Before.Sweep, a.Sweep)...)
	if a.Rules.Version == a.Before.Rules.Version {
		return append(lines, Line{Label: "Rules", Value: "stay as they are, version " + strconv.Itoa(a.Rules.Version)})
	}
	lines = append(lines, Line{Label: "Rules", Value: "version " + strconv.Itoa(a.Before.Rules.Version) + " becomes " + strconv.Itoa(a.Rules.Version) + "; " + asked})
	was := func(called string) *governance.Rule {
		for i, r := range a.Before.Rules.Rules {
			if r.Name == called {
				return &a.Before.Rules.Rules[i]
			}
		}
		return nil
	}
	for i, r := range a.Rules.Rules {
		rule := Line{Label: "Rule " + strconv.Itoa(i+1), Value: name.Within(r.Name)}
		before, place := was(r.Name), slices.Index(a.Before.Order, r.Name)
		switch {
		case before != nil:
			rule.Value += ", changes"
		case place >= 0:
			rule.Value += ", stays"
		default:
			rule.Value += ", new"
		}
		if place >= 0 && place != i {
			rule.Value += ", was rule " + strconv.Itoa(place+1)
		}
		if place >= 0 && before == nil {
			lines = append(lines, rule)
			continue
		}
		lines = append(append(lines, rule), ruleLines(r)...)
		if before != nil {
			lines = append(lines, formerly(ruleLines(*before))...)
		}
	}
	for _, r := range a.Before.Rules.Rules {
		if a.rule(r.Name) == nil {
			lines = append(append(lines, Line{Label: "Removes", Value: "rule " + name.Within(r.Name)}), formerly(ruleLines(r))...)
		}
	}
	of, were := fieldLines(a.Rules, "version", "rules"), fieldLines(a.Before.Rules, "version", "rules")
	lines = append(lines, of...)
	if !slices.Equal(of, were) {
		lines = append(lines, formerly(were)...)
	}
	return lines
}

// asked says in which order rules are asked.
const asked = "one that denies comes first, else the first that fits decides"

// formerly are the lines of what is over.
func formerly(lines []Line) []Line {
	for i := range lines {
		lines[i].Label = "Was " + lines[i].Label
	}
	return lines
}

// Why implements [Intent].
func (a AccountEdit) Why() Why { return Why{a.Purpose, a.Reference} }

// Totals implements [Intent]: nothing moves.
func (AccountEdit) Totals() []Total { return nil }

// Record implements [Intent].
func (a AccountEdit) Record() Record { return record(KindAccountEdit, a) }
