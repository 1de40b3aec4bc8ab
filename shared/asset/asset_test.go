package asset_test

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"countersign/shared/asset"
)

func TestAnAssetIsFoundOnTheChainThatHoldsIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		chain, id, caip19, contract string
		places                      int
		seen                        asset.Seen
	}{
		{"eip155:1", "ethereum", "eip155:1/slip44:60", "", 18, asset.ByBalance},
		{asset.Sandbox, "ethereum", "eip155:31337/slip44:60", "", 18, asset.ByBalance},
		{"eip155:1", "ethereum/erc20/usd__coin", "eip155:1/erc20:0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", 6, asset.ByLogs},
		{"bip122:000000000019d6689c085ae165831e93", "bitcoin", "bip122:000000000019d6689c085ae165831e93/slip44:0", "", 8, asset.Unseen},
	} {
		a, ok := asset.On(c.chain, c.id)
		if !ok || a.CAIP19() != c.caip19 || a.Contract() != c.contract || a.Places != c.places || a.Seen != c.seen {
			t.Errorf("%s on %s = %+v, %v", c.id, c.chain, a, ok)
		}
	}
	for _, c := range [][2]string{{asset.Sandbox, "bitcoin"}, {"eip155:1", "polygon"}, {"eip155:5", "ethereum"}, {"", "ethereum"}, {"eip155:1", ""}, {"eip155:1", "ETHEREUM"}} {
		if a, ok := asset.On(c[0], c[1]); ok {
			t.Errorf("%s is held on %s: %+v", c[1], c[0], a)
		}
	}
}

func TestWhatCannotArriveOrBeSeenCannotBeBought(t *testing.T) {
	t.Parallel()
	for _, c := range [][2]string{{asset.Sandbox, "ethereum"}, {"eip155:1", "ethereum"}, {"eip155:1", "ethereum/erc20/aave"}, {"eip155:10", "optimism"}} {
		if _, why := asset.Buyable(c[0], c[1]); why != "" {
			t.Errorf("%s on %s: %s", c[1], c[0], why)
		}
	}
	for _, c := range []struct{ chain, id, why string }{
		{asset.Sandbox, "bitcoin", "cannot be held on Sandbox chain"},
		{asset.Sandbox, "ethereum/erc20/usd__coin", "cannot be held"},
		{"eip155:1", "arbitrum", "cannot be held"},
		{"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "solana", "see it arrive"},
		{"eip155:1", "shiba", "table of known assets"},
		{asset.Sandbox, "eth", "table of known assets; did you mean ethereum?"},
		{"eip155:1", "usdc", "did you mean ethereum/erc20/usd__coin?"},
		{asset.Sandbox, "BTC", "did you mean bitcoin?"},
		{"eip155:5", "ethereum", "table of known chains"},
	} {
		if _, why := asset.Buyable(c.chain, c.id); !strings.Contains(why, c.why) {
			t.Errorf("%s on %s: %q", c.id, c.chain, why)
		}
	}
}

func TestAnUnknownAssetHasThePlacesOfTheFinest(t *testing.T) {
	t.Parallel()
	if a, ok := asset.ByID("nothing"); ok || a.Places != 18 || a.Name != "nothing" || a.Seen != asset.Unseen {
		t.Errorf("%+v, %v", a, ok)
	}
	if a, ok := asset.ByID("bitcoin"); !ok || a.Places != 8 || a.Ticker != "BTC" {
		t.Errorf("%+v, %v", a, ok)
	}
	if asset.ChainName("eip155:1") != "Ethereum" || asset.ChainName("eip155:9") != "eip155:9" {
		t.Error("a chain has the name of another")
	}
}

// The table must hold together by itself: each row unique and well-formed, each
// chain known, each chain's coin on it, and one LedgerId with the same decimals
// everywhere.
func TestTheTableHoldsTogether(t *testing.T) {
	t.Parallel()
	caip2 := regexp.MustCompile(`^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$`)
	caip19 := regexp.MustCompile(`^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}/[-a-z0-9]{3,8}:[-.%a-zA-Z0-9]{1,128}$`)
	seen := map[string]bool{}
	for _, a := range asset.All() {
		first, _ := asset.ByID(a.ID)
		if seen[a.CAIP19()] || !caip19.MatchString(a.CAIP19()) || first.Places != a.Places || first.Ticker != a.Ticker || a.Places > 18 {
			t.Errorf("%+v", a)
		}
		seen[a.CAIP19()] = true
		if _, ok := asset.Chain(a.Chain); !ok {
			t.Errorf("%s is on a chain that is not known", a.ID)
		}
		if evm := strings.HasPrefix(a.Chain, "eip155:"); evm == (a.Seen == asset.Unseen) || (a.Contract() != "") != (a.Seen == asset.ByLogs) {
			t.Errorf("%s is seen by %s", a.ID, a.Seen)
		}
	}
	for _, n := range asset.Chains() {
		if a, ok := asset.On(n.ID, n.Coin); !ok || a.Contract() != "" || !caip2.MatchString(n.ID) || n.Name == "" {
			t.Errorf("%+v", n)
		}
	}
}

func TestCurrenciesHaveTheirMinorDigits(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]int{"EUR": 2, "JPY": 0, "KWD": 3, "USD": 2, "XCG": 2, "ZWG": 2, "AED": 2} {
		if got, ok := asset.Currency(code); !ok || got != want {
			t.Errorf("%s has %s minor digits, %v", code, strconv.Itoa(got), ok)
		}
	}
	for _, code := range []string{"", "eur", "EURO", "ED2", "2AF", "XXX", "CLF", "XAU"} {
		if _, ok := asset.Currency(code); ok {
			t.Errorf("%q is a currency", code)
		}
	}
}
