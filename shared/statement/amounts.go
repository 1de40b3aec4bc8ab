package statement

import "strings"

// How many digits an amount may have: 15 before the point, and after it those
// that currencies (ISO 4217) and assets (18, as Ethereum's) have at the most.
const (
	maxWhole     = 15
	fiatPlaces   = 4
	cryptoPlaces = 18
)

func (c *checks) amount(s, field string, places int) {
	whole, frac, point := strings.Cut(s, ".")
	ok := whole != "" && len(whole) <= maxWhole && strings.Trim(whole+frac, "0123456789") == "" &&
		(whole == "0" || whole[0] != '0') && (!point || frac != "" && len(frac) <= places)
	c.that(ok, field, "is not a plain decimal amount")
	c.that(strings.Trim(s, "0.") != "", field, "is zero")
}

// sameMagnitude refuses a minimum above the quoted amount, or below a tenth of it.
func (c *checks) sameMagnitude(minimum, quoted, field string) {
	if c.err != nil {
		return
	}
	c.that(cmpDecimal(minimum, quoted) <= 0, field, "is more than the quoted amount")
	c.that(cmpDecimal(shiftLeft(minimum), quoted) >= 0, field, "is less than a tenth of the quoted amount")
}

// cmpDecimal compares two plain decimals.
func cmpDecimal(a, b string) int {
	aw, af, _ := strings.Cut(a, ".")
	bw, bf, _ := strings.Cut(b, ".")
	aw, bw = strings.TrimLeft(aw, "0"), strings.TrimLeft(bw, "0")
	if len(aw) != len(bw) {
		return len(aw) - len(bw)
	}
	if aw != bw {
		return strings.Compare(aw, bw)
	}
	return strings.Compare(strings.TrimRight(af, "0"), strings.TrimRight(bf, "0"))
}

// shiftLeft is ten times a plain decimal.
func shiftLeft(s string) string {
	w, f, _ := strings.Cut(s, ".")
	f += "0"
	return w + f[:1] + "." + f[1:]
}
