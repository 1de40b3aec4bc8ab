package buy

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/quote"
	"countersign/shared/strictjson"
)

// maxBody is how long an answer of a provider may be.
const maxBody = 64 << 10

// invalidAnswer is an answer that cannot be used; its code is one of the
// validation codes of package quote.
type invalidAnswer struct{ code, why string }

func (e *invalidAnswer) Error() string { return e.code + ": " + e.why }

func reject(code, format string, args ...any) error {
	return &invalidAnswer{code, fmt.Sprintf(format, args...)}
}

// object is a JSON object of a provider. Fields that nobody here knows are
// allowed, as the contract has extensions; duplicates are not.
type object map[string]json.RawMessage

func readObject(data []byte, what string) (object, error) {
	var o object
	if err := strictjson.Unmarshal(data, &o, maxBody); err != nil || o == nil {
		return nil, reject(quote.MalformedJSON, "%s is not a JSON object", what)
	}
	return o, nil
}

func (o object) text(name string) (string, error) {
	raw, ok := o[name]
	if !ok || string(raw) == "null" {
		return "", reject(quote.MissingField, "%s is missing", name)
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil || s == "" || len(s) > 256 {
		return "", reject(quote.MalformedJSON, "%s is not a text", name)
	}
	return s, nil
}

// number accepts a JSON number and, as some providers send amounts that way, a
// text that holds one.
func (o object) number(name string) (amount.Amount, error) {
	raw, ok := o[name]
	if !ok || string(raw) == "null" {
		return amount.Amount{}, reject(quote.MissingField, "%s is missing", name)
	}
	s := string(raw)
	if strings.HasPrefix(s, `"`) {
		if err := json.Unmarshal(raw, &s); err != nil {
			return amount.Amount{}, reject(quote.MalformedJSON, "%s is not a number", name)
		}
	}
	a, err := amount.ParseNumber(s)
	if err != nil {
		return amount.Amount{}, reject(quote.MalformedJSON, "%s is not a number", name)
	}
	return a, nil
}

func (o object) list(name string) ([]object, bool, error) {
	raw, ok := o[name]
	if !ok || string(raw) == "null" {
		return nil, false, nil
	}
	var l []object
	if err := json.Unmarshal(raw, &l); err != nil || slices.ContainsFunc(l, func(o object) bool { return o == nil }) {
		return nil, true, reject(quote.MalformedJSON, "%s is not a list of objects", name)
	}
	return l, true, nil
}

// parseCapabilities reads GET /capabilities into the normal form, without the
// assets, and names the ways in which it differs from the contract.
func parseCapabilities(data []byte) (quote.Capabilities, []string, error) {
	var c quote.Capabilities
	o, err := readObject(data, "the capabilities document")
	if err != nil {
		return c, nil, err
	}
	deviations := map[string]bool{}
	fiats, ok, err := o.list("fiatCurrencyCapabilities")
	if err != nil || !ok || len(fiats) == 0 {
		return c, nil, orMissing(err, "fiatCurrencyCapabilities")
	}
	seen := map[string]bool{}
	for _, f := range fiats {
		limit, err := parseLimit(f, deviations)
		if err != nil {
			return c, nil, err
		}
		if seen[limit.Fiat] {
			return c, nil, reject(quote.MalformedJSON, "a currency is listed twice")
		}
		seen[limit.Fiat] = true
		c.Fiats = append(c.Fiats, limit)
	}
	slices.SortFunc(c.Fiats, func(a, b quote.FiatLimit) int { return strings.Compare(a.Fiat, b.Fiat) })
	if c.Countries, err = parseCountries(o, deviations); err != nil {
		return c, nil, err
	}
	return c, slices.Sorted(maps.Keys(deviations)), nil
}

func orMissing(err error, field string) error {
	if err != nil {
		return err
	}
	return reject(quote.MissingField, "%s is missing or empty", field)
}

func parseLimit(f object, deviations map[string]bool) (quote.FiatLimit, error) {
	code, err := f.text("fiat")
	if err != nil {
		return quote.FiatLimit{}, err
	}
	upper := strings.ToUpper(code)
	if upper != code {
		deviations["currency codes in lower case"] = true
	}
	if _, ok := asset.Currency(upper); !ok {
		return quote.FiatLimit{}, reject(quote.MalformedJSON, "fiat is not a currency")
	}
	lo, err := f.number("minAmount")
	if err != nil {
		return quote.FiatLimit{}, err
	}
	hi, err := f.number("maxAmount")
	if err != nil {
		return quote.FiatLimit{}, err
	}
	// Limits are whole numbers; one that is not is narrowed to what is safe.
	if lo.Places() > 0 || hi.Places() > 0 {
		deviations["limits with decimals"] = true
	}
	lo, hi = lo.Rescale(0, amount.Ceil), hi.Rescale(0, amount.Floor)
	if lo.Sign() < 0 || hi.Cmp(lo) < 0 || hi.IsZero() {
		return quote.FiatLimit{}, reject(quote.MalformedJSON, "minAmount and maxAmount are not a range")
	}
	return quote.FiatLimit{Fiat: upper, Min: lo.String(), Max: hi.String()}, nil
}

// parseCountries reads the list under either of its two names. When both are
// there they must say the same.
func parseCountries(o object, deviations map[string]bool) ([]quote.Country, error) {
	schema, hasSchema, err := o.list("countriesCapabilities")
	if err != nil {
		return nil, err
	}
	example, hasExample, err := o.list("countryCapabilities")
	if err != nil {
		return nil, err
	}
	if !hasSchema && !hasExample {
		return nil, reject(quote.MissingField, "countriesCapabilities is missing")
	}
	var read [][]quote.Country
	for _, l := range []struct {
		there bool
		list  []object
	}{{hasSchema, schema}, {hasExample, example}} {
		if !l.there {
			continue
		}
		countries, err := countryList(l.list, deviations)
		if err != nil {
			return nil, err
		}
		read = append(read, countries)
	}
	if hasExample {
		deviations["countryCapabilities instead of countriesCapabilities"] = true
	}
	if len(read) == 2 && !slices.EqualFunc(read[0], read[1], sameCountry) {
		return nil, reject(quote.MalformedJSON, "countriesCapabilities and countryCapabilities differ")
	}
	return read[0], nil
}

func sameCountry(a, b quote.Country) bool {
	return a.Country == b.Country && slices.Equal(a.PaymentMethods, b.PaymentMethods)
}

func countryList(list []object, deviations map[string]bool) ([]quote.Country, error) {
	byCode := map[string]bool{}
	var out []quote.Country
	for _, o := range list {
		code, err := o.text("country")
		if err != nil {
			return nil, err
		}
		upper := strings.ToUpper(code)
		if upper != code {
			deviations["country codes in lower case"] = true
		}
		if !quote.CountryCode(upper) || byCode[upper] {
			return nil, reject(quote.MalformedJSON, "country is not a country, or is listed twice")
		}
		byCode[upper] = true
		methods, ok, err := o.list("paymentMethods")
		if err != nil || !ok {
			return nil, orMissing(err, "paymentMethods")
		}
		names, err := methodNames(methods, deviations)
		if err != nil {
			return nil, err
		}
		out = append(out, quote.Country{Country: upper, PaymentMethods: names})
	}
	slices.SortFunc(out, func(a, b quote.Country) int { return strings.Compare(a.Country, b.Country) })
	return out, nil
}

// methodNames maps the names that older documents used; one that is not of the
// contract is left out, as nobody could choose it.
func methodNames(methods []object, deviations map[string]bool) ([]string, error) {
	names := []string{}
	for _, m := range methods {
		name, err := m.text("name")
		if err != nil {
			return nil, err
		}
		if _, ok := m["successRate"]; ok {
			deviations["successRate of before 2024-10"] = true
		}
		lower := strings.ToLower(name)
		if lower != name {
			deviations["payment methods not in lower case"] = true
		}
		switch lower {
		case "visa", "mastercard", "creditcard", "maestro":
			lower = "card"
			deviations["payment methods of an older contract"] = true
		case "gbpbank":
			lower = "bank"
			deviations["payment methods of an older contract"] = true
		}
		if !quote.PaymentMethod(lower) {
			deviations["payment methods that the contract does not have"] = true
			continue
		}
		names = append(names, lower)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// parseAssets reads GET /crypto-currencies: a list of LedgerIds or, as before
// 2025-05, of objects that have one.
func parseAssets(data []byte) ([]string, []string, error) {
	var list []json.RawMessage
	if err := strictjson.Unmarshal(data, &list, maxBody); err != nil || len(list) == 0 {
		return nil, nil, reject(quote.MalformedJSON, "the list of assets is not a list, or is empty")
	}
	var deviations []string
	var ids []string
	for _, raw := range list {
		var id string
		if json.Unmarshal(raw, &id) != nil {
			o, err := readObject(raw, "an asset")
			if err != nil {
				return nil, nil, err
			}
			if id, err = o.text("id"); err != nil {
				return nil, nil, err
			}
			deviations = []string{"assets as objects, as before 2025-05"}
		}
		if !quote.AssetID(id) {
			return nil, nil, reject(quote.MalformedJSON, "an asset has no LedgerId")
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return slices.Compact(ids), deviations, nil
}
