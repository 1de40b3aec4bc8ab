package amount

import "strings"

// currencies are the active codes of ISO 4217 that a person can pay with, each
// followed by its number of minor digits.
const currencies = "AED2AFN2ALL2AMD2AOA2ARS2AUD2AWG2AZN2BAM2BBD2BDT2BGN2BHD3BIF0BMD2BND2BOB2BRL2BSD2BTN2BWP2BYN2BZD2CAD2CDF2CHF2CLP0CNY2COP2CRC2CUP2CVE2CZK2DJF0DKK2DOP2DZD2EGP2ERN2ETB2EUR2FJD2FKP2GBP2GEL2GHS2GIP2GMD2GNF0GTQ2GYD2HKD2HNL2HTG2HUF2IDR2ILS2INR2IQD3IRR2ISK0JMD2JOD3JPY0KES2KGS2KHR2KMF0KPW2KRW0KWD3KYD2KZT2LAK2LBP2LKR2LRD2LSL2LYD3MAD2MDL2MGA2MKD2MMK2MNT2MOP2MRU2MUR2MVR2MWK2MXN2MYR2MZN2NAD2NGN2NIO2NOK2NPR2NZD2OMR3PAB2PEN2PGK2PHP2PKR2PLN2PYG0QAR2RON2RSD2RUB2RWF0SAR2SBD2SCR2SDG2SEK2SGD2SHP2SLE2SOS2SRD2SSP2STN2SVC2SYP2SZL2THB2TJS2TMT2TND3TOP2TRY2TTD2TWD2TZS2UAH2UGX0USD2UYU2UZS2VED2VES2VND0VUV0WST2XAF0XCD2XOF0XPF0YER2ZAR2ZMW2ZWG2"

// Currency returns the minor digits of an ISO 4217 currency, written in upper
// case: 2 for EUR, 0 for JPY, 3 for KWD.
func Currency(code string) (places int, ok bool) {
	if len(code) != 3 || strings.ToUpper(code) != code {
		return 0, false
	}
	for i := 0; i < len(currencies); i += 4 {
		if currencies[i:i+3] == code {
			return int(currencies[i+3] - '0'), true
		}
	}
	return 0, false
}

// Asset describes a crypto asset by its LedgerId. An address must never be
// derived from a LedgerId: they are lower-cased, and some addresses are not.
type Asset struct {
	ID     string // LedgerId, such as "ethereum" or "ethereum/erc20/usd__coin"
	Name   string // for people
	Ticker string
	Places int    // decimals of the smallest unit
	Chain  string // CAIP-2; empty when the project does not watch that chain
}

// Assets lists the assets whose decimals are known here.
func Assets() []Asset {
	return []Asset{
		{"bitcoin", "Bitcoin", "BTC", 8, "bip122:000000000019d6689c085ae165831e93"},
		{"ethereum", "Ethereum", "ETH", 18, "eip155:1"},
		{"ethereum/erc20/usd__coin", "USD Coin", "USDC", 6, "eip155:1"},
		{"ethereum/erc20/usd_tether__erc20_", "Tether USD", "USDT", 6, "eip155:1"},
		{"ethereum/erc20/dai_stablecoin_v2_0", "Dai", "DAI", 18, "eip155:1"},
		{"ethereum/erc20/aave", "Aave", "AAVE", 18, "eip155:1"},
		{"polygon", "Polygon", "POL", 18, "eip155:137"},
		{"arbitrum", "Arbitrum", "ETH", 18, "eip155:42161"},
		{"optimism", "Optimism", "ETH", 18, "eip155:10"},
		{"base", "Base", "ETH", 18, "eip155:8453"},
		{"bsc", "BNB Chain", "BNB", 18, "eip155:56"},
		{"avalanche_c_chain", "Avalanche", "AVAX", 18, "eip155:43114"},
		{"solana", "Solana", "SOL", 9, "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"},
		{"litecoin", "Litecoin", "LTC", 8, "bip122:12a765e31ffd4059bada1e25190f6e98"},
		{"dogecoin", "Dogecoin", "DOGE", 8, "bip122:1a91e3dace36e2be3bf030a65679fe82"},
		{"cardano", "Cardano", "ADA", 6, ""},
		{"polkadot", "Polkadot", "DOT", 10, ""},
		{"ripple", "XRP", "XRP", 6, ""},
		{"stellar", "Stellar", "XLM", 7, ""},
		{"tron", "Tron", "TRX", 6, ""},
	}
}

// AssetByID finds an asset. For one that is not known, ok is false and the
// description holds the id as its name and 18 places, the most that any has.
func AssetByID(id string) (asset Asset, ok bool) {
	for _, a := range Assets() {
		if a.ID == id {
			return a, true
		}
	}
	return Asset{ID: id, Name: id, Places: 18}, false
}

// Style is how numbers are written for a person.
type Style struct {
	Group string // between groups of three digits before the point
	Point string
}

// Plain is the style of prompts and of English text: 1,234.50.
func Plain() Style { return Style{Group: ",", Point: "."} }

// Format writes a for people, every digit of it: nothing is rounded.
func (a Amount) Format(s Style) string {
	text, minus := strings.CutPrefix(a.String(), "-")
	whole, frac, point := strings.Cut(text, ".")
	var b strings.Builder
	if minus {
		b.WriteString("-")
	}
	for i := range len(whole) {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteString(s.Group)
		}
		b.WriteByte(whole[i])
	}
	if point {
		b.WriteString(s.Point + frac)
	}
	return b.String()
}

// Money writes an amount of a currency for people, with at least the
// currency's minor digits: "EUR 1,250.00".
func Money(a Amount, currency string) string {
	places, _ := Currency(currency)
	if a.Places() < places {
		a = a.Rescale(places, Floor)
	}
	return currency + " " + a.Format(Plain())
}
