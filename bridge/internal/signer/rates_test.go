package signer

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// valued lets Alice or Bob send what is worth at most 5,000 EUR, and 8,000 a day, at a rate
// that the program Carol signed in the last quarter of an hour; both together, everything else.
func valued() governance.Set {
	kinds := governance.Condition{Filter: &governance.Filter{Kinds: []string{intent.KindTransfer}, Assets: []string{"ethereum"}}}
	who := []string{"mem_alice", "mem_bob"}
	return governance.Set{Version: 1, RateSource: "mem_carol", Rules: []governance.Rule{
		{Name: "small", RateWithin: 900, When: []governance.Condition{kinds,
			{Amount: &governance.Amount{Currency: "EUR", Max: "5000"}}, {Velocity: &governance.Velocity{Currency: "EUR", Seconds: 86400, Max: "8000"}}},
			Steps: []governance.Step{{Name: "one", Quorum: 1, Members: who}}},
		{Name: "large", When: []governance.Condition{kinds}, Steps: []governance.Step{{Name: "both", Quorum: 2, Members: who}}},
	}}
}

// carols is a rate that Carol says now.
func (g *rig) carols(rate string) statement.Rate {
	return statement.Rate{V: 1, Type: "rate", Entity: "ent_sandbox", Source: "mem_carol", Asset: "ethereum", Currency: "EUR", Rate: rate, At: g.clock.now().Unix()}
}

// signs has a member sign a rate.
func (g *rig) signs(member string, r statement.Rate) string {
	g.t.Helper()
	payload, err := statement.Encode(r)
	if err != nil {
		g.t.Fatal(err)
	}
	token, err := jws.Sign(g.t.Context(), g.people[member].Approval, statement.TypRate, payload)
	if err != nil {
		g.t.Fatal(err)
	}
	return token
}

// rate tells the signer a rate of Carol's.
func (g *rig) rate(r statement.Rate) (known wire.SignerRate, code fault.Code) {
	g.t.Helper()
	return known, g.call("POST", "/v1/rates", wire.SignerRateInput{JWS: g.signs("mem_carol", r)}, &known)
}

func (g *rig) wanted() []wire.SignerRate {
	g.t.Helper()
	var all wire.SignerRates
	if code := g.call("GET", "/v1/rates", nil, &all); code != "" {
		g.t.Fatal(code)
	}
	return all.Rates
}

// send asks for a transfer of an amount of Ether.
func (g *rig) send(amount string) wire.SignerRequest {
	g.t.Helper()
	in := g.sends(newRequestID(g.t))
	intenttest.Edit(&in.Intent, func(x *intent.Transfer) { x.Crypto.Amount = amount })
	var r wire.SignerRequest
	if code := g.call("POST", "/v1/requests", in, &r); code != "" {
		g.t.Fatal(code)
	}
	return r
}

func TestAnAmountInMoneyIsJudgedAtARateThatItsSourceSigned(t *testing.T) {
	t.Parallel()
	g := newRig(t, valued())
	if _, code := g.rate(g.carols("2600.333333")); code != "" {
		t.Fatal(code)
	}
	g.clock.add(15 * time.Minute)
	small := g.send("1.5") // 3,900.50
	if r := g.service.state.Request(small.Request); small.GovernedBy.Rule != "small" || r.Recorded.Value.Amount != "3900.4999995" || r.Rate == "" {
		t.Fatalf("%+v by %+v", r.Recorded.Value, small.GovernedBy)
	}
	g.clock.add(-time.Minute)
	for amount, rule := range map[string]string{"1.93": "large", "1.6": "large", "1.5": "small"} { // 5,018.64 at once; 8,061.03 and 7,801.00 a day
		e, code := g.dry(func() wire.SignerRequestInput {
			in := g.sends(newRequestID(t))
			intenttest.Edit(&in.Intent, func(x *intent.Transfer) { x.Crypto.Amount = amount })
			return in
		}(), "true")
		if code != "" || e.Decision.Rule != rule || e.Value == nil || e.Value.Source != "mem_carol" || e.Value.Rate != "2600.333333" {
			t.Errorf("%s Ether: %q, %+v, %+v", amount, code, e.Decision, e.Value)
		}
	}
	g.approves("mem_alice", small.Request)
	if r := g.look(small.Request); r.State != "APPROVED" {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
	if err := g.service.Checkpoint(t.Context()); err != nil {
		t.Fatal(err)
	}
	g.restart()
	cfg, file := g.written(t)
	if err := VerifyLog(t.Context(), cfg, file, Stdio{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}); err != nil {
		t.Errorf("from the genesis: %v", err)
	}
}

// Whatever is wrong with a rate lets nothing through: the rule that needs it does not match.
func TestWithoutARateThatCountsARuleDoesNotMatchAndTheDryRunSaysWhy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		before func(g *rig)
		why    string
	}{
		"none":                               {func(*rig) {}, "no signed rate says what it is worth in EUR"},
		"one that is stale":                  {func(g *rig) { mustRate(g); g.clock.add(901 * time.Second) }, "its rate of 2026-11-20 21:00:00 UTC is not of the 15m0s before it"},
		"one of yesterday":                   {func(g *rig) { mustRate(g); g.clock.add(25 * time.Hour) }, "no signed rate says what it is worth in EUR"},
		"one of a signer that started since": {func(g *rig) { mustRate(g); g.restart() }, "no signed rate says what it is worth in EUR"},
		"one of a source that is suspended since": {func(g *rig) {
			mustRate(g)
			g.changed(turns(intent.KindMemberSuspend, "carol", 1), "mem_alice", "mem_bob")
		}, "no signed rate says what it is worth in EUR"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, valued())
			c.before(g)
			e, code := g.dry(g.sends(newRequestID(t)), "true")
			if code != "" || e.Decision.Rule != "large" || e.Rules[0].Rule != "small" || e.Rules[0].Why != c.why {
				t.Errorf("%q: %+v, %+v", code, e.Decision, e.Rules)
			}
			if r := g.send("1.5"); r.GovernedBy.Rule != "large" {
				t.Errorf("%+v", r.GovernedBy)
			}
		})
	}
}

func mustRate(g *rig) {
	g.t.Helper()
	if _, code := g.rate(g.carols("2600")); code != "" {
		g.t.Fatal(code)
	}
}

// A rule that denies above an amount also denies while nobody knows what it is worth.
func TestAMissingRateKeepsNoRuleFromDenying(t *testing.T) {
	t.Parallel()
	rules := valued()
	rules.Rules[0].Deny, rules.Rules[0].Steps = true, nil
	rules.Rules[0].When = []governance.Condition{rules.Rules[0].When[0], {Amount: &governance.Amount{Currency: "EUR", Min: "5000"}}}
	g := newRig(t, rules)
	if code := g.call("POST", "/v1/requests", g.sends(newRequestID(t)), nil); code != fault.Denied {
		t.Errorf("without a rate: %q", code)
	}
	mustRate(g)
	if r := g.send("1.5"); r.GovernedBy.Rule != "large" {
		t.Errorf("%+v", r.GovernedBy)
	}
}

// A hostile gateway has every rate that was ever signed, and brings what suits it.
func TestARateThatIsNotTheNewestOfItsSourceIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, valued())
	before := g.carols("2700")
	g.clock.add(time.Minute)
	now := g.carols("2600")
	if known, code := g.rate(now); code != "" || known.At.Unix() != now.At {
		t.Fatalf("%s: %+v", code, known)
	}
	g.send("1")
	with := func(f func(*statement.Rate)) statement.Rate {
		r := now
		f(&r)
		return r
	}
	for name, c := range map[string]struct {
		by    string
		rate  statement.Rate
		code  fault.Code
		field string
	}{
		"one of before":                     {"mem_carol", before, fault.Conflict, "at"},
		"another one of the same second":    {"mem_carol", with(func(r *statement.Rate) { r.Rate = "1" }), fault.Conflict, "at"},
		"signed by another member":          {"mem_alice", now, fault.SignatureInvalid, ""},
		"of a member who is not a source":   {"mem_alice", with(func(r *statement.Rate) { r.Source = "mem_alice" }), fault.Invalid, "source"},
		"of nobody whom the vault knows":    {"mem_carol", with(func(r *statement.Rate) { r.Source = "mem_mallory" }), fault.Forbidden, "source"},
		"for another vault":                 {"mem_carol", with(func(r *statement.Rate) { r.Entity = "ent_other" }), fault.StatementInvalid, "entity"},
		"of an asset that no account holds": {"mem_carol", with(func(r *statement.Rate) { r.Asset = "bitcoin" }), fault.Invalid, "source"},
		"in a currency of no rule":          {"mem_carol", with(func(r *statement.Rate) { r.Currency = "USD" }), fault.Invalid, "source"},
		"of a minute ahead":                 {"mem_carol", with(func(r *statement.Rate) { r.At += 31 }), fault.StatementInvalid, "at"},
	} {
		token := g.signs(c.by, c.rate)
		_, err := g.service.Rate(t.Context(), token)
		if f, ok := fault.As(err); !ok || f.Code != c.code || f.Details["field"] != c.field {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	for _, token := range []string{"", "a.b.c", g.people["mem_carol"].Certificate, strings.Repeat("a", maxBody)} {
		if code := g.call("POST", "/v1/rates", wire.SignerRateInput{JWS: token}, nil); code == "" {
			t.Errorf("%.20q was taken", token)
		}
	}
	if _, code := g.rate(now); code != "" { // the same again
		t.Error(code)
	}
	if _, code := g.rate(with(func(r *statement.Rate) { r.At += 30 })); code != "" {
		t.Errorf("of a clock that is ahead: %s", code)
	}
	// A start forgets the newest that it was told, but not the newest that the log has.
	g.restart()
	if _, code := g.rate(before); code != fault.Conflict {
		t.Errorf("one of before, after a restart: %q", code)
	}
}

func TestRatesAreWantedForWhatTheRulesMayLookAt(t *testing.T) {
	t.Parallel()
	g := newRig(t, valued())
	want := []wire.SignerRate{{Source: "mem_carol", Asset: "ethereum", Currency: "EUR"}}
	if got := g.wanted(); len(got) != 1 || got[0] != want[0] {
		t.Fatalf("%+v", got)
	}
	mustRate(g)
	if got := g.wanted(); len(got) != 0 {
		t.Errorf("with a new one: %+v", got)
	}
	g.clock.add(450 * time.Second)
	if got := g.wanted(); len(got) != 1 || got[0].At == nil {
		t.Errorf("with one of half the age: %+v", got)
	}
	g.changed(edits(1, twoOfThree().Rules...), "mem_alice", "mem_bob")
	if got := g.wanted(); len(got) != 0 || len(g.service.rates) != 0 {
		t.Errorf("under rules that look at none: %+v, %d are kept", got, len(g.service.rates))
	}
}

// What a request is worth stays as it was recorded, whoever says rates from then on.
func TestARequestIsNotValuedByASourceThatItsRulesDoNotNameAnyMore(t *testing.T) {
	t.Parallel()
	g := newRig(t, valued())
	mustRate(g)
	id := g.send("1.5").Request
	edit := edits(1, valued().Rules[0])
	edit.Rules.RateSource, edit.Rules.Rules[0].Steps[0].Members = "mem_bob", []string{"mem_alice"}
	g.changed(edit, "mem_alice", "mem_bob")
	why := `rule "small" does not apply: what it is worth in EUR was said by mem_carol, whose rates the rules do not take`
	if r := g.look(id); r.State != "BLOCKED" || !slices.Contains(r.Reasons, why) {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
}
