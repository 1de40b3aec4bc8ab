package buy

import (
	"cmp"
	"slices"
	"strings"
)

// reading is a saying and what is known of it before its value is judged.
type reading struct {
	said
	name   string   // without the deposit address
	words  []string // of the name
	kind   string   // what the name stands for
	binds  bool     // the deposit address is in the name
	ours   bool     // the deposit address is in the value
	wraps  bool     // the value holds sayings, which answer for it
	random bool     // the name is one for what is random or computed
}

func (c comparison) read(s said, inside []said) reading {
	r := reading{said: s, kind: c.role(s)}
	r.name, r.binds = c.without(s.name)
	r.words = words(r.name)
	if identifies(s) {
		r.words = words(s.within)
	}
	if last := r.words[max(0, len(r.words)-1):]; r.kind == aboutAmount && anyOf(last, assetWords+" unit in") && !strings.ContainsAny(s.value, "0123456789") && s.value != "" {
		if r.kind = aboutAsset; anyOf(last, "unit") && c.unit(s.value) {
			r.kind = "" // amount[unit]=wei
		}
	}
	r.random = opaque(r.words) || opaque(words(s.before))
	if r.binds && hasWord("address recipient payment", cmp.Or(r.kind, aboutAddress)) && !anyOf(r.words, aside) {
		r.kind = aboutNetwork
	}
	mine := func(token string) bool { return c.mine(token, r.words) }
	r.ours = slices.ContainsFunc(tokens(s.value), mine)
	for _, x := range inside {
		r.wraps = r.wraps || x.name == s.name || x.within == s.name
		r.ours = r.ours || slices.ContainsFunc(tokens(x.value), mine)
	}
	return r
}

// differs says in what a saying contradicts the order; empty when it does not.
// aboutRecipient is a doubt: under a name for who receives stands what is neither the
// deposit address nor of the form of another nor a word for people. inside are those
// that its value wraps.
func (c comparison) differs(s said, inside []said) string {
	r := c.read(s, inside)
	within, inOurs := c.without(s.within)
	switch {
	case c.sells(r):
		return aboutSale
	case s.toggle:
		if s.value == "true" && (inOurs || r.kind != "" && r.kind != beside) && c.elsewhere(r.name) {
			return aboutAsset
		}
		return ""
	case len(addressesIn(r.name)) > 0:
		return aboutAddress
	case r.binds && c.bound(nil, "", "", "", r.name) != "":
		return c.bound(nil, "", "", "", r.name)
	case c.described(r.words, within, inOurs, s.value):
		return aboutAsset
	case r.binds && s.value == "" && r.kind == aboutNetwork:
		return ""
	}
	if about := c.goes(r); about != "" {
		return about
	}
	if r.kind == beside || s.aside && !hasWord("address recipient", r.kind) || r.wraps || flags(r.words, s.value) || s.hollow && r.kind != aboutAmount {
		return ""
	}
	if s.bare && c.elsewhere(s.value) && !hasWord(unlisted+" base optimism op", strings.ToLower(s.value)) {
		return aboutAsset
	}
	if s.before != "" {
		if about := c.follows(r); about != "" {
			return about
		}
	}
	switch {
	case r.kind == aboutRecipient && r.ours:
		r.kind = aboutAddress
	case r.kind == aboutRecipient:
		r.kind = ""
	}
	if rest, found := c.without(s.value); found && len(inside) == 0 && (r.kind != "" || !r.random) {
		if about := c.bound(r.words, r.name, within, r.kind, rest); about != "" || r.kind == aboutNetwork {
			return about
		}
	}
	return c.says(r)
}

// goes compares where a saying lets money go: with the deposit address, under any
// name; under a name for who receives also whatever is not a word for people.
func (c comparison) goes(r reading) string {
	receives := hasWord("address recipient payment", r.kind)
	if pictured(r.words) && linked.MatchString(r.value) && pictures.MatchString(r.value) {
		return ""
	}
	empty := r.value != "" && c.kind(r.name) == aboutRecipient && !lists(r.words) // {"recipient":{}}
	for _, token := range tokens(r.value) {
		switch how := addressLike(token); {
		case how == noAddress || c.mine(token, r.words):
		case how == shaped && (r.wraps || !receives):
		case how == named && (!nameable(token, r.words, r.kind) || r.kind == aboutAsset && c.asset(r.value)):
		case how == likely && r.random:
		default:
			return aboutAddress
		}
	}
	switch {
	case r.ours || flags(r.words, r.value) || r.hollow && r.kind != aboutAddress && !empty:
		return ""
	case r.kind == aboutAddress && !(plainly(r.words) && postal(r.value)):
		return aboutAddress
	case r.kind == aboutRecipient && c.elsewhere(r.value):
		return aboutAsset
	case r.kind == aboutRecipient && !r.wraps && !human(r.value, r.words):
		return aboutRecipient
	case r.kind == aboutPayment && anyOf(r.words, "deposit") && deposited(r.value):
		return aboutRecipient
	}
	return ""
}

// follows compares a segment of a path with the one before it, which may be its name:
// /amount/999, /wallet/OTHER, /network/polygon.
func (c comparison) follows(r reading) string {
	w := words(r.before)
	kind := c.kind(r.before)
	number := sum(r.value)
	verb := len(w) == 1 && anyOf(w, "pay send buy charge topup trade purchase") // others may stand before an id
	switch {
	case number && (kind == aboutAmount && !c.amount(r.value, w) || verb && !c.payment(r.value, w) || c.named(r.before, r.value)):
		return aboutAmount
	case (kind == aboutAddress || kind == aboutRecipient) && !r.ours && !human(r.value, nil) && !(anyOf(w, "account acct") && strings.Trim(r.value, "0123456789") == ""):
		return aboutRecipient
	case codes()[strings.ToLower(r.value)] && sum(r.before) && len(r.before) > 1 && !c.numbered(r.before, []string{"id"}) && !c.amount(r.before+" "+r.value, nil):
		return aboutAmount // 999/EUR
	case (kind == aboutNetwork || verb) && c.elsewhere(r.value):
		return aboutAsset
	}
	return ""
}

// says compares an amount, an asset or a network with the order's: each under its
// name, and what can be nothing else under any.
func (c comparison) says(r reading) string {
	w, value := r.words, r.value
	switch {
	case r.kind == aboutAddress:
		return ""
	case r.kind == "" && c.named(r.name, value) || r.kind == aboutPayment && !c.payment(value, w):
		return aboutAmount
	case anyOf(w, networkWords+" net rail protocol layer layer2 l2 evm rollup standard") && c.elsewhere(value) && !(anyOf(w, "net") && offered(value, w, c.network)):
		return aboutAsset
	case r.kind == aboutAmount && !(c.amount(value, w) && !c.foreign(w)) && !c.piece(value, w) && !c.part(value, w) && !offered(value, w, func(item string) bool { return c.amount(item, nil) }) || r.kind == "" && c.counted(r):
		return aboutAmount
	case r.kind == aboutAsset && !c.asset(value) && !offered(value, w, c.asset) && !c.constant(value, w) || r.kind == aboutNetwork && !c.network(value):
		return aboutAsset
	case r.kind == "" && c.mistaken(w, value):
		return aboutAsset
	case r.kind != "" && r.kind != aboutPayment || free(w):
		return ""
	case anyOf(w, "value val cost budget") && strings.ContainsAny(value, "123456789") && strings.Trim(value, "0123456789., ") == "" && !c.amount(value, nil):
		return aboutAmount
	case !r.random && c.money(r):
		return aboutAmount
	case c.otherCode(value, r.random) && !offered(value, w, func(item string) bool { return c.asset(item) || c.network(item) }):
		return aboutAsset
	}
	return ""
}

// mistaken reports whether what says which kind of asset is meant, or how it is called,
// is the name of one that is not the order's: coinType=SHIB, but not coinType=native.
func (c comparison) mistaken(w []string, value string) bool {
	if !anyOf(w, "currency cryptocurrency crypto coin asset fiat") || !anyOf(w[len(w)-1:], "type name label") || c.asset(value) {
		return false
	}
	if strings.ContainsAny(value, " \t") {
		return anyOf(w, "name")
	}
	return !anyOf(parts(value), assetWords+" native token stablecoin stable digital spot local default primary base evm erc20 erc721 wallet exchange blockchain all any none true false") && strings.Trim(value, "0123456789") != ""
}
