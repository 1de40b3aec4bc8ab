package rehearsal

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/statement"
)

var friday = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)

var people = []Member{
	{"mem_alice", "Alice", statement.Admin, ""}, {"mem_bob", "Bob", statement.Operator, ""}, {"mem_carol", "Carol", statement.Operator, ""}, {"mem_dave", "Dave", statement.Auditor, ""},
}

var (
	units     = []string{"EUR", "USD", "ethereum"}
	providers = []string{"north", "south"}
	addresses = []string{"0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D"}
	bounds    = []string{"", "10", "20"}
	instants  = []time.Time{friday, friday.Add(10 * time.Hour), friday.Add(-7 * time.Hour), friday.AddDate(0, 0, 1), friday.Add(34 * time.Hour), friday.Add(17 * time.Hour)}
)

// everyFact is one request for each that the generated rules can tell apart.
func everyFact() (all []governance.Facts) {
	for _, s := range []string{"5", "10", "15", "20", "25"} {
		for _, asset := range []string{"ethereum", "litecoin", "bitcoin"} {
			for _, cur := range []string{"EUR", "USD", "CHF"} {
				for _, p := range append(providers, "west") {
					all = append(all, governance.Facts{Kind: "buy", Account: "acc_treasury", Asset: asset, Amount: s, Currency: cur, Provider: p})
				}
			}
			for _, to := range append(addresses, "0xCCCC") {
				for _, kind := range []string{"transfer", "replace"} {
					all = append(all, governance.Facts{Kind: kind, Account: "acc_treasury", Asset: asset, Amount: s, Currency: asset, Chain: "eip155:1", Address: to})
				}
			}
		}
	}
	return append(all, governance.Facts{Kind: "message", Account: "acc_treasury", Chain: "eip155:1"})
}

func pick[T any](t *rapid.T, label string, from []T) []T {
	return slices.DeleteFunc(slices.Clone(from), func(T) bool { return rapid.Bool().Draw(t, label) })
}

func someWords(t *rapid.T, label string, from []string) []string {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(from), 1, len(from), rapid.ID[string]).Draw(t, label)
}

func condition(t *rapid.T) governance.Condition {
	switch rapid.IntRange(0, 6).Draw(t, "condition") {
	case 0:
		low, high := rapid.SampledFrom(bounds).Draw(t, "min"), rapid.SampledFrom(bounds).Draw(t, "max")
		if low == "" && high == "" || low != "" && high != "" && amount.Must(low).Cmp(amount.Must(high)) > 0 {
			low, high = "10", "20"
		}
		return governance.Condition{Amount: &governance.Amount{Currency: rapid.SampledFrom(units).Draw(t, "unit"), Min: low, Max: high}}
	case 1:
		return governance.Condition{Filter: &governance.Filter{Kinds: someWords(t, "kinds", []string{"buy", "transfer", "replace", "message"})}}
	case 2:
		return governance.Condition{Filter: &governance.Filter{Assets: someWords(t, "assets", []string{"ethereum", "litecoin"})}}
	case 3:
		if rapid.Bool().Draw(t, "by provider") {
			return governance.Condition{Whitelist: &governance.Whitelist{Providers: someWords(t, "providers", providers)}}
		}
		return governance.Condition{Whitelist: &governance.Whitelist{Whitelist: rapid.SampledFrom([]string{"wls_one", "wls_two", "wls_all"}).Draw(t, "whitelist")}}
	case 4:
		w := rapid.SampledFrom([]governance.Window{{From: "09:00", To: "17:00"}, {From: "00:00", To: "24:00", Days: []string{"sat", "sun"}}, {From: "17:00", To: "24:00"},
			{From: "09:00", To: "17:00", Business: true}, {From: "00:00", To: "17:00", Zone: "Asia/Tokyo"}}).Draw(t, "window")
		return governance.Condition{Window: &w}
	case 5:
		r := governance.Recipient{Children: rapid.Bool().Draw(t, "children")}
		if !r.Children || rapid.Bool().Draw(t, "named too") {
			r.Accounts = someWords(t, "accounts", []string{"acc_child", "acc_other"})
		}
		return governance.Condition{Recipient: &r}
	}
	if rapid.IntRange(0, 2).Draw(t, "counts") == 0 {
		return governance.Condition{Velocity: &governance.Velocity{Seconds: 86400, Count: rapid.IntRange(1, 3).Draw(t, "count")}}
	}
	return governance.Condition{Velocity: &governance.Velocity{Currency: rapid.SampledFrom(units).Draw(t, "unit"),
		Seconds: rapid.SampledFrom([]int64{3600, 86400}).Draw(t, "seconds"), Max: rapid.SampledFrom([]string{"20", "100"}).Draw(t, "max")}}
}

func electorate(t *rapid.T) []string {
	return someWords(t, "members", []string{"mem_alice", "mem_bob", "mem_carol"})
}

func generated(t *rapid.T) Vault {
	never := governance.Set{Version: 1, Rules: []governance.Rule{{Name: "never", Deny: true}}}
	v := Vault{Members: people, Accounts: []Account{{Account: "acc_treasury", Name: "Treasury"},
		{Account: "acc_child", Name: "Child", Chain: "eip155:1", Address: addresses[0], Parent: "acc_treasury", Rules: never},
		{Account: "acc_other", Name: "Other", Chain: "eip155:1", Address: "0xCCCC", Rules: never}}, Whitelists: []governance.List{
		list("wls_one", addresses[0]), list("wls_two", addresses[1]), list("wls_all", addresses...)}}
	set := &v.Accounts[0].Rules
	set.Version = 1
	if rapid.Bool().Draw(t, "holidays") {
		set.Holidays = []string{friday.Format(time.DateOnly)}
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "rules") {
		r := governance.Rule{Name: string(rune('a' + i)), When: rapid.SliceOfN(rapid.Custom(condition), 0, 3).Draw(t, "when")}
		if rapid.IntRange(0, 3).Draw(t, "valued") == 0 {
			r.RateWithin = 60
		}
		if r.Deny = rapid.IntRange(0, 3).Draw(t, "deny") == 0; !r.Deny {
			for n := range rapid.IntRange(1, 2).Draw(t, "steps") {
				ids := electorate(t)
				r.Steps = append(r.Steps, governance.Step{Name: string(rune('p' + n)), Members: ids, Quorum: rapid.IntRange(1, len(ids)).Draw(t, "quorum"),
					ExcludeInitiator: rapid.Bool().Draw(t, "exclude")})
				if rapid.IntRange(0, 3).Draw(t, "any") == 0 {
					others := electorate(t)
					s := &r.Steps[n]
					s.Any = []governance.Quorum{{Quorum: s.Quorum, Members: ids}, {Quorum: rapid.IntRange(1, len(others)).Draw(t, "other quorum"), Members: others}}
					s.Quorum, s.Members = 0, nil
				}
			}
			if rapid.Bool().Draw(t, "created") {
				r.Creation = &governance.Creation{Members: electorate(t)}
			}
		}
		set.Rules = append(set.Rules, r)
	}
	if err := v.Check(); err != nil {
		t.Fatalf("the generated vault: %v", err)
	}
	return v
}

func list(id string, addresses ...string) governance.List {
	l := governance.List{Whitelist: id, Name: "List"}
	for _, a := range addresses {
		l.Entries = append(l.Entries, governance.Entry{Address: a, Chain: "eip155:1", Label: "Exchange"})
	}
	return l
}

// input asks the rules of the first account of a vault about a request, when little or much
// was spent before.
func (v Vault) input(facts governance.Facts, at time.Time, spent string) governance.Input {
	o := v.objects("")
	in := governance.Input{Rules: v.Accounts[0].Rules, Facts: facts, Created: at, Now: at, Members: o.Members, Groups: o.Groups, Lists: o.Lists, Accounts: o.Accounts}
	for _, w := range in.Rules.Windows() {
		in.Spent = append(in.Spent, governance.Spent{Currency: w.Currency, Seconds: w.Seconds, Amount: spent})
	}
	return in
}

// approves reports whether members, each doing whatever they may, get a request approved.
func approves(in governance.Input, ids []string) bool {
	d := governance.Decide(in)
	switch d.State {
	case governance.Approved:
		return true
	case governance.Uninitiated:
		return slices.ContainsFunc(ids, func(id string) bool {
			in.Initiator = id
			return d.MayInitiate(id) && approves(in, ids)
		})
	case governance.Pending:
		return slices.ContainsFunc(ids, func(id string) bool {
			if !d.MayApprove(id) {
				return false
			}
			next := in
			next.Approvals = append(slices.Clip(in.Approvals), governance.Approval{Member: id, Step: d.Step})
			return approves(next, ids)
		})
	}
	return false
}

// asked is one request, and what the rules said.
type asked struct {
	facts governance.Facts
	at    time.Time
	in    governance.Input
	said  governance.Decision
}

func requests(v Vault) (all []asked) {
	spent, recorded := []string{"0"}, []governance.Recorded{{Zones: []governance.Zone{{Name: "Asia/Tokyo", Offset: 9 * 3600}}}}
	if slices.ContainsFunc(v.Accounts[0].Rules.Rules, func(r governance.Rule) bool { return r.RateWithin != 0 }) {
		recorded = append(recorded, governance.Recorded{Zones: recorded[0].Zones, Value: &governance.Value{}})
	}
	if len(v.Accounts[0].Rules.Windows()) > 0 {
		spent = append(spent, "1000")
	}
	for _, f := range everyFact() {
		for _, at := range instants {
			for _, spent := range spent {
				for _, saw := range recorded {
					in := v.input(f, at, spent)
					if in.Recorded = saw; saw.Value != nil {
						in.Recorded.Value = &governance.Value{Currency: "EUR", Amount: "15", Rate: "1", At: at.Unix(), Source: v.Accounts[0].Rules.RateSource}
					}
					all = append(all, asked{f, at, in, governance.Decide(in)})
				}
			}
		}
	}
	return all
}

func coded(all []Finding, code Code, rule string) bool {
	return slices.ContainsFunc(all, func(f Finding) bool { return f.Code == code && f.Rule == rule })
}

func TestWhatIsSaidOfRulesHoldsForEachRequest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := generated(t)
		found := Rehearse(v)
		set := v.Accounts[0].Rules
		requests := requests(v)
		governed, nothing := map[string]bool{}, map[string]bool{}
		for _, a := range requests {
			governed[a.said.Rule] = true
			if a.said.Rule == "" && a.in.Spent == nil {
				nothing[a.facts.Kind] = true
			}
		}
		for _, r := range set.Rules {
			never := coded(found, DeadRule, r.Name) || coded(found, Contradiction, r.Name)
			if never == governed[r.Name] && (never || sure(v)) {
				t.Errorf("rule %q: said to govern nothing %t, governs %t: %v", r.Name, never, governed[r.Name], found)
			}
			if r.Deny && coded(found, IdleDeny, r.Name) {
				for _, a := range requests {
					if a.said.Rule != r.Name {
						continue
					}
					in := a.in
					in.Rules.Rules = slices.DeleteFunc(slices.Clone(set.Rules), func(o governance.Rule) bool { return o.Name == r.Name })
					if approves(in, everybody()) {
						t.Errorf("rule %q bites %+v", r.Name, a.facts)
					}
				}
			}
		}
		for _, kind := range []string{"buy", "transfer"} {
			said := slices.ContainsFunc(found, func(f Finding) bool { return f.Code == Unmatched && f.Kind == kind })
			if sure(v) && said != nothing[kind] {
				t.Errorf("%s without a rule: said %t, are %t: %v", kind, said, nothing[kind], found)
			}
		}
	})
}

// sure reports whether what was spent, and values that nobody recorded, change nothing.
func sure(v Vault) bool {
	return !slices.ContainsFunc(newRules(v, v.Accounts[0]).reach, func(k reach) bool {
		return slices.ContainsFunc(k.match, func(m match) bool { return !m.sure })
	})
}

func everybody() (ids []string) {
	for _, m := range people {
		ids = append(ids, m.Member)
	}
	return ids
}

func TestWhoeverCanMoveSomethingIsNamed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := generated(t)
		found := Rehearse(v)
		who := pick(t, "who", everybody())
		a := rapid.SampledFrom(requests(v)).Draw(t, "request")
		if len(who) > maxTogether || !approves(a.in, who) {
			return
		}
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.allows(a, who) }) {
			t.Errorf("%v move %+v under %q, which no finding says: %v", who, a.facts, a.said.Rule, found)
		}
	})
}

// allows reports whether a finding says that these members can do what was asked.
func (f Finding) allows(a asked, who []string) bool {
	if f.Kind != a.facts.Kind || !slices.Contains(f.Rules, a.said.Rule) {
		return false
	}
	if v := a.in.Recorded.Value; sends(f.Kind) && isCurrency(f.Currency) {
		if v == nil || v.Currency != f.Currency {
			return false
		}
		a.facts.Amount, a.facts.Currency = v.Amount, v.Currency
	}
	if f.Currency != "" && f.Currency != a.facts.Currency {
		return false
	}
	for _, most := range []string{f.Request, f.Day} {
		if most != "" && amount.Must(a.facts.Amount).Cmp(amount.Must(most)) > 0 {
			return false
		}
	}
	switch f.Code {
	case MovesAlone:
		return within(f.Members, who)
	case MovesTogether:
		return slices.ContainsFunc(f.Together, func(s []string) bool { return within(s, who) })
	}
	return false
}

func TestWhoIsNamedAsMovingSomethingNeedsNobodyElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := generated(t)
		requests := requests(v)
		for _, f := range Rehearse(v) {
			who := f.Members
			if f.Code == MovesTogether {
				who = f.Together[0]
			} else if f.Code != MovesAlone {
				continue
			}
			reached, tried := false, map[string]bool{} // a velocity may hide what no amount of these is
			can := slices.ContainsFunc(requests, func(a asked) bool {
				if !slices.Contains(f.Rules, a.said.Rule) || tried[a.said.Rule] {
					return false
				}
				reached, tried[a.said.Rule] = true, true
				return approves(a.in, who)
			})
			if reached && !can {
				t.Errorf("%v cannot: %s", who, f.Text)
			}
		}
	})
}

func TestALostTokenBreaksWhatIsSaidAndNothingElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := generated(t)
		found := Rehearse(v)
		lost := rapid.SampledFrom(everybody()[:3]).Draw(t, "lost")
		left := slices.DeleteFunc(everybody(), func(id string) bool { return id == lost })
		judged := map[string]bool{} // who can approve depends on the rule alone
		for _, a := range requests(v) {
			if judged[a.said.Rule] {
				continue
			}
			judged[a.said.Rule] = true
			before, after := approves(a.in, everybody()), approves(a.in, left)
			said := slices.ContainsFunc(found, func(f Finding) bool {
				return f.Code == TokenLost && f.Members[0] == lost && slices.Contains(f.Rules, a.said.Rule)
			})
			if (before && !after) != said {
				t.Fatalf("without %s, %q: was %t, is %t, said %t: %v", lost, a.said.Rule, before, after, said, found)
			}
			if !before && a.said.Rule != "" && !ruleOf(v, a.said.Rule).Deny && !coded(found, Unapprovable, a.said.Rule) {
				t.Fatalf("nobody can approve %+v under %q, which is not said: %v", a.facts, a.said.Rule, found)
			}
		}
	})
}

func ruleOf(v Vault, name string) governance.Rule {
	rules := v.Accounts[0].Rules.Rules
	return rules[slices.IndexFunc(rules, func(r governance.Rule) bool { return r.Name == name })]
}

func refused(t *testing.T, err error, field string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Code != fault.Invalid || f.Details["field"] != field {
		t.Errorf("%v, want %s in %s", err, fault.Invalid, field)
	}
}
