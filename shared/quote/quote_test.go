package quote_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/shared/quote"
)

type vectors struct {
	Providers []quote.Provider
	Inputs    []struct {
		Name string
		quote.Input
		Codes map[string]string
		Fixes []string
	}
	Ranking []struct {
		Name     string
		Rows     map[string]string
		Order    []string
		Ranks    []int
		Best     []string
		Outliers []string
	}
	Expected []struct {
		Name           string
		Crypto         string
		Places         int
		Deliveries     []quote.Delivery
		DeliveryRatio  string `json:"delivery_ratio"`
		CompletionOdds string `json:"completion_odds"`
		Amount         string
	}
}

func load(t *testing.T) vectors {
	t.Helper()
	data, err := os.ReadFile("../spec/vectors/quote.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestProvidersAreExcludedWithAReasonAndAFix(t *testing.T) {
	t.Parallel()
	v := load(t)
	for _, in := range v.Inputs {
		t.Run(in.Name, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			for _, p := range v.Providers {
				e, ok := quote.Check(p, in.Input)
				if ok {
					continue
				}
				got[p.ID] = e.Code
				if e = quote.English.Tell(e, in.Input); e.Message == "" || e.Stage != quote.StageEligibility || e.Provider != p.ID || e.ProviderName != p.Name {
					t.Errorf("%s: %+v", p.ID, e)
				}
			}
			if d := cmp.Diff(in.Codes, got); d != "" {
				t.Errorf("codes: %s", d)
			}
			texts := []string{}
			for _, f := range quote.Fixes(v.Providers, in.Input) {
				texts = append(texts, quote.English.Opens(f, in.Input, quote.Some(v.Providers, in.Input)))
			}
			if d := cmp.Diff(in.Fixes, texts); d != "" {
				t.Errorf("fixes: %s", d)
			}
		})
	}
}

func TestAFixIsTrue(t *testing.T) {
	t.Parallel()
	v := load(t)
	count := func(in quote.Input) (n int) {
		for _, p := range v.Providers {
			if _, ok := quote.Check(p, in); ok {
				n++
			}
		}
		return n
	}
	for _, in := range v.Inputs {
		for _, f := range quote.Fixes(v.Providers, in.Input) {
			changed := in.Input
			switch f.Field {
			case "amount":
				changed.Amount = f.Value
			case "payment_method":
				changed.PaymentMethod = f.Value
			}
			if got := count(changed) - count(in.Input); got != f.Opens {
				t.Errorf("%s: %+v lets %d more in", in.Name, f, got)
			}
		}
	}
}

func TestRankingMarksTheBestAndTheOutliers(t *testing.T) {
	t.Parallel()
	for _, c := range load(t).Ranking {
		var rows []quote.Row
		for _, id := range slices.Sorted(maps.Keys(c.Rows)) {
			rows = append(rows, quote.Row{ID: "quo_" + id, Provider: id, CryptoAmount: c.Rows[id]})
		}
		var order, best, outliers []string
		var ranks []int
		for _, r := range quote.Rank(quote.Rank(rows)) { // again as rows arrive
			order, ranks = append(order, r.Provider), append(ranks, r.Rank)
			if r.Best {
				best = append(best, r.Provider)
			}
			if slices.Contains(r.Warnings, quote.RateOutlier) {
				outliers = append(outliers, r.Provider)
			}
		}
		if !slices.Equal(order, c.Order) || !slices.Equal(ranks, c.Ranks) || !slices.Equal(best, c.Best) || !slices.Equal(outliers, c.Outliers) {
			t.Errorf("%s: order %v, ranks %v, best %v, outliers %v", c.Name, order, ranks, best, outliers)
		}
	}
}

func TestNormaliseForgivesWritingAndRefusesTheRest(t *testing.T) {
	t.Parallel()
	good := quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}
	in, problems := quote.Normalise(quote.Input{From: " eur", To: "Ethereum", Amount: "0250.00", PaymentMethod: "CARD ", Country: "fr"})
	if len(problems) > 0 || in != good {
		t.Errorf("%+v, %v", in, problems)
	}
	for _, c := range []struct {
		field string
		set   func(*quote.Input, string)
		bad   []string
	}{
		{"from", func(i *quote.Input, s string) { i.From = s }, []string{"", "EU", "XXX", "EURO", "E1R"}},
		{"to", func(i *quote.Input, s string) { i.To = s }, []string{"", "ethereum/erc20", "a b", "ethereum/erc20/", "ethereum/erc20/a?b", "ethereum/ERC-20/x", "ethereum#"}},
		{"amount", func(i *quote.Input, s string) { i.Amount = s }, []string{"", "0", "0.00", "-1", "1.555", "1.5.5", ".5", "1e3", "0x1", "1,000", "1234567890123", "٣", "1.", "NaN"}},
		{"payment_method", func(i *quote.Input, s string) { i.PaymentMethod = s }, []string{"", "gold", "card sepa"}},
		{"country", func(i *quote.Input, s string) { i.Country = s }, []string{"", "XX", "FRA", "F"}},
		{"dest", func(i *quote.Input, s string) { i.Dest = s }, []string{"a b", "a\n", string(make([]byte, 129)), "é"}},
	} {
		for _, s := range c.bad {
			in := good
			c.set(&in, s)
			_, problems := quote.Normalise(in)
			if len(problems) != 1 || problems[0].Field != c.field || problems[0].Message == "" {
				t.Errorf("%s %q: %+v", c.field, s, problems)
			}
		}
	}
}

func TestCentsAreTakenByThoseWhoTakeThem(t *testing.T) {
	t.Parallel()
	provider := func(id string, cents bool) quote.Provider {
		return quote.Provider{ID: id, Name: strings.ToUpper(id), Capabilities: &quote.Capabilities{Assets: []string{"ethereum"}, Cents: cents,
			Fiats: []quote.FiatLimit{{Fiat: "EUR", Min: "20", Max: "500"}, {Fiat: "JPY", Min: "20", Max: "500"}}, Countries: []quote.Country{{Country: "FR", PaymentMethods: []string{"card"}}}}}
	}
	in, problems := quote.Normalise(quote.Input{From: "EUR", To: "ethereum", Amount: "0250.50", PaymentMethod: "card", Country: "FR"})
	if len(problems) > 0 || in.Amount != "250.5" {
		t.Fatalf("%+v, %v", in, problems)
	}
	if _, ok := quote.Check(provider("a", true), in); !ok {
		t.Error("who takes cents is not asked")
	}
	lost, ok := quote.Check(provider("b", false), in)
	if lost = quote.English.Tell(lost, in); ok || lost.Code != quote.AmountNotWhole || lost.Message != "B takes whole amounts only." || lost.Fix == nil || lost.Fix.Text != "Pay EUR 250 instead" {
		t.Errorf("%v, %+v", ok, lost)
	}
	if fixes := quote.Fixes([]quote.Provider{provider("a", true), provider("b", false)}, in); len(fixes) != 1 || fixes[0].Value != "250" || fixes[0].Opens != 1 {
		t.Errorf("%+v", fixes)
	}
	if p := quote.Validate([]quote.Provider{provider("b", false)}, in, quote.English); len(p) != 1 || p[0].Field != "amount" || p[0].Code != quote.AmountNotWhole {
		t.Errorf("%+v", p)
	}
	in.From, in.Amount = "JPY", "250.5"
	if _, problems := quote.Normalise(in); len(problems) != 1 || problems[0].Message != "Enter a whole amount: the currency has no decimals." {
		t.Errorf("%v", problems)
	}
}

func TestValidateSaysWhatIsNearest(t *testing.T) {
	t.Parallel()
	v := load(t)
	for _, in := range v.Inputs {
		problems := quote.Validate(v.Providers, in.Input, quote.English)
		if open := len(in.Codes) < len(v.Providers); open != (len(problems) == 0) {
			t.Errorf("%s: %+v", in.Name, problems)
		}
	}
	problems := quote.Validate(v.Providers[:2], quote.Input{From: "EUR", To: "ethereum", Amount: "20", PaymentMethod: "sepa", Country: "FR"}, quote.English)
	want := []quote.Problem{{Field: "amount", Code: quote.AmountBelowMin, Message: "At least EUR 50, at Alpha."}}
	if d := cmp.Diff(want, problems); d != "" {
		t.Error(d)
	}
	if p := quote.Validate(nil, v.Inputs[0].Input, quote.English); len(p) != 1 {
		t.Errorf("without providers: %+v", p)
	}
}

// One provider's limit would contradict the range that a form shows, which is that of
// all.
func TestAnAmountBeyondEveryLimitIsToldTheLimitOfAllAndTheNearestChange(t *testing.T) {
	t.Parallel()
	var providers []quote.Provider
	for _, l := range [][2]string{{"100", "5000"}, {"20", "50000"}, {"1500", "20000"}} {
		providers = append(providers, quote.Provider{ID: "p" + l[0], Name: "P" + l[0], Capabilities: &quote.Capabilities{Assets: []string{"ethereum"},
			Fiats: []quote.FiatLimit{{Fiat: "EUR", Min: l[0], Max: l[1]}}, Countries: []quote.Country{{Country: "FR", PaymentMethods: []string{"card"}}}}})
	}
	for value, r := range map[string]struct {
		says  string
		fixes []string
	}{
		"5":        {"At least EUR 20, at P20.", []string{"1500", "100", "20"}},
		"99999999": {"At most EUR 50,000, at P20.", []string{"5000", "20000", "50000"}},
	} {
		for range len(providers) {
			in := quote.Input{From: "EUR", To: "ethereum", Amount: value, PaymentMethod: "card", Country: "FR"}
			if p := quote.Validate(providers, in, quote.English); len(p) != 1 || p[0].Message != r.says {
				t.Errorf("%s: %+v", value, p)
			}
			var got []string
			for _, f := range quote.Fixes(providers, in) {
				got = append(got, f.Value)
			}
			if d := cmp.Diff(r.fixes, got); d != "" {
				t.Errorf("%s: %s", value, d)
			}
			providers = append(providers[1:], providers[0])
		}
	}
}

func TestAQuoteLivesOnTheServersClock(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	if got := quote.Expiry(at, time.Time{}, 0); got != at.Add(quote.Life) {
		t.Errorf("without the provider's time: %v", got)
	}
	if got := quote.Expiry(at, at.Add(time.Second), 0); got != at.Add(time.Second) {
		t.Errorf("the provider's earlier time: %v", got)
	}
	if got := quote.Expiry(at, at.Add(time.Hour), time.Minute); got != at.Add(time.Minute) {
		t.Errorf("the provider's later time: %v", got)
	}
	row := quote.Row{ExpiresAt: at}
	if row.Remaining(at.Add(-time.Second)) != time.Second || row.Expired(at.Add(-1)) || !row.Expired(at) || row.Remaining(at.Add(time.Hour)) != 0 {
		t.Error("the end of a quote")
	}
	local := at.Add(-time.Hour) // a computer an hour late
	clock := quote.NewClock(at, local.Add(-time.Second), local.Add(time.Second))
	if got := clock.At(local); got != at {
		t.Errorf("the server's time is %v", got)
	}
}

func FuzzNormalise(f *testing.F) {
	f.Add("EUR", "ethereum", "250", "card", "FR", "0x1")
	f.Add("eur", "ethereum/erc20/usd__coin", "00.00", " sepa", "gb", "")
	f.Fuzz(func(t *testing.T, from, to, value, method, country, dest string) {
		in, problems := quote.Normalise(quote.Input{From: from, To: to, Amount: value, PaymentMethod: method, Country: country, Dest: dest})
		if len(problems) > 0 {
			return
		}
		again, problems := quote.Normalise(in)
		if len(problems) > 0 || again != in {
			t.Fatalf("%+v is not in its own normal form: %+v, %v", in, again, problems)
		}
	})
}
