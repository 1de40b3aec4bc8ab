package buy

import (
	"regexp"
	"slices"
	"strings"
	"unicode"

	"countersign/shared/amount"
)

// amount reports whether a value that stands for an amount is the order's: of the
// currency exactly, of the asset within the tolerance of 1 % of what was quoted. Where
// the two are close, as for a stablecoin, and the name says neither, it must be one of
// them exactly.
func (c comparison) amount(value string, w []string) bool {
	a, unit, ok := figure(value)
	if !ok || !c.unit(unit) {
		return false
	}
	fiat, crypto := c.fiat, c.crypto
	if anyOf(w, "cents cent minor") {
		fiat = shifted(fiat, c.minor)
	}
	isFiat := a.Cmp(fiat) == 0
	isCrypto := c.quoted && a.Places() == 0 && near(a, shifted(crypto, c.units), 1) // in the smallest unit
	if !anyOf(w, "wei units atomic sats lamports smallest") {
		isCrypto = isCrypto || c.quoted && near(a, crypto, 1)
	}
	switch side := c.side(w); {
	case side == aboutFiat:
		return isFiat
	case side == aboutCrypto || slices.ContainsFunc(parts(unit), func(part string) bool { return slices.Contains(c.tickers, part) }):
		return isCrypto
	case c.quoted && near(crypto, c.fiat, 20) && near(a, crypto, 1):
		return isFiat || a.Cmp(crypto) == 0
	}
	return isFiat || isCrypto
}

// What a name for an amount is about.
const (
	aboutFiat   = "fiat"
	aboutCrypto = "crypto"
)

// side is what a name for an amount is about; empty when it does not say. Which one the
// base and the quote of a pair are is said by other parameters, or the first is the currency.
func (c comparison) side(w []string) string {
	for _, word := range []string{"base", "quote"} {
		if side := c.seen.sides[word]; side != "" && anyOf(w, word) {
			return side
		}
	}
	switch {
	case anyOf(w, "fiat spend pay source") || anyOf(w, "base") && anyOf(w, assetWords):
		return aboutFiat
	case anyOf(w, "crypto coin token receive quote destination"):
		return aboutCrypto
	}
	return ""
}

// part reports whether an amount is what is left of the order's without fees, or no money:
// the volume of a sound.
func (c comparison) part(value string, w []string) bool {
	a, unit, ok := figure(value)
	if !ok || unit != "" {
		return false
	}
	return anyOf(w, "subtotal net") && a.Cmp(c.fiat) <= 0 && a.Cmp(c.fiat.MulRatio(4, 5, 40, amount.Floor)) >= 0 ||
		len(w) == 1 && w[0] == "volume" && a.Cmp(amount.Must("1")) <= 0
}

// piece reports whether a quantity is of things to buy, of which one is bought, and
// not of an asset.
func (c comparison) piece(value string, w []string) bool {
	return one(value) && c.seen.sides["unit"] == "" && anyOf(w, "qty quantity") && !slices.ContainsFunc(w, func(word string) bool {
		return !anyOf([]string{word}, "qty quantity item product cart line order default purchase")
	})
}

var (
	twoDecimals = regexp.MustCompile(`^(\d+\.\d{2}|\d{3,},\d{2}|\d+,00|\d{1,3}([., ']\d{3})+[.,]\d{2})$`)
	exact       = "v version ver scale zoom ratio opacity radius width height border size rate exchange spread slippage apr apy markup commission gas balance percent pct score dpr lat latitude lng lon longitude price unit fee min max limit discount tax " +
		"spacing letter line font shadow blur duration delay speed angle rotation weight volume sdk os app ios android browser build geo padding margin gap offset confidence progress timeout quality ltv age"
)

// money reports whether a value under any name is an amount of money with its
// currency or asset, or with two decimals, and not the order's. What is too small for
// the order has two decimals for other reasons, under a name that says something.
func (c comparison) money(r reading) bool {
	a, unit, ok := figure(r.value)
	if !ok {
		return false
	}
	code := false
	for _, part := range strings.FieldsFunc(unit, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
		lower := strings.ToLower(part)
		switch bare := strings.TrimLeft(lower, "km"); {
		case hasWord(wordsFirst, lower) || part == lower && hasWord(wordsToo, lower):
			return false
		case known(lower) || known(bare) || slices.Contains(c.codes, lower) || hasWord("euro euros dollar dollars pound pounds yen franc francs yuan rupee rupees", lower):
			code = true
		case !anyOf([]string{lower}, paymentWords):
			return false
		}
	}
	code = code || strings.ContainsFunc(unit, func(r rune) bool { return unicode.Is(unicode.Sc, r) })
	plain := unit == "" && twoDecimals.MatchString(r.value) && !anyOf(r.words, exact) && !free(words(r.within)) &&
		(len(r.name) < 3 || a.MulRatio(20, 1, 40, amount.Floor).Cmp(c.fiat) >= 0)
	return (code || plain) && !c.amount(r.value, nil)
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

// foreign reports whether a name for an amount names a currency or an asset that is
// not the order's: usdAmount.
func (c comparison) foreign(w []string) bool {
	return slices.ContainsFunc(w, func(one string) bool { return c.other(one) })
}

// payment reports whether what stands under a word for paying is not another amount: the
// order's, or a switch, or no number, or too long for one; as a price also that of one unit.
func (c comparison) payment(value string, w []string) bool {
	a, _, _ := figure(value)
	if !sum(value) || value == "0" || value == "1" || c.amount(value, w) || c.numbered(value, w) {
		return true
	}
	return anyOf(w, "price") && c.quoted && c.crypto.Sign() > 0 && near(a, c.fiat.Div(c.crypto, 18, amount.Floor), 10)
}

// numbered reports whether digits under a word of paying are the number of something or
// a time: they are 100 times the order and more under a noun, 10,000 times under a verb.
func (c comparison) numbered(value string, w []string) bool {
	more := 4
	if anyOf(w, "payment invoice checkout transfer charge credit withdraw id label source") {
		more = 2
	}
	whole, _, _ := strings.Cut(c.fiat.String(), ".")
	return strings.Trim(value, "0123456789") == "" && len(value) >= len(whole)+more
}

// counted reports whether a value under a name for something about an amount is
// an amount after all: amountLabel=999, {"amount":{"id":999}}.
func (c comparison) counted(r reading) bool {
	w := r.words
	const about = "label source name type id display text title format style group mode"
	if kindOf(words(r.within)) == aboutAmount && anyOf(w, about) {
		w = append(words(r.within), w...)
	}
	a, _, _ := figure(r.value)
	return anyOf(w, amountWords) && anyOf(w, about) && !anyOf(w, besideWords) && sum(r.value) && a.Cmp(amount.Must("10")) >= 0 && !c.amount(r.value, nil) && !c.numbered(r.value, w)
}
