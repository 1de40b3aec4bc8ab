package buy

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"countersign/shared/amount"
)

// The ways in which a number is written that all read alike: plain, in groups of one
// sign, with an exponent behind one digit. 25000e-2, 2_50 and 2.50,00 are two numbers,
// by who reads them.
var (
	plainNumber = regexp.MustCompile(`^(\d+[.,]?\d*|[.,]\d+)$`)
	grouped     = regexp.MustCompile(`^(\d{1,3}( \d{3})+([.,]\d*)?|\d{1,3}(\x{a0}\d{3})+([.,]\d*)?|\d{1,3}(\x{202f}\d{3})+([.,]\d*)?|\d{1,3}('\d{3})+([.,]\d*)?|\d{1,3}(_\d{3})+(\.\d*)?|\d{1,3}(,\d{2,3})*,\d{3}(\.\d*)?|\d{1,3}(\.\d{3})+,\d*|\d{1,3}(\.\d{3}){2,})$`)
	scientific  = regexp.MustCompile(`^[1-9](\.\d+)?[eE][+\-]?\d{1,3}$`)
)

// figure reads a number as people write it: with a currency, grouped, with a comma.
// unit is what stands before and behind it.
func figure(s string) (a amount.Amount, unit string, ok bool) {
	s = western(s)
	for _, dash := range []string{",-", ".-", ",–"} { // for no cents
		s = strings.ReplaceAll(s, dash, "")
	}
	number := strings.TrimFunc(s, func(r rune) bool {
		return unicode.IsLetter(r) || unicode.Is(unicode.Sc, r) || unicode.IsSpace(r) || strings.ContainsRune(":+~≈", r)
	})
	before, behind, _ := strings.Cut(s, number)
	if rest := strings.TrimRight(number, "-_/|"); behind != "" && len(rest) == len(number)-1 { // 250-EUR
		number = rest
	}
	if rest := strings.TrimLeft(number, "-_/|"); before != "" && len(rest) == len(number)-1 {
		number = rest
	}
	unit = strings.TrimSpace(before + " " + behind)
	if len(number) > 64 || !plainNumber.MatchString(number) && !grouped.MatchString(number) && !scientific.MatchString(number) {
		return a, "", false
	}
	s = strings.NewReplacer(" ", "", "_", "", "'", "", "\u00a0", "", "\u202f", "").Replace(number)
	if i := strings.LastIndexByte(s, ','); i >= 0 {
		if strings.Contains(s, ".") && strings.LastIndexByte(s, '.') > i || len(s)-i == 4 && i > 0 || strings.Count(s, ",") > 1 {
			s = strings.ReplaceAll(s, ",", "")
		} else {
			s = strings.ReplaceAll(strings.ReplaceAll(s, ".", ""), ",", ".")
		}
	} else if strings.Count(s, ".") > 1 {
		s = strings.ReplaceAll(s, ".", "")
	}
	s = strings.TrimSuffix(s, ".")
	if digits := strings.TrimLeft(s, "0"); len(digits) < len(s) || digits == "" || digits[0] == '.' { // 00250, .5
		if s = digits; s == "" || s[0] < '0' || s[0] > '9' {
			s = "0" + s
		}
	}
	a, err := amount.ParseNumber(s)
	return a, unit, err == nil
}

// western writes the digits of other scripts as 0 to 9.
func western(s string) string {
	return strings.Map(func(r rune) rune {
		for _, zero := range []rune{'０', '٠', '۰', '०'} {
			if r >= zero && r <= zero+9 {
				return '0' + r - zero
			}
		}
		return r
	}, s)
}

// sum reports whether a value is a number, perhaps with a currency or an asset, and no
// id that ends in one.
func sum(value string) bool {
	_, unit, ok := figure(value)
	return ok && !slices.ContainsFunc(parts(unit), func(part string) bool { return !codes()[part] && !hasWord("euro euros dollar dollars wei k m", part) })
}

// one reports whether a value is one piece of something.
func one(value string) bool {
	a, _, ok := figure(value)
	return ok && a.Cmp(amount.Must("1")) == 0
}

// near reports whether a is at most so many percent away from b.
func near(a, b amount.Amount, percent int64) bool {
	return a.Cmp(b.MulRatio(100-percent, 100, 40, amount.Floor)) >= 0 && a.Cmp(b.MulRatio(100+percent, 100, 40, amount.Ceil)) <= 0
}

func shifted(a amount.Amount, places int) amount.Amount {
	units, err := a.Units(max(places, a.Places()))
	if err != nil {
		return a
	}
	b, err := amount.Parse(units)
	if err != nil {
		return a
	}
	return b
}
