package buy

import (
	"slices"
	"strings"
	"unicode"

	"countersign/shared/amount"
)

// figure reads a number as people write it: with a currency, grouped, with a comma.
// unit is what stands before and behind it.
func figure(s string) (a amount.Amount, unit string, ok bool) {
	beside := func(r rune) bool {
		return unicode.IsLetter(r) || unicode.Is(unicode.Sc, r) || unicode.IsSpace(r) || r == ':'
	}
	number := strings.TrimFunc(s, beside)
	before, behind, _ := strings.Cut(s, number)
	unit = strings.ToLower(strings.TrimSpace(before + " " + behind))
	s = strings.NewReplacer(" ", "", "_", "", "'", "", "\u00a0", "").Replace(number)
	if i := strings.LastIndexByte(s, ','); i >= 0 {
		if strings.Contains(s, ".") && strings.LastIndexByte(s, '.') > i || len(s)-i == 4 || strings.Count(s, ",") > 1 {
			s = strings.ReplaceAll(s, ",", "")
		} else {
			s = strings.ReplaceAll(strings.ReplaceAll(s, ".", ""), ",", ".")
		}
	}
	s = strings.TrimSuffix(s, ".")
	if len(s) > 64 {
		return amount.Amount{}, "", false
	}
	if digits := strings.TrimLeft(s, "0"); len(digits) < len(s) { // 00250
		s = s[len(s)-len(digits):]
		if s == "" || s[0] < '0' || s[0] > '9' {
			s = "0" + s
		}
	}
	a, err := amount.ParseNumber(s)
	return a, unit, err == nil
}

// signs are currencies by their sign; $ is the sign of many.
var signs = map[rune]string{'€': "eur", '£': "gbp egp lbp ssp shp gip fkp", '¥': "jpy cny", '₹': "inr", '₩': "krw kpw", '₽': "rub", '₺': "try", '₴': "uah",
	'₪': "ils", '₫': "vnd", '₱': "php", '฿': "thb", '₦': "ngn", '₿': "btc", '₵': "ghs", '₸': "kzt", '₾': "gel", '₡': "crc", '₲': "pyg", '₭': "lak", '₮': "mnt", '₼': "azn"}

// notDollars are the currencies of signs, and others that are never written with $.
const notDollars = "eur gbp jpy cny inr krw rub try uah ils vnd thb ngn ghs kzt gel chf sek nok dkk pln czk huf ron bgn aed sar qar"

// unit reports whether what stands beside a number is the order's currency or
// asset, or only says what the number is.
func (c comparison) unit(text string) bool {
	from := c.codes[0]
	for _, r := range text {
		if !unicode.Is(unicode.Sc, r) {
			continue
		}
		currencies, known := signs[r]
		return known && slices.ContainsFunc(c.codes, func(code string) bool { return hasWord(currencies, code) }) || r == '$' && !hasWord(notDollars, from)
	}
	for _, part := range parts(text) {
		plain := hasWord("wei unit units sat sats cent cents minor atomic lamports", part) || hasWord("euro euros", part) && from == "eur" || hasWord("dollar dollars", part) && !hasWord(notDollars, from)
		if !plain && !c.here(part) && kindOf([]string{part}) == "" {
			return false
		}
	}
	return true
}

// named reports whether a parameter that is called by the code of a currency or an
// asset has another amount than the order's, or is another one's: EUR=999, btc=1.
func (c comparison) named(name, value string) bool {
	lower := strings.ToLower(name)
	_, _, number := figure(value)
	if !number || value == "0" || value == "1" || !known(lower) || hasWord(wordsFirst, lower) || name == lower && hasWord(wordsToo, lower) {
		return false
	}
	if !slices.Contains(c.codes, lower) {
		return true
	}
	return !c.amount(value, nil)
}

// near reports whether a is at most so many percent away from b.
func near(a, b amount.Amount, percent int64) bool {
	return a.Cmp(b.MulRatio(100-percent, 100, 40, amount.Floor)) >= 0 && a.Cmp(b.MulRatio(100+percent, 100, 40, amount.Ceil)) <= 0
}

// sum reports whether a value is a number, perhaps with a currency or an asset, and no
// id that ends in one.
func sum(value string) bool {
	_, unit, ok := figure(value)
	return ok && !slices.ContainsFunc(parts(unit), func(part string) bool { return !codes()[part] && !hasWord("euro euros dollar dollars wei k m", part) })
}

// foreign reports whether a name for an amount names a currency or an asset that is
// not the order's: usdAmount.
func (c comparison) foreign(w []string) bool {
	return slices.ContainsFunc(w, func(one string) bool { return c.other(one) })
}

// one reports whether a value is one piece of something.
func one(value string) bool {
	a, _, ok := figure(value)
	return ok && a.Cmp(amount.Must("1")) == 0
}

// payment reports whether what stands under a word for paying is not another amount: the
// order's, or a switch, or no number; as a price also that of one unit.
func (c comparison) payment(value string, w []string) bool {
	a, _, _ := figure(value)
	if !sum(value) || value == "0" || value == "1" || c.amount(value, w) {
		return true
	}
	return anyOf(w, "price") && c.quoted && c.crypto.Sign() > 0 && near(a, c.fiat.Div(c.crypto, 18, amount.Floor), 10)
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
