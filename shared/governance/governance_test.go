package governance

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/strictjson"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/governance.json"

// vector is one row of shared/spec/vectors/governance.json.
type vector struct {
	Name  string `json:"name"`
	Input struct {
		Rules     Set        `json:"rules"`
		Pinned    string     `json:"pinned"`
		Facts     Facts      `json:"intent"`
		Recorded  Recorded   `json:"recorded"`
		Initiator string     `json:"initiator"`
		Created   time.Time  `json:"created"`
		Expires   time.Time  `json:"expires"`
		Now       time.Time  `json:"now"`
		Spent     []Spent    `json:"spent"`
		Members   []Member   `json:"members"`
		Groups    []Group    `json:"groups"`
		Lists     []List     `json:"whitelists"`
		Accounts  []Account  `json:"accounts,omitempty"`
		Approvals []Approval `json:"approvals"`
	} `json:"input"`
	Decision    Decision     `json:"decision"`
	Explanation *Explanation `json:"explanation,omitempty"` // of some
}

var (
	friday  = time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	everyid = []string{"mem_alice", "mem_bob", "mem_carol"}
)

func one(name string, quorum int, members ...string) Step {
	return Step{Name: name, Quorum: quorum, Members: members}
}

func eur(minimum, maximum string) Condition {
	return Condition{Amount: &Amount{Currency: "EUR", Min: minimum, Max: maximum}}
}

// base is 2 of 3 for anything, 250 EUR, nobody has approved.
func base(rules ...Rule) Input {
	if len(rules) == 0 {
		rules = []Rule{{Name: "all", Steps: []Step{one("treasury", 2, everyid...)}}}
	}
	return Input{
		Rules:     Set{Version: 3, Rules: rules},
		Groups:    []Group{{Group: "grp_officers", Name: "Officers", Members: []string{"mem_bob", "mem_carol"}}},
		Lists:     []List{{Whitelist: "wls_exchanges", Name: "Exchanges", Entries: []Entry{{Address: "0x52908400098527886E0F7030069857D2E4169EE7", Chain: "eip155:1", Label: "Exchange"}}}},
		Facts:     Facts{Kind: "buy", Account: "acc_treasury", Asset: "ethereum", Amount: "250", Currency: "EUR", Provider: "northpay"},
		Initiator: "mem_alice", Created: friday, Now: friday.Add(time.Minute), Expires: friday.Add(time.Hour),
		Members: []Member{{"mem_alice", "Alice"}, {"mem_bob", "Bob"}, {"mem_carol", "Carol"}},
	}
}

func with(in Input, f func(*Input)) Input { f(&in); return in }

func approvals(ids ...string) func(*Input) {
	return func(in *Input) {
		for _, id := range ids {
			in.Approvals = append(in.Approvals, Approval{Member: id, Step: 1})
		}
	}
}

// row is one of them: what is asked, and what is said. reason is the first sentence.
type row struct {
	name   string
	in     Input
	state  State
	rule   string
	reason string
}

// cases is the table of what rules decide; reasons is the first sentence.
func cases() []row { return append(ruleCases(), stepCases()...) }

func ruleCases() []row {
	small := Rule{Name: "small", When: []Condition{eur("", "1000")}, Steps: []Step{one("any", 1, everyid...)}}
	large := Rule{Name: "large", When: []Condition{eur("1000.01", "")}, Steps: []Step{one("all", 3, everyid...)}}
	two := Rule{Name: "two steps", Steps: []Step{one("first", 1, everyid...), {Name: "officers", Quorum: 1, Group: "grp_officers"}}}
	speed := Rule{Name: "speed", When: []Condition{{Velocity: &Velocity{Currency: "EUR", Seconds: 86400, Max: "1000"}}}, Steps: []Step{one("any", 1, everyid...)}}
	hours := func(days []string, from, to string) Rule {
		return Rule{Name: "hours", When: []Condition{{Window: &Window{Days: days, From: from, To: to}}}, Steps: []Step{one("any", 1, everyid...)}}
	}
	local := func(zone, from, to string) Rule {
		return Rule{Name: "hours", When: []Condition{{Window: &Window{From: from, To: to, Zone: zone}}}, Steps: []Step{one("any", 1, everyid...)}}
	}
	business := func(zone string) Rule {
		r := local(zone, "00:00", "24:00")
		r.Name, r.When[0].Window.Business = "business", true
		return r
	}
	zoned := func(in Input) Input {
		in.Recorded.Zones = []Zone{{"America/New_York", -5 * 3600}, {"Europe/Paris", 3600}, {"Pacific/Auckland", 13 * 3600}}
		return in
	}
	at := func(t time.Time) func(*Input) {
		return func(in *Input) { in.Created, in.Now, in.Expires = t, t, t.Add(time.Hour) }
	}
	often := Rule{Name: "often", When: []Condition{{Velocity: &Velocity{Seconds: 86400, Count: 3}}}, Steps: []Step{one("any", 1, everyid...)}}
	only := func(c Condition) Input {
		return base(Rule{Name: "only", When: []Condition{c}, Steps: []Step{one("any", 1, everyid...)}})
	}
	transfers := func(c Condition) Rule {
		return Rule{Name: "transfers", When: []Condition{{Filter: &Filter{Kinds: []string{"transfer"}}}, c}, Steps: []Step{one("any", 1, everyid...)}}
	}
	sends := func(in Input) Input {
		in.Facts = Facts{Kind: "transfer", Account: "acc_treasury", Asset: "ethereum", Amount: "1.5", Currency: "ethereum", Chain: "eip155:1", Address: "0x52908400098527886E0F7030069857D2E4169EE7"}
		return in
	}
	valued := func(euros string, age int64) Input {
		r := transfers(eur("", "5000"))
		r.Name, r.RateWithin = "worth", 900
		in := sends(base(r))
		in.Rules.RateSource = "mem_northrates"
		in.Recorded.Value = &Value{Currency: "EUR", Amount: euros, Rate: "2600.333333", At: friday.Unix() - age, Source: "mem_northrates"}
		return in
	}
	created := func(members []string, group string, step Step) Rule {
		return Rule{Name: "sent", Creation: &Creation{Members: members, Group: group}, Steps: []Step{step}}
	}
	nobody := func(in *Input) { in.Initiator = "" }
	pays := func(r Recipient) Input {
		in := sends(base(transfers(Condition{Recipient: &r})))
		in.Accounts = []Account{
			{Account: "acc_treasury", Chain: "eip155:1", Address: "0x8617E340B3D01FA5F11F306F4090FD50E238070D"},
			{Account: "acc_trading", Chain: "eip155:1", Address: in.Facts.Address, Parent: "acc_treasury"},
		}
		return in
	}
	amount := func(a string) func(*Input) { return func(in *Input) { in.Facts.Amount = a } }
	return []row{
		{"nobody approved", base(), Pending, "all", "0 of 2 approvals; waiting for Alice, Bob or Carol"},
		{"one of two", with(base(), approvals("mem_alice")), Pending, "all", "1 of 2 approvals; waiting for Bob or Carol"},
		{"two of two", with(base(), approvals("mem_alice", "mem_bob")), Approved, "all", "approved by Alice and Bob"},
		{"the same member twice", with(base(), approvals("mem_alice", "mem_alice")), Pending, "all", "1 of 2 approvals; waiting for Bob or Carol"},
		{"somebody who is not asked", with(base(), approvals("mem_alice", "mem_dave")), Pending, "all", "1 of 2 approvals; waiting for Bob or Carol"},
		{"a rejection", with(base(), func(in *Input) {
			in.Approvals = []Approval{{Member: "mem_alice", Step: 1}, {Member: "mem_carol", Step: 1, Reject: true}}
		}), Rejected, "all", "rejected by Carol"},
		{"a rejection by a stranger", with(base(), func(in *Input) { in.Approvals = []Approval{{Member: "mem_dave", Step: 1, Reject: true}} }), Pending, "all", "0 of 2 approvals; waiting for Alice, Bob or Carol"},
		{"a rejection after the quorum", with(base(), func(in *Input) {
			in.Approvals = []Approval{{Member: "mem_alice", Step: 1}, {Member: "mem_bob", Step: 1}, {Member: "mem_carol", Step: 1, Reject: true}}
		}), Approved, "all", "approved by Alice and Bob"},
		{"a rejection by who approved", with(base(), func(in *Input) {
			in.Approvals = []Approval{{Member: "mem_alice", Step: 1}, {Member: "mem_alice", Step: 1, Reject: true}}
		}), Pending, "all", "1 of 2 approvals; waiting for Bob or Carol"},
		{"expired", with(base(), func(in *Input) { in.Now = in.Expires }), Expired, "all", "expired at 2026-11-20 11:00:00 UTC with 0 of 2 approvals"},
		{"approved stays approved", with(with(base(), approvals("mem_bob", "mem_carol")), func(in *Input) { in.Now = in.Expires }), Approved, "all", "approved by Bob and Carol"},
		{"a rule's own time is shorter", with(base(Rule{Name: "quick", Within: 60, Steps: []Step{one("any", 1, everyid...)}}), func(in *Input) { in.Now = friday.Add(60 * time.Second) }),
			Expired, "quick", "expired at 2026-11-20 10:01:00 UTC with 0 of 1 approval"},
		{"an approval that must be used within the hour", with(base(Rule{Name: "quick", UseWithin: 3600, Steps: []Step{one("any", 1, everyid...)}}), approvals("mem_bob")), Approved, "quick", "approved by Bob"},
		{"the first rule that matches", base(small, large), Pending, "small", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"the bound is included", with(base(small, large), amount("1000.00")), Pending, "small", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"just above", with(base(small, large), amount("1000.01")), Pending, "large", "0 of 3 approvals; waiting for Alice, Bob and Carol"},
		{"between all rules", with(base(small, large), amount("1000.005")), Denied, "", "no rule allows this"},
		{"an amount as a float cannot hold", with(base(small, large), amount("1000.0100000000000000000001")), Pending, "large", "0 of 3 approvals; waiting for Alice, Bob and Carol"},
		{"another currency", with(base(small), func(in *Input) { in.Facts.Currency = "USD" }), Denied, "", "no rule allows this"},
		{"an amount that is none", with(base(small), amount("1e2")), Denied, "", "no rule allows this"},
		{"a negative amount", with(base(small), amount("-5")), Denied, "", "no rule allows this"},
		{"a rule that denies", base(Rule{Name: "never", Deny: true}, small), Denied, "never", `rule "never" denies this`},
		{"provider listed", only(Condition{Whitelist: &Whitelist{Providers: []string{"northpay"}}}), Pending, "only", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"provider not listed", only(Condition{Whitelist: &Whitelist{Providers: []string{"meridian"}}}), Denied, "", "no rule allows this"},
		{"address not listed", only(Condition{Whitelist: &Whitelist{Whitelist: "wls_exchanges"}}), Denied, "", "no rule allows this"},
		{"asset listed", only(Condition{Filter: &Filter{Kinds: []string{"buy"}, Assets: []string{"ethereum"}}}), Pending, "only", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"asset not listed", only(Condition{Filter: &Filter{Assets: []string{"bitcoin"}}}), Denied, "", "no rule allows this"},
		{"kind not listed", only(Condition{Filter: &Filter{Kinds: []string{"send"}}}), Denied, "", "no rule allows this"},
		{"a transfer under a rule that names no kinds", sends(base()), Denied, "", "no rule allows this"},
		{"a transfer under a rule that names transfers", sends(only(Condition{Filter: &Filter{Kinds: []string{"buy", "transfer"}}})), Pending, "only", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"a transfer under a rule that denies and names no kinds", sends(base(Rule{Name: "never", Deny: true})), Denied, "never", `rule "never" denies this`},
		{"a transfer under a rule that denies purchases", sends(base(Rule{Name: "never", Deny: true, When: []Condition{{Filter: &Filter{Kinds: []string{"buy"}}}}})), Denied, "", "no rule allows this"},
		{"an amount of an asset", sends(base(transfers(Condition{Amount: &Amount{Currency: "ethereum", Max: "1.5"}}))), Pending, "transfers", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"too much of an asset", sends(base(transfers(Condition{Amount: &Amount{Currency: "ethereum", Max: "1.49"}}))), Denied, "", "no rule allows this"},
		{"an amount of another asset", sends(base(transfers(Condition{Amount: &Amount{Currency: "ethereum/erc20/usd__coin", Max: "1000"}}))), Denied, "", "no rule allows this"},
		{"a recipient who is listed", sends(base(transfers(Condition{Whitelist: &Whitelist{Whitelist: "wls_exchanges"}}))), Pending, "transfers", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"a recipient who is not listed", with(sends(base(transfers(Condition{Whitelist: &Whitelist{Whitelist: "wls_exchanges"}}))), func(in *Input) { in.Facts.Address = "0xdef" }), Denied, "", "no rule allows this"},
		{"a recipient who is listed on another chain", with(sends(base(transfers(Condition{Whitelist: &Whitelist{Whitelist: "wls_exchanges"}}))), func(in *Input) { in.Facts.Chain = "eip155:137" }), Denied, "", "no rule allows this"},
		{"a whitelist that is gone", with(sends(base(transfers(Condition{Whitelist: &Whitelist{Whitelist: "wls_exchanges"}}))), func(in *Input) { in.Lists = nil }), Denied, "", "no rule allows this"},
		{"a recipient that is a child of the account", pays(Recipient{Children: true}), Pending, "transfers", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"a recipient that is a child of another account", with(pays(Recipient{Children: true}), func(in *Input) { in.Accounts[1].Parent = "acc_other" }), Denied, "", "no rule allows this"},
		{"a recipient that is an account of the vault and a child of none", with(pays(Recipient{Children: true}), func(in *Input) { in.Accounts[1].Parent = "" }), Denied, "", "no rule allows this"},
		{"a recipient that is a child on another chain", with(pays(Recipient{Children: true}), func(in *Input) { in.Accounts[1].Chain = "eip155:137" }), Denied, "", "no rule allows this"},
		{"a recipient outside the vault", with(pays(Recipient{Children: true, Accounts: []string{"acc_trading"}}), func(in *Input) { in.Facts.Address = "0xdef" }), Denied, "", "no rule allows this"},
		{"a recipient that is an account that the rule names", with(pays(Recipient{Accounts: []string{"acc_trading"}}), func(in *Input) { in.Accounts[1].Parent = "" }), Pending, "transfers", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"a recipient that is an account that the rule does not name", pays(Recipient{Accounts: []string{"acc_treasury"}}), Denied, "", "no rule allows this"},
		{"a recipient of a purchase", with(pays(Recipient{Children: true}), func(in *Input) {
			in.Rules.Rules[0].When[0].Filter.Kinds = []string{"buy"}
			in.Facts.Kind, in.Facts.Chain, in.Facts.Address, in.Accounts[1].Chain, in.Accounts[1].Address = "buy", "", "", "", ""
		}), Denied, "", "no rule allows this"},
		{"above the velocity of an asset", with(sends(base(transfers(Condition{Velocity: &Velocity{Currency: "ethereum", Seconds: 86400, Max: "10"}}))),
			func(in *Input) { in.Spent = []Spent{{"ethereum", 86400, "8.51"}} }), Denied, "", "no rule allows this"},
		{"inside the hours", base(hours([]string{"fri"}, "10:00", "10:01")), Pending, "hours", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"the end of the hours is outside", base(hours(nil, "09:00", "10:00")), Denied, "", "no rule allows this"},
		{"another day", base(hours([]string{"sat", "sun"}, "00:00", "24:00")), Denied, "", "no rule allows this"},
		{"the hours are those of the request", with(base(hours(nil, "10:00", "10:30")), func(in *Input) { in.Now = friday.Add(45 * time.Minute) }), Pending, "hours", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"inside the hours of a zone", zoned(base(local("Europe/Paris", "11:00", "11:01"))), Pending, "hours", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"outside the hours of a zone", zoned(base(local("America/New_York", "09:00", "17:00"))), Denied, "", "no rule allows this"},
		{"a zone that is not recorded", zoned(base(local("Asia/Tokyo", "00:00", "24:00"))), Denied, "", "no rule allows this"},
		{"a zone in which it is another day", with(zoned(base(business("Pacific/Auckland"))), at(friday.Add(2*time.Hour))), Denied, "", "no rule allows this"},
		{"a business day", zoned(base(business(""))), Pending, "business", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"a weekend", with(base(business("")), at(friday.Add(24*time.Hour))), Denied, "", "no rule allows this"},
		{"a holiday", with(base(business("")), func(in *Input) { in.Rules.Holidays = []string{"2026-11-20"} }), Denied, "", "no rule allows this"},
		{"a denial wherever it stands", base(small, Rule{Name: "stop", Deny: true, When: []Condition{eur("100", "")}}), Denied, "stop", `rule "stop" denies this`},
		{"a denial of something else", base(small, Rule{Name: "stop", Deny: true, When: []Condition{eur("300", "")}}), Pending, "small", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"a denial that nobody can rule out", zoned(base(small, Rule{Name: "stop", Deny: true, When: local("Asia/Tokyo", "00:00", "24:00").When})), Denied, "stop",
			`rule "stop" denies this, because what time it was in Asia/Tokyo is not recorded`},
		{"a denial that is for something else in any case", base(small, Rule{Name: "stop", Deny: true, When: append(local("Asia/Tokyo", "00:00", "24:00").When, eur("300", ""))}), Pending, "small", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"worth little enough", valued("3900.50", 600), Pending, "worth", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"worth too much", valued("5000.01", 600), Denied, "", "no rule allows this"},
		{"worth what an old rate said", valued("3900.50", 901), Denied, "", "no rule allows this"},
		{"worth what a rate of later said", valued("3900.50", -31), Denied, "", "no rule allows this"},
		{"worth what a source said whose clock is ahead", valued("3900.50", -30), Pending, "worth", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"worth what a source said that the rules do not name", with(valued("1", 0), func(in *Input) { in.Recorded.Value.Source = "mem_southrates" }), Denied, "", "no rule allows this"},
		{"worth nobody knows what", with(valued("1", 0), func(in *Input) { in.Recorded = Recorded{} }), Denied, "", "no rule allows this"},
		{"worth something in another currency", with(valued("1", 0), func(in *Input) { in.Recorded.Value.Currency = "USD" }), Denied, "", "no rule allows this"},
		{"a rule that does not look at what it is worth", with(valued("1", 0), func(in *Input) { in.Rules.Rules[0].RateWithin = 0 }), Denied, "", "no rule allows this"},
		{"a denial of what is worth nobody knows what", with(valued("1", 0), func(in *Input) {
			in.Recorded = Recorded{}
			in.Rules.Rules = append(in.Rules.Rules, Rule{Name: "stop", Deny: true, When: []Condition{eur("100000", "")}, RateWithin: 900})
		}), Denied, "stop", `rule "stop" denies this, because no signed rate says what it is worth in EUR`},
		{"a velocity of what it is worth", with(valued("3900.50", 600), func(in *Input) {
			in.Rules.Rules[0].When[1] = Condition{Velocity: &Velocity{Currency: "EUR", Seconds: 86400, Max: "5000"}}
			in.Spent = []Spent{{"EUR", 86400, "1099.50"}}
		}), Pending, "worth", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"above a velocity of what it is worth", with(valued("3900.50", 600), func(in *Input) {
			in.Rules.Rules[0].When[1] = Condition{Velocity: &Velocity{Currency: "EUR", Seconds: 86400, Max: "5000"}}
			in.Spent = []Spent{{"EUR", 86400, "1099.51"}}
		}), Denied, "", "no rule allows this"},
		{"the last of three requests a day", with(base(often), func(in *Input) { in.Spent = []Spent{{"", 86400, "2"}} }), Pending, "often", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"the fourth of three requests a day", with(base(often), func(in *Input) { in.Spent = []Spent{{"", 86400, "3"}} }), Denied, "", "no rule allows this"},
		{"below the velocity", with(base(speed), func(in *Input) { in.Spent = []Spent{{"EUR", 86400, "750"}} }), Pending, "speed", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"above the velocity", with(base(speed), func(in *Input) { in.Spent = []Spent{{"EUR", 86400, "750.01"}} }), Denied, "", "no rule allows this"},
		{"unknown spending is not a licence", base(speed), Denied, "", "no rule allows this"},
		{"spending over another time", with(base(speed), func(in *Input) { in.Spent = []Spent{{"EUR", 3600, "0"}} }), Denied, "", "no rule allows this"},
		{"the second step waits", with(base(two), approvals("mem_alice")), Pending, "two steps", "step 2 of 2, officers: 0 of 1 approval; waiting for Bob or Carol"},
		{"a member counts once in a request", with(base(two), func(in *Input) {
			in.Approvals = []Approval{{Member: "mem_bob", Step: 1}, {Member: "mem_bob", Step: 2}}
		}), Pending, "two steps", "step 2 of 2, officers: 0 of 1 approval; waiting for Carol"},
		{"an approval of a later step does not count", with(base(two), func(in *Input) { in.Approvals = []Approval{{Member: "mem_bob", Step: 2}} }), Pending, "two steps", "step 1 of 2, first: 0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"a name with the sentence's words", with(with(base(), approvals("mem_alice", "mem_bob")), func(in *Input) { in.Members[0].Name = "Alice, Carol and Dave" }), Approved, "all", `approved by "Alice, Carol and Dave" and Bob`},
		{"both steps", with(base(two), func(in *Input) {
			in.Approvals = []Approval{{Member: "mem_alice", Step: 1}, {Member: "mem_carol", Step: 2}}
		}), Approved, "two steps", "approved by Alice and Carol"},
		{"the initiator is excluded", with(base(Rule{Name: "eyes", Steps: []Step{{Name: "others", Quorum: 2, Members: everyid, ExcludeInitiator: true}}}), approvals("mem_alice", "mem_bob")),
			Pending, "eyes", "1 of 2 approvals; waiting for Carol"},
		{"too few but the initiator", base(Rule{Name: "eyes", Steps: []Step{{Name: "others", Quorum: 3, Members: everyid, ExcludeInitiator: true}}}),
			Denied, "eyes", `step "others" needs 3 approvals, but only 2 members may give one`},
		{"one is missing, and one is left", base(Rule{Name: "eyes", Steps: []Step{{Name: "others", Quorum: 2, Members: everyid[:2], ExcludeInitiator: true}}}),
			Denied, "eyes", `step "others" needs 2 approvals, but only 1 member may give one`},
		{"nobody is proven to have asked", with(base(Rule{Name: "eyes", Steps: []Step{{Name: "others", Quorum: 1, Members: everyid, ExcludeInitiator: true}}}),
			func(in *Input) { in.Initiator = "" }), Denied, "eyes", `step "others" of rule "eyes" excludes whoever asked, and nothing proves who asked`},
		{"nobody is proven, in a later step", with(base(Rule{Name: "eyes", Steps: []Step{one("any", 1, everyid...), {Name: "officers", Quorum: 1, Group: "grp_officers", ExcludeInitiator: true}}}),
			func(in *Input) { in.Initiator = "" }), Denied, "eyes", `step "officers" of rule "eyes" excludes whoever asked, and nothing proves who asked`},
		{"nobody is proven, and approvals came", with(with(base(Rule{Name: "eyes", Steps: []Step{{Name: "others", Quorum: 1, Members: everyid, ExcludeInitiator: true}}}), approvals("mem_bob")),
			func(in *Input) { in.Initiator = "" }), Denied, "eyes", `step "others" of rule "eyes" excludes whoever asked, and nothing proves who asked`},
		{"nobody signed and sent it", with(base(created(everyid[:2], "", one("any", 1, everyid...))), nobody), Uninitiated, "sent", "waiting for Alice or Bob to sign and send it"},
		{"approvals of what nobody sent", with(with(base(created(everyid, "", one("any", 1, everyid...))), nobody), approvals("mem_bob")), Uninitiated, "sent", "waiting for Alice, Bob or Carol to sign and send it"},
		{"a rejection of what nobody sent", with(with(base(created(everyid, "", one("any", 1, everyid...))), nobody), func(in *Input) { in.Approvals = []Approval{{Member: "mem_bob", Step: 1, Reject: true}} }),
			Uninitiated, "sent", "waiting for Alice, Bob or Carol to sign and send it"},
		{"sent by a member of the group", with(base(created(nil, "grp_officers", one("any", 1, everyid...))), func(in *Input) { in.Initiator = "mem_carol" }), Pending, "sent", "0 of 1 approval; waiting for Alice, Bob or Carol"},
		{"sent by somebody whom the rule does not name", base(created(nil, "grp_officers", one("any", 1, everyid...))), Uninitiated, "sent", "waiting for Bob or Carol to sign and send it"},
		{"who sent it is excluded", base(created(everyid, "", Step{Name: "others", Quorum: 2, Members: everyid, ExcludeInitiator: true})), Pending, "sent", "0 of 2 approvals; waiting for Bob and Carol"},
		{"who sent it may approve", with(base(created(everyid, "", one("any", 1, everyid...))), approvals("mem_alice")), Approved, "sent", "approved by Alice"},
		{"a member under whom too few are left", with(base(created(everyid, "", Step{Name: "others", Quorum: 1, Members: everyid[:1], ExcludeInitiator: true})), nobody), Uninitiated, "sent", "waiting for Bob or Carol to sign and send it"},
		{"everybody who may send it is needed to approve", with(base(created(everyid[:1], "", Step{Name: "others", Quorum: 1, Members: everyid[:1], ExcludeInitiator: true})), nobody), Denied, "sent", `rule "sent" must be initiated, and no member may do it`},
		{"who may send it is gone", with(with(base(created(everyid[:1], "", one("any", 1, everyid...))), nobody), func(in *Input) { in.Members = in.Members[1:] }), Denied, "sent", `rule "sent" must be initiated, and no member may do it`},
		{"nobody sent it in time", with(with(base(created(everyid, "", one("any", 1, everyid...))), nobody), func(in *Input) { in.Now = in.Expires }), Expired, "sent", "expired at 2026-11-20 11:00:00 UTC before a member signed and sent it"},
		{"nobody is proven, and no rule asks", with(base(), func(in *Input) { in.Initiator = "" }), Pending, "all", "0 of 2 approvals; waiting for Alice, Bob or Carol"},
		{"a member who is gone", with(base(), func(in *Input) { in.Members = in.Members[1:] }), Pending, "all", "0 of 2 approvals; waiting for Bob and Carol"},
		{"the pinned rule stays", with(base(small, large), func(in *Input) { in.Pinned = "large" }), Pending, "large", "0 of 3 approvals; waiting for Alice, Bob and Carol"},
		{"an approval of before a change counts for the step that waits for its member", with(base(two), func(in *Input) {
			in.Approvals = []Approval{{Member: "mem_bob"}, {Member: "mem_carol"}}
		}), Approved, "two steps", "approved by Bob and Carol"},
		{"an approval of before a change waits for its step", with(base(Rule{Name: "two", Steps: []Step{one("first", 1, "mem_alice"), one("second", 1, "mem_bob")}}), func(in *Input) {
			in.Approvals = []Approval{{Member: "mem_bob"}, {Member: "mem_alice", Step: 1}}
		}), Approved, "two", "approved by Alice and Bob"},
		{"a member who is gone approved before a change", with(base(), func(in *Input) {
			in.Approvals, in.Members = []Approval{{Member: "mem_alice"}, {Member: "mem_bob"}}, in.Members[1:]
		}), Pending, "all", "1 of 2 approvals; waiting for Carol"},
		{"the pinned rule is gone", with(base(small), func(in *Input) { in.Pinned = "large" }), Denied, "", "no rule allows this"},
	}
}

func TestRulesDecide(t *testing.T) {
	t.Parallel()
	for _, c := range cases() {
		exist := with(base(), watched).objects()
		exist.Members, exist.Accounts = append(exist.Members, Member{"mem_northrates", "North Rates"}), c.in.Accounts
		if err := c.in.Rules.Check(exist); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		d := Decide(c.in)
		if d.State != c.state || d.Rule != c.rule || d.Reasons[0] != c.reason {
			t.Errorf("%s: %s by %q: %q", c.name, d.State, d.Rule, d.Reasons)
		}
		if d.State != Pending && d.MayApprove("mem_bob") {
			t.Errorf("%s: a request that is %s takes approvals", c.name, d.State)
		}
		if (d.State == Uninitiated) != (len(d.Initiators) > 0) || d.State == Uninitiated && d.Step != 0 {
			t.Errorf("%s: a request that is %s, at step %d, waits for %v to send it", c.name, d.State, d.Step, d.Initiators)
		}
		for _, p := range d.Steps {
			if d.State != Pending && len(p.Waiting) > 0 {
				t.Errorf("%s: a request that is %s waits for %v", c.name, d.State, p.Waiting)
			}
		}
	}
}

// explained are the cases of which the vectors have the explanation too.
var explained = []string{
	"the first rule that matches", "between all rules", "a denial wherever it stands", "a denial that nobody can rule out", "below the velocity", "above the velocity",
	"the last of three requests a day", "unknown spending is not a licence", "nobody signed and sent it", "both steps", "the second step waits", "half of the longer quorum",
	"a reviewer who leaves it to members", "a reviewer who is silent", "a delay that just began", "the pinned rule stays",
}

func TestVectorsHold(t *testing.T) {
	t.Parallel()
	if *update {
		writeVectors(t)
	}
	data, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var all []vector
	if err := strictjson.Unmarshal(data, &all, 1<<20); err != nil {
		t.Fatal(err)
	}
	if len(all) != len(cases()) {
		t.Errorf("%d vectors for %d cases: run with -update", len(all), len(cases()))
	}
	for _, v := range all {
		if e := v.Explanation; e != nil {
			if got := Explain(Input(v.Input)); string(canonicalOf(t, got)) != string(canonicalOf(t, *e)) {
				t.Errorf("%s:\n got %s\nwant %s", v.Name, canonicalOf(t, got), canonicalOf(t, *e))
			}
		} else if slices.Contains(explained, v.Name) {
			t.Errorf("%s has no explanation: run with -update", v.Name)
		}
		got, err := json.Marshal(Decide(Input(v.Input)))
		if err != nil {
			t.Fatal(err)
		}
		want, err := json.Marshal(v.Decision)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", v.Name, got, want)
		}
	}
}

func canonicalOf(t *testing.T, v any) []byte {
	t.Helper()
	data, err := strictjson.Canonical(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeVectors(t *testing.T) {
	t.Helper()
	var all []vector
	for _, c := range cases() {
		v := vector{Name: c.name, Decision: Decide(c.in)}
		if slices.Contains(explained, c.name) {
			e := Explain(c.in)
			v.Explanation = &e
		}
		v.Input = struct {
			Rules     Set        `json:"rules"`
			Pinned    string     `json:"pinned"`
			Facts     Facts      `json:"intent"`
			Recorded  Recorded   `json:"recorded"`
			Initiator string     `json:"initiator"`
			Created   time.Time  `json:"created"`
			Expires   time.Time  `json:"expires"`
			Now       time.Time  `json:"now"`
			Spent     []Spent    `json:"spent"`
			Members   []Member   `json:"members"`
			Groups    []Group    `json:"groups"`
			Lists     []List     `json:"whitelists"`
			Accounts  []Account  `json:"accounts,omitempty"`
			Approvals []Approval `json:"approvals"`
		}(c.in)
		all = append(all, v)
	}
	data, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.FromSlash(vectorFile), append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSetsAreRefused(t *testing.T) {
	t.Parallel()
	exist := Objects{Members: []Member{{"mem_alice", "Alice"}, {"mem_bob", "Bob"}}, Accounts: []Account{{Account: "acc_treasury"}}}
	ok := func() Set {
		return Set{Version: 1, Rules: []Rule{{Name: "r", Steps: []Step{one("s", 1, "mem_alice", "mem_bob")}}}}
	}
	if err := ok().Check(exist); err != nil {
		t.Fatal(err)
	}
	when := func(c Condition) func(*Set) { return func(s *Set) { s.Rules[0].When = []Condition{c} } }
	for name, f := range map[string]func(*Set){
		"no version":                     func(s *Set) { s.Version = 0 },
		"no rules":                       func(s *Set) { s.Rules = nil },
		"two rules of one name":          func(s *Set) { s.Rules = append(s.Rules, s.Rules[0]) },
		"a name with a break":            func(s *Set) { s.Rules[0].Name = "a\nb" },
		"a name with two spaces":         func(s *Set) { s.Rules[0].Name = "two  of three" },
		"a step that is unseen":          func(s *Set) { s.Rules[0].Steps[0].Name = "\u2800" },
		"neither steps nor no":           func(s *Set) { s.Rules[0].Steps = nil },
		"a denial with steps":            func(s *Set) { s.Rules[0].Deny = true },
		"quorum 0":                       func(s *Set) { s.Rules[0].Steps[0].Quorum = 0 },
		"quorum too large":               func(s *Set) { s.Rules[0].Steps[0].Quorum = 3 },
		"a member twice":                 func(s *Set) { s.Rules[0].Steps[0].Members = []string{"mem_bob", "mem_bob"} },
		"a stranger":                     func(s *Set) { s.Rules[0].Steps[0].Members = []string{"mem_dave"} },
		"an unknown group":               func(s *Set) { s.Rules[0].Steps[0].Group = "nobody" },
		"a creation by nobody":           func(s *Set) { s.Rules[0].Creation = &Creation{} },
		"a creation by a stranger":       func(s *Set) { s.Rules[0].Creation = &Creation{Members: []string{"mem_dave"}} },
		"a creation by an unknown group": func(s *Set) { s.Rules[0].Creation = &Creation{Group: "nobody"} },
		"a creation in a denial": func(s *Set) {
			s.Rules[0] = Rule{Name: "r", Deny: true, Creation: &Creation{Members: []string{"mem_bob"}}}
		},
		"a recipient of nothing":   when(Condition{Recipient: &Recipient{}}),
		"a recipient twice":        when(Condition{Recipient: &Recipient{Accounts: []string{"acc_treasury", "acc_treasury"}}}),
		"an unknown recipient":     when(Condition{Recipient: &Recipient{Accounts: []string{"acc_other"}}}),
		"a negative time":          func(s *Set) { s.Rules[0].Within = -1 },
		"a use of a blink":         func(s *Set) { s.Rules[0].UseWithin = 59 },
		"a negative use":           func(s *Set) { s.Rules[0].UseWithin = -60 },
		"a use of a year":          func(s *Set) { s.Rules[0].UseWithin = 366 * 86400 },
		"a denial to be used":      func(s *Set) { s.Rules[0] = Rule{Name: "r", Deny: true, UseWithin: 60} },
		"an empty condition":       when(Condition{}),
		"two in one condition":     when(Condition{Filter: &Filter{Kinds: []string{"buy"}}, Window: &Window{From: "00:00", To: "24:00"}}),
		"an amount of nothing":     when(Condition{Amount: &Amount{Currency: "EUR"}}),
		"min above max":            when(eur("10", "9.99")),
		"a float":                  when(eur("1e3", "")),
		"a currency in two cases":  when(Condition{Amount: &Amount{Currency: "Eur", Max: "1"}}),
		"an asset with a space":    when(Condition{Velocity: &Velocity{Currency: "usd coin", Seconds: 60, Max: "10"}}),
		"a day that is none":       when(Condition{Window: &Window{Days: []string{"friday"}, From: "00:00", To: "24:00"}}),
		"hours that run back":      when(Condition{Window: &Window{From: "18:00", To: "08:00"}}),
		"an hour that is none":     when(Condition{Window: &Window{From: "8:00", To: "24:01"}}),
		"an empty filter":          when(Condition{Filter: &Filter{}}),
		"a velocity of nothing":    when(Condition{Velocity: &Velocity{Seconds: 60}}),
		"a velocity of both":       when(Condition{Velocity: &Velocity{Currency: "EUR", Seconds: 60, Max: "1", Count: 1}}),
		"a negative count":         when(Condition{Velocity: &Velocity{Seconds: 60, Count: -1}}),
		"a count over a blink":     when(Condition{Velocity: &Velocity{Seconds: 1, Count: 1}}),
		"a zone that is here":      when(Condition{Window: &Window{From: "00:00", To: "24:00", Zone: "Local"}}),
		"a zone that is a path":    when(Condition{Window: &Window{From: "00:00", To: "24:00", Zone: "../etc/passwd"}}),
		"a holiday that is none":   func(s *Set) { s.Holidays = []string{"2026-02-30"} },
		"holidays out of order":    func(s *Set) { s.Holidays = []string{"2026-12-25", "2026-01-01"} },
		"a holiday twice":          func(s *Set) { s.Holidays = []string{"2026-12-25", "2026-12-25"} },
		"a negative age of a rate": func(s *Set) { s.Rules[0].RateWithin = -1 },
		"a rate of last week":      func(s *Set) { s.Rules[0].RateWithin = 7 * 86400 },
		"rates of nobody":          func(s *Set) { s.RateSource = "mem_nobody" },
		"rates of who approves":    func(s *Set) { s.RateSource = s.Rules[0].Steps[0].Members[0] },
		"a velocity of a blink":    when(Condition{Velocity: &Velocity{Currency: "EUR", Seconds: 1, Max: "10"}}),
	} {
		s := ok()
		f(&s)
		if err := s.Check(exist); err == nil || !strings.Contains(err.Error(), "the rules are not valid") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheDigestNamesTheRules(t *testing.T) {
	t.Parallel()
	a, b := base().Rules, base().Rules
	if a.Digest() != b.Digest() || len(a.Digest()) != 43 {
		t.Error("the same rules have two digests")
	}
	b.Rules[0].Steps[0].Quorum = 1
	if a.Digest() == b.Digest() {
		t.Error("other rules have the same digest")
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range cases() {
		f.Add(c.in.Rules.canonical())
	}
	exist := base().objects()
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode(data, exist)
		if err != nil {
			return
		}
		if string(s.canonical()) != string(data) {
			t.Errorf("%s came back as %s", data, s.canonical())
		}
		in := base()
		in.Rules = s
		Explain(in) // must not panic
	})
}

func TestAnApprovalEndsWhenTheRuleSays(t *testing.T) {
	t.Parallel()
	for within, want := range map[int64]time.Duration{0: 24 * time.Hour, 60: time.Minute, 3600: time.Hour} {
		if got := Use(within); got != want {
			t.Errorf("use_within %d is %s, want %s", within, got, want)
		}
	}
	a, b := base().Rules, base().Rules
	b.Rules[0].UseWithin = 86400
	if a.Digest() == b.Digest() {
		t.Error("the digest does not name how long an approval can be used for")
	}
}
