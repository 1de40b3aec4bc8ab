package buy

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/quote"
)

// parseQuote reads the answer to GET /quote and compares it with the question.
// The row has no id, no provider and no times of ours yet.
func parseQuote(data []byte, in quote.Input) (row quote.Row, expires time.Time, err error) {
	o, err := readObject(data, "the quote")
	if err != nil {
		return row, expires, err
	}
	from, err := o.text("from")
	if err != nil {
		return row, expires, err
	}
	to, err := o.text("to")
	if err != nil {
		return row, expires, err
	}
	fiat, err := o.number("fiatAmount")
	if err != nil {
		return row, expires, err
	}
	crypto, err := o.number("cryptoAmount")
	if err != nil {
		return row, expires, err
	}
	asked, err := amount.Parse(in.Amount)
	if err != nil {
		return row, expires, err
	}
	switch {
	case strings.ToUpper(from) != in.From || to != in.To || fiat.Cmp(asked) != 0:
		return row, expires, reject(quote.EchoMismatch, "the quote is for something else than was asked")
	case crypto.Sign() <= 0:
		return row, expires, reject(quote.NonPositiveAmount, "cryptoAmount is not positive")
	}
	bought, _ := asset.ByID(in.To)
	row = quote.Row{Fiat: in.From, FiatAmount: in.Amount, Asset: in.To, AssetPlaces: bought.Places, KYC: "unknown", PriceType: "indicative"}
	if crypto.Places() > bought.Places {
		row.Warnings = []string{quote.ExcessPrecision}
		if crypto = crypto.Rescale(bought.Places, amount.Floor).Trim(); crypto.IsZero() {
			return row, expires, reject(quote.NonPositiveAmount, "cryptoAmount is less than the smallest unit")
		}
	}
	row.CryptoAmount = crypto.Trim().String()
	places, _ := asset.Currency(in.From)
	row.UnitPrice = asked.Div(crypto, max(places, 2), amount.Ceil).String()
	expires, err = extension(o, &row)
	return row, expires, err
}

// extension reads the fields that a provider may add to a quote
// (shared/spec/providers.md); each is optional, and null is absence, but what is
// there must be well-formed.
func extension(o object, row *quote.Row) (expires time.Time, err error) {
	bad := func(field string) error { return reject(quote.MalformedJSON, "%s is not as the contract says", field) }
	if o.has("quoteId") {
		if row.ProviderRef, err = o.text("quoteId"); err != nil {
			return expires, err
		}
	}
	if o.has("expiresAt") {
		text, err := o.text("expiresAt")
		if err != nil {
			return expires, err
		}
		if expires, err = time.Parse(time.RFC3339Nano, text); err != nil {
			return expires, bad("expiresAt")
		}
	}
	for name, choice := range map[string]struct {
		to      *string
		allowed string
	}{"kyc": {&row.KYC, "none light full unknown"}, "priceType": {&row.PriceType, "firm indicative"}} {
		if !o.has(name) {
			continue
		}
		text, err := o.text(name)
		if err != nil || !slices.Contains(strings.Fields(choice.allowed), text) {
			return expires, bad(name)
		}
		*choice.to = text
	}
	if o.has("settlementSeconds") {
		var r struct{ Min, Max *int }
		if json.Unmarshal(o["settlementSeconds"], &r) != nil || r.Min == nil || r.Max == nil ||
			*r.Min < 0 || *r.Max < *r.Min || *r.Max > 30*86400 {
			return expires, bad("settlementSeconds")
		}
		row.Settlement = &quote.Range{Min: *r.Min, Max: *r.Max}
	}
	return expires, fees(o, row)
}

func fees(o object, row *quote.Row) error {
	list, _, err := o.list("feeBreakdown")
	if err != nil {
		return err
	}
	if len(list) > 16 {
		return reject(quote.MalformedJSON, "feeBreakdown is too long")
	}
	for _, raw := range list {
		f, err := readObject(raw, "an item of feeBreakdown")
		if err != nil {
			return err
		}
		kind, err := f.text("type")
		if err != nil {
			return err
		}
		a, err := f.number("amount")
		if err != nil {
			return err
		}
		currency, err := f.text("currency")
		if err != nil {
			return err
		}
		if !slices.Contains([]string{"provider", "network", "partner", "spread"}, kind) || a.Sign() < 0 {
			return reject(quote.MalformedJSON, "feeBreakdown is not as the contract says")
		}
		row.Fees = append(row.Fees, quote.Fee{Type: kind, Amount: a.String(), Currency: strings.ToUpper(currency)})
	}
	return nil
}

// maxAddress is how long the address of a widget may be.
const maxAddress = 4096

// parseRedirect reads the answer to GET /buy-redirect.
func parseRedirect(data []byte) (string, error) {
	o, err := readObject(data, "the redirect")
	if err != nil {
		return "", err
	}
	const name = "rampRedirectUrl"
	var s string
	switch err := json.Unmarshal(o[name], &s); {
	case o.has(name) && err != nil:
		return "", reject(quote.MalformedJSON, name+" is not a text")
	case s == "":
		return "", reject(quote.MissingField, name+" is missing")
	case len(s) > maxAddress:
		return "", reject(quote.MalformedJSON, name+" is longer than %d bytes", maxAddress)
	}
	return s, nil
}
