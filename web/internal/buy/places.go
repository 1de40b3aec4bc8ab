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

// places are the words for where the order's asset is.
type places struct {
	networks []string // each is the name of the order's network
	beside   []string // say nothing, beside such a name
	tickers  []string // of the asset, also former ones
	alien    []string // are Ethereum's, unless a name of the order's network is beside them: "Base (ERC20)"
}

func placesOf(network asset.Network, bought asset.Asset) (p places) {
	add := func(all ...string) {
		for _, s := range all {
			if s = strings.ToLower(s); s != "" && !slices.Contains(p.alien, s) {
				p.networks = append(p.networks, s)
			}
		}
	}
	coin, _ := asset.ByID(network.Coin)
	namespace, reference, _ := strings.Cut(network.ID, ":")
	switch evm := namespace == "eip155"; {
	case network.Coin == "ethereum":
		add("mainnet", "main", "l1", "layer1", "evm", "native", "erc20", "erc", "20")
	case evm:
		p.alien = strings.Fields("mainnet main erc20 erc 20")
		if bought.Ticker == "ETH" {
			p.alien = append(p.alien, "eth")
		}
		if coin.Ticker == "ETH" {
			coin.Ticker = "" // whose network is Ethereum
		}
		add("evm", "native")
	default:
		add("mainnet", "main", "native")
	}
	if n, err := strconv.ParseUint(reference, 10, 64); err == nil && namespace == "eip155" {
		add("0x" + strconv.FormatUint(n, 16))
	}
	add(strings.Fields(otherNames[network.ID])...)
	add(network.ID, namespace, reference, network.Name, strings.Join(parts(network.Name), ""), network.Coin, coin.Ticker, coin.Name, bought.ID, bought.Ticker)
	p.tickers = append(strings.Fields(formerTickers[bought.ID]), strings.ToLower(bought.Ticker))
	p.beside = append(parts(network.Name), "network", "blockchain", "chain", "protocol", "l2", "layer2", "rollup")
	return p
}

// here reports whether a text in lower case is a name of the order's network or of
// what it is about.
func (c comparison) here(lower string) bool {
	return slices.Contains(c.codes, lower) || slices.Contains(c.networks, lower) || slices.Contains(c.networks, strings.Join(parts(lower), ""))
}

// said reports whether a word is one that may stand beside the order's network.
func (c comparison) said(lower string) bool {
	return c.here(lower) || slices.Contains(c.beside, lower) || slices.Contains(c.alien, lower)
}

// elsewhere reports whether a text, in any case, is the name of a network or an
// asset that is not the order's.
func (c comparison) elsewhere(text string) bool {
	lower := strings.ToLower(strings.TrimSpace(text))
	if c.here(lower) {
		return false
	}
	if otherNetwork(lower) && !slices.Contains(c.alien, lower) {
		return true
	}
	all := parts(lower)
	return c.anotherIn(all) && !slices.ContainsFunc(all, func(part string) bool { return !c.said(part) && !otherNetwork(part) })
}

// anotherIn reports whether one of some words is the name of another network or asset;
// one of Ethereum's needs a name of the order's network among the others. A ticker is
// none beside a standard: POL_ERC20 is on Ethereum.
func (c comparison) anotherIn(words []string) bool {
	standard := slices.ContainsFunc(words, func(word string) bool { return hasWord("erc20 erc", word) })
	named := slices.ContainsFunc(words, func(word string) bool {
		return slices.Contains(c.networks, word) && !(standard && slices.Contains(c.tickers, word))
	})
	return slices.ContainsFunc(words, func(word string) bool {
		switch {
		case c.here(word):
			return false
		case slices.Contains(c.alien, word):
			return !named && len(word) > 4 // mainnet, erc20, but not "main", which is an account's name too
		}
		return otherNetwork(word)
	})
}

// network reports whether a value that stands for a network names the order's, and
// no other.
func (c comparison) network(value string) bool {
	lower := strings.ToLower(value)
	if slices.Contains(c.networks, lower) {
		return true
	}
	all := parts(value)
	named := slices.ContainsFunc(all, func(part string) bool { return slices.Contains(c.networks, part) || c.allOurs(part) })
	return named && !slices.ContainsFunc(all, func(part string) bool { return !c.said(part) && !c.allOurs(part) })
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
