package quote

import (
	"strconv"

	"countersign/shared/amount"
	"countersign/shared/asset"
)

// Words say for people what an exclusion and a fix are. How money and countries are
// written depends on who reads: the HTTP API has [English], a page its person's.
type Words struct {
	Money   func(amount, currency string) string
	Country func(code string) string
}

// English are the words of the HTTP API: EUR 1,500 and FR.
var English = Words{
	Money: func(value, currency string) string {
		if a, err := amount.Parse(value); err == nil {
			value = a.Format(amount.Plain())
		}
		return currency + " " + value
	},
	Country: func(code string) string { return code },
}

// Tell fills in the texts of an exclusion by [Check].
func (w Words) Tell(e Excluded, in Input) Excluded {
	e.Message = w.Why(e, in)
	if e.Fix != nil {
		fix := *e.Fix
		fix.Text = w.Fix(fix, in)
		e.Fix = &fix
	}
	return e
}

// Why says why a provider gives no quote for the normalised input. Of what only the
// gateway knows it repeats the message.
func (w Words) Why(e Excluded, in Input) string {
	switch name := e.ProviderName; {
	case e.Code == CapabilitiesUnavailable:
		return name + " cannot be asked: it does not say what it offers."
	case e.Code == CryptoUnsupported:
		return name + " does not sell " + assetName(in.To) + "."
	case e.Code == FiatUnsupported:
		return name + " does not take " + in.From + "."
	case e.Code == CountryUnsupported:
		return name + " does not serve residents of " + w.Country(in.Country) + "."
	case e.Code == PaymentMethodUnsupported:
		return name + " does not take " + MethodName(in.PaymentMethod) + " in " + w.Country(in.Country) + "."
	case e.Code == AmountBelowMin && e.Params != nil:
		return name + " needs at least " + w.Money(e.Params.Min, e.Params.Currency) + "."
	case e.Code == AmountAboveMax && e.Params != nil:
		return name + " takes at most " + w.Money(e.Params.Max, e.Params.Currency) + "."
	case e.Code == AmountNotWhole:
		return name + " takes whole amounts only."
	case e.Code == CircuitIsOpen:
		return name + " did not answer the last times; it is tried again soon."
	}
	return e.Message
}

// Fix says what to change so that one provider is let in.
func (w Words) Fix(f Fix, in Input) string {
	how := ""
	for _, c := range f.Changes() {
		switch c.Field {
		case "from":
			in.From, how = c.Value, " in "+c.Value
		case "amount":
			how = " " + w.Money(c.Value, in.From) + by(f)
		default:
			how += " by " + MethodName(c.Value)
		}
	}
	return "Pay" + how + " instead"
}

// by names the payment method where it changes too.
func by(f Fix) string {
	for _, c := range f.Changes() {
		if c.Field == "payment_method" {
			return " by " + MethodName(c.Value)
		}
	}
	return ""
}

// Opens says what a change lets in, besides those that can sell already, if some can.
func (w Words) Opens(f Fix, in Input, some bool) string {
	text := "With " + w.value(f, in) + ", " + strconv.Itoa(f.Opens)
	if some {
		text += " more"
	}
	text += " provider"
	if f.Opens > 1 {
		text += "s"
	}
	return text + " can sell"
}

func (w Words) value(f Fix, in Input) string {
	if f.Field == "amount" {
		return w.Money(f.Value, in.From)
	}
	return MethodName(f.Value)
}

func assetName(id string) string {
	a, _ := asset.ByID(id)
	return a.Name
}

// MethodName is a payment method as people write it.
func MethodName(method string) string {
	for _, p := range []struct{ id, name string }{
		{"sepa", "SEPA transfer"}, {"ach", "ACH transfer"}, {"instantach", "instant ACH"}, {"applepay", "Apple Pay"},
		{"googlepay", "Google Pay"}, {"paypal", "PayPal"}, {"pix", "Pix"}, {"ideal", "iDEAL"}, {"fasterpayments", "Faster Payments"},
		{"bank", "bank transfer"}, {"bancontact", "Bancontact"}, {"revolut", "Revolut"}, {"cashapp", "Cash App"},
		{"venmo", "Venmo"}, {"p2p", "peer to peer"}, {"eps", "EPS"}, {"interac", "Interac"}, {"upibanktransfer", "UPI"},
		{"payid", "PayID"}, {"spei", "SPEI"}, {"imps", "IMPS"}, {"sofort", "Sofort"}, {"giropay", "giropay"},
		{"sepainstant", "SEPA Instant"},
	} {
		if p.id == method {
			return p.name
		}
	}
	return method
}
