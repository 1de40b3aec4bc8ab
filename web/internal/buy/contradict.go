package buy

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"countersign/shared/amount"
	"countersign/shared/asset"
)

// The kinds of what an address of a provider can say about a purchase.
const (
	aboutAddress = "address"
	aboutAmount  = "amount"
	aboutAsset   = "asset"
)

// contradiction is a parameter that says something else than the order. Its value
// is not kept: it may be a secret.
type contradiction struct {
	parameter string // empty: a segment of the path
	about     string
}

func (c contradiction) String() string {
	if c.parameter == "" {
		return "the path is about another " + c.about
	}
	return "the parameter " + shown(c.parameter) + " is about another " + c.about
}

// contradictions compares all that an address says, wherever it says it, with the
// order. Whatever the name, a value that looks like a deposit address, like an
// amount of money or like an asset or a currency must be the order's; a name that
// stands for one of them must have the order's value, and once. params are the
// provider's own names of the LiveApp parameters.
func contradictions(u *url.URL, o Order, params map[string]string) ([]contradiction, error) {
	all, err := sayings(u)
	if err != nil {
		return nil, err
	}
	c := newComparison(o)
	c.own = map[string]string{}
	for contract, own := range params {
		if kind := kindOf(words(contract)); own != "" {
			c.own[own] = kind
		}
	}
	holds := map[int]bool{} // what has the deposit address as an item
	for _, s := range all {
		if _, ours := c.without(s.value); ours && s.in != 0 {
			holds[s.in] = true
		}
	}
	var found []contradiction
	add := func(name, about string) {
		if _, ours := c.without(name); ours || len(addressesIn(name)) > 0 {
			name = "[address]" // which is told no more than a value
		}
		if x := (contradiction{name, about}); !slices.Contains(found, x) {
			found = append(found, x)
		}
	}
	for i, s := range all {
		about := c.differs(s, all[i+1:s.last])
		if about == "" && s.list && (holds[s.in] || holds[s.above]) && c.listedElsewhere(s) {
			about = aboutAsset
		}
		if about != "" {
			add(cmp.Or(s.within, s.name), about)
		}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, errTooMuch
	}
	for name, values := range query {
		if about := c.kind(name); len(values) > 1 && about != "" && about != beside {
			add(name, about) // the two ends could read different ones
		}
	}
	return found, nil
}

// comparison is what the order says, in the forms in which providers write it.
type comparison struct {
	dest     string
	contract string
	fiat     amount.Amount
	crypto   amount.Amount
	quoted   bool
	minor    int
	places   int
	codes    []string // of currency and asset, in lower case
	networks []string
	own      map[string]string // kinds of the provider's own names
}

// kind is what a parameter of this name stands for at this provider.
func (c comparison) kind(name string) string {
	if own := c.own[name]; own != "" && own != beside {
		return own
	}
	return kindOf(words(name))
}

func newComparison(o Order) comparison {
	a, ok := asset.On(o.Chain, o.Input.To)
	if !ok {
		a, _ = asset.ByID(o.Input.To)
	}
	network, _ := asset.Chain(a.Chain)
	if o.Chain != "" {
		network, _ = asset.Chain(o.Chain)
	}
	coin, _ := asset.ByID(network.Coin)
	c := comparison{dest: o.Input.Dest, contract: a.Contract(), places: a.Places}
	c.minor, _ = asset.Currency(o.Input.From)
	c.fiat, _ = amount.Parse(o.Input.Amount)
	var err error
	c.crypto, err = amount.Parse(o.Crypto)
	c.quoted = err == nil
	for _, s := range []string{o.Input.From, o.Input.To, a.ID, a.Ticker, a.Name, a.CAIP19()} {
		c.codes = append(c.codes, strings.ToLower(s))
	}
	c.codes = append(c.codes, strings.Fields(formerTickers[a.ID])...)
	namespace, reference, _ := strings.Cut(network.ID, ":")
	if n, err := strconv.ParseUint(reference, 10, 64); err == nil && namespace == "eip155" {
		c.networks = append(c.networks, "0x"+strconv.FormatUint(n, 16))
	}
	c.networks = append(c.networks, strings.Fields(otherNames[network.ID])...)
	for _, s := range append(parts(network.Name), network.ID, namespace, reference, network.Name, network.Coin, coin.Ticker, coin.Name, o.Input.To, a.Ticker,
		"mainnet", "evm", "erc20", "erc", "20", "native", "main") {
		if s != "" {
			c.networks = append(c.networks, strings.ToLower(s))
		}
	}
	return c
}

// differs says in what a saying contradicts the order; empty when it does not.
// inside are those that its value wraps.
func (c comparison) differs(s said, inside []said) string {
	name, binds := c.without(s.name) // a name that is the deposit address says what it is for
	w := words(name)
	kind := c.kind(name)
	within, inOurs := c.without(s.within)
	if kind == "" && within != "" && !anyOf(w, aside) {
		kind = kindOf(words(within))
	}
	if s.toggle {
		if s.value == "true" && (inOurs || kind != "" && kind != beside) && c.elsewhere(name) {
			return aboutAsset
		}
		return ""
	}
	if len(addressesIn(name)) > 0 {
		return aboutAddress
	}
	if binds {
		if about := c.bound(nil, "", "", "", name); about != "" {
			return about
		}
	}
	if c.described(w, within, inOurs, s.value) {
		return aboutAsset
	}
	if binds && (kind == "" || kind == aboutAddress) && !anyOf(w, aside) {
		if kind = aboutNetwork; s.value == "" {
			return ""
		}
	}
	ours := false
	for _, token := range tokens(s.value) {
		how := addressLike(token)
		switch {
		case how == noAddress || how == likely && (opaque(w) || s.name == "" || kind != aboutAddress && len(token) != 40):
		case c.mine(token, w):
			ours = true
		default:
			return aboutAddress
		}
	}
	wraps := false // and what it wraps answers for it
	for _, x := range inside {
		wraps = wraps || x.name == s.name || x.within == s.name
		for _, token := range tokens(x.value) {
			ours = ours || c.mine(token, w)
		}
	}
	switch {
	case kind == beside || flags(s.name, w, s.value):
		return ""
	case kind == aboutAddress && !ours:
		return aboutAddress
	case wraps:
		return ""
	}
	if rest, found := c.without(s.value); found && len(inside) == 0 && (kind != "" || !opaque(w)) {
		if about := c.bound(w, name, within, kind, rest); about != "" || kind == aboutNetwork {
			return about
		}
	}
	switch {
	case kind == aboutAddress:
		return ""
	case kind == "" && c.named(name, s.value):
		return aboutAmount
	case anyOf(w, "net rail protocol layer layer2 l2 evm rollup standard") && c.elsewhere(s.value):
		return aboutAsset
	case kind == aboutAmount && !c.amount(s.value, w):
		return aboutAmount
	case kind == aboutAsset && !c.asset(s.value) || kind == aboutNetwork && !c.network(s.value):
		return aboutAsset
	case kind != "" || free(w):
		return ""
	case anyOf(w, "value cost budget") && strings.ContainsAny(s.value, "123456789") && strings.Trim(s.value, "0123456789., ") == "" && !c.amount(s.value, nil):
		return aboutAmount
	case opaque(w):
		if c.otherCode(s.value, true) {
			return aboutAsset
		}
	case c.money(s.value, w):
		return aboutAmount
	case c.otherCode(s.value, false):
		return aboutAsset
	}
	return ""
}

// mine reports whether an address is the order's: the deposit address or, under a
// name that may stand for it, the contract of the asset.
func (c comparison) mine(token string, w []string) bool {
	same := func(a, b string) bool {
		return a == b || strings.HasPrefix(b, "0x") && strings.EqualFold(strings.TrimPrefix(strings.ToLower(a), "0x"), b[2:])
	}
	if same(token, c.dest) {
		return true
	}
	if !anyOf(w, "token contract asset currency coin mint") {
		return false
	}
	const none, native = "0x0000000000000000000000000000000000000000", "0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE"
	if c.contract == "" {
		return same(token, none) || same(token, native)
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
	isCrypto := c.quoted && a.Places() == 0 && near(a, shifted(crypto, c.places)) // in the smallest unit
	if !anyOf(w, "wei units atomic sats lamports smallest") {
		isCrypto = isCrypto || c.quoted && near(a, crypto)
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

// asset reports whether a value that stands for a currency or an asset names the
// order's and no other.
func (c comparison) asset(value string) bool {
	if v := strings.ToLower(value); v == "" || slices.Contains(c.codes, v) {
		return v != ""
	}
	if _, _, ok := figure(value); ok && strings.ContainsAny(value, "0123456789") {
		return c.amount(value, nil) // crypto=0.1
	}
	if sign, size := utf8.DecodeRuneInString(value); unicode.Is(unicode.Sc, sign) && size == len(value) {
		return c.unit(value)
	}
	some := false
	for _, part := range parts(value) {
		switch {
		case slices.Contains(c.codes, part):
			some = true
		case slices.Contains(c.networks, part):
		default:
			return false
		}
	}
	return some
}

func (c comparison) network(value string) bool {
	if slices.Contains(c.networks, strings.ToLower(value)) {
		return true
	}
	for _, part := range parts(value) {
		if !slices.Contains(c.networks, part) {
			return false
		}
	}
	return value != ""
}

// tokens are the parts of a value that may be an address, also what is joined to
// other words by a sign that addresses of other forms may have: eth_0x….
func tokens(value string) []string {
	all := strings.FieldsFunc(value, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`:,;|/?&=@"'{}[]()<>#+`, r)
	})
	for _, token := range all {
		for _, part := range strings.FieldsFunc(token, func(r rune) bool { return strings.ContainsRune(`_-.~*!$`, r) }) {
			if part != token && addressLike(part) == surely {
				all = append(all, part)
			}
		}
	}
	return all
}

// listed is a few contradictions in words, for the log and for people.
func listed(all []contradiction) string {
	var text []string
	for i, c := range all {
		if i == 4 {
			text = append(text, strconv.Itoa(len(all)-i)+" more")
			break
		}
		text = append(text, c.String())
	}
	return strings.Join(text, "; ")
}
