package quoteui

import (
	"slices"
	"time"

	"countersign/shared/quote"
)

// Offer is one provider's row: waiting while both Row and Out are nil.
type Offer struct {
	Provider, Name string
	Row            *quote.Row      // its quote
	Out            *quote.Excluded // why it has none
}

// Board is the list of offers of one question.
type Board struct {
	Seq      int       // of the question; answers to older ones are dropped
	Open     bool      // a question was asked
	Done     bool      // every provider has answered or failed
	Renewing bool      // it is asked again: what is shown stays in its place until then
	Asked    time.Time // when, by the server's clock
	Hold     bool      // the person holds the prices where they are
	Inside   bool      // pointer or focus is in the list
	ByRecord bool      // the order is that of what is expected by the providers' records, not that of what they quote
	Selected string    // the provider that the person chose, or was about to
	Fixes    []quote.Fix
	offers   map[string]Offer
	order    []string // providers, as shown
}

// Ask starts a new question: a slot for each provider, so that nothing moves
// when the answers come. What was held or selected before is let go.
func (b Board) Ask(providers []quote.Provider, now time.Time) Board {
	n := Board{Seq: b.Seq + 1, Open: true, Asked: now, Inside: b.Inside, ByRecord: b.ByRecord, offers: map[string]Offer{}}
	for _, p := range providers {
		n.offers[p.ID] = Offer{Provider: p.ID, Name: p.Name}
		n.order = append(n.order, p.ID)
	}
	return n
}

// Renew asks the same question again. Every price stays where it is until the new one
// takes its place, and what was held or selected stays so.
func (b Board) Renew(now time.Time) Board {
	b = b.clone()
	b.Seq, b.Asked, b.Done, b.Renewing = b.Seq+1, now, false, true
	return b
}

// renewAfter is the least time between two questions, however short prices hold.
const renewAfter = 10 * time.Second

// RenewAt is when the prices are due to be asked for again: when the first of them
// ends. It is zero while there is nothing to renew.
func (b Board) RenewAt() (at time.Time) {
	if !b.Done {
		return at
	}
	for _, o := range b.offers {
		if o.Row != nil && (at.IsZero() || o.Row.ExpiresAt.Before(at)) {
			at = o.Row.ExpiresAt
		}
	}
	if soonest := b.Asked.Add(renewAfter); !at.IsZero() && at.Before(soonest) {
		return soonest
	}
	return at
}

// Put records an answer. Answers to an older question change nothing.
func (b Board) Put(seq int, o Offer) Board {
	if seq != b.Seq || !b.Open {
		return b
	}
	if old, ok := b.offers[o.Provider]; ok && o.Name == "" {
		o.Name = old.Name
	}
	b = b.clone()
	if _, ok := b.offers[o.Provider]; !ok {
		b.order = append(b.order, o.Provider)
	}
	b.offers[o.Provider] = o
	return b.settle()
}

// Finish marks the question as answered; who has not answered is out. The final
// rows, when there are any, carry ranks and marks that only the whole list can
// give.
func (b Board) Finish(seq int, result *quote.Result) Board {
	if seq != b.Seq || !b.Open {
		return b
	}
	b = b.clone()
	b.Done, b.Renewing = true, false
	if result != nil {
		b.Fixes = result.Fixes
		for i := range result.Quotes {
			row := result.Quotes[i]
			b.put(Offer{Provider: row.Provider, Name: row.ProviderName, Row: &row})
		}
		for i := range result.Excluded {
			out := result.Excluded[i]
			b.put(Offer{Provider: out.Provider, Name: out.ProviderName, Out: &out})
		}
	}
	for id, o := range b.offers {
		if o.Row == nil && o.Out == nil {
			o.Out = &quote.Excluded{Provider: id, ProviderName: o.Name, Stage: quote.StageTransport, Code: quote.TimedOut, Message: "It did not answer in time."}
			b.offers[id] = o
		}
	}
	return b.settle()
}

func (b *Board) put(o Offer) {
	if _, ok := b.offers[o.Provider]; !ok {
		b.order = append(b.order, o.Provider)
	}
	b.offers[o.Provider] = o
}

// Rest are the changes that no row offers, and whether a provider could be asked as it
// is.
func (b Board) Rest() (fixes []quote.Fix, some bool) {
	offered := map[[2]string]bool{}
	for _, o := range b.offers {
		some = some || o.Out == nil || o.Out.Stage != quote.StageEligibility
		if o.Out != nil && o.Out.Fix != nil {
			offered[[2]string{o.Out.Fix.Field, o.Out.Fix.Value}] = true
		}
	}
	for _, f := range b.Fixes {
		if !offered[[2]string{f.Field, f.Value}] {
			fixes = append(fixes, f)
		}
	}
	return fixes, some
}

// Stay says whether pointer or focus is in the list.
func (b Board) Stay(inside bool) Board {
	b.Inside = inside
	return b.settle()
}

// HoldPrices says whether the person wants the order to stay.
func (b Board) HoldPrices(on bool) Board {
	b.Hold = on
	return b.settle()
}

// Rank says by what the offers are in order.
func (b Board) Rank(byRecord bool) Board {
	b.ByRecord = byRecord
	return b.Show()
}

// worth is the amount that an offer is ranked by.
func (b Board) worth(o Offer) string {
	if b.ByRecord && o.Row.Expected != nil {
		return o.Row.Expected.Amount
	}
	return o.Row.CryptoAmount
}

// Select chooses a provider's offer.
func (b Board) Select(provider string) Board {
	if b.offers[provider].Row != nil {
		b.Selected = provider
	}
	return b
}

// Reordered reports whether a better order waits until the list may move.
func (b Board) Reordered() bool { return !slices.Equal(b.order, b.sorted()) }

// Show puts the offers in their order now, because the person asked for it.
func (b Board) Show() Board {
	b = b.clone()
	b.order = b.sorted()
	return b
}

// settle re-orders when nothing keeps the list still.
func (b Board) settle() Board {
	if b.Hold || b.Inside || b.Renewing {
		return b
	}
	b.order = b.sorted()
	return b
}

// sorted is best first, then those still waited for, then those that are out;
// equal ones keep their place.
func (b Board) sorted() []string {
	order := slices.Clone(b.order)
	for i := range order { // a handful
		for ; i > 0 && b.before(order[i], order[i-1]); i-- {
			order[i], order[i-1] = order[i-1], order[i]
		}
	}
	return order
}

func (b Board) before(x, y string) bool {
	p, q := b.offers[x], b.offers[y]
	if d := p.rank() - q.rank(); d != 0 {
		return d < 0
	}
	return p.Row != nil && Compare(b.worth(q), b.worth(p)) < 0
}

func (o Offer) rank() int {
	switch {
	case o.Row != nil:
		return 0
	case o.Out == nil:
		return 1
	}
	return 2
}

func (b Board) clone() Board {
	offers := make(map[string]Offer, len(b.offers)+1)
	for k, v := range b.offers {
		offers[k] = v
	}
	b.offers, b.order = offers, slices.Clone(b.order)
	return b
}

// Offers are the rows as shown.
func (b Board) Offers() []Offer {
	rows := make([]Offer, 0, len(b.order))
	for _, id := range b.order {
		rows = append(rows, b.offers[id])
	}
	return rows
}

// Best is the first offer by its rank among those that are valid at now; its
// Row is nil when there is none.
func (b Board) Best(now time.Time) Offer {
	var best Offer
	for _, id := range b.order {
		o := b.offers[id]
		if o.Valid(now) && !slices.Contains(o.Row.Warnings, quote.RateOutlier) &&
			(best.Row == nil || Compare(b.worth(o), b.worth(best)) > 0) {
			best = o
		}
	}
	return best
}

// Chosen is the selected offer, else the best one. While the selected one has no price,
// its Row is nil: no other takes its place unasked.
func (b Board) Chosen(now time.Time) Offer {
	if b.Selected == "" {
		return b.Best(now)
	}
	o := b.offers[b.Selected]
	if !o.Valid(now) {
		o.Row = nil
	}
	return o
}

// Nth is the provider of the n-th offer that has a price, from 1; empty when there is none.
func (b Board) Nth(n int) string {
	for _, o := range b.Offers() {
		if o.Row == nil {
			continue
		}
		if n--; n == 0 {
			return o.Provider
		}
	}
	return ""
}

// Of is the offer of a provider.
func (b Board) Of(provider string) Offer { return b.offers[provider] }

// Places is how many decimals the amounts of the list are shown with, at most so many:
// all with the same.
func (b Board) Places(most int) (n int) {
	for _, o := range b.offers {
		if o.Row != nil {
			n = max(n, parse(o.Row.CryptoAmount).Trim().Places())
		}
	}
	return min(n, most)
}

// Counts says how many have answered with a price, how many were asked.
func (b Board) Counts() (offered, asked int) {
	for _, o := range b.offers {
		if o.Row != nil {
			offered++
		}
	}
	return offered, len(b.offers)
}

// Valid reports whether the offer has a price that has not ended.
func (o Offer) Valid(now time.Time) bool { return o.Row != nil && now.Before(o.Row.ExpiresAt) }

// Left is how long the offer still holds.
func (o Offer) Left(now time.Time) time.Duration {
	if o.Row == nil {
		return 0
	}
	whole := o.Row.ExpiresAt.Sub(o.Row.ReceivedAt) // a clock measured a little behind must not promise more
	return max(min(o.Row.ExpiresAt.Sub(now), whole), 0)
}

// Expired reports whether all prices have ended.
func (b Board) Expired(now time.Time) bool {
	offered, _ := b.Counts()
	return b.Done && offered > 0 && b.Best(now).Row == nil
}
