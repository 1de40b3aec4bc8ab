//go:build !js

package statement

import (
	"fmt"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/eip55"
)

// CheckUnits checks that what an intent carries side by side belongs together:
// the asset can be held on the chain and its arrival can be seen, the address can be
// one of the chain, no amount is finer than the asset or the currency, and the
// currency is in use. at stands
// before the name of the field in details. It fails with STATEMENT_INVALID. The
// signer asks it of every new request and the bridge of every statement; an
// intent of an older log is not judged by the table of today.
func (b Buy) CheckUnits(at string) error {
	if err := b.check(at); err != nil {
		return err
	}
	var c checks
	bought, why := asset.Buyable(b.Chain, b.Crypto.Asset)
	c.that(why == "", at+"crypto.asset", "does not fit the account: "+why)
	finer := fmt.Sprintf("has more than the %d decimal places of %s", bought.Places, bought.Ticker)
	c.that(amount.Must(b.Crypto.Amount).Places() <= bought.Places, at+"crypto.amount", finer)
	c.that(amount.Must(b.Minimum).Places() <= bought.Places, at+"minimum", finer)
	if why := unfit(b.Chain, b.Address); why != "" {
		c.that(false, at+"address", why)
	}
	minor, ok := asset.Currency(b.Fiat.Currency)
	c.that(ok, at+"fiat.currency", "is not a currency of ISO 4217")
	c.that(amount.Must(b.Fiat.Amount).Trim().Places() <= minor, at+"fiat.amount", fmt.Sprintf("has more than the %d decimal places of %s", minor, b.Fiat.Currency))
	return c.err
}

// unfit says why an address of a chain cannot hold what is bought; it is empty when it
// can, as far as its form tells.
func unfit(chain, address string) string {
	if !strings.HasPrefix(chain, "eip155:") {
		return ""
	}
	digits, ok := strings.CutPrefix(address, "0x")
	if !ok || len(digits) != 40 || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return "is not an address of an eip155 chain: 0x and 40 hexadecimal digits"
	}
	if !eip55.Valid(address) {
		return "has letters in an upper and lower case that do not fit its digits (EIP-55): one of them was changed"
	}
	if strings.Trim(digits, "0") == "" {
		return "is the zero address, which nobody has the key of"
	}
	for _, a := range asset.OnChain(chain) {
		if strings.EqualFold(address, a.Contract()) {
			return "is the contract of " + a.Name + ", which keeps what it is sent"
		}
	}
	return ""
}
