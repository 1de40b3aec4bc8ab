// Package quoteui is the logic of the screen that buys: what the form allows,
// said before a limit is broken; the list of offers while they stream in, which
// never moves under pointer or focus; and when an offer ends on the server's
// clock. What a provider can serve is decided by shared/quote, the same code as
// in the gateway. Pure. Used by wasm/internal/app.
package quoteui

import (
	"slices"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/quote"
)

// Form is what the person typed and chose. It survives a reload; it holds no
// secret.
type Form struct {
	Amount  string `json:"amount"` // as typed
	Fiat    string `json:"fiat"`
	Asset   string `json:"asset"`
	Method  string `json:"method"`
	Country string `json:"country"`
	Account string `json:"account"`
	// What is said about the next request; prices do not depend on it.
	Purpose   string `json:"purpose,omitempty"`
	Reference string `json:"reference,omitempty"`
}

// Asks reports whether two forms ask for the same prices.
func (f Form) Asks(same Form) bool {
	f.Purpose, f.Reference = same.Purpose, same.Reference
	return f == same
}

// MaxField is the longest value of a field, in bytes: that of words (shared/name).
const MaxField = 420

// Set changes one field by its name, which may be the form's or that of
// quote.Input; an unknown name or an over-long value changes nothing.
func (f Form) Set(field, value string) Form {
	if len(value) > MaxField {
		return f
	}
	switch field {
	case "amount":
		f.Amount = value
	case "fiat", "from":
		f.Fiat = value
	case "asset", "to":
		f.Asset = value
	case "method", "payment_method":
		f.Method = value
	case "country":
		f.Country = value
	case "account":
		f.Account = value
	case "purpose":
		f.Purpose = value
	case "reference":
		f.Reference = value
	}
	return f
}

// Input is the form as a question; plain is the amount as a plain decimal.
func (f Form) Input(plain string) quote.Input {
	return quote.Input{From: f.Fiat, To: f.Asset, Amount: plain, PaymentMethod: f.Method, Country: f.Country}
}

// Choices are the values that some provider can serve, sorted.
type Choices struct {
	Assets, Fiats, Countries, Methods []string
}

// Options gathers the choices. Methods are those of the chosen country; assets
// are those that can be bought into an account on the chain (CAIP-2), or all
// while it is not known.
func Options(providers []quote.Provider, f Form, chain string) Choices {
	var c Choices
	for _, p := range providers {
		if p.Capabilities == nil {
			continue
		}
		for _, id := range p.Capabilities.Assets {
			if _, why := asset.Buyable(chain, id); why == "" || chain == "" {
				c.Assets = append(c.Assets, id)
			}
		}
		for _, l := range p.Capabilities.Fiats {
			c.Fiats = append(c.Fiats, l.Fiat)
		}
		for _, k := range p.Capabilities.Countries {
			c.Countries = append(c.Countries, k.Country)
			if k.Country == f.Country {
				c.Methods = append(c.Methods, k.PaymentMethods...)
			}
		}
	}
	for _, list := range []*[]string{&c.Assets, &c.Fiats, &c.Countries, &c.Methods} {
		*list = sortedSet(*list)
	}
	return c
}

// sortedSet sorts a short list that is nearly in order, and drops what is twice.
// The general sort of the standard library is more to download than the lists.
func sortedSet(list []string) []string {
	seen := make(map[string]bool, len(list))
	var out []string
	for _, v := range list {
		if seen[v] {
			continue
		}
		seen[v] = true
		out = append(out, v)
		for i := len(out) - 1; i > 0 && out[i] < out[i-1]; i-- {
			out[i], out[i-1] = out[i-1], out[i]
		}
	}
	return out
}

// Default fills what is empty, and replaces what no provider can serve any more
// into an account on the chain.
func Default(providers []quote.Provider, f, want Form, chain string) Form {
	f.Fiat = pick(f.Fiat, want.Fiat, Options(providers, f, chain).Fiats)
	f.Asset = pick(f.Asset, want.Asset, Options(providers, f, chain).Assets)
	f.Country = pick(f.Country, want.Country, Options(providers, f, chain).Countries)
	f.Method = pick(f.Method, want.Method, Options(providers, f, chain).Methods)
	if f.Account == "" {
		f.Account = want.Account
	}
	return f
}

func pick(have, want string, from []string) string {
	switch {
	case slices.Contains(from, have):
		return have
	case slices.Contains(from, want):
		return want
	case len(from) > 0:
		return from[0]
	}
	return have
}

// Range is the least and the most that any provider takes for this form, who does, and
// how many providers can serve it but for the amount.
type Range struct {
	Min, Max     string
	MinAt, MaxAt string // names of the providers
	Providers    int
}

// Limits says what the amount may be.
func Limits(providers []quote.Provider, f Form) Range {
	var r Range
	for _, p := range providers {
		l, ok := serves(p, f)
		if !ok {
			continue
		}
		r.Providers++
		if r.Min == "" || Compare(l.Min, r.Min) < 0 {
			r.Min, r.MinAt = l.Min, p.Name
		}
		if r.Max == "" || Compare(l.Max, r.Max) > 0 {
			r.Max, r.MaxAt = l.Max, p.Name
		}
	}
	return r
}

// serves says whether the provider can serve the form but for the amount.
func serves(p quote.Provider, f Form) (quote.FiatLimit, bool) {
	if p.Capabilities == nil || !slices.Contains(p.Capabilities.Assets, f.Asset) {
		return quote.FiatLimit{}, false
	}
	i := slices.IndexFunc(p.Capabilities.Countries, func(c quote.Country) bool { return c.Country == f.Country })
	if i < 0 || !slices.Contains(p.Capabilities.Countries[i].PaymentMethods, f.Method) {
		return quote.FiatLimit{}, false
	}
	j := slices.IndexFunc(p.Capabilities.Fiats, func(l quote.FiatLimit) bool { return l.Fiat == f.Fiat })
	if j < 0 {
		return quote.FiatLimit{}, false
	}
	return p.Capabilities.Fiats[j], true
}

// Compare orders two plain decimals; what is none counts as zero.
func Compare(a, b string) int { return parse(a).Cmp(parse(b)) }

func parse(s string) amount.Amount {
	a, err := amount.Parse(s)
	if err != nil {
		return amount.Amount{}
	}
	return a
}

// Difference is how much less than best a is: exact, in percent with two decimals, and in
// money at a price for one unit, with so many places. The last two are rounded up and only
// ever stand beside the exact amounts.
func Difference(a, best, price string, places int) (exact, percent, money string) {
	x, y := parse(a), parse(best)
	if y.IsZero() {
		return "0", "0", "0"
	}
	d := y.Sub(x)
	return d.Trim().String(), d.MulRatio(100, 1, d.Places(), amount.Floor).Div(y, 2, amount.Ceil).String(), d.Mul(parse(price)).Rescale(places, amount.Ceil).String()
}

// Part is so many percent of an amount, rounded up to its own decimals: the least that a
// request accepts (shared/spec/wire.md, POST /v1/requests).
func Part(of string, percent int64) string {
	a := parse(of)
	return a.MulRatio(percent, 100, a.Places(), amount.Ceil).String()
}

// Sum adds amounts up.
func Sum(list ...string) string {
	var all amount.Amount
	for _, s := range list {
		all = all.Add(parse(s))
	}
	return all.String()
}

// Diff is a - b, exact, with its sign.
func Diff(a, b string) string { return parse(a).Sub(parse(b)).Trim().String() }
