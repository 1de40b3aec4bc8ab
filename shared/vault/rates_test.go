package vault

import (
	"strings"
	"testing"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

const sourceKey seed = 6

// valuing is a vault whose source of rates is North Rates: two members approve what is
// worth at most 5,000 EUR.
func valuing(t testing.TB, change func(*statement.Genesis)) *writer {
	t.Helper()
	g := enrolling()
	g.Members = append(g.Members, statement.GenesisMember{Member: "mem_northrates", Name: "North Rates", Role: statement.Operator,
		Approval: sourceKey.PublicKey().JWK(), Channel: seed(7).PublicKey().JWK(), ChannelIn: statement.InToken})
	set := transfers(1, 2)
	set.RateSource = "mem_northrates"
	set.Rules[0].RateWithin = 900
	set.Rules[0].When = append(set.Rules[0].When, governance.Condition{Amount: &governance.Amount{Currency: "EUR", Max: "5000"}})
	rest := transfers(1, 1).Rules[0]
	rest.Name = "rest"
	set.Rules = append(set.Rules, rest)
	g.Accounts[0].Rules = set
	if change != nil {
		change(&g)
	}
	w := &writer{t, New(statementKey.PublicKey(), nil), noon}
	w.append(signedlog.Genesis, begun(t, g, aliceKey, bobKey))
	return w
}

// rate is what North Rates said at noon.
func rate() statement.Rate {
	return statement.Rate{V: 1, Type: "rate", Entity: "ent_sandbox", Source: "mem_northrates", Asset: "ethereum", Currency: "EUR", Rate: "2600.333333", At: noon - 5}
}

func (w *writer) says(key seed, typ string, r statement.Rate) string {
	w.t.Helper()
	payload, err := statement.Encode(r)
	if err != nil {
		w.t.Fatal(err)
	}
	token, err := jws.Sign(w.t.Context(), key, typ, payload)
	if err != nil {
		w.t.Fatal(err)
	}
	return token
}

// asksAt is the entry of a transfer at a rate, which is taken as it is.
func (w *writer) asksAt(request, token string, value *governance.Value) signedlog.RequestBody {
	w.t.Helper()
	b := ask(w.t, w.s, request)
	b.Rate, b.Recorded.Value = token, value
	r, err := newRequest(b)
	if err != nil {
		w.t.Fatal(err)
	}
	b.GovernedBy = r.Pin(w.s.Govern(r))
	return b
}

func worth(r statement.Rate) *governance.Value {
	return Worth(intent.Transfer{Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"}}, r)
}

func TestARequestIsWorthWhatTheSourceOfItsRulesSigned(t *testing.T) {
	t.Parallel()
	w := valuing(t, nil)
	r := rate()
	b := w.asksAt(approved, w.says(sourceKey, statement.TypRate, r), worth(r))
	if b.GovernedBy.Rule != "transfers" || b.Recorded.Value.Amount != "3900.4999995" {
		t.Errorf("%+v by %+v", b.Recorded.Value, b.GovernedBy)
	}
	w.append(signedlog.Request, b)
	// Without a rate nothing says what it is worth, and the next rule governs.
	if b = w.asksAt(waiting, "", nil); b.GovernedBy.Rule != "rest" {
		t.Errorf("without a rate: %+v", b.GovernedBy)
	}
	w.append(signedlog.Request, b)
	data, err := w.s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Restore(data, statementKey.PublicKey(), w.s.past)
	if err != nil {
		t.Fatal(err)
	}
	w.s = back // knows how new the rate was
	old := r
	old.At--
	if err := w.try(signedlog.Request, w.asksAt(unsent, w.says(sourceKey, statement.TypRate, old), worth(old))); err == nil || !strings.Contains(err.Error(), "newer rate") {
		t.Errorf("an older rate than one that is in the log: %v", err)
	}
	if err := w.try(signedlog.Request, w.asksAt(unsent, w.says(sourceKey, statement.TypRate, r), worth(r))); err != nil {
		t.Errorf("the same rate again: %v", err)
	}
}

// Whoever reads the log finds that a signer made up what something is worth.
func TestALogWithARateThatDoesNotHoldIsRefused(t *testing.T) {
	t.Parallel()
	changed := func(f func(*statement.Rate)) statement.Rate {
		r := rate()
		f(&r)
		return r
	}
	half := *worth(rate())
	half.Amount = "1950.25"
	later := *worth(rate())
	later.At++
	for name, c := range map[string]struct {
		genesis func(*statement.Genesis)
		key     seed
		typ     string
		rate    statement.Rate
		value   *governance.Value // nil: what the rate says
		why     string
	}{
		"signed by another member":               {key: aliceKey, rate: rate(), why: "does not name the expected key, algorithm and purpose"},
		"signed by the vault itself":             {key: statementKey, rate: rate(), why: "does not name the expected key, algorithm and purpose"},
		"signed for another purpose":             {typ: statement.TypVerdict, rate: rate(), why: "does not name the expected key, algorithm and purpose"},
		"of a member who is not a source":        {key: aliceKey, rate: changed(func(r *statement.Rate) { r.Source = "mem_alice" }), why: "is not one that its rules look at"},
		"of nobody whom the vault knows":         {rate: changed(func(r *statement.Rate) { r.Source = "mem_mallory" }), why: "no source of rates of this name"},
		"for another vault":                      {rate: changed(func(r *statement.Rate) { r.Entity = "ent_other" }), why: "entity is not this vault's"},
		"of another asset":                       {rate: changed(func(r *statement.Rate) { r.Asset = "bitcoin" }), why: "is not one that its rules look at"},
		"in another currency":                    {rate: changed(func(r *statement.Rate) { r.Currency = "USD" }), why: "is not one that its rules look at"},
		"of a minute later":                      {rate: changed(func(r *statement.Rate) { r.At = noon + 60 }), why: "is of another time"},
		"of two days ago":                        {rate: changed(func(r *statement.Rate) { r.At = noon - 2*86400 }), why: "is of another time"},
		"that says something else":               {rate: rate(), value: &half, why: "is not worth what its rate says"},
		"that was said at another time":          {rate: rate(), value: &later, why: "is not worth what its rate says"},
		"under rules that look at no rate":       {genesis: func(g *statement.Genesis) { g.Accounts[0].Rules.Rules = g.Accounts[0].Rules.Rules[1:] }, rate: rate(), why: "is not one that its rules look at"},
		"under rules that name another as their": {genesis: func(g *statement.Genesis) { g.Accounts[0].Rules.RateSource = "" }, rate: rate(), why: "is not one that its rules look at"},
	} {
		w := valuing(t, c.genesis)
		if c.key == 0 {
			c.key = sourceKey
		}
		if c.typ == "" {
			c.typ = statement.TypRate
		}
		if c.value == nil {
			c.value = worth(c.rate)
		}
		b := w.asksAt(approved, w.says(c.key, c.typ, c.rate), c.value)
		if err := w.try(signedlog.Request, b); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v, want %q", name, err, c.why)
		}
		b.Rate = ""
		if err := w.try(signedlog.Request, b); err == nil || !strings.Contains(err.Error(), "signed by nobody") {
			t.Errorf("%s, and left out: %v", name, err)
		}
	}
}
