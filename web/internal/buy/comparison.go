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
	buys map[int]bool      // the lists that offer a purchase, and the objects that switch one on
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

// amount reports whether a value that stands for an amount is the order's: of the
// currency exactly, of the asset within the tolerance of 1 % of what was quoted.
func (c comparison) amount(value string, w []string) bool {
	a, unit, ok := figure(value)
	if !ok || !c.unit(unit) {
		return false
	}
	fiat, crypto := c.fiat, c.crypto
	if anyOf(w, "cents cent minor") {
		fiat = shifted(fiat, c.minor)
	}
	isFiat := a.Cmp(fiat) == 0
	isCrypto := c.quoted && a.Places() == 0 && near(a, shifted(crypto, c.units), 1) // in the smallest unit
	if !anyOf(w, "wei units atomic sats lamports smallest") {
		isCrypto = isCrypto || c.quoted && near(a, crypto, 1)
	}
	switch {
	case anyOf(w, "fiat spend pay source"):
		return isFiat
	case anyOf(w, "crypto coin token receive quote destination"):
		return isCrypto
	}
	return isFiat || isCrypto
}

// money reports whether a value under any name is an amount of money with its
// currency or asset, or with two decimals, and not the order's.
func (c comparison) money(value string, w []string) bool {
	number, code := 0, false
	for _, part := range strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(":_-/|", r) }) {
		if _, err := amount.ParseNumber(part); err == nil {
			number++
		} else if known(strings.ToLower(part)) || len([]rune(part)) == 1 && unicode.Is(unicode.Sc, []rune(part)[0]) {
			code = true
		} else if letters := strings.Trim(part, "0123456789.,"); letters != "" && letters != part && (known(strings.ToLower(letters)) || unicode.Is(unicode.Sc, []rune(letters)[0])) {
			number, code = number+1, true
		} else {
			return false
		}
	}
	_, decimals, point := strings.Cut(value, ".")
	plain := point && len(decimals) == 2 && strings.Trim(value, "0123456789.") == "" && !anyOf(w, "v version ver scale zoom ratio opacity radius width height border size rate exchange spread slippage apr apy markup commission gas balance percent pct score dpr lat lng lon price unit fee min max limit discount tax")
	return (number == 1 && code || plain) && !c.amount(value, nil)
}

// anyAsset are words for whatever the order is about.
const anyAsset = "crypto fiat local default"

// asset reports whether a value that stands for a currency or an asset names the
// order's and no other.
func (c comparison) asset(value string) bool {
	if v := strings.ToLower(value); v == "" || slices.Contains(c.codes, v) || c.allOurs(v) {
		return v != ""
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

// offered reports whether a value is a list to choose from that has the order's
// currency or asset among others.
func (c comparison) offered(value string, w []string) bool {
	if !lists(w) {
		return false
	}
	return slices.ContainsFunc(strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;|", r) }), c.asset)
}
