package buy

import (
	"net/url"
	"strings"

	"countersign/shared/quote"
)

// parameter is one of the widget's: its name today, in the older set (empty: it has none
// there), and in pages that write it otherwise.
type parameter struct{ name, older, other, value string }

// liveApp are the parameters of the widget.
func liveApp(o quote.HandOff) []parameter {
	return []parameter{
		{"accountAddress", "account-address", "", o.Input.Dest}, {"cryptoCurrency", "crypto-currency", "", o.Input.To},
		{"fiatCurrency", "fiat-currency", "", o.Input.From}, {"fiatAmount", "fiat-amount", "", o.Input.Amount}, {"cryptoAmount", "crypto-amount", "", o.Crypto},
		{"mode", "", "", "buy"}, {"paymentMethod", "payment-method", "", o.Input.PaymentMethod}, {"bankResidency", "bank-residency", "", strings.ToLower(o.Input.Country)},
		{"buySessionId", "ledger-transaction-id", "buySessionid", o.Order}, {"language", "", "", o.Language}, {"theme", "", "", o.Theme},
		{"partnerRedirectUrl", "", "", o.Return},
	}
}

// spelling is the one in which parameters are added to an address with this query.
func (p *provider) spelling(query url.Values) string {
	if p.Spelling != "" {
		return p.Spelling
	}
	for _, param := range liveApp(quote.HandOff{}) {
		if param.older != "" && query.Has(param.older) {
			return Kebab
		}
	}
	return Camel
}

// names are those under which a parameter is added: none when it has no value, is left out for
// this provider, or is there under any of its names.
func (p *provider) names(param parameter, spelling string, query url.Values) []string {
	renamed, own := p.Params[param.name]
	all := []string{param.name}
	switch {
	case own:
		all = []string{renamed}
	case spelling == Kebab && param.older != "":
		all = []string{param.older}
	case spelling == Both && param.older != "":
		all = append(all, param.older)
	}
	if param.value == "" || all[0] == "" {
		return nil
	}
	for _, name := range append([]string{param.name, param.older, param.other}, all...) {
		if name != "" && query.Has(name) {
			return nil
		}
	}
	return all
}
