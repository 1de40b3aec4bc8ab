package buy

import (
	"maps"
	"slices"
	"strings"
	"sync"
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
	case c.here(lower):
		return false
	case hasWord(wordsFirst, lower) || code != strings.ToUpper(code) && hasWord(wordsToo, lower):
		return false
	}
	return known(lower) || c.together(lower) || c.exchanged(lower)
}

// exchanged reports whether a value is a pair of codes, BTCtoEUR or btc2eur, of which
// one is not the order's.
func (c comparison) exchanged(lower string) bool {
	return slices.ContainsFunc([]string{"to", "2"}, func(between string) bool {
		from, to, found := strings.Cut(lower, between)
		return found && known(from) && known(to) && !(c.here(from) && c.here(to))
	})
}

// together reports whether codes that are written as one, BTCEUR or usdttrc20, have
// one among them that is not the order's.
func (c comparison) together(lower string) bool {
	if len(lower) < 6 || len(lower) > 24 {
		return false
	}
	all := apart(lower, codes(), 3)
	word := !slices.ContainsFunc(all, func(code string) bool { return !hasWord(wordsToo+" "+wordsFirst, code) }) // SOLVED
	if len(all) < 2 || word {
		return false
	}
	return !c.ours(all)
}

// allOurs reports whether codes that are written as one are all the order's.
func (c comparison) allOurs(lower string) bool {
	all := apart(lower, codes(), 3)
	return len(all) > 1 && c.ours(all)
}

func (c comparison) ours(all []string) bool {
	return !c.anotherIn(all) && !slices.ContainsFunc(all, func(code string) bool { return !c.said(code) })
}

// codes are the currencies, and the names of networks and assets.
var codes = sync.OnceValue(func() map[string]bool {
	all := maps.Clone(networkNames())
	for _, code := range asset.Currencies() {
		all[strings.ToLower(code)] = true
	}
	for _, standard := range strings.Fields("erc20 bep20 trc20 spl mainnet") {
		all[standard] = true
	}
	return all
})

// hasWord reports whether a word is in a list of words.
func hasWord(list, word string) bool { return wordSet(list)[word] }

// wordSet is a list of words as a set. A caller with several words asks for it once: to
// find it takes as long as to read the list.
func wordSet(list string) map[string]bool {
	all, ok := wordSets.Load(list)
	if !ok {
		set := map[string]bool{}
		for one := range strings.FieldsSeq(list) {
			set[one] = true
		}
		all, _ = wordSets.LoadOrStore(list, set)
	}
	return all.(map[string]bool)
}

var wordSets sync.Map // each list that was asked for, as a set

// wordsFirst are codes that are words of English, in capitals also.
const wordsFirst = "all try top"

// wordsToo are codes that are words of languages, or parts of other names.
const wordsToo = "cup mop pen mad lak gel sos ron bam bob sol dot ada dai pol base optimism stellar ripple polygon tron " +
	"mur mga nad nio php pab pgk rub cop cad crc sar scr sek std ang gip shp ves ved btn"

// known reports whether code, in lower case, is a currency, a ticker, a LedgerId or
// a CAIP id of the tables.
func known(code string) bool { return tableCodes()[code] }

var tableCodes = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	for _, code := range asset.Currencies() {
		all[strings.ToLower(code)] = true
	}
	for _, a := range asset.All() {
		for _, code := range []string{a.ID, a.Ticker, a.CAIP19(), a.Chain} {
			all[strings.ToLower(code)] = true
		}
	}
	return all
})

func parts(value string) []string {
	return strings.FieldsFunc(strings.ToLower(value), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}
