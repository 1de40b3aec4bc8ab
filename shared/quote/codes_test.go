package quote_test

import (
	"strings"
	"testing"

	"countersign/shared/quote"
)

func TestACommonMistakeOfACodeIsToldWhatWasMeant(t *testing.T) {
	t.Parallel()
	good := quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR"}
	for _, c := range []struct{ field, wrong, want string }{
		{"country", "UK", "Did you mean GB?"}, {"country", "el", "Did you mean GR?"}, {"country", "USA", "Did you mean US?"},
		{"country", "XK", "such as FR."}, {"country", "", "such as FR."}, {"country", "UK EL", "such as FR."}, {"country", "=GB", "such as FR."},
		{"from", "RMB", "Did you mean CNY?"}, {"from", "euro", "Did you mean EUR?"}, {"from", "€", "Did you mean EUR?"},
		{"from", "CLF", "such as EUR."}, {"from", "XAU", "such as EUR."}, {"from", "BTC", "such as EUR."},
	} {
		in := good
		if c.field == "country" {
			in.Country = c.wrong
		} else {
			in.From = c.wrong
		}
		_, problems := quote.Normalise(in)
		if len(problems) != 1 || problems[0].Field != c.field || !strings.HasSuffix(problems[0].Message, c.want) {
			t.Errorf("%s %q: %+v, want %q", c.field, c.wrong, problems, c.want)
		}
	}
}

func TestWhatIsMeantExists(t *testing.T) {
	t.Parallel()
	for _, code := range strings.Fields("UK EL EN SP JA SF SU YU TP ZR BU DD FX USA GBR DEU GER FRA ESP ITA NLD CHE AUT PRT POL GRC IRL CAN JPN") {
		if is := quote.CountryMeant(code); !quote.CountryCode(is) || quote.CountryCode(code) {
			t.Errorf("%s → %q", code, is)
		}
	}
	for _, code := range strings.Fields("RMB CNH NIS UKP STG GBX SFR RUR NTD YEN EURO EUROS € £") {
		if is := quote.CurrencyMeant(code); quote.NotCurrency(is) != "" || quote.NotCurrency(code) == "" {
			t.Errorf("%s → %q", code, is)
		}
	}
}
