package buy

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

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
	var found []contradiction
	add := func(name, about string) {
		if x := (contradiction{name, about}); !slices.Contains(found, x) {
			found = append(found, x)
		}
	}
	for i, s := range all {
		if about := c.differs(s, all[i+1:s.last]); about != "" {
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
	_, reference, _ := strings.Cut(network.ID, ":")
	for _, s := range append(parts(network.Name), network.ID, reference, network.Name, network.Coin, coin.Ticker, coin.Name, o.Input.To, a.Ticker,
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
	w := words(s.name)
	kind := c.kind(s.name)
	if kind == "" && s.within != "" && !anyOf(w, aside) {
		kind = kindOf(words(s.within))
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
	case kind == aboutAddress:
		if ours {
			return ""
		}
		return aboutAddress
	case wraps:
		return ""
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
	a, ok := figure(value)
	if !ok {
		return false
	}
	fiat, crypto := c.fiat, c.crypto
	if anyOf(w, "cents cent minor") {
		fiat = shifted(fiat, c.minor)
	}
	if anyOf(w, "wei units atomic sats lamports smallest") {
		crypto = shifted(crypto, c.places)
	}
	isFiat := a.Cmp(fiat) == 0
	isCrypto := c.quoted && a.Cmp(crypto.MulRatio(99, 100, 40, amount.Floor)) >= 0 && a.Cmp(crypto.MulRatio(101, 100, 40, amount.Ceil)) <= 0
	switch {
	case anyOf(w, "fiat spend pay source"):
		return isFiat
	case anyOf(w, "crypto coin token receive quote destination"):
		return isCrypto
	}
	return isFiat || isCrypto
}

func shifted(a amount.Amount, places int) amount.Amount {
	units, err := a.Units(max(places, a.Places()))
	if err != nil {
		return a
	}
	b, err := amount.Parse(units)
	if err != nil {
		return a
	}
	return b
}

// figure reads a number as people write it: with a currency, grouped, with a comma.
func figure(s string) (amount.Amount, bool) {
	s = strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.Is(unicode.Sc, r) || unicode.IsSpace(r) || r == ':'
	})
	s = strings.NewReplacer(" ", "", "_", "", "'", "", "\u00a0", "").Replace(s)
	if i := strings.LastIndexByte(s, ','); i >= 0 {
		if strings.Contains(s, ".") && strings.LastIndexByte(s, '.') > i || len(s)-i == 4 || strings.Count(s, ",") > 1 {
			s = strings.ReplaceAll(s, ",", "")
		} else {
			s = strings.ReplaceAll(strings.ReplaceAll(s, ".", ""), ",", ".")
		}
	}
	if len(s) > 64 {
		return amount.Amount{}, false
	}
	a, err := amount.ParseNumber(s)
	return a, err == nil
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
	plain := point && len(decimals) == 2 && strings.Trim(value, "0123456789.") == "" && !anyOf(w, "v version ver scale zoom ratio opacity rate percent pct score dpr lat lng lon price unit fee fees min max limit discount tax")
	return (number == 1 && code || plain) && !c.amount(value, nil)
}

// asset reports whether a value that stands for a currency or an asset names the
// order's and no other.
func (c comparison) asset(value string) bool {
	if v := strings.ToLower(value); v == "" || slices.Contains(c.codes, v) {
		return v != ""
	}
	if _, ok := figure(value); ok && strings.ContainsAny(value, "0123456789") {
		return c.amount(value, nil) // crypto=0.1
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

// otherCode reports whether a value under any name is, or unless it must be whole
// holds, the code of a currency or an asset that is not the order's.
func (c comparison) otherCode(value string, whole bool) bool {
	if len(value) > 64 {
		return false
	}
	if c.other(value) {
		return true
	}
	return !whole && slices.ContainsFunc(strings.FieldsFunc(value, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;|_-", r) }), c.other)
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

// tokens are the parts of a value that may be an address.
func tokens(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool {
		return unicode.IsSpace(r) || strings.ContainsRune(`:,;|/?&=@"'{}[]()<>#+`, r)
	})
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
