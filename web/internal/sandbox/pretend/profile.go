// Package pretend holds the sandbox's three providers. Each reads the provider
// contract (shared/spec/providers.md) in its own way, as real ones do, so that
// who works with all three works with the contradictions of the contract:
//
//	northpay    the schema to the letter, with the extension fields
//	coinharbor  the example's spellings, /quotes, older document shapes, slow,
//	            and it delivers a little less than it promised
//	meridian    the bare minimum, kebab-case widget parameters
//
// Packages sandbox and conform use it.
package pretend

import (
	"math/big"
	"time"

	"countersign/shared/amount"
	"countersign/shared/asset"
)

// limit is what a provider takes of one currency.
type limit struct{ fiat, min, max string }

// profile is what one provider is like.
type profile struct {
	id, name  string
	colour    string        // of its widget
	delay     time.Duration // before each quote
	fee       int64         // of the fiat amount, in hundredths of a percent
	delivered int64         // of the promised amount, in hundredths of a percent

	limits    []limit
	countries []string
	methods   []string // as this provider writes them
	assets    []string

	exampleNames bool // countryCapabilities, not countriesCapabilities
	plural       bool // serves /quotes
	singular     bool // serves /quote
	objects      bool // lists assets as objects
	extension    bool // quoteId, expiresAt, fees and so on
	kebab        bool // widget parameters in the older spelling
	notices      bool // sends notices about orders
	tellsOrders  bool // answers how an order is
}

func profiles() []profile {
	everywhere := []string{"AT", "BE", "CH", "DE", "ES", "FR", "GB", "IE", "IT", "NL", "PT", "US"}
	return []profile{
		{
			id: "northpay", name: "NorthPay", colour: "#1f4f8f", delay: 90 * time.Millisecond, fee: 149, delivered: 10_000,
			limits: []limit{{"EUR", "30", "20000"}, {"USD", "30", "20000"}, {"GBP", "25", "15000"}}, countries: everywhere,
			methods:  []string{"card", "sepa", "applepay", "googlepay", "fasterpayments"},
			assets:   []string{"ethereum", "bitcoin", "ethereum/erc20/usd__coin", "solana", "polygon"},
			singular: true, extension: true, notices: true, tellsOrders: true,
		},
		{
			id: "coinharbor", name: "Coin Harbor", colour: "#0b6b57", delay: 420 * time.Millisecond, fee: 125, delivered: 9_997,
			limits: []limit{{"eur", "50", "5000"}, {"USD", "50", "5000"}}, countries: everywhere,
			methods: []string{"visa", "mastercard", "PayPal", "sepa", "ideal"},
			assets:  []string{"ethereum", "bitcoin", "ethereum/erc20/usd__coin"},
			plural:  true, objects: true, exampleNames: true, tellsOrders: true,
		},
		{
			id: "meridian", name: "Meridian", colour: "#7a3b12", delay: 180 * time.Millisecond, fee: 190, delivered: 10_000,
			limits: []limit{{"EUR", "100", "50000"}, {"GBP", "100", "40000"}, {"CHF", "100", "50000"}}, countries: []string{"CH", "DE", "FR", "GB", "LU", "NL"},
			methods: []string{"card", "sepa", "bank"}, assets: []string{"ethereum", "bitcoin", "litecoin"},
			singular: true, plural: true, kebab: true,
		},
	}
}

// Conforming is the slug of the one that keeps the contract to the letter.
const Conforming = "northpay"

// IDs are the slugs of the providers, which are also their paths.
func IDs() []string {
	var ids []string
	for _, p := range profiles() {
		ids = append(ids, p.id)
	}
	return ids
}

// euros is what one unit of an asset costs in the sandbox.
func euros(asset string) amount.Amount {
	price := map[string]string{
		"ethereum": "2634.20", "bitcoin": "81250.00", "ethereum/erc20/usd__coin": "0.87", "solana": "121.40", "polygon": "0.19", "litecoin": "82.30",
	}[asset]
	if price == "" {
		price = "1"
	}
	return amount.Must(price)
}

// perEuro is how much of a currency one euro is in the sandbox.
func perEuro(fiat string) amount.Amount {
	rate := map[string]string{"EUR": "1", "USD": "1.15", "GBP": "0.88", "CHF": "0.93"}[fiat]
	if rate == "" {
		rate = "1"
	}
	return amount.Must(rate)
}

// price is what fiat buys: less the fee, at the sandbox's price moved by percent.
func (p profile) price(fiat, id string, spend amount.Amount, percent int64) (crypto, fee amount.Amount) {
	fee = spend.MulRatio(p.fee, 10_000, 2, amount.Ceil)
	unit := euros(id).Mul(perEuro(fiat)).MulRatio(100+percent, 100, 6, amount.Ceil)
	known, _ := asset.ByID(id)
	return spend.Sub(fee).Div(unit, min(known.Places, 8), amount.Floor).Trim(), fee
}

// wei reads digits.
func wei(units string) *big.Int {
	n, _ := new(big.Int).SetString(units, 10) // Units gave digits only
	return n
}
