package quote

import (
	"slices"
	"strconv"
	"strings"

	"countersign/shared/asset"
)

// paymentMethods are the names of the provider contract.
const paymentMethods = "card googlepay applepay paypal cryptocom sepa ach instantach fasterpayments " +
	"easybank bank cashapp venmo pix mobikwik easypay astropay upibanktransfer sofort bancontact giropay eps ideal other " +
	"revolut p2p interac payid spei imps gcash ovo shopeepay grabpay linkaja maya pse dana qris"

// countries are the assigned codes of ISO 3166-1 alpha-2.
const countries = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ " +
	"CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR " +
	"GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP " +
	"KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ " +
	"NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW " +
	"SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ " +
	"UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW"

// PaymentMethod reports whether name, in lower case, is one of the contract.
func PaymentMethod(name string) bool { return hasWord(paymentMethods, name) }

// CountryCode reports whether code, in upper case, is assigned.
func CountryCode(code string) bool { return len(code) == 2 && hasWord(countries, code) }

func hasWord(list, w string) bool {
	return w != "" && !strings.Contains(w, " ") && strings.Contains(" "+list+" ", " "+w+" ")
}

// AssetID reports whether id is written as a LedgerId:
// ^[a-z0-9_-]+(/[a-z0-9_]+/[^\s?#]{1,128})?$ in printable ASCII, lower case.
func AssetID(id string) bool {
	parts := strings.SplitN(id, "/", 3)
	if len(parts) == 2 || len(id) > 200 || !only(parts[0], "-_") {
		return false
	}
	if len(parts) == 1 {
		return true
	}
	if !only(parts[1], "_") || parts[2] == "" || len(parts[2]) > 128 {
		return false
	}
	return !strings.ContainsFunc(parts[2], func(r rune) bool {
		return r <= ' ' || r >= 0x7f || r == '?' || r == '#' || r >= 'A' && r <= 'Z'
	})
}

func only(s, extra string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(extra, r)
	})
}

// maxAmountDigits is how many digits the amount of an input has at most before its point.
const maxAmountDigits = 12

// CodeInvalid is the code of a problem of the input on its own.
const CodeInvalid = "INVALID"

// Normalise puts an input in its canonical form (codes in their case, the
// amount without leading zeros or empty decimals) and lists what is wrong with
// it on its own, whatever the providers can do. With no problem the input is
// safe to send to a provider.
func Normalise(in Input) (Input, []Problem) {
	out := Input{
		From: strings.ToUpper(strings.TrimSpace(in.From)), To: strings.ToLower(strings.TrimSpace(in.To)),
		PaymentMethod: strings.ToLower(strings.TrimSpace(in.PaymentMethod)), Country: strings.ToUpper(strings.TrimSpace(in.Country)),
		Dest: in.Dest,
	}
	var problems []Problem
	bad := func(field, message string) { problems = append(problems, Problem{field, CodeInvalid, message}) }
	if _, ok := asset.Currency(out.From); !ok {
		bad("from", suggest("Choose the currency to pay with, by its three-letter code, such as EUR.", CurrencyMeant(out.From)))
	}
	if !AssetID(out.To) {
		bad("to", "Choose the asset to buy, by its LedgerId, such as ethereum.")
	}
	var message string
	minor, _ := asset.Currency(out.From)
	if out.Amount, message = spent(in.Amount, minor); message != "" {
		bad("amount", message)
	}
	if !PaymentMethod(out.PaymentMethod) {
		bad("payment_method", "Choose how to pay, such as card or sepa.")
	}
	if !CountryCode(out.Country) {
		bad("country", suggest("Choose the country of residence, by its two-letter code, such as FR.", CountryMeant(out.Country)))
	}
	if len(out.Dest) > 128 || strings.ContainsFunc(out.Dest, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		bad("dest", "The deposit address is not an address of any chain.")
	}
	return out, problems
}

func suggest(message, code string) string {
	if code == "" {
		return message
	}
	return message + " Did you mean " + code + "?"
}

// spent accepts digits and, behind a point, as many as the currency has; zeros in front
// and at the end are forgiven.
func spent(s string, minor int) (canonical, message string) {
	s = strings.TrimSpace(s)
	whole, frac, point := strings.Cut(s, ".")
	switch {
	case s == "":
		return "", "Enter the amount to spend."
	case !digits(whole) || point && !digits(frac):
		return "", "Enter the amount as digits only, such as 250."
	}
	whole, frac = strings.TrimLeft(whole, "0"), strings.TrimRight(frac, "0")
	switch {
	case whole+frac == "":
		return "", "Enter an amount of more than zero."
	case len(frac) > minor && minor == 0:
		return "", "Enter a whole amount: the currency has no decimals."
	case len(frac) > minor:
		return "", "The currency has at most " + strconv.Itoa(minor) + " decimals."
	case len(whole) > maxAmountDigits:
		return "", "The amount is too large."
	case whole == "":
		whole = "0"
	}
	if frac != "" {
		whole += "." + frac
	}
	return whole, ""
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// Validate is what a form asks while a person types: the problems of the input
// on its own and, when there are none, those that exclude every provider. The
// messages say how to fix it.
func Validate(providers []Provider, in Input, w Words) []Problem {
	in, problems := Normalise(in)
	if len(problems) > 0 {
		return problems
	}
	var lost []Excluded
	for _, p := range providers {
		e, ok := Check(p, in)
		if ok {
			return nil
		}
		lost = append(lost, e)
	}
	if len(lost) == 0 {
		return []Problem{{"", CapabilitiesUnavailable, "No provider is known yet. Try again in a moment."}}
	}
	// The provider that came furthest through the checks is the nearest to
	// working, so its reason is the one to tell; of those that the amount excludes,
	// the one with the limit of all.
	nearest := slices.MaxFunc(lost, func(a, b Excluded) int {
		if a.Code == AmountBelowMin && a.Code == b.Code {
			return compare(b.Params.Min, FiatLimit{Min: a.Params.Min, Max: a.Params.Min})
		}
		if a.Code == AmountAboveMax && a.Code == b.Code {
			return compare(a.Params.Max, FiatLimit{Min: b.Params.Max, Max: b.Params.Max})
		}
		return depth(a.Code) - depth(b.Code)
	})
	message := w.Why(nearest, in)
	switch nearest.Code { // the amount that is nearest to what was asked, and who takes it
	case AmountBelowMin:
		message = "At least " + w.Money(nearest.Params.Min, in.From) + ", at " + nearest.ProviderName + "."
	case AmountAboveMax:
		message = "At most " + w.Money(nearest.Params.Max, in.From) + ", at " + nearest.ProviderName + "."
	}
	return []Problem{{fieldOf(nearest.Code), nearest.Code, message}}
}

func depth(code string) int {
	return slices.Index([]string{
		CapabilitiesUnavailable, CryptoUnsupported, FiatUnsupported, CountryUnsupported,
		PaymentMethodUnsupported, AmountBelowMin, AmountAboveMax, AmountNotWhole, CircuitIsOpen,
	}, code)
}

func fieldOf(code string) string {
	switch code {
	case CryptoUnsupported:
		return "to"
	case FiatUnsupported:
		return "from"
	case CountryUnsupported:
		return "country"
	case PaymentMethodUnsupported:
		return "payment_method"
	case AmountBelowMin, AmountAboveMax, AmountNotWhole:
		return "amount"
	}
	return ""
}
