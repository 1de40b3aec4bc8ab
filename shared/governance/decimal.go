package governance

import "countersign/shared/amount"

// decimalOK accepts a plain decimal that is not negative.
func decimalOK(s string) bool {
	a, err := amount.Parse(s)
	return err == nil && a.Sign() >= 0
}

// compare expects two decimals that [decimalOK] accepted.
func compare(a, b string) int { return amount.Must(a).Cmp(amount.Must(b)) }

// Sum adds plain decimals exactly: what the input of a velocity condition is
// made of. It reports false when one is not a plain decimal.
func Sum(amounts ...string) (string, bool) {
	var total amount.Amount
	for _, s := range amounts {
		if !decimalOK(s) {
			return "", false
		}
		total = total.Add(amount.Must(s))
	}
	return total.Trim().String(), true
}
