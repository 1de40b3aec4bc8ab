package buy

import (
	"slices"
	"strings"
	"unicode"

	"countersign/shared/asset"
)

// otherCode reports whether a value under any name is, or unless it must be whole
// holds, the code of a currency or an asset that is not the order's.
func (c comparison) otherCode(value string, whole bool) bool {
	if len(value) > 64 {
		return false
	}
	if c.other(value) {
		return true
	}
	if whole {
		return false
	}
	if slices.ContainsFunc(strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;|_-", r) }), c.other) {
		return true
	}
	all := strings.FieldsFunc(value, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) // erc20:usdt, BTC.BTC, but no host
	return slices.ContainsFunc(all, c.other) && !slices.ContainsFunc(all, func(part string) bool {
		lower := strings.ToLower(part)
		return !c.here(lower) && !known(lower) && !otherNetwork(lower)
	})
}

// other leaves alone the codes that are words too: in capitals they are codes.
func (c comparison) other(code string) bool {
	lower := strings.ToLower(code)
	switch {
	case slices.Contains(c.codes, lower) || slices.Contains(c.networks, lower):
		return false
	case hasWord("all try top", lower) || code == lower && hasWord(wordsToo, lower):
		return false
	}
	return known(lower)
}

func hasWord(list, word string) bool { return slices.Contains(strings.Fields(list), word) }

// wordsToo are codes that are words of languages, or parts of other names.
const wordsToo = "cup mop pen mad lak gel sos ron bam bob sol dot ada dai pol base optimism stellar ripple polygon tron " +
	"mur mga nad nio php pab pgk rub cop cad crc sar scr sek std ang gip shp"

// known reports whether code, in lower case, is a currency, a ticker, a LedgerId or
// a CAIP id of the tables.
func known(code string) bool {
	if _, ok := asset.Currency(strings.ToUpper(code)); ok && len(code) == 3 {
		return true
	}
	return slices.ContainsFunc(asset.All(), func(a asset.Asset) bool {
		return code == a.ID || code == strings.ToLower(a.Ticker) || code == strings.ToLower(a.CAIP19()) || code == strings.ToLower(a.Chain)
	})
}

func parts(value string) []string {
	return strings.FieldsFunc(strings.ToLower(value), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
