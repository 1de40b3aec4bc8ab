package signer

import (
	"fmt"
	"strings"

	"countersign/shared/asset"
	"countersign/shared/fault"
)

// checkUnits refuses, before a key is made, an account on a chain that nothing
// can be bought into, and rules about assets and currencies that can never
// match: INVALID_REQUEST, details field.
func (d Draft) checkUnits() error {
	for _, a := range d.Accounts {
		at := "accounts." + a.Account + "."
		if _, ok := asset.Chain(a.Chain); !ok {
			return misfit(at+"chain", fmt.Sprintf("is not in the table of known chains; the sandbox's is %s", asset.Sandbox))
		}
		for _, r := range a.Rules.Rules {
			for i, c := range r.When {
				at := fmt.Sprintf("%srules.%s.when.%d.", at, r.Name, i)
				if c.Filter != nil {
					for _, id := range c.Filter.Assets {
						if _, why := asset.Buyable(a.Chain, id); why != "" {
							return misfit(at+"filter.assets", "can never match: "+why)
						}
					}
				}
				if c.Amount != nil && !currency(c.Amount.Currency) {
					return misfit(at+"amount.currency", "is not a currency of ISO 4217")
				}
				if c.Velocity != nil && !currency(c.Velocity.Currency) {
					return misfit(at+"velocity.currency", "is not a currency of ISO 4217")
				}
			}
		}
		if !holdsSomething(a.Chain) {
			return misfit(at+"chain", "has no asset whose arrival can be seen, so nothing can be bought into it")
		}
	}
	return nil
}

func holdsSomething(chain string) bool {
	for _, a := range asset.OnChain(chain) {
		if a.Seen != asset.Unseen {
			return true
		}
	}
	return false
}

func currency(code string) bool {
	_, ok := asset.Currency(code)
	return ok
}

func misfit(field, why string) error {
	return fault.New(fault.Invalid, "the genesis draft is not valid: "+field+" "+why).With("field", strings.ToValidUTF8(field, "?"))
}
