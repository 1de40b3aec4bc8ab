package buy

import (
	"slices"
	"strings"
)

// survey is what the sayings of an address say of each other.
type survey struct {
	holds  map[int]bool      // what has the deposit address as an item
	offers map[int]bool      // lists to choose from in which the order's currency, asset or amount is
	meant  map[int]bool      // the items of such lists that are about it
	buys   map[int]bool      // the lists that offer a purchase, and the objects that switch one on
	sides  map[string]string // what "base" and "quote" are, and the "unit" of a quantity
}

func (c comparison) survey(all []said) survey {
	v := survey{map[int]bool{}, map[int]bool{}, map[int]bool{}, map[int]bool{}, map[string]string{}}
	for _, s := range all {
		list, role := s.listed(), c.role(s)
		if _, ours := c.without(s.value); ours && s.in != 0 {
			v.holds[s.in] = true
		}
		if list != 0 && wayOf(s.value) == purchase {
			v.buys[list] = true
		} else if switched(s) == purchase {
			v.buys[s.in] = true
		}
		if list != 0 && (lists(words(s.name)) || lists(words(s.within))) &&
			(role == aboutAsset && c.asset(s.value) || role == aboutAmount && s.list && c.amount(s.value, nil)) {
			v.offers[list] = true
			if !s.list {
				v.meant[s.in] = true
			}
		}
		if w := words(s.name); !s.away && anyOf(w, "unit uom") && c.here(strings.ToLower(s.value)) {
			v.sides["unit"] = s.value
		} else if !s.away && anyOf(w, assetWords) && !anyOf(w, amountWords) {
			c.sided(w, s.value, v.sides)
		}
	}
	return v
}

// sided notes which side of a pair the base or the quote is: baseCurrency=ETH.
func (c comparison) sided(w []string, value string, sides map[string]string) {
	for _, word := range []string{"base", "quote"} {
		switch {
		case !anyOf(w, word):
		case strings.ToLower(value) == c.codes[0]:
			sides[word] = aboutFiat
		case slices.Contains(c.codes, strings.ToLower(value)):
			sides[word] = aboutCrypto
		}
	}
}

// chosen reports whether a contradiction is one of several things to choose from, of
// which the order's is another: an asset, its network, an amount.
func (v survey) chosen(s said, about, role string) bool {
	if !v.offers[s.listed()] {
		return false
	}
	return about == aboutAsset && (role == aboutAsset || role == aboutNetwork && !v.meant[s.in]) || about == aboutAmount && role == aboutAmount
}

// bound reports whether a saying is an item of a list that has the deposit address beside
// it or around it, and nothing to choose from.
func (v survey) bound(s said, role string) bool {
	return s.list && (v.holds[s.in] || v.holds[s.above]) && !(v.offers[s.in] && role == aboutAsset)
}
