package conform

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"countersign/shared/quote"
	"countersign/web/internal/buy"
)

// documents reads both documents, and what they say differently from the contract.
func (r *run) documents(ctx context.Context) {
	a, err := r.ask(ctx, "/capabilities", nil, false)
	left := []string{}
	if why := r.wrong(a, err); why != "" {
		r.find("capabilities", Fail, why)
	} else {
		r.names(a.body)
		caps, deviations, err := buy.ReadCapabilities(a.body)
		if err != nil {
			_, text := buy.Why(err)
			r.find("capabilities", Fail, text)
		} else {
			r.find("capabilities", OK, "")
			r.caps = &caps
		}
		left = append(left, r.capabilities(a.body, deviations, err == nil)...)
	}
	a, err = r.ask(ctx, "/crypto-currencies", nil, false)
	if why := r.wrong(a, err); why != "" {
		r.find("assets", Fail, why)
	} else {
		ids, deviations, err := buy.ReadAssets(a.body)
		level, text := OK, ""
		if err != nil {
			_, text = buy.Why(err)
			level = Fail
		}
		for _, d := range deviations {
			if strings.Contains(d, "left out") {
				left = append(left, d)
			} else {
				level, text = Note, d
			}
		}
		r.find("assets", level, text)
		r.assets = ids
	}
	if len(left) > 0 {
		r.find("left-out", Note, strings.Join(left, "; "))
	} else if r.caps != nil {
		r.find("left-out", OK, "")
	}
	r.choose()
}

// names is contradiction 1: the schema and the example of the contract call the list differently.
func (r *run) names(body []byte) {
	var doc map[string]json.RawMessage
	if json.Unmarshal(body, &doc) != nil {
		return // which the check of the document says
	}
	_, schema := doc["countriesCapabilities"]
	_, example := doc["countryCapabilities"]
	_, _, err := buy.ReadCapabilities(body)
	_, text := buy.Why(err)
	switch {
	case schema && example && err != nil && strings.Contains(text, "differ"):
		r.find("countries-name", Fail, "countriesCapabilities and countryCapabilities are both there, and differ: readers take one or the other")
	case schema && example:
		r.find("countries-name", Note, "both countriesCapabilities and countryCapabilities are there: one is enough")
	case example:
		r.find("countries-name", Note, "countryCapabilities, as in the contract's example: its schema says countriesCapabilities")
	case schema:
		r.find("countries-name", OK, "")
	default:
		r.find("countries-name", Fail, "there is neither countriesCapabilities nor countryCapabilities")
	}
}

// capabilities sorts what differs by the check that it belongs to, and returns what was left out.
func (r *run) capabilities(body []byte, deviations []string, readable bool) (left []string) {
	said := map[string][]string{}
	for _, d := range deviations {
		switch {
		case strings.HasPrefix(d, "payment methods left out"), strings.Contains(d, "payment methods"), strings.Contains(d, "successRate"):
			said["methods"] = append(said["methods"], d)
		case strings.Contains(d, "left out"):
			left = append(left, d)
		case strings.Contains(d, "codes"), strings.Contains(d, "listed twice"):
			said["codes"] = append(said["codes"], d)
		case strings.Contains(d, "limits"):
			said["limits"] = append(said["limits"], d)
		}
	}
	if objects(body) {
		said["methods"] = append(said["methods"], "a payment method is an object, as a strict generator makes of the contract's oneOf: it must be {\"name\":\"card\"}")
	}
	for _, check := range []string{"codes", "methods", "limits"} {
		switch {
		case len(said[check]) > 0:
			r.find(check, Note, strings.Join(said[check], "; "))
		case readable:
			r.find(check, OK, "")
		}
	}
	if readable && r.caps != nil && !slices.ContainsFunc(r.caps.Countries, func(c quote.Country) bool { return len(c.PaymentMethods) > 0 }) {
		r.find("methods", Fail, "no country has a payment method that can be used")
	}
	return left
}

// objects reports contradiction 3: a payment method whose name is an object and not a text.
func objects(body []byte) bool {
	var doc map[string][]struct {
		PaymentMethods []struct {
			Name json.RawMessage `json:"name"`
		} `json:"paymentMethods"`
	}
	var lists map[string]json.RawMessage
	if json.Unmarshal(body, &lists) != nil {
		return false
	}
	for _, name := range []string{"countriesCapabilities", "countryCapabilities"} {
		if json.Unmarshal([]byte(`{"x":`+string(cmpRaw(lists[name]))+`}`), &doc) != nil {
			continue
		}
		for _, country := range doc["x"] {
			for _, m := range country.PaymentMethods {
				if strings.HasPrefix(string(m.Name), "{") {
					return true
				}
			}
		}
	}
	return false
}

func cmpRaw(raw json.RawMessage) json.RawMessage {
	return json.RawMessage(cmp.Or(string(raw), "[]"))
}

// choose fills in what to ask for from what the provider says.
func (r *run) choose() {
	in := r.Input
	if r.caps != nil && len(r.caps.Fiats) > 0 {
		limit := r.caps.Fiats[0]
		for _, l := range r.caps.Fiats {
			if l.Fiat == cmp.Or(in.From, "EUR") {
				limit = l
			}
		}
		in.From, in.Amount = cmp.Or(in.From, limit.Fiat), cmp.Or(in.Amount, limit.Min)
		if in.Amount == "0" {
			in.Amount = limit.Max
		}
		for _, c := range r.caps.Countries {
			if len(c.PaymentMethods) > 0 && (in.Country == "" || in.Country == c.Country) {
				in.Country, in.PaymentMethod = c.Country, cmp.Or(in.PaymentMethod, c.PaymentMethods[0])
			}
		}
	}
	if in.To == "" && len(r.assets) > 0 {
		in.To = r.assets[0]
		if slices.Contains(r.assets, "ethereum") {
			in.To = "ethereum"
		}
	}
	r.Input = in
	r.report.Asked = in
}

// tags asks a document again by its tag.
func (r *run) tags(ctx context.Context) {
	if r.caps == nil {
		return
	}
	a, err := r.ask(ctx, "/capabilities", nil, false)
	if err != nil || a.tag == "" {
		r.find("tag", Note, "no ETag: each gateway fetches the whole document every five minutes")
		return
	}
	again, err := r.ask(ctx, "/capabilities", nil, false, "If-None-Match", a.tag)
	switch {
	case err != nil || again.status != http.StatusNotModified && again.status != http.StatusOK:
		r.find("tag", Fail, "a question with If-None-Match is not answered with 304 or 200")
	case again.status == http.StatusOK && again.tag == a.tag:
		r.find("tag", Note, "the ETag is the same, and the document is sent again instead of 304")
	default:
		r.find("tag", OK, "")
	}
}
