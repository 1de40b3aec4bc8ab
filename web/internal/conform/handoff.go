package conform

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/quote"
	"countersign/web/internal/buy"
	"countersign/web/internal/report"
)

// redirects asks for a hand-off as a gateway does. It places an order that is never paid.
func (r *run) redirects(ctx context.Context) {
	if r.row == nil {
		return
	}
	name, err := id.New(rand.Reader, id.Order)
	if err != nil {
		return
	}
	q := r.question()
	q.Set("ledgerTransactionId", name)
	q.Set("deeplinkUrl", "https://dashboard.example/orders/"+name)
	if r.row.ProviderRef != "" {
		q.Set("quoteId", r.row.ProviderRef)
	}
	a, err := r.ask(ctx, "/buy-redirect", q, true)
	if why := r.wrong(a, err); why != "" {
		r.find("redirect", Fail, why)
		return
	}
	address, err := buy.ReadRedirect(a.body)
	if err != nil {
		_, text := buy.Why(err)
		r.find("redirect", Fail, text)
		return
	}
	r.parameters(address)
	if err := r.handOff(ctx, name); err != nil {
		r.find("redirect", Fail, err.Error())
		return
	}
	r.find("redirect", OK, "")
	r.sameOrder(ctx, q)
	r.placed = name
}

// handOff lets a desk do it, with all its checks.
func (r *run) handOff(ctx context.Context, order string) error {
	u, err := url.Parse(r.URL)
	if err != nil {
		return err
	}
	d, err := buy.New(buy.Config{Sandbox: true, HTTP: r.http, Deadline: r.Deadline, Now: r.Now, Providers: []buy.Provider{{ID: "provider", Name: "The provider", URL: r.URL, APIKey: r.APIKey, Hosts: append([]string{u.Host}, r.Hosts...)}}})
	if err != nil {
		return err
	}
	in := r.Input
	in.Dest = r.Dest
	_, err = d.Redirect(ctx, quote.HandOff{
		Order: order, Provider: "provider", Input: in, Crypto: r.row.CryptoAmount, QuoteRef: r.row.ProviderRef, Return: "https://dashboard.example/orders/" + order,
	})
	if f, ok := fault.As(err); ok {
		text := f.Message
		if reason := f.Details["reason"]; reason != "" {
			text = reason + ": " + text
		}
		return fmt.Errorf("%s", text)
	}
	return err
}

// parameters looks at how the widget's parameters are spelled.
func (r *run) parameters(address string) {
	u, err := url.Parse(address)
	if err != nil {
		return // which the hand-off says
	}
	camel, kebab := buy.Known()
	var brackets, today, older []string
	for name := range u.Query() {
		switch {
		case strings.ContainsAny(name, "[]"):
			brackets = append(brackets, name)
		case slices.Contains(kebab, name):
			older = append(older, name)
		case slices.Contains(camel, name):
			today = append(today, name)
		}
	}
	slices.Sort(older)
	slices.Sort(brackets)
	switch {
	case len(brackets) > 0:
		r.find("parameters", Fail, "names in square brackets, which the contract prints as places for names: "+strings.Join(brackets, ", "))
	case len(older) > 0 && len(today) > 0:
		r.find("parameters", Note, "two spellings in one address: "+strings.Join(older, ", ")+" are of the older set")
	case len(older) > 0:
		r.find("parameters", Note, "the older set: a gateway adds what is missing in it too ("+strings.Join(older, ", ")+")")
	default:
		r.find("parameters", OK, "")
	}
}

// sameOrder repeats a hand-off, and tries its id for another purchase.
func (r *run) sameOrder(ctx context.Context, q url.Values) {
	if a, err := r.ask(ctx, "/buy-redirect", q, true); r.wrong(a, err) != "" {
		r.find("same-order", Fail, "the same hand-off again is refused: "+r.wrong(a, err))
		return
	}
	other := url.Values{}
	for name, values := range q {
		other[name] = values
	}
	more, err := amount.Parse(r.Input.Amount)
	if err != nil {
		return
	}
	other.Set("amount", more.Add(amount.Must("1")).String())
	other.Del("quoteId")
	switch a, err := r.ask(ctx, "/buy-redirect", other, true); {
	case err != nil || a.status >= 500:
		r.find("same-order", Fail, "another purchase under the id of an order is not answered with 400")
	case a.status == http.StatusOK:
		r.find("same-order", Note, "another purchase under the id of an order is accepted: two purchases have one id")
	default:
		r.find("same-order", OK, "")
	}
}

// order is contradiction 4: the contract has a document Order, which no path of it returns,
// and whose schema and example differ.
func (r *run) order(ctx context.Context) {
	name := r.placed
	if name == "" {
		return
	}
	if r.Orders == "" {
		r.find("order", Skipped, "no path was given: the contract has none")
		return
	}
	a, err := r.ask(ctx, r.Orders+"/"+name, nil, true)
	if why := r.wrong(a, err); why != "" {
		r.find("order", Fail, why)
		return
	}
	said, err := report.Parse(a.body, nil)
	switch {
	case err != nil:
		f, _ := fault.As(err)
		r.find("order", Fail, f.Message)
	case said.Order != name:
		r.find("order", Fail, "the answer is about another order")
	case said.Contradicts(r.Input.From, r.Input.Amount, r.Input.To, r.Dest) != "":
		r.find("order", Fail, said.Contradicts(r.Input.From, r.Input.Amount, r.Input.To, r.Dest)+" is not the order's")
	case said.State == report.Unknown:
		r.find("order", Note, "its state is a word that is not known here: name it in the gateway's states")
	case strings.Contains(string(a.body), `"status"`):
		r.find("order", Note, "status, as in the contract's example: its schema says state")
	default:
		r.find("order", OK, "")
	}
}
