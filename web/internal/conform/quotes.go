package conform

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/quote"
	"countersign/web/internal/buy"
)

func (r *run) question() url.Values {
	in := r.Input
	return url.Values{"from": {in.From}, "to": {in.To}, "payment-method": {in.PaymentMethod}, "amount": {in.Amount}, "country": {in.Country}, "dest": {r.Dest}}
}

// quotes finds where quotes are, and reads one.
func (r *run) quotes(ctx context.Context) {
	in, problems := quote.Normalise(r.Input)
	if len(problems) > 0 {
		r.find("quote-path", Skipped, "there is nothing to ask for: "+problems[0].Message)
		return
	}
	r.Input = in
	singular, err1 := r.ask(ctx, "/quote", r.question(), true)
	plural, err2 := r.ask(ctx, "/quotes", r.question(), true)
	absent := func(a answer, err error) bool { return err == nil && a.status == http.StatusNotFound }
	a, err := singular, err1
	r.path = "/quote"
	switch {
	case absent(singular, err1) && absent(plural, err2):
		r.path = ""
		r.find("quote-path", Fail, "neither /quote nor /quotes is there")
		return
	case absent(singular, err1):
		a, err, r.path = plural, err2, "/quotes"
		r.find("quote-path", Note, "/quotes, as in the contract's prose: its OpenAPI says /quote, so the first question of a gateway is lost")
	case !absent(plural, err2) && r.wrong(plural, err2) != r.wrong(singular, err1):
		r.find("quote-path", Note, "/quote and /quotes are both there, and answer differently")
	default:
		r.find("quote-path", OK, "")
	}
	if why := r.wrong(a, err); why != "" {
		if strings.HasPrefix(why, "no answer within") {
			r.find("time", Fail, why)
		}
		r.find("quote", Fail, why)
		return
	}
	r.timed(a.took)
	row, expires, err := buy.ReadQuote(a.body, in)
	if err == nil && !expires.IsZero() && !r.Now().Before(expires) {
		r.find("quote", Fail, "the quote had run out when it arrived (expiresAt)")
		return
	}
	if err != nil {
		code, text := buy.Why(err)
		r.find("quote", Fail, code+": "+text)
		return
	}
	r.row = &row
	r.find("quote", OK, "")
	r.amounts(a.body, row)
	r.extension(a.body, expires)
	if r.APIKey == "" {
		r.find("key", Skipped, "no key was given")
		return
	}
	if a, err := r.ask(ctx, r.path, r.question(), false); err == nil && a.status == http.StatusOK {
		r.find("key", Note, "a quote is given without X-API-KEY")
	} else {
		r.find("key", OK, "")
	}
}

func (r *run) timed(took time.Duration) {
	if took > r.Deadline/2 {
		r.find("time", Note, fmt.Sprintf("it took %s: whoever takes long is shown late, and after %s not at all", took.Round(time.Millisecond), r.Deadline))
		return
	}
	r.find("time", OK, "")
}

var plainNumber = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?$`)

// amounts is contradiction 6: the question's amount is an integer, the answer's a number.
func (r *run) amounts(body []byte, row quote.Row) {
	var raw map[string]json.RawMessage
	var said []string
	if json.Unmarshal(body, &raw) == nil {
		for _, name := range []string{"fiatAmount", "cryptoAmount"} {
			switch text := string(raw[name]); {
			case strings.HasPrefix(text, `"`):
				said = append(said, name+" is a text that holds a number")
			case !plainNumber.MatchString(text):
				said = append(said, name+" has an exponent: readers with binary fractions lose digits")
			}
		}
	}
	if len(said) > 0 {
		r.find("amounts", Note, strings.Join(said, "; "))
	} else {
		r.find("amounts", OK, "")
	}
	if slices.Contains(row.Warnings, quote.ExcessPrecision) {
		r.find("precision", Note, fmt.Sprintf("cryptoAmount has more than the %d decimals of %s, and is rounded down", row.AssetPlaces, row.Asset))
	} else {
		r.find("precision", OK, "")
	}
}

func (r *run) extension(body []byte, expires time.Time) {
	var raw map[string]json.RawMessage
	_ = json.Unmarshal(body, &raw) // it was read
	var missing []string
	for _, name := range []string{"quoteId", "expiresAt", "feeBreakdown", "kyc", "priceType", "settlementSeconds"} {
		if _, ok := raw[name]; !ok {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		r.find("extension", Note, "not disclosed: "+strings.Join(missing, ", "))
		return
	}
	r.find("extension", OK, "")
}

// refusals is contradiction 5: what is wrong is text/plain in one place and JSON in another.
func (r *run) refusals(ctx context.Context) {
	if r.path == "" {
		return
	}
	level, said := OK, []string{}
	for _, c := range []struct{ field, value string }{{"amount", "abc"}, {"to", "not-an-asset"}, {"country", "XX"}, {"payment-method", "barter"}} {
		q := r.question()
		q.Set(c.field, c.value)
		a, err := r.ask(ctx, r.path, q, true)
		switch {
		case err != nil:
			level, said = Fail, append(said, fmt.Sprintf("%s=%s: no answer", c.field, c.value))
		case a.status == http.StatusOK:
			level, said = Fail, append(said, fmt.Sprintf("%s=%s is answered with 200", c.field, c.value))
		case a.status >= 500:
			level, said = Fail, append(said, fmt.Sprintf("%s=%s is answered with %d: it opens the circuit of a gateway, and is the caller's mistake", c.field, c.value, a.status))
		default:
			if why := form(a); why != "" {
				said = append(said, fmt.Sprintf("%s=%s: %s", c.field, c.value, why))
				if level == OK {
					level = Note
				}
			}
		}
	}
	r.find("errors", level, strings.Join(said, "; "))
	r.belowMinimum(ctx)
}

// form says how an error is not of a form of the contract.
func form(a answer) string {
	var body struct {
		Code    json.Number `json:"code"`
		Message string      `json:"message"`
	}
	switch {
	case a.status != http.StatusBadRequest:
		return fmt.Sprintf("status %d instead of 400", a.status)
	case a.kind == "text/plain" && len(a.body) > 0:
		return ""
	case a.kind == "application/json" && json.Unmarshal(a.body, &body) == nil && body.Code != "" && body.Message != "":
		return ""
	}
	return "the body is neither text/plain nor {code, message}"
}

func (r *run) belowMinimum(ctx context.Context) {
	if r.caps == nil {
		return
	}
	for _, l := range r.caps.Fiats {
		least, err := amount.Parse(l.Min)
		if l.Fiat != r.Input.From || err != nil || least.Cmp(amount.Must("1")) <= 0 {
			continue
		}
		q := r.question()
		q.Set("amount", least.Sub(amount.Must("1")).String())
		switch a, err := r.ask(ctx, r.path, q, true); {
		case err != nil || a.status >= 500:
			r.find("below-minimum", Fail, "an amount below minAmount is not answered with 400")
		case a.status == http.StatusOK:
			r.find("below-minimum", Note, "an amount below minAmount gets a quote: the limits of /capabilities are not those that hold")
		default:
			r.find("below-minimum", OK, "")
		}
		return
	}
	r.find("below-minimum", Skipped, "there is no minimum")
}
