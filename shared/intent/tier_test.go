package intent

import (
	"strconv"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/spec"
)

// family is a vault in which a treasury funds a trading account, and two accounts fund each
// other, as no vault has them.
func family() vaultOf {
	return vaultOf{
		"acc_treasury": {Name: "Treasury", Chain: "eip155:1", Version: 1, Tier: Treasury},
		"acc_trading":  {Name: "Trading", Chain: "eip155:1", Version: 1, Tier: Trading, Parent: "acc_treasury"},
		"acc_polygon":  {Name: "Polygon", Chain: "eip155:137", Version: 1},
		"acc_egg":      {Name: "Egg", Chain: "eip155:1", Version: 1, Parent: "acc_hen"},
		"acc_hen":      {Name: "Hen", Chain: "eip155:1", Version: 1, Parent: "acc_egg"},
	}
}

// sampleOf is the change of a type among the samples.
func sampleOf[T Change]() (found T) {
	for _, c := range changes() {
		if one, ok := c.(T); ok {
			found = one
		}
	}
	return found
}

func TestAnAccountHasAParentThatCanFundIt(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		account, parent, why string
	}{
		"none":                        {"acc_new", "", ""},
		"a treasury":                  {"acc_new", "acc_treasury", ""},
		"an account that is funded":   {"acc_new", "acc_trading", ""},
		"itself":                      {"acc_treasury", "acc_treasury", "is the account itself, or an account that it funds"},
		"an account below it":         {"acc_treasury", "acc_trading", "is the account itself, or an account that it funds"},
		"an account that is not":      {"acc_new", "acc_other", "is not an account of the vault"},
		"an account on another chain": {"acc_new", "acc_polygon", "is on another chain"},
		"accounts without a first":    {"acc_new", "acc_egg", "is one of several accounts that fund each other"},
	} {
		if why := ParentProblem(c.account, "eip155:1", c.parent, family().Account); why != c.why {
			t.Errorf("%s: %q, want %q", name, why, c.why)
		}
		create, edit := sampleOf[AccountCreate](), AccountEdit{Account: c.account, FromVersion: 1, Parent: c.parent}
		create.Account, create.Parent = c.account, c.parent
		for _, change := range []Change{create, edit} {
			_, err := change.Fill(family())
			if f, _ := fault.As(err); c.why != "" && f != nil && f.Details["field"] != "parent" && f.Details["field"] != "account" {
				t.Errorf("%s: %v", name, err)
			}
			if _, there := family()[c.account]; there == (change.Noun() == edit.Noun()) && (err == nil) != (c.why == "") {
				t.Errorf("%s, by a %s: %v", name, change.Noun(), err)
			}
		}
	}
}

func TestAnAccountIsCreatedOnce(t *testing.T) {
	t.Parallel()
	c := sampleOf[AccountCreate]()
	c.Account = "acc_treasury"
	if _, err := c.Fill(family()); fault.CodeOf(err) != fault.Conflict {
		t.Error(err)
	}
}

func TestTheFieldsOfAnAccountAreChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*AccountCreate)
		field string
	}{
		"an unknown tier":            {func(a *AccountCreate) { a.Tier = "MAIN" }, "tier"},
		"a parent of another kind":   {func(a *AccountCreate) { a.Parent = "mem_bob" }, "parent"},
		"a parent without a name":    {func(a *AccountCreate) { a.ParentName = "" }, "parent_name"},
		"a name without a parent":    {func(a *AccountCreate) { a.Parent = "" }, "parent"},
		"no rules":                   {func(a *AccountCreate) { a.Rules.Rules = nil }, "rules"},
		"rules that are not new":     {func(a *AccountCreate) { a.Rules.Version = 2 }, "rules.version"},
		"a rule without a name":      {func(a *AccountCreate) { a.Rules.Rules[0].Name = "" }, "rules.rules.0.name"},
		"no address":                 {func(a *AccountCreate) { a.Address = "" }, "address"},
		"a chain that is not known":  {func(a *AccountCreate) { a.Chain = "eip155:5" }, "chain"},
		"an address of another form": {func(a *AccountCreate) { a.Address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" }, "address"},
	} {
		a := sampleOf[AccountCreate]()
		c.spoil(&a)
		if p, _ := a.CheckNow().(*field.Problem); p == nil || p.Field != c.field {
			t.Errorf("%s: %v", name, p)
		}
	}
}

// An administrator reads what becomes of the tier and of the parent, also that there is none
// any more.
func TestWhatBecomesOfAnAccountsPlaceIsReadInWords(t *testing.T) {
	t.Parallel()
	a := AccountEdit{Account: "acc_trading", FromVersion: 1, Name: "Trading", Before: AccountBefore{Name: "Trading", Tier: Trading, Parent: "acc_treasury", ParentName: "Treasury"}}
	told := map[string]string{}
	for _, l := range a.Lines() {
		told[l.Label] = l.Value
	}
	if told["Tier"] != "TRADING becomes none" || told["Funded by"] != "Treasury (acc_treasury) becomes none" || a.Summary() != "its tier, what funds it" {
		t.Errorf("%q: %q", a.Summary(), told)
	}
	a.Tier, a.Parent, a.ParentName = Trading, "acc_treasury", "Treasury"
	for _, l := range a.Lines() {
		told[l.Label] = l.Value
	}
	if told["Tier"] != "TRADING, for everyday payments and purchases" || told["Funded by"] != "Treasury (acc_treasury)" || a.Summary() != "nothing" {
		t.Errorf("%q: %q", a.Summary(), told)
	}
}

func TestThePageShowsWhatIsReadOfANewAccount(t *testing.T) {
	t.Parallel()
	var code []string
	for _, l := range samples[KindAccountCreate].Lines() {
		code = append(code, l.Label+" "+l.Value)
	}
	page := spec.Examples(t, "intent.md", "account.create, version 1", "")[0]
	for i, line := range strings.Split(page, "\n") {
		if words := strings.Join(strings.Fields(line), " "); i >= len(code) || words != code[i] {
			t.Errorf("the page has %q, the code %q", words, code[min(i, len(code)-1)])
		}
	}
	spec.Same(t, "tiers", spec.Column(t, "intent.md", "Tiers and parents", "tier", 0), []string{Treasury, Trading})
	if !strings.Contains(spec.Page(t, "intent.md"), "A vault has at most "+strconv.Itoa(MaxAccounts)+" accounts") {
		t.Errorf("the page has another limit of accounts than %d", MaxAccounts)
	}
}
