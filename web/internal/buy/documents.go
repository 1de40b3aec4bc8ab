package buy

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/quote"
	"countersign/shared/strictjson"
)

// The lists of a provider's documents, as people read them.
const (
	theCurrencies = "currencies"
	theCountries  = "countries"
	theMethods    = "payment methods"
	theAssets     = "assets"
)

// items reads a list item by item. One that cannot be used is left out, and named;
// a list of which nothing can be used is refused as its first item is. read says
// how it calls the item, as soon as it knows.
func items(list []json.RawMessage, what string, d *deviations, read func(raw json.RawMessage, name *string) error) error {
	var first *invalidAnswer
	left := 0
	for i, raw := range list {
		name := nth(i)
		var bad *invalidAnswer
		if !errors.As(read(raw, &name), &bad) {
			continue
		}
		d.leave(what, name, bad.why)
		if left++; first == nil {
			first = bad
		}
	}
	if left > 0 && left == len(list) {
		return reject(first.code, "none of the %s can be used: %s", what, first.why)
	}
	return nil
}

func readItem(raw json.RawMessage, read func([]byte, string) (object, error)) (object, error) {
	o, err := read(raw, "it")
	if err != nil {
		return nil, reject(quote.MalformedJSON, "not an object")
	}
	return o, nil
}

// parseCapabilities reads GET /capabilities into the normal form, without the
// assets, and names the ways in which it differs from the contract.
func parseCapabilities(data []byte) (quote.Capabilities, []string, error) {
	var c quote.Capabilities
	var d deviations
	o, err := readTop(data, "the capabilities document")
	if err != nil {
		return c, nil, err
	}
	fiats, _, err := o.list("fiatCurrencyCapabilities")
	if err != nil {
		return c, nil, err
	}
	if len(fiats) == 0 {
		return c, nil, reject(quote.MissingField, "fiatCurrencyCapabilities is missing or empty")
	}
	if c.Fiats, err = parseLimits(fiats, &d); err != nil {
		return c, nil, err
	}
	if c.Countries, err = parseCountries(o, &d); err != nil {
		return c, nil, err
	}
	return c, d.list(), nil
}

func parseLimits(list []json.RawMessage, d *deviations) ([]quote.FiatLimit, error) {
	limits, differ := map[string]quote.FiatLimit{}, map[string]bool{}
	err := items(list, theCurrencies, d, func(raw json.RawMessage, name *string) error {
		o, err := readItem(raw, readObject)
		if err != nil {
			return err
		}
		l, err := parseLimit(o, d, name)
		if err != nil {
			return err
		}
		if other, twice := limits[l.Fiat]; twice && other != l {
			differ[l.Fiat] = true
		} else if twice {
			d.say("a currency that is listed twice")
		}
		limits[l.Fiat] = l
		return nil
	})
	if err != nil {
		return nil, err
	}
	const why = "listed twice with different limits"
	var out []quote.FiatLimit
	for fiat, l := range limits {
		if differ[fiat] {
			d.leave(theCurrencies, fiat, why)
			continue
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, reject(quote.MalformedJSON, "none of the currencies can be used: %s", why)
	}
	slices.SortFunc(out, func(a, b quote.FiatLimit) int { return strings.Compare(a.Fiat, b.Fiat) })
	return out, nil
}

func parseLimit(o object, d *deviations, name *string) (quote.FiatLimit, error) {
	code, err := o.text("fiat")
	if err != nil {
		return quote.FiatLimit{}, err
	}
	*name = shown(code)
	upper := strings.ToUpper(code)
	if why := quote.NotCurrency(upper); why != "" {
		return quote.FiatLimit{}, reject(quote.MalformedJSON, "%s", why)
	}
	lo, err := o.number("minAmount")
	if err != nil {
		return quote.FiatLimit{}, err
	}
	hi, err := o.number("maxAmount")
	if err != nil {
		return quote.FiatLimit{}, err
	}
	whole := lo.Places() == 0 && hi.Places() == 0
	lo, hi = lo.Rescale(0, amount.Ceil), hi.Rescale(0, amount.Floor) // one that is not whole is narrowed to what is safe
	if lo.Sign() < 0 || hi.Cmp(lo) < 0 || hi.IsZero() {
		return quote.FiatLimit{}, reject(quote.MalformedJSON, "minAmount and maxAmount are not a range")
	}
	if upper != code {
		d.say("currency codes in lower case")
	}
	if !whole {
		d.say("limits with decimals")
	}
	return quote.FiatLimit{Fiat: upper, Min: lo.String(), Max: hi.String()}, nil
}

// parseCountries reads the list under either of its two names. When both are
// there they must say the same.
func parseCountries(o object, d *deviations) ([]quote.Country, error) {
	var read [][]quote.Country
	for _, name := range []string{"countriesCapabilities", "countryCapabilities"} {
		list, there, err := o.list(name)
		if err != nil {
			return nil, err
		}
		if !there {
			continue
		}
		countries, err := countryList(list, d)
		if err != nil {
			return nil, err
		}
		read = append(read, countries)
	}
	if len(read) == 0 {
		return nil, reject(quote.MissingField, "countriesCapabilities is missing")
	}
	if o.has("countryCapabilities") {
		d.say("countryCapabilities instead of countriesCapabilities")
	}
	if len(read) == 2 && !slices.EqualFunc(read[0], read[1], sameCountry) {
		return nil, reject(quote.MalformedJSON, "countriesCapabilities and countryCapabilities differ")
	}
	return read[0], nil
}

func sameCountry(a, b quote.Country) bool {
	return a.Country == b.Country && slices.Equal(a.PaymentMethods, b.PaymentMethods)
}

func countryList(list []json.RawMessage, d *deviations) ([]quote.Country, error) {
	methods := map[string][]string{}
	err := items(list, theCountries, d, func(raw json.RawMessage, name *string) error {
		o, err := readItem(raw, readTop)
		if err != nil {
			return err
		}
		code, err := o.text("country")
		if err != nil {
			return err
		}
		*name = shown(code)
		upper := strings.ToUpper(code)
		if why := quote.NotCountry(upper); why != "" {
			return reject(quote.MalformedJSON, "%s", why)
		}
		list, ok, err := o.list("paymentMethods")
		if err != nil || !ok {
			return orMissing(err, "paymentMethods")
		}
		if upper != code {
			d.say("country codes in lower case")
		}
		if _, twice := methods[upper]; twice {
			d.say("a country that is listed twice")
		}
		methods[upper] = append(methods[upper], methodNames(list, d)...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []quote.Country
	for code, names := range methods {
		slices.Sort(names)
		out = append(out, quote.Country{Country: code, PaymentMethods: append([]string{}, slices.Compact(names)...)})
	}
	slices.SortFunc(out, func(a, b quote.Country) int { return strings.Compare(a.Country, b.Country) })
	return out, nil
}

func orMissing(err error, field string) error {
	if err != nil {
		return err
	}
	return reject(quote.MissingField, "%s is missing", field)
}

// methodNames maps the names that older documents used. A country without any is
// one in which nothing can be paid, which is not a fault of the document.
func methodNames(list []json.RawMessage, d *deviations) []string {
	names := []string{}
	_ = items(list, theMethods, d, func(raw json.RawMessage, called *string) error {
		o, err := readItem(raw, readObject)
		if err != nil {
			return err
		}
		name, err := o.text("name")
		if err != nil {
			return err
		}
		*called = shown(name)
		lower := strings.ToLower(name)
		switch lower {
		case "visa", "mastercard", "creditcard", "maestro":
			lower = "card"
			d.say("payment methods of an older contract")
		case "gbpbank":
			lower = "bank"
			d.say("payment methods of an older contract")
		}
		if !quote.PaymentMethod(lower) {
			return reject(quote.MalformedJSON, "not in the contract")
		}
		if o.has("successRate") {
			d.say("successRate of before 2024-10")
		}
		if name != strings.ToLower(name) {
			d.say("payment methods not in lower case")
		}
		names = append(names, lower)
		return nil
	})
	return names
}

// parseAssets reads GET /crypto-currencies: a list of LedgerIds or, as before
// 2025-05, of objects that have one.
func parseAssets(data []byte) ([]string, []string, error) {
	var list []json.RawMessage
	if len(data) > maxBody || json.Unmarshal(data, &list) != nil || len(list) == 0 {
		return nil, nil, reject(quote.MalformedJSON, "the list of assets is not a list, or is empty")
	}
	var d deviations
	var ids []string
	err := items(list, theAssets, &d, func(raw json.RawMessage, name *string) error {
		var id string
		if strictjson.Unmarshal(raw, &id, maxBody) != nil || string(raw) == "null" {
			o, err := readItem(raw, readObject)
			if err != nil {
				return reject(quote.MalformedJSON, "neither a LedgerId nor an object with one")
			}
			if id, err = o.text("id"); err != nil {
				return err
			}
			d.say("assets as objects, as before 2025-05")
		}
		if *name = shown(id); !quote.AssetID(id) {
			return reject(quote.MalformedJSON, "not a LedgerId")
		}
		ids = append(ids, id)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	slices.Sort(ids)
	return slices.Compact(ids), d.list(), nil
}
