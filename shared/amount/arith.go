package amount

import "strings"

// Rounding says what happens to digits that do not fit.
type Rounding int

// Amounts that somebody will receive are rounded down, amounts that somebody
// will pay up. Both are toward minus and plus infinity, also below zero.
const (
	Floor Rounding = iota
	Ceil
)

// Cmp is -1, 0 or 1 as a is less than, equal to or more than b.
func (a Amount) Cmp(b Amount) int {
	if a.Sign() != b.Sign() {
		return sign(a.Sign() - b.Sign())
	}
	x, y, _ := align(a, b)
	c := cmpDigits(x, y)
	if a.neg {
		return -c
	}
	return c
}

// Add is a + b, at the larger scale of the two.
func (a Amount) Add(b Amount) Amount {
	x, y, scale := align(a, b)
	if a.neg == b.neg {
		return build(addDigits(x, y), scale, a.neg)
	}
	if cmpDigits(x, y) >= 0 {
		return build(subDigits(x, y), scale, a.neg)
	}
	return build(subDigits(y, x), scale, b.neg)
}

// Sub is a − b, at the larger scale of the two.
func (a Amount) Sub(b Amount) Amount { return a.Add(b.Neg()) }

// Neg is −a.
func (a Amount) Neg() Amount {
	a.neg = !a.neg && a.digits != ""
	return a
}

// Mul is a × b, exact.
func (a Amount) Mul(b Amount) Amount {
	sum := make([]int, len(a.digits)+len(b.digits))
	for i := len(a.digits) - 1; i >= 0; i-- {
		carry := 0
		for j := len(b.digits) - 1; j >= 0; j-- {
			n := sum[i+j+1] + int(a.digits[i]-'0')*int(b.digits[j]-'0') + carry
			sum[i+j+1], carry = n%10, n/10
		}
		sum[i] += carry
	}
	out := make([]byte, len(sum))
	for i, n := range sum {
		out[i] = byte('0' + n)
	}
	return build(string(out), a.scale+b.scale, a.neg != b.neg)
}

// Div is a ÷ b with the given number of places, rounded. Dividing by zero
// panics: the caller decides what that means.
func (a Amount) Div(b Amount, places int, r Rounding) Amount {
	if b.IsZero() {
		panic("amount: division by zero")
	}
	// a/b with p places is the integer (A·10^(p+sb-sa)) / B.
	num, den := a.digits, b.digits
	if shift := places + b.scale - a.scale; shift >= 0 {
		num += strings.Repeat("0", shift)
	} else {
		den += strings.Repeat("0", -shift)
	}
	quotient, rest := divDigits(trimLeft(num), den)
	return rounded(quotient, rest, places, a.neg != b.neg, r)
}

// MulRatio is a × num ÷ den with the given number of places, rounded: 98 % of a
// is a.MulRatio(98, 100, …). num and den must be positive.
func (a Amount) MulRatio(num, den int64, places int, r Rounding) Amount {
	return a.Mul(fromInt(num)).Div(fromInt(den), places, r)
}

// Rescale is a with exactly the given number of places.
func (a Amount) Rescale(places int, r Rounding) Amount {
	if places >= a.scale {
		if a.digits != "" {
			a.digits += strings.Repeat("0", places-a.scale)
		}
		a.scale = places
		return a
	}
	drop := a.scale - places
	if drop >= len(a.digits) {
		return rounded("", !a.IsZero(), places, a.neg, r)
	}
	cut := len(a.digits) - drop
	return rounded(a.digits[:cut], strings.Trim(a.digits[cut:], "0") != "", places, a.neg, r)
}

func rounded(digits string, rest bool, places int, neg bool, r Rounding) Amount {
	if rest && (r == Ceil) != neg {
		digits = addDigits(digits, "1")
	}
	return build(digits, places, neg)
}

func build(digits string, scale int, neg bool) Amount {
	digits = trimLeft(digits)
	return Amount{digits: digits, scale: scale, neg: neg && digits != ""}
}

func fromInt(n int64) Amount {
	if n <= 0 {
		panic("amount: a ratio must be positive")
	}
	var b [20]byte
	i := len(b)
	for ; n > 0; n /= 10 {
		i--
		b[i] = byte('0' + n%10)
	}
	return Amount{digits: string(b[i:])}
}

// align gives the coefficients of a and b at the same scale.
func align(a, b Amount) (x, y string, scale int) {
	scale = max(a.scale, b.scale)
	return a.Rescale(scale, Floor).digits, b.Rescale(scale, Floor).digits, scale
}

func cmpDigits(x, y string) int {
	if len(x) != len(y) {
		return sign(len(x) - len(y))
	}
	return strings.Compare(x, y)
}

func addDigits(x, y string) string {
	if len(x) < len(y) {
		x, y = y, x
	}
	out, carry := make([]byte, len(x)+1), byte(0)
	for i := range x {
		n := x[len(x)-1-i] - '0' + carry
		if i < len(y) {
			n += y[len(y)-1-i] - '0'
		}
		out[len(x)-i], carry = '0'+n%10, n/10
	}
	out[0] = '0' + carry
	return trimLeft(string(out))
}

// subDigits is x − y for x ≥ y.
func subDigits(x, y string) string {
	out, borrow := make([]byte, len(x)), byte(0)
	for i := range x {
		n, d := x[len(x)-1-i]-'0', borrow
		if i < len(y) {
			d += y[len(y)-1-i] - '0'
		}
		borrow = 0
		if n < d {
			n, borrow = n+10, 1
		}
		out[len(x)-1-i] = '0' + n - d
	}
	return trimLeft(string(out))
}

// divDigits is long division; rest reports whether something is left over.
func divDigits(x, y string) (quotient string, rest bool) {
	out, left := make([]byte, len(x)), ""
	for i := range len(x) {
		left = trimLeft(left + x[i:i+1])
		n := byte(0)
		for cmpDigits(left, y) >= 0 {
			left = subDigits(left, y)
			n++
		}
		out[i] = '0' + n
	}
	return trimLeft(string(out)), left != ""
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}
