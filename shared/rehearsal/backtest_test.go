package rehearsal

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"countersign/shared/amount"
	"countersign/shared/governance"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// bought is a purchase of the sample's account that was approved at once, minutes after
// friday.
func bought(minutes int, sum string, who ...string) Past {
	at := friday.Add(time.Duration(minutes) * time.Minute)
	return Past{
		Request: fmt.Sprintf("req_%026d", minutes), Created: at, Expires: at.Add(time.Hour), Approvals: who, Rule: "small", Needed: len(who),
		Facts: governance.Facts{Kind: "buy", Account: "acc_treasury", Asset: "ethereum", Amount: sum, Currency: "EUR", Provider: "north"},
		State: governance.Approved, Ended: at, Approved: at,
	}
}

func (p Past) open() Past {
	p.State, p.Ended, p.Approved = governance.Pending, time.Time{}, time.Time{}
	return p
}

func TestAPastRequestHasTheEffectOfTheNewRules(t *testing.T) {
	t.Parallel()
	step := func(quorum int, ids ...string) []governance.Step {
		return []governance.Step{{Name: "one", Quorum: quorum, Members: ids}}
	}
	small := governance.Rule{Name: "small", Steps: step(1, "mem_bob")}
	for _, c := range []struct {
		name   string
		rule   governance.Rule
		past   Past
		effect Effect
		by     int
	}{
		{"as before", small, bought(0, "5", "mem_bob"), Same, 0},
		{"a rule that denies", governance.Rule{Name: "small", Deny: true}, bought(0, "5", "mem_bob"), Denied, 0},
		{"no rule", governance.Rule{Name: "small", When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"transfer"}}}}, Steps: step(1, "mem_bob")}, bought(0, "5", "mem_bob"), Denied, 0},
		{"a bigger quorum", governance.Rule{Name: "small", Steps: step(2, "mem_bob", "mem_carol")}, bought(0, "5", "mem_bob"), More, 1},
		{"a smaller quorum", small, bought(0, "5", "mem_bob", "mem_carol"), Fewer, 1},
		{"others", governance.Rule{Name: "small", Steps: step(1, "mem_carol")}, bought(0, "5", "mem_bob"), Others, 0},
		{"another name", governance.Rule{Name: "all", Steps: step(1, "mem_bob")}, bought(0, "5", "mem_bob"), OtherRule, 0},
		{"an initiator", governance.Rule{Name: "small", Steps: step(1, "mem_bob"), Creation: &governance.Creation{Members: []string{"mem_alice"}}}, bought(0, "5", "mem_bob"), Initiation, 0},
		{"open, as before", small, bought(0, "5").open(), More, 1}, // it needed none
		{"open, and approved now", small, func() Past { p := bought(0, "5", "mem_bob").open(); p.Needed = 2; return p }(), Fewer, 1},
		{"open, and its approval counts no more", governance.Rule{Name: "small", Steps: step(2, "mem_alice", "mem_carol")}, func() Past { p := bought(0, "5", "mem_bob").open(); p.Needed = 2; return p }(), More, 1},
	} {
		v := sample()
		v.Accounts[0].Rules = governance.Set{Version: 3, Rules: []governance.Rule{c.rule}}
		if err := v.Check(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if got := NewBackTest(v).Take(c.past); got.Effect != c.effect || got.By != c.by || got.Reason == "" {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
	lost := bought(0, "5", "mem_bob")
	lost.Facts.Account = "acc_gone"
	if got := NewBackTest(sample()).Take(lost); got.Effect != Denied {
		t.Errorf("an account without rules: %+v", got)
	}
}

func TestWhatWasNotRecordedIsNotJudged(t *testing.T) {
	t.Parallel()
	v := sample()
	rule := &v.Accounts[0].Rules.Rules[0]
	rule.When = append(rule.When, governance.Condition{Window: &governance.Window{From: "09:00", To: "17:00", Zone: "Europe/Paris"}})
	p := bought(0, "5", "mem_bob")
	if got := NewBackTest(v).Take(p); got.Effect != Unknown || got.Reason != `rule "small" looks at the time in Europe/Paris, which is not recorded` {
		t.Errorf("%+v", got)
	}
	p.Recorded.Zones = []governance.Zone{{Name: "Europe/Paris", Offset: 3600}}
	if got := NewBackTest(v).Take(p); got.Effect != Same {
		t.Errorf("%+v", got)
	}
	rule.When, rule.RateWithin = []governance.Condition{{Filter: &governance.Filter{Kinds: []string{"transfer"}}}, {Amount: &governance.Amount{Currency: "EUR", Max: "100"}}}, 60
	v.Accounts[0].Rules.RateSource = "mem_carol"
	p.Facts = governance.Facts{Kind: "transfer", Account: "acc_treasury", Asset: "ethereum", Amount: "1", Currency: "ethereum", Chain: "eip155:1", Address: addresses[0]}
	if got := NewBackTest(v).Take(p); got.Effect != Unknown {
		t.Errorf("%+v", got)
	}
	p.Recorded.Value = &governance.Value{Currency: "EUR", Amount: "90", Rate: "90", At: p.Created.Unix(), Source: "mem_carol"}
	if got := NewBackTest(v).Take(p); got.Effect != Same {
		t.Errorf("%+v", got)
	}
	v.Accounts[0].Rules.RateSource = "mem_dave"
	if got := NewBackTest(v).Take(p); got.Effect != Unknown {
		t.Errorf("valued by another source: %+v", got)
	}
}

func TestWhatChangesTheVaultIsAskedOfTheAdministrators(t *testing.T) {
	t.Parallel()
	p := bought(0, "5", "mem_alice", "mem_bob")
	p.Facts, p.Rule = governance.Facts{Kind: "group.put"}, governance.Administrators
	v := sample() // two of Alice and Bob
	if got := NewBackTest(v).Take(p); got.Effect != Same {
		t.Errorf("%+v", got)
	}
	v.Members[2].Role, v.Admin = statement.Admin, &Admin{3}
	if got := NewBackTest(v).Take(p); got.Effect != More || got.By != 1 {
		t.Errorf("a bigger quorum: %+v", got)
	}
	if v.Admin = nil; NewBackTest(v).Take(p).Effect != Unknown {
		t.Error("nothing is known of the administrators, and something is said")
	}
}

func TestACountOfRequestsIsAddedUp(t *testing.T) {
	t.Parallel()
	v := sample()
	v.Accounts[0].Rules.Rules = v.Accounts[0].Rules.Rules[:1]
	v.Accounts[0].Rules.Rules[0].When[1] = governance.Condition{Velocity: &governance.Velocity{Seconds: 86400, Count: 2}}
	b := NewBackTest(v)
	for i, want := range []Effect{Same, Same, Denied} {
		if got := b.Take(bought(i, "1", "mem_bob")); got.Effect != want {
			t.Errorf("%d: %+v", i, got)
		}
	}
	for _, f := range Rehearse(v) {
		if f.Code == MovesAlone && (f.Day != "2000" || f.Request != "1000") {
			t.Errorf("%+v", f)
		}
	}
}

func TestWhatWasDeniedSpendsNothing(t *testing.T) {
	t.Parallel()
	v := sample() // 40,000 EUR a day
	v.Accounts[0].Rules.Rules = v.Accounts[0].Rules.Rules[:1]
	v.Accounts[0].Rules.Rules[0].When = v.Accounts[0].Rules.Rules[0].When[1:]
	b := NewBackTest(v)
	for i, c := range []struct {
		amount string
		effect Effect
	}{{"30000", Same}, {"20000", Denied}, {"10000", Same}, {"0.01", Denied}} {
		if got := b.Take(bought(i, c.amount, "mem_bob")); got.Effect != c.effect {
			t.Errorf("%d: %+v", i, got)
		}
	}
	if got := b.Take(bought(24*60, "30000", "mem_bob")); got.Effect != Same {
		t.Errorf("a day later: %+v", got)
	}
}

func TestWindowsAreWhatTheRulesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := sample()
		v.Accounts[0].Rules = governance.Set{Version: 1, Rules: []governance.Rule{{Name: "small",
			When:  []governance.Condition{{Velocity: &governance.Velocity{Currency: "EUR", Seconds: rapid.Int64Range(60, 7200).Draw(t, "seconds"), Max: "60"}}},
			Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_bob"}}}, UseWithin: 60}}}
		window := v.Accounts[0].Rules.Windows()[0]
		b := NewBackTest(v)
		var past []Past // those that were not denied
		minutes := 0
		for range rapid.IntRange(1, 12).Draw(t, "requests") {
			minutes += rapid.IntRange(0, 40).Draw(t, "later")
			p := bought(minutes, rapid.SampledFrom([]string{"10", "20.50"}).Draw(t, "amount"), "mem_bob")
			switch rapid.IntRange(0, 2).Draw(t, "state") {
			case 0:
				p = p.open()
			case 1:
				p.State, p.Ended = governance.Rejected, p.Created.Add(30*time.Minute)
			}
			var earlier []governance.Earlier
			for _, o := range past {
				e := governance.Earlier{Amount: o.Facts.Amount, Currency: "EUR", State: o.State, Expires: o.Expires, Approved: o.Approved, UseBy: o.Approved.Add(time.Minute)}
				if o.State == governance.Rejected && p.Created.Before(o.Ended) {
					e.State = governance.Pending
				}
				earlier = append(earlier, e)
			}
			spent, _ := window.Spent(p.Created, "0", earlier)
			total, _ := governance.Sum(spent.Amount, p.Facts.Amount)
			want := amount.Must(total).Cmp(amount.Must("60")) > 0
			got := b.Take(p)
			if (got.Effect == Denied) != want {
				t.Fatalf("%s spent before, %s now: %+v", spent.Amount, p.Facts.Amount, got)
			}
			if got.Effect != Denied {
				past = append(past, p)
			}
		}
	})
}

func TestTheSameInputGivesTheSameReport(t *testing.T) {
	t.Parallel()
	var first []byte
	for range 5 {
		r := compared(t)
		data, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		}
		if !bytes.Equal(data, first) {
			t.Fatalf("%s\n%s", data, first)
		}
		again, err := DecodeReport(data)
		if err != nil || again.Digest() != r.Digest() {
			t.Fatal(err)
		}
	}
}

// changed is the sample with more for Bob, and two approvals from 100 EUR on.
func changed() Vault {
	v := sample()
	set := &v.Accounts[0].Rules
	set.Version = 3
	set.Rules = slices.Clone(set.Rules)
	small := &set.Rules[0]
	small.When = []governance.Condition{{Amount: &governance.Amount{Currency: "EUR", Max: "100"}}, {Velocity: &governance.Velocity{Currency: "EUR", Seconds: 86400, Max: "50000"}}}
	return v
}

func compared(t testing.TB) Report {
	t.Helper()
	history := []Past{
		bought(0, "50", "mem_bob"), bought(1, "500", "mem_bob"), bought(2, "900", "mem_bob"), bought(3, "200", "mem_bob").open(), bought(4, "20").open(),
	}
	history[4].Needed = 1
	r, err := Compare(sample(), changed(), &signedlog.Mark{Size: 17, Head: "fxOVPMgYFjwTpdT9UVqdBjDXQp8VWRAaQeXRFW_8c9M"}, History(history...), nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAReportIsSaidToPeople(t *testing.T) {
	t.Parallel()
	want := []string{
		"2 of 3 past requests would have needed more approvals",
		"1 open request needs 1 more approval",
		"Bob alone could now move up to 50,000 EUR a day in purchases of Treasury, at most 100 in one request (before: up to 40,000 EUR a day, at most 1,000 in one request)",
	}
	if got := compared(t).Summary(); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	none, err := Compare(sample(), sample(), nil, History(), nil)
	if err != nil || !slices.Equal(none.Summary(), []string{"no history was replayed"}) {
		t.Errorf("%q, %v", none.Summary(), err)
	}
}

func TestAHistoryThatCannotBeReadMakesNoReport(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	var history iter.Seq2[Past, error] = func(yield func(Past, error) bool) {
		_ = yield(bought(0, "1", "mem_bob"), nil) && yield(Past{}, broken)
	}
	n := 0
	if _, err := Compare(sample(), changed(), nil, history, func(int) { n++ }); !errors.Is(err, broken) || n != 1 {
		t.Error(n, err)
	}
}

func FuzzDecodeReport(f *testing.F) {
	data, err := compared(f).Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := DecodeReport(data)
		if err != nil {
			return
		}
		again, err := r.Encode()
		if err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q becomes %q: %v", data, again, err)
		}
		_ = r.Summary()
	})
}

func FuzzDecode(f *testing.F) {
	data, err := strictjson.Canonical(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := Decode(data)
		if err != nil {
			return
		}
		if again, err := strictjson.Canonical(v); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q becomes %q: %v", data, again, err)
		}
		_ = Rehearse(v)
	})
}

// BenchmarkBackTest replays 100,000 transfers, a minute apart, under ten rules with two
// windows of which one holds a day and one a week of them.
func BenchmarkBackTest(b *testing.B) {
	const n = 100_000
	v := sample()
	set := &v.Accounts[0].Rules
	set.Rules = nil
	kind := governance.Condition{Filter: &governance.Filter{Kinds: []string{"transfer"}}}
	upTo := func(max string) governance.Condition {
		return governance.Condition{Amount: &governance.Amount{Currency: "ethereum", Max: max}}
	}
	velocity := func(days int64, max string) governance.Condition {
		return governance.Condition{Velocity: &governance.Velocity{Currency: "ethereum", Seconds: days * 86400, Max: max}}
	}
	for i := range 10 {
		set.Rules = append(set.Rules, governance.Rule{Name: fmt.Sprintf("up to %d", i+1),
			When:  []governance.Condition{kind, upTo(fmt.Sprint(i + 1)), velocity(1, "5000"), velocity(7, "60000")},
			Steps: []governance.Step{{Name: "one", Quorum: 1 + i/5, Group: "grp_officers"}}})
	}
	history := func(yield func(Past, error) bool) {
		for i := range n {
			p := bought(i, fmt.Sprintf("%d.5", i%11), "mem_bob")
			p.Facts = governance.Facts{Kind: "transfer", Account: "acc_treasury", Asset: "ethereum", Currency: "ethereum", Amount: p.Facts.Amount, Chain: "eip155:1", Address: addresses[0]}
			if !yield(p, nil) {
				return
			}
		}
	}
	for b.Loop() {
		r, err := Compare(v, v, nil, history, nil)
		if err != nil || r.Counts.Past != n || r.Counts.Denied == 0 || r.Counts.Same == n {
			b.Fatal(r.Counts, err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N), "s")
}
