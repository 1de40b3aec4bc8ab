package quote

import (
	"cmp"
	"slices"
	"strings"

	"countersign/shared/amount"
)

// Check says whether provider p can serve the normalised input; if not, the
// exclusion has the code and what would change it, and [Words] say it. The circuit
// breaker comes last: it says nothing about the input.
func Check(p Provider, in Input) (Excluded, bool) {
	out := Excluded{Provider: p.ID, ProviderName: p.Name, Stage: StageEligibility}
	no := func(code string) (Excluded, bool) {
		out.Code = code
		return out, false
	}
	c := p.Capabilities
	if c == nil || p.Freshness == Unavailable {
		return no(CapabilitiesUnavailable)
	}
	if !slices.Contains(c.Assets, in.To) {
		return no(CryptoUnsupported)
	}
	out.Fix = c.mend(in)
	limit, ok := c.limit(in.From)
	if !ok {
		return no(FiatUnsupported)
	}
	methods, ok := c.methods(in.Country)
	if !ok {
		return no(CountryUnsupported)
	}
	if !slices.Contains(methods, in.PaymentMethod) {
		return no(PaymentMethodUnsupported)
	}
	out.Params = &Params{Min: limit.Min, Max: limit.Max, Currency: limit.Fiat}
	switch compare(in.Amount, limit) {
	case -1:
		return no(AmountBelowMin)
	case 1:
		return no(AmountAboveMax)
	}
	out.Params = nil
	if !c.Cents && !isWhole(in.Amount) {
		return no(AmountNotWhole)
	}
	if p.Circuit == CircuitOpen {
		if p.Failing != nil {
			out.RetryAt = p.Failing.RetryAt
		}
		return no(CircuitIsOpen)
	}
	return Excluded{}, true
}

// mend is the least change of an input that lets the provider in: another currency,
// another payment method, a limit of the amount, or several of them. It is nil when there is
// nothing to change, and where it would be another purchase: of another asset, or by a
// resident of another country.
func (c *Capabilities) mend(in Input) *Fix {
	methods, served := c.methods(in.Country)
	if !served || len(methods) == 0 || len(c.Fiats) == 0 {
		return nil
	}
	var all []Change
	limit, ok := c.limit(in.From)
	if !ok {
		limit = c.Fiats[0]
		for i := len(usual); i >= 3; i -= 3 { // the most usual last
			if l, ok := c.limit(usual[i-3 : i]); ok {
				limit = l
			}
		}
		all = append(all, Change{"from", limit.Fiat})
	}
	if !slices.Contains(methods, in.PaymentMethod) {
		nearest := methods[0]
		for i := len(methods) - 1; i >= 0; i-- {
			if isBank(methods[i]) == isBank(in.PaymentMethod) {
				nearest = methods[i]
			}
		}
		all = append(all, Change{"payment_method", nearest})
	}
	switch beyond := compare(in.Amount, limit); {
	case beyond < 0:
		all = append(all, Change{"amount", limit.Min})
	case beyond > 0:
		all = append(all, Change{"amount", limit.Max})
	case !c.Cents && !isWhole(in.Amount):
		all = append(all, Change{"amount", wholePart(in.Amount)})
	}
	if len(all) == 0 {
		return nil
	}
	return &Fix{Field: all[0].Field, Value: all[0].Value, Also: all[1:len(all):len(all)], Opens: 1}
}

func isWhole(amount string) bool { return !strings.Contains(amount, ".") }

func wholePart(amount string) string {
	whole, _, _ := strings.Cut(amount, ".")
	return whole
}

// usual are the currencies that most people have, the most usual first.
const usual = "EURUSDGBPCHF"

// isBank reports whether a payment method is a transfer between banks.
func isBank(method string) bool {
	return hasWord("sepa ach instantach fasterpayments easybank bank pix upibanktransfer sofort bancontact giropay eps ideal interac payid spei imps pse", method)
}

// String is the changes as they are applied: field=value, with & between them.
func (f Fix) String() string {
	text := ""
	for _, c := range f.Changes() {
		text += "&" + c.Field + "=" + c.Value
	}
	return text[1:]
}

// Changes are all fields that a fix changes.
func (f Fix) Changes() []Change { return append([]Change{{f.Field, f.Value}}, f.Also...) }

// compare is -1 below the limit, 1 above it, 0 within.
func compare(value string, l FiatLimit) int {
	a, err := amount.Parse(value)
	lo, err1 := amount.Parse(l.Min)
	hi, err2 := amount.Parse(l.Max)
	switch {
	case err != nil || err1 != nil || err2 != nil || a.Cmp(lo) < 0:
		return -1
	case a.Cmp(hi) > 0:
		return 1
	}
	return 0
}

func (c *Capabilities) limit(fiat string) (FiatLimit, bool) {
	for _, f := range c.Fiats {
		if f.Fiat == fiat {
			return f, true
		}
	}
	return FiatLimit{}, false
}

func (c *Capabilities) methods(country string) ([]string, bool) {
	for _, x := range c.Countries {
		if x.Country == country {
			return x.PaymentMethods, true
		}
	}
	return nil, false
}

// maxFixes is how many fixes are offered at most.
const maxFixes = 3

// Fixes lists changes of one field that let more providers quote, the most
// helpful first and, among those, the smaller change: a nearer amount, or
// another payment method. An amount is a limit that the input is beyond, for what lies
// further lets no more in, or its whole part.
func Fixes(providers []Provider, in Input) []Fix {
	now := count(providers, in)
	var found []candidate
	try := func(field, value string, changed Input, distance amount.Amount) {
		opens := count(providers, changed) - now
		if opens <= 0 || slices.ContainsFunc(found, func(c candidate) bool { return c.Field == field && c.Value == value }) {
			return
		}
		found = append(found, candidate{Fix{Field: field, Value: value, Opens: opens}, distance})
	}
	current, err := amount.Parse(in.Amount)
	if err != nil {
		return nil
	}
	for _, p := range providers {
		if p.Capabilities == nil {
			continue
		}
		if l, ok := p.Capabilities.limit(in.From); ok {
			beyond := compare(in.Amount, l)
			v := l.Min
			if beyond > 0 {
				v = l.Max
			}
			if beyond == 0 {
				v = wholePart(in.Amount)
			}
			if a, err := amount.Parse(v); err == nil && (beyond != 0 || !isWhole(in.Amount)) {
				changed := in
				changed.Amount = v
				try("amount", v, changed, distance(a, current))
			}
		}
		methods, _ := p.Capabilities.methods(in.Country)
		for _, m := range methods {
			changed := in
			changed.PaymentMethod = m
			try("payment_method", m, changed, amount.Amount{})
		}
	}
	for i := range found { // a few, and a general sort is much to download
		for ; i > 0 && found[i].order(found[i-1]) < 0; i-- {
			found[i], found[i-1] = found[i-1], found[i]
		}
	}
	fixes := []Fix{}
	for _, c := range found[:min(len(found), maxFixes)] {
		fixes = append(fixes, c.Fix)
	}
	return fixes
}

// candidate is a fix with its distance from what was asked.
type candidate struct {
	Fix
	distance amount.Amount
}

func (a candidate) order(b candidate) int {
	return cmp.Or(b.Opens-a.Opens, cmp.Compare(a.Field, b.Field), a.distance.Cmp(b.distance), cmp.Compare(a.Value, b.Value))
}

func distance(a, b amount.Amount) amount.Amount {
	if d := a.Sub(b); d.Sign() >= 0 {
		return d
	}
	return b.Sub(a)
}

// Some reports whether a provider can quote.
func Some(providers []Provider, in Input) bool { return count(providers, in) > 0 }

func count(providers []Provider, in Input) int {
	n := 0
	for _, p := range providers {
		if _, ok := Check(p, in); ok {
			n++
		}
	}
	return n
}
