package intent

import (
	"slices"
	"strconv"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/name"
)

// KindAccountEdit is the kind of [AccountEdit].
const KindAccountEdit = "account.edit"

// AccountEdit is the intent to change an account: its name, and the rules that govern
// what it is asked for. The vault alone knows the version of Rules, and Before.
type AccountEdit struct {
	Kind        string         `json:"kind"` // "account.edit"
	V           int            `json:"v"`    // 1
	Account     string         `json:"account"`
	FromVersion int            `json:"from_version"` // of the account, that this changes
	Name        string         `json:"name"`
	Rules       governance.Set `json:"rules"`  // all of them; the version stays when they do
	Before      AccountBefore  `json:"before"` // as it was
	Purpose     string         `json:"purpose,omitempty"`
	Reference   string         `json:"reference,omitempty"`
}

// AccountBefore is what an account was before it changes.
type AccountBefore struct {
	Name  string         `json:"name"`
	Order []string       `json:"order"` // the names of its rules
	Rules governance.Set `json:"rules"` // without those that stay as they are
}

// CheckFields implements [Intent]. That the rules hold is for the vault to say.
func (a AccountEdit) CheckFields() error {
	var c field.Checks
	c.That(a.Kind == KindAccountEdit && a.V == 1, "kind", "is not account.edit, version 1")
	c.ID(id.Account, a.Account, "account")
	c.That(a.FromVersion >= 1, "from_version", "is not a version")
	c.Name(a.Name, "name")
	c.That(len(a.Rules.Rules) > 0, "rules", "are none")
	c.Name(a.Before.Name, "before.name")
	c.That(a.Before.Rules.Version >= 1 && (a.Rules.Version == a.Before.Rules.Version || a.Rules.Version == a.Before.Rules.Version+1), "rules.version", "does not follow the version before")
	for i, r := range a.Rules.Rules {
		c.Name(r.Name, "rules.rules."+strconv.Itoa(i)+".name")
	}
	for i, r := range a.Before.Rules.Rules {
		c.Name(r.Name, "before.rules.rules."+strconv.Itoa(i)+".name")
	}
	for i, n := range a.Before.Order {
		c.Name(n, "before.order."+strconv.Itoa(i))
	}
	a.Why().check(&c)
	return c.Err()
}

// CheckNow implements [Intent].
func (a AccountEdit) CheckNow() error { return a.CheckFields() }

// Fill implements [Intent]: the account as it is, and the version of the rules. It fails
// with NOT_FOUND, and with CONFLICT when it is of another version.
func (a AccountEdit) Fill(v Vault) (Intent, error) {
	now, ok := v.Account(a.Account)
	if !ok {
		return nil, fault.New(fault.NotFound, "the vault has no such account").With("field", "account")
	}
	if err := outdated("the account", a.FromVersion, now.Version); err != nil {
		return nil, err
	}
	a.Before = AccountBefore{Name: now.Name, Order: []string{}, Rules: now.Rules}
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
	a.Rules.Version, a.Before = 0, AccountBefore{}
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
	if a.Rules.Version == a.Before.Rules.Version {
		return "its name"
	}
	return "rules version " + strconv.Itoa(a.Rules.Version)
}

// Lines implements [Intent]. A rule that stays is named, with its place where that is
// another one; of one that is new, or that changes, everything is said, and what it was.
func (a AccountEdit) Lines() []Line {
	lines := append([]Line{{Label: "Account", Value: name.WithID(a.Name, a.Account)}, version(a.FromVersion)}, renamed(a.Before.Name, a.Name)...)
	if a.Rules.Version == a.Before.Rules.Version {
		return append(lines, Line{Label: "Rules", Value: "stay as they are, version " + strconv.Itoa(a.Rules.Version)})
	}
	lines = append(lines, Line{Label: "Rules", Value: "version " + strconv.Itoa(a.Before.Rules.Version) + " becomes " + strconv.Itoa(a.Rules.Version) + "; one that denies comes first, else the first that fits decides"})
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
