package buy

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/quote"
)

// comparison is what the order says, in the forms in which providers write it.
type comparison struct {
	dest     string
	contract string
	fiat     amount.Amount
	crypto   amount.Amount
	quoted   bool
	minor    int
	units    int      // places of the asset
	codes    []string // of currency and asset, in lower case
	places
	seen survey
	own  map[string]string // kinds of the provider's own names
}

// kind is what a parameter of this name stands for at this provider.
func (c comparison) kind(name string) string {
	if own := c.own[name]; own != "" && own != beside {
		return own
	}
	return kindOf(words(name))
}

// identifies reports whether a saying is the id of who receives, whom only the name
// around it tells: {"account":{"id":"88123"}}.
func identifies(s said) bool {
	return hasWord("id ref reference number", strings.ToLower(s.name)) && kindOf(words(s.within)) == aboutRecipient
}

// role is what a saying stands for: by its name, or by the name of what it is in.
func (c comparison) role(s said) string {
	if identifies(s) {
		return kindOf(words(s.within))
	}
	name, _ := c.without(s.name) // a name that is the deposit address says what it is for
	if w := words(name); anyOf(w, "account acct") && !anyOf(w, recipientWords) && anyOf(words(s.within), "session jwt") {
		return "" // the user's
	}
	if kind := c.kind(name); kind != "" || anyOf(words(name), aside) {
		return kind
	}
	within, _ := c.without(s.within)
	kind := kindOf(words(within))
	if isTo(words(within)) || kind == aboutPayment && !anyOf(words(name), "value val") { // {"deposit":{"step":2}}
		return ""
	}
	return kind
}

func newComparison(o quote.HandOff) comparison {
	a, ok := asset.On(o.Chain, o.Input.To)
	if !ok {
		a, _ = asset.ByID(o.Input.To)
	}
	network, _ := asset.Chain(a.Chain)
	if o.Chain != "" {
		network, _ = asset.Chain(o.Chain)
	}
	c := comparison{dest: o.Input.Dest, contract: a.Contract(), units: a.Places, places: placesOf(network, a)}
	c.minor, _ = asset.Currency(o.Input.From)
	c.fiat, _ = amount.Parse(o.Input.Amount)
	var err error
	c.crypto, err = amount.Parse(o.Crypto)
	c.quoted = err == nil
	for _, s := range []string{o.Input.From, o.Input.To, a.ID, a.Ticker, a.Name, a.CAIP19()} {
		c.codes = append(c.codes, strings.ToLower(s))
	}
	c.codes = append(c.codes, c.tickers...)
	if o.Input.From == "EUR" {
		c.codes = append(c.codes, "euro", "euros")
	} else if !hasWord(notDollars, c.codes[0]) {
		c.codes = append(c.codes, "dollar", "dollars")
	}
	if a.Ticker == "ETH" {
		c.codes = append(c.codes, "ether", "ξ")
	}
	return c
}

// mine reports whether an address is the order's: the deposit address or, under a
// name that may stand for it, the contract of the asset.
func (c comparison) mine(token string, w []string) bool {
	if plain := icap(token); plain != "" {
		token = plain
	}
	return same(token, c.dest) || c.constant(token, w)
}

func same(a, b string) bool {
	return a == b || strings.HasPrefix(b, "0x") && strings.EqualFold(strings.TrimPrefix(strings.ToLower(a), "0x"), b[2:])
}

// constant reports whether an address is the contract of the asset, or one of those
// that stand for a chain's own coin, under a name for an asset; a name for who receives
// admits none.
func (c comparison) constant(token string, w []string) bool {
	if !anyOf(w, "token contract asset mint") && !(anyOf(w, "currency coin") && !anyOf(w, addressWords)) || anyOf(w, recipientWords+" deposit account acct user customer holder") {
		return false
	}
	if c.contract == "" {
		return same(token, "0x0000000000000000000000000000000000000000") || same(token, "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE")
	}
	return same(token, c.contract)
}

// anyAsset are words for whatever the order is about.
const anyAsset = "crypto fiat local default"

// asset reports whether a value that stands for a currency or an asset names the
// order's and no other.
func (c comparison) asset(value string) bool {
	if v := strings.ToLower(value); v == "" || slices.Contains(c.codes, v) || c.allOurs(v) {
		return v != ""
	}
	if value == "true" || value == "false" {
		return true // which names none
	}
	if _, _, ok := figure(value); ok && strings.ContainsAny(value, "0123456789") {
		return c.amount(value, nil) // crypto=0.1
	}
	if sign, size := utf8.DecodeRuneInString(value); unicode.Is(unicode.Sc, sign) && size == len(value) {
		return c.unit(value)
	}
	all := parts(value)
	return !c.anotherIn(all) && slices.ContainsFunc(all, func(part string) bool {
		return slices.Contains(c.codes, part) || c.allOurs(part) || hasWord(anyAsset, part)
	}) && !slices.ContainsFunc(all, func(part string) bool { return !c.said(part) && !c.allOurs(part) && !hasWord(anyAsset, part) })
}

// offered reports whether a value is a list to choose from that has the order's among
// others.
func offered(value string, w []string, ours func(string) bool) bool {
	return lists(w) && slices.ContainsFunc(strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;|", r) }), ours)
}
