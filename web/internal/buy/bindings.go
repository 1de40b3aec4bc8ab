package buy

import (
	"slices"
	"strconv"
	"strings"
	"sync"

	"countersign/shared/asset"
)

// otherNames are what providers call networks beside the names of the table.
var otherNames = map[string]string{
	"eip155:1":     "ethereum eth erc20 homestead",
	"eip155:137":   "polygon matic polygonpos",
	"eip155:42161": "arbitrum arb arb1 arbone",
	"eip155:10":    "optimism op",
	"eip155:8453":  "base",
	"eip155:56":    "bsc bnb bep20 bnbchain binance smartchain binancesmartchain",
	"eip155:43114": "avalanche avax avaxc avaxcchain cchain avalanchec",
	"bip122:000000000019d6689c085ae165831e93": "btc",
	"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp": "spl",
	"tron:0x2b6653dc":                         "trc20 trc10",
	"stellar:pubnet":                          "xlm",
	"xrpl:0":                                  "xrp xrpl",
}

// unlisted are networks that are in no table here. Where a network is expected,
// whatever is not the order's is refused; these are known elsewhere too.
const unlisted = "zksync zksyncera zkera linea scroll blast mantle celo gnosis xdai fantom ftm cronos zora unichain sonic starknet " +
	"moonbeam moonriver aurora harmony kava klaytn ronin immutable worldchain polygonzkevm zkevm opbnb manta taiko near aptos sui ton algorand cosmos bep2"

// formerTickers are what coins were called before.
var formerTickers = map[string]string{"polygon": "matic"}

// without takes the deposit address out of a text, in whatever case it may be written.
func (c comparison) without(text string) (rest string, found bool) {
	if c.dest == "" {
		return text, false
	}
	in, want := text, c.dest
	if isHex(strings.ToLower(want)) {
		in, want = strings.ToLower(text), strings.ToLower(want[2:])
	}
	if len(in) != len(text) { // lower case of another length
		return text, false
	}
	from := 0
	var b strings.Builder
	for {
		at := strings.Index(in[from:], want)
		if at < 0 {
			b.WriteString(text[from:])
			return b.String(), found
		}
		before := text[from : from+at]
		if in != text || isHex(c.dest) {
			before = strings.TrimSuffix(strings.TrimSuffix(before, "0x"), "0X")
		}
		b.WriteString(before + " ")
		from, found = from+at+len(want), true
	}
}

// elsewhere reports whether a text, in any case, is the name of a network or an
// asset that is not the order's.
func (c comparison) elsewhere(text string) bool {
	lower := strings.ToLower(strings.TrimSpace(text))
	if c.here(lower) {
		return false
	}
	if otherNetwork(lower) {
		return true
	}
	some := false
	for _, part := range parts(lower) {
		switch {
		case c.here(part):
		case otherNetwork(part):
			some = true
		default:
			return false
		}
	}
	return some
}

func (c comparison) here(lower string) bool {
	return slices.Contains(c.codes, lower) || slices.Contains(c.networks, lower) || slices.Contains(c.networks, strings.Join(parts(lower), ""))
}

// otherNetwork reports whether a text in lower case is a network or a coin of any
// order.
func otherNetwork(lower string) bool {
	all := networkNames()
	return all[lower] || all[strings.Join(parts(lower), "")]
}

// networkNames are all names of networks and assets, in lower case, also without
// what separates their words.
var networkNames = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	add := func(names ...string) {
		for _, name := range names {
			all[strings.ToLower(name)] = true
			all[strings.Join(parts(name), "")] = true
		}
	}
	add(strings.Fields(unlisted)...)
	for _, n := range asset.Chains() {
		add(n.Name, n.Coin)
		add(strings.Fields(otherNames[n.ID])...)
		all[strings.ToLower(n.ID)] = true
	}
	for _, a := range asset.All() {
		all[strings.ToLower(a.Ticker)], all[a.ID] = true, true
	}
	return all
})

// bound compares what an address of the order's is bound to, by a pair such as
// network:address, a list that holds both, or its name: with the order's network
// and asset. rest is the value without the address. Under a name for addresses or
// networks nothing else may stand beside it.
func (c comparison) bound(w []string, name, within, kind, rest string) string {
	if c.elsewhere(within) {
		return aboutAsset
	}
	if kindOf(w) == "" && !anyOf(w, aside) {
		if kind == aboutNetwork && len(w) > 0 && !c.network(name) || c.elsewhere(name) {
			return aboutAsset
		}
	}
	if slices.ContainsFunc(w, c.elsewhere) {
		return aboutAsset
	}
	lower := strings.ToLower(rest)
	if strings.Contains(lower, "@") { // EIP-681, whose scheme is the same on every chain
		rest = strings.TrimPrefix(lower, "ethereum:")
	}
	chain := strings.Contains(lower, "@") || strings.Contains(lower, "eip155")
	for _, part := range parts(rest) {
		_, err := strconv.ParseUint(part, 0, 64)
		switch number := err == nil; {
		case c.here(part):
		case c.elsewhere(part) || number && (chain || otherReference(part)):
			return aboutAsset
		case kind == aboutNetwork && !number:
			return aboutAsset
		case kind == aboutAddress && !number && part != "pay" && kindOf([]string{part}) == "":
			return aboutAddress
		}
	}
	return ""
}

// described reports whether a name or an id, within what is for networks, for
// assets or for the deposit address, is of another one: {"chain":{"name":"base"}}.
func (c comparison) described(w []string, within string, ours bool, value string) bool {
	kind := kindOf(words(within))
	if !ours && kind != aboutNetwork && kind != aboutAsset || !anyOf(w, "id name slug key value") || kindOf(w) == aboutAmount {
		return false
	}
	return c.elsewhere(value) || kind == aboutNetwork && !c.here(value) && otherReference(value)
}

// otherReference reports whether digits are the chain id of a network of the table.
func otherReference(digits string) bool {
	n, err := strconv.ParseUint(digits, 0, 64)
	if err != nil {
		return false
	}
	_, known := asset.Chain("eip155:" + strconv.FormatUint(n, 10))
	return known
}

// listedElsewhere reports whether an item of a list that has the deposit address
// beside it is another network or asset.
func (c comparison) listedElsewhere(s said) bool {
	name, _ := c.without(s.name)
	w := words(name)
	return !anyOf(w, aside) && !free(w) && (s.name == "" || !opaque(w)) && c.elsewhere(s.value)
}

// addressesIn are the addresses in a name. Names with points may end in .eth too.
func addressesIn(name string) (all []string) {
	for _, token := range tokens(name) {
		if addressLike(token) == surely && !strings.HasSuffix(strings.ToLower(token), ".eth") {
			all = append(all, token)
		}
	}
	return all
}
