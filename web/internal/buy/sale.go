package buy

import (
	"slices"
	"strings"
)

// The words of a sale and of a purchase; saleBeside say nothing beside them.
const (
	saleWords     = "sell selling sells offramp cashout withdraw withdrawal"
	purchaseWords = "buy buying buys onramp purchase"
	saleBeside    = "crypto fiat coin token only now mode order flow off ramp cash out"
	doneWords     = "mode side action direction flow product operation type ramp experience intent table kind service trade op method"
)

// way is which way a text goes: a sale, a purchase, or neither; a text that has both
// says neither.
type way int

const (
	neither way = iota
	purchase
	sale
)

func wayOf(text string) way {
	all := words(text)
	joined := strings.Join(all, "")
	switch {
	case slices.Contains([]string{"offramp", "cashout", "cryptotofiat", "crypto2fiat", "cryptofiat"}, joined):
		return sale
	case slices.Contains([]string{"fiattocrypto", "fiat2crypto", "fiatcrypto"}, joined):
		return purchase
	}
	sells, buys := anyOf(all, saleWords), anyOf(all, purchaseWords)
	other := slices.ContainsFunc(all, func(one string) bool {
		return !anyOf([]string{one}, saleWords+" "+purchaseWords+" "+saleBeside)
	})
	switch {
	case other || sells == buys:
		return neither
	case sells:
		return sale
	}
	return purchase
}

// done reports whether a name is one for what is done, and not for a part of the page
// or for what is left out.
func done(w []string) bool {
	if kindOf(w) == beside || anyOf(w, excludeWords) {
		return false
	}
	if anyOf(w, saleWords) || anyOf(w, purchaseWords) { // isBuyOrSell
		return !slices.ContainsFunc(w, func(one string) bool {
			return !anyOf([]string{one}, saleWords+" "+purchaseWords+" "+saleBeside+" "+doneWords+" is or default")
		})
	}
	return anyOf(w, doneWords) && !slices.ContainsFunc(w, func(one string) bool {
		return !anyOf([]string{one}, doneWords+" order payment") && anyOf([]string{one}, freeWords+" "+aside+" button menu link")
	})
}

// sells reports whether a saying makes a sale of the purchase: as a segment of the path,
// under a name for what is done, or as a switch. What a list offers beside a purchase is
// there to choose from.
func (c comparison) sells(r reading) bool {
	switch way := wayOf(r.value); {
	case r.said.name == "" && r.within == "":
		return r.list && way == sale
	case switched(r.said) == sale:
		return !c.seen.buys[r.in]
	case r.kind == aboutSale || done(r.words):
		return way == sale && !c.seen.buys[r.listed()] || anyOf(r.words, "side") && strings.EqualFold(r.value, "ask")
	}
	return false
}

// switched is what a switch turns on: sell=true, isBuy=false.
func switched(s said) way {
	w := words(s.name)
	on := hasWord("true 1 yes on", strings.ToLower(s.value))
	off := hasWord("false 0 no off", strings.ToLower(s.value))
	plain := len(w) > 0 && !slices.ContainsFunc(w, func(one string) bool {
		return !anyOf([]string{one}, saleWords+" "+purchaseWords+" is mode only default off ramp cash out")
	})
	switch way := wayOf(strings.Join(w, "")); {
	case !plain:
	case anyOf(w, saleWords) || wayOf(strings.Join(w, " ")) == sale || way == sale:
		if on {
			return sale
		}
	case anyOf(w, purchaseWords):
		if on {
			return purchase
		} else if off && anyOf(w, "is") {
			return sale
		}
	}
	return neither
}
