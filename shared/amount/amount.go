// Package amount is exact decimal money: what the gateway, the page and the
// providers' client count with. A value keeps its digits and its scale, so that
// parsing and formatting give back the same text; there is no float anywhere
// and no math/big, which would add 167 KB to the browser module.
//
// The text form is that of every protocol of the project (shared/spec): an
// optional minus, digits without leading zeros, and optionally a point and more
// digits. No exponent, no plus, no separators, at most [MaxDigits] digits.
package amount

import (
	"strconv"
	"strings"

	"countersign/shared/fault"
)

// MaxDigits is how many digits a text may have, before and after the point
// together. Results of arithmetic are exact and may have more.
const MaxDigits = 40

// Amount is a decimal number: coefficient × 10^-scale. The zero value is 0. It
// is comparable with ==, which tells 1.5 from 1.50; [Amount.Cmp] does not.
type Amount struct {
	digits string // the coefficient, no leading zeros; "" is zero
	scale  int
	neg    bool
}

// Parse reads the canonical text form. It fails with [fault.Invalid]; the
// message does not repeat the text.
func Parse(s string) (Amount, error) {
	body, neg := strings.CutPrefix(s, "-")
	if len(body) > MaxDigits+1 {
		return Amount{}, invalid("an amount has at most " + strconv.Itoa(MaxDigits) + " digits")
	}
	whole, frac, point := strings.Cut(body, ".")
	switch {
	case !isDigits(whole) || point && !isDigits(frac):
		return Amount{}, invalid("an amount is written as plain digits, such as 250 or 0.015")
	case len(whole) > 1 && whole[0] == '0':
		return Amount{}, invalid("an amount has no leading zeros")
	case len(whole)+len(frac) > MaxDigits:
		return Amount{}, invalid("an amount has at most " + strconv.Itoa(MaxDigits) + " digits")
	}
	a := Amount{digits: trimLeft(whole + frac), scale: len(frac), neg: neg}
	if neg && a.IsZero() {
		return Amount{}, invalid("zero has no sign")
	}
	return a, nil
}

// Must is [Parse] for constants in code and tests; it panics on a bad text.
func Must(s string) Amount {
	a, err := Parse(s)
	if err != nil {
		panic("amount: " + s + ": " + err.Error())
	}
	return a
}

// ParseNumber reads a JSON number (RFC 8259 §6), exponent and all, as other
// parties send them: 1.2e-7 is 0.00000012. The result has no trailing zeros
// behind the point.
func ParseNumber(s string) (Amount, error) {
	body, neg := strings.CutPrefix(s, "-")
	mantissa, exp, has := strings.Cut(strings.ReplaceAll(body, "E", "e"), "e")
	if len(mantissa) > MaxDigits+1 {
		return Amount{}, invalid("a number has at most " + strconv.Itoa(MaxDigits) + " digits")
	}
	shift := 0
	if has {
		var ok bool
		if shift, ok = exponent(exp); !ok {
			return Amount{}, invalid("the exponent of a number is out of range")
		}
	}
	a, err := Parse(mantissa)
	if err != nil || a.neg {
		return Amount{}, invalid("not a decimal number")
	}
	if a.IsZero() {
		return Amount{}, nil
	}
	a.neg, a.scale = neg, a.scale-shift
	if a.scale < 0 {
		a.digits, a.scale = a.digits+strings.Repeat("0", -a.scale), 0
	}
	a = a.Trim()
	if len(a.digits) > MaxDigits || a.scale > MaxDigits-1 {
		return Amount{}, invalid("a number has at most " + strconv.Itoa(MaxDigits) + " digits")
	}
	return a, nil
}

// FromUnits makes an amount of an integer number of the smallest unit, as
// chains count: FromUnits("1500000000000000000", 18) is 1.500000000000000000.
func FromUnits(units string, places int) (Amount, error) {
	if len(units) > 78 || !isDigits(units) || places < 0 || places > MaxDigits {
		return Amount{}, invalid("an amount in the smallest unit is written as plain digits")
	}
	return Amount{digits: trimLeft(units), scale: places}, nil
}

// Units is the reverse of [FromUnits]: a × 10^places as an integer. It fails
// when a is negative or has more places than that.
func (a Amount) Units(places int) (string, error) {
	r := a.Rescale(places, Floor)
	if a.neg || r.Cmp(a) != 0 {
		return "", invalid("the amount has more than " + strconv.Itoa(places) + " places")
	}
	if r.digits == "" {
		return "0", nil
	}
	return r.digits, nil
}

// String is the canonical text: the reverse of [Parse].
func (a Amount) String() string {
	s := a.digits
	if len(s) <= a.scale {
		s = strings.Repeat("0", a.scale-len(s)+1) + s
	}
	if a.scale > 0 {
		s = s[:len(s)-a.scale] + "." + s[len(s)-a.scale:]
	}
	if a.neg {
		s = "-" + s
	}
	return s
}

// MarshalText and UnmarshalText make an amount a JSON string.
func (a Amount) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText is [Parse].
func (a *Amount) UnmarshalText(text []byte) (err error) {
	*a, err = Parse(string(text))
	return err
}

// Places is the number of digits behind the point, trailing zeros included.
func (a Amount) Places() int { return a.scale }

// IsZero reports whether a is zero at any scale.
func (a Amount) IsZero() bool { return a.digits == "" }

// Sign is -1, 0 or 1.
func (a Amount) Sign() int {
	switch {
	case a.digits == "":
		return 0
	case a.neg:
		return -1
	}
	return 1
}

// Trim drops trailing zeros behind the point.
func (a Amount) Trim() Amount {
	if a.digits == "" {
		return Amount{}
	}
	for a.scale > 0 && a.digits[len(a.digits)-1] == '0' {
		a.digits, a.scale = a.digits[:len(a.digits)-1], a.scale-1
	}
	return a
}

func invalid(msg string) error { return fault.New(fault.Invalid, msg) }

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func trimLeft(s string) string { return strings.TrimLeft(s, "0") }

// exponent reads the digits after the e of a JSON number, at most three.
func exponent(s string) (int, bool) {
	neg := strings.HasPrefix(s, "-")
	if s = strings.TrimPrefix(s, "-"); !neg {
		s = strings.TrimPrefix(s, "+")
	}
	if !isDigits(s) || len(s) > 3 {
		return 0, false
	}
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	if neg {
		n = -n
	}
	return n, n >= -MaxDigits && n <= MaxDigits
}
