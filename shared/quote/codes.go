package quote

import (
	"strings"

	"countersign/shared/asset"
)

// What people and documents write for a code that does not exist, and the code
// that they mean.
const (
	countriesMeant = " UK=GB EL=GR EN=GB SP=ES JA=JP SF=FI SU=RU YU=RS TP=TL ZR=CD BU=MM DD=DE FX=FR " +
		"USA=US GBR=GB DEU=DE GER=DE FRA=FR ESP=ES ITA=IT NLD=NL CHE=CH AUT=AT PRT=PT POL=PL GRC=GR IRL=IE CAN=CA JPN=JP "
	currenciesMeant = " RMB=CNY CNH=CNY NIS=ILS UKP=GBP STG=GBP GBX=GBP SFR=CHF RUR=RUB NTD=TWD YEN=JPY EURO=EUR EUROS=EUR €=EUR £=GBP "
)

// units are the codes of ISO 4217 that nobody can pay with: funds, units of
// account, precious metals, tests.
const units = "BOV CHE CHW CLF COU MXV USN UYI UYW XAD XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX"

func meant(list, code string) string {
	_, rest, found := strings.Cut(list, " "+code+"=")
	if code == "" || !found {
		return ""
	}
	is, _, _ := strings.Cut(rest, " ")
	return is
}

// CountryMeant is the code that somebody meant who wrote code, in upper case, for
// a country: GB for UK. It is empty when nothing is known to be meant.
func CountryMeant(code string) string { return meant(countriesMeant, code) }

// CurrencyMeant is the same for a currency: CNY for RMB.
func CurrencyMeant(code string) string { return meant(currenciesMeant, code) }

// NotCountry is why code, in upper case, is not an assigned code of ISO 3166-1;
// empty when it is one.
func NotCountry(code string) string {
	is := CountryMeant(code)
	switch {
	case CountryCode(code):
		return ""
	case is != "":
		return "not assigned in ISO 3166-1 (" + is + " may be meant)"
	case len(code) == 2 && (code == "AA" || code == "ZZ" || code[0] == 'X' && code[1] >= 'A' && code[1] <= 'Z' || code[0] == 'Q' && code[1] >= 'M' && code[1] <= 'Z'):
		return "user-assigned in ISO 3166-1, so that two parties may mean different countries"
	}
	return "not assigned in ISO 3166-1"
}

// NotCurrency is why code, in upper case, is not a currency of ISO 4217 that
// people pay with; empty when it is one.
func NotCurrency(code string) string {
	is := CurrencyMeant(code)
	_, known := asset.Currency(code)
	switch {
	case hasWord(units, code):
		return "a code of ISO 4217 that nobody can pay with"
	case known:
		return ""
	case is != "":
		return "not a currency of ISO 4217 (" + is + " may be meant)"
	}
	return "not a currency of ISO 4217"
}
