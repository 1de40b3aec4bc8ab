package vault

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// TestSumsThatAreKeptEqualTheSumsOfEachRequest adds approved requests in any order and
// asks for the sum at any time, also at one before.
func TestSumsThatAreKeptEqualTheSumsOfEachRequest(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	start := time.Unix(1_795_208_400, 0)
	windows := []governance.Velocity{{Currency: "EUR", Seconds: 3600, Max: "1"}, {Seconds: 3600, Count: 1}, {Currency: "CHF", Seconds: 3600, Max: "1"}}
	kept := []spends{{Velocity: windows[0]}, {Velocity: windows[1]}, {Velocity: windows[2]}}
	var all []governance.Earlier
	for range 400 {
		at := start.Add(time.Duration(r.IntN(20_000)) * time.Second)
		e := governance.Earlier{
			Amount: strconv.Itoa(r.IntN(1000)) + "." + strconv.Itoa(10+r.IntN(90)), Currency: []string{"EUR", "USD"}[r.IntN(2)],
			State: governance.Approved, Approved: at, UseBy: at.Add(time.Duration(r.IntN(10_000)) * time.Second),
		}
		if r.IntN(2) == 0 {
			e.Value = &governance.Value{Currency: "CHF", Amount: strconv.Itoa(r.IntN(1000))}
		}
		all = append(all, e)
		now := start.Add(time.Duration(r.IntN(32_000)-1000) * time.Second)
		for i := range kept {
			kept[i].add(e)
			want, ok := windows[i].Spent(now, "0", all)
			if got := amount.Must(kept[i].at(now)); !ok || got.Cmp(amount.Must(want.Amount)) != 0 {
				t.Fatalf("%+v after %d: %s, want %s", windows[i], len(all), got, want.Amount)
			}
		}
	}
}

func TestAnAddressIsGivenAgainOnlyWhenItIsFree(t *testing.T) {
	t.Parallel()
	p := Pool{}
	for i, a := range []string{"a", "b"} {
		if n, err := p.take(a, false); err != nil || n != i {
			t.Fatal(n, err)
		}
	}
	if _, err := p.take("a", true); err == nil {
		t.Error("one that is taken was given to another")
	}
	p.put(Numbered{"a", 0})
	if f := p.Free(); len(f) != 1 || f[0] != (Numbered{"a", 0}) || p.Next() != 2 {
		t.Errorf("free: %+v, next %d", f, p.Next())
	}
	if n, err := p.take("a", true); err != nil || n != 0 || len(p.Free()) != 0 || p.Next() != 2 {
		t.Errorf("%v, free: %+v, next %d", err, p.Free(), p.Next())
	}
}

// BenchmarkSpent compares a request under a velocity rule after 100,000 approved ones
// with one after 100: the rules are asked each time.
func BenchmarkSpent(b *testing.B) {
	few, many := spender(b, 1, 100), spender(b, 1, 100_000)
	var short, long time.Duration
	for b.Loop() {
		began := time.Now()
		few()
		short += time.Since(began)
		began = time.Now()
		many()
		long += time.Since(began)
	}
	b.ReportMetric(long.Seconds()/short.Seconds(), "ratio")
}

// BenchmarkDecide asks as many rules as a set has, of which the last one governs, about a
// request after 10,000 approved ones.
func BenchmarkDecide(b *testing.B) {
	ask := spender(b, 32, 10_000)
	for b.Loop() {
		ask()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

// spender asks the rules of an account about a request after n approved ones.
func spender(b *testing.B, rulesOf, n int) func() {
	b.Helper()
	steps := []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_a"}}}
	rules := governance.Set{Version: 1}
	for i := range rulesOf - 1 {
		rules.Rules = append(rules.Rules, governance.Rule{Name: "up to " + strconv.Itoa(i+1), When: []governance.Condition{{Amount: &governance.Amount{Currency: "EUR", Max: strconv.Itoa(i + 1)}}}, Steps: steps})
	}
	rules.Rules = append(rules.Rules, governance.Rule{
		Name: "daily", When: []governance.Condition{{Velocity: &governance.Velocity{Currency: "EUR", Seconds: 86400, Max: "1000000000"}}}, Steps: steps,
	})
	s := New(jws.PublicKey{}, nil)
	var err error
	s.Governance, err = found(statement.Genesis{Members: []statement.GenesisMember{{Member: "mem_a", Name: "A", Role: statement.Operator}},
		Accounts: []statement.GenesisAccount{{Account: "acc_a", Rules: rules}}})
	if err != nil {
		b.Fatal(err)
	}
	kept := &spends{Velocity: rules.Windows()[0]}
	s.accounts["acc_a"] = &account{GenesisAccount: s.Genesis.Accounts[0], spends: []*spends{kept}}
	start := time.Unix(1_795_208_400, 0)
	for i := range n {
		at := start.Add(time.Duration(i) * time.Second)
		kept.add(governance.Earlier{Amount: "250.00", Currency: "EUR", State: governance.Approved, Approved: at, UseBy: at})
	}
	at := start.Add(time.Duration(n) * time.Second)
	r := &Request{
		RequestBody: signedlog.RequestBody{Created: at.Unix(), Expires: at.Add(time.Hour).Unix()},
		Wants:       intent.Buy{Kind: intent.KindBuy, V: 1, Account: "acc_a", Fiat: intent.Fiat{Amount: "250.00", Currency: "EUR"}},
		CreatedAt:   at,
	}
	return func() {
		if d := s.Govern(r); d.State != governance.Pending {
			b.Fatal(d.Reasons)
		}
	}
}

func TestALogOfAnEarlierVersionIsNamedAsSuch(t *testing.T) {
	t.Parallel()
	for _, v := range []string{"1", "2", "3"} {
		err := New(jws.PublicKey{}, nil).Apply(signedlog.Entry{Type: signedlog.Genesis, Body: strictjson.Raw(`{"v":` + v + `,"type":"genesis","entity":"ent_sandbox"}`)}, "")
		if fault.CodeOf(err) != fault.Version {
			t.Error(err)
		}
	}
}
