package quote_test

import (
	"slices"
	"strings"
	"testing"

	"countersign/shared/quote"
)

// Whoever reads has one way to write money and countries: nothing but their own
// words writes any.
func TestReasonsAndFixesAreWrittenInTheWordsOfWhoReadsThem(t *testing.T) {
	t.Parallel()
	w := quote.Words{Money: func(a, c string) string { return "[" + a + " of " + c + "]" }, Country: func(c string) string { return "{" + c + "}" }}
	v := load(t)
	for _, in := range v.Inputs {
		plain := func(text string) bool {
			return slices.Contains(strings.Fields(strings.TrimSuffix(text, ".")), in.Input.Country)
		}
		for _, p := range v.Providers {
			e, ok := quote.Check(p, in.Input)
			if ok {
				continue
			}
			why := w.Why(e, in.Input)
			aboutMoney := slices.Contains([]string{quote.AmountBelowMin, quote.AmountAboveMax}, e.Code)
			if why == "" || aboutMoney != strings.Contains(why, " of "+in.Input.From+"]") || plain(why) || e.Message != "" {
				t.Errorf("%s, %s: %q, %+v", in.Name, p.ID, why, e)
			}
			if e.Fix != nil && (e.Fix.Field == "amount") != strings.Contains(w.Fix(*e.Fix, in.Input), "["+e.Fix.Value+" of ") {
				t.Errorf("%s, %s: %q", in.Name, p.ID, w.Fix(*e.Fix, in.Input))
			}
		}
		for _, f := range quote.Fixes(v.Providers, in.Input) {
			if text := w.Opens(f, in.Input, false); (f.Field == "amount") != strings.Contains(text, "["+f.Value+" of ") || f.Text != "" {
				t.Errorf("%s: %q, %+v", in.Name, text, f)
			}
		}
	}
	other := quote.Excluded{Code: quote.TimedOut, Message: "Alpha did not answer in time."}
	if got := w.Why(other, quote.Input{}); got != other.Message {
		t.Errorf("what only the gateway knows: %q", got)
	}
	if got := w.Why(quote.Excluded{Code: quote.AmountBelowMin, Message: "m"}, quote.Input{}); got != "m" {
		t.Errorf("a limit that is not told: %q", got)
	}
}
