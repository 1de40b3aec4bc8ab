package buy

import (
	"time"

	"countersign/shared/quote"
)

// ReadCapabilities, ReadAssets, ReadQuote and ReadRedirect read the answers of a provider as
// the desk does, for who checks a provider without buying (package conform). [Why] says what
// their errors mean.
func ReadCapabilities(data []byte) (quote.Capabilities, []string, error) {
	return parseCapabilities(data)
}

// ReadAssets reads GET /crypto-currencies.
func ReadAssets(data []byte) (ids, deviations []string, err error) { return parseAssets(data) }

// ReadQuote reads the answer to a normalised input; expires is zero when it says nothing.
func ReadQuote(data []byte, in quote.Input) (row quote.Row, expires time.Time, err error) {
	return parseQuote(data, in)
}

// ReadRedirect reads GET /buy-redirect.
func ReadRedirect(data []byte) (string, error) { return parseRedirect(data) }

// Why is the code of an error of a provider's answer, as in an exclusion, and what is wrong,
// safe to show.
func Why(err error) (code, text string) {
	_, code, text, _ = failure(err)
	if bad, ok := err.(*invalidAnswer); ok {
		text = bad.why
	}
	return code, text
}

// Known are all names that the parameters of a widget have: today's and the older set's.
func Known() (camel, kebab []string) {
	for _, p := range liveApp(quote.HandOff{}) {
		camel = append(camel, p.name)
		if p.older != "" {
			kebab = append(kebab, p.older)
		}
		if p.other != "" {
			camel = append(camel, p.other)
		}
	}
	return camel, kebab
}
