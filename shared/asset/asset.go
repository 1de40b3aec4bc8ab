// Package asset is the one table of what can be bought, held and paid with: each
// asset by its LedgerId and its CAIP-19 id, the chain that it lives on (CAIP-2),
// its decimals and its ticker, and how a deposit of it is seen; each chain with a
// name for people; and the currencies of ISO 4217 with their minor digits. The
// page, the gateway, the signer and the approver's bridge all ask it, so that an
// amount, an asset and a chain that do not belong together are refused
// everywhere alike. Pure and small: the page downloads it. The table for readers
// is shared/spec/assets.md.
package asset

import "strings"

// Seen is how the arrival of an asset at an address is found.
type Seen string

// The ways of seeing a deposit.
const (
	ByBalance Seen = "balance" // a chain's own coin: transactions, and the address's balance
	ByLogs    Seen = "logs"    // an ERC-20 token: its Transfer logs
	Unseen    Seen = "no"      // nothing here can see it, so it cannot be bought
)

// Asset is one asset on one chain. The same LedgerId on two chains is two
// assets. An address must never be derived from a LedgerId: they are
// lower-cased, and some addresses are not.
type Asset struct {
	ID     string // LedgerId: "ethereum", "ethereum/erc20/usd__coin"
	Chain  string // CAIP-2: "eip155:1"
	Type   string // CAIP-19 asset namespace and reference: "slip44:60", "erc20:0xA0b8…"
	Name   string // for people
	Ticker string
	Places int // decimals of the smallest unit
	Seen   Seen
}

// CAIP19 is the asset's id of that standard: "eip155:1/slip44:60".
func (a Asset) CAIP19() string { return a.Chain + "/" + a.Type }

// Contract is the address of an ERC-20 token's contract, or empty.
func (a Asset) Contract() string {
	if contract, ok := strings.CutPrefix(a.Type, "erc20:"); ok {
		return contract
	}
	return ""
}

// On finds an asset on a chain. ok is false when the chain, as far as is known
// here, cannot hold it.
func On(chain, id string) (a Asset, ok bool) {
	for _, a := range assets {
		if a.ID == id && a.Chain == chain {
			return a, true
		}
	}
	return unknown(id), false
}

// ByID finds an asset by its LedgerId alone, on the chain that the id is named
// for: what shows a name or counts decimals. For one that is not known, ok is
// false, and the description holds the id as its name and ticker and 18 places,
// the most that any has.
func ByID(id string) (a Asset, ok bool) {
	for _, a := range assets {
		if a.ID == id {
			return a, true
		}
	}
	return unknown(id), false
}

func unknown(id string) Asset { return Asset{ID: id, Name: id, Ticker: id, Places: 18, Seen: Unseen} }

// OnChain lists the assets that a chain can hold.
func OnChain(chain string) (all []Asset) {
	for _, a := range assets {
		if a.Chain == chain {
			all = append(all, a)
		}
	}
	return all
}

// All lists every asset.
func All() []Asset { return append([]Asset(nil), assets...) }

// Buyable finds an asset that can be bought into an account on a chain: the
// chain can hold it, and a deposit of it can be seen. Otherwise why says what is
// wrong, in a sentence for people; it is empty when nothing is.
func Buyable(chain, id string) (a Asset, why string) {
	a, why = Held(chain, id)
	if why == "" && a.Seen == Unseen {
		why = a.Name + " on " + ChainName(chain) + " cannot be bought: nothing here can see it arrive"
	}
	return a, why
}

// Held finds an asset that an account on a chain can hold. Otherwise why says what is
// wrong, as for [Buyable].
func Held(chain, id string) (a Asset, why string) {
	a, ok := On(chain, id)
	if ok {
		return a, ""
	}
	other, known := ByID(id)
	if !known {
		return a, "the asset is not in the table of known assets" + suggest(chain, id)
	}
	if _, known := Chain(chain); !known {
		return a, "the chain is not in the table of known chains"
	}
	return a, other.Name + " (" + id + ") cannot be held on " + ChainName(chain) + " (" + chain + "): choose an account on another chain, or another asset"
}

// suggest finds the asset that is meant by its ticker or its name, first
// on the chain: "; did you mean ethereum?". It is empty when there is none.
func suggest(chain, written string) string {
	for _, all := range [][]Asset{OnChain(chain), assets} {
		for _, a := range all {
			if strings.EqualFold(a.Ticker, written) || strings.EqualFold(a.Name, written) {
				return "; did you mean " + a.ID + "?"
			}
		}
	}
	return ""
}

// Network is a chain.
type Network struct {
	ID   string // CAIP-2
	Name string // for people
	Coin string // LedgerId of its own coin
}

// Chain finds a chain by its CAIP-2 id.
func Chain(id string) (Network, bool) {
	for _, n := range chains {
		if n.ID == id {
			return n, true
		}
	}
	return Network{ID: id, Name: id}, false
}

// ChainName is a chain's name for people, or its id where it is not known.
func ChainName(id string) string {
	n, _ := Chain(id)
	return n.Name
}

// Chains lists every chain.
func Chains() []Network { return append([]Network(nil), chains...) }
