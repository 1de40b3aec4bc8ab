package statement

import (
	"fmt"

	"countersign/shared/amount"
	"countersign/shared/asset"
)

// CheckUnits checks that what an intent carries side by side belongs together:
// the asset can be held on the chain and its arrival can be seen, no amount is
// finer than the asset or the currency, and the currency is in use. at stands
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
	minor, ok := asset.Currency(b.Fiat.Currency)
	c.that(ok, at+"fiat.currency", "is not a currency of ISO 4217")
	c.that(amount.Must(b.Fiat.Amount).Trim().Places() <= minor, at+"fiat.amount", fmt.Sprintf("has more than the %d decimal places of %s", minor, b.Fiat.Currency))
	return c.err
}
