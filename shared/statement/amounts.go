package statement

import (
	"fmt"

	"countersign/shared/amount"
)

// How many digits an amount may have: 15 before the point, and after it those
// that currencies (ISO 4217) and assets (18, as Ethereum's) have at the most.
const (
	fiatPlaces   = 4
	cryptoPlaces = 18
)

var (
	tooMuch = amount.Must("1000000000000000") // 10^15: an amount in the smallest unit, taken for the main one
	ten     = amount.Must("10")
)

func (c *checks) amount(s, field string, places int) {
	a, err := amount.Parse(s)
	c.that(err == nil && a.Sign() >= 0, field, "is not a plain decimal amount")
	c.that(a.Sign() > 0, field, "is zero")
	c.that(a.Places() <= places, field, fmt.Sprintf("has more than %d decimal places", places))
	c.that(a.Cmp(tooMuch) < 0, field, "is 10^15 or more")
}

// sameMagnitude refuses a minimum above the quoted amount, or below a tenth of
// it. Both have passed amount.
func (c *checks) sameMagnitude(minimum, quoted, field string) {
	if c.err != nil {
		return
	}
	least, want := amount.Must(minimum), amount.Must(quoted)
	c.that(least.Cmp(want) <= 0, field, "is more than the quoted amount")
	c.that(least.Mul(ten).Cmp(want) >= 0, field, "is less than a tenth of the quoted amount")
}
