package gateway

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"countersign/shared/fault"
	"countersign/shared/name"
	"countersign/shared/wire"
	"countersign/web/internal/report"
	"countersign/web/internal/store"
)

// Hook is how one provider sends notices about its orders.
type Hook struct {
	Secrets [][]byte // the newest first; any of them signs
	Words   report.Words
}

// Policy of what providers say.
const (
	noticesKept   = 30 * 24 * time.Hour // their ids
	askedFor      = 7 * 24 * time.Hour  // how long after it was made an order is asked about
	askEvery      = 15 * time.Second
	askedAtOnce   = 64
	wordsKept     = 32 // lines of an order's history with a provider's words
	aheadAtMost   = 5 * time.Minute
	providerEvent = "provider" // the type of those lines
)

// Notice takes a provider's signed notice about one of its orders (shared/spec/notices.md).
// client is the party that sends it. One that came before changes nothing. It fails with
// AUTHENTICATION_ERROR, the same for a provider that is not known or sends none; with
// RATE_LIMITED for one client's wrong signatures, and for one provider's right ones; INVALID_REQUEST, details field, for
// what is not a notice or is about something else than the order; and NOT_FOUND for an
// order that is not the provider's.
func (g *Gateway) Notice(ctx context.Context, provider, signature string, body []byte, client string) (wire.Noticed, error) {
	if err := g.timely(); err != nil {
		return wire.Noticed{}, err
	}
	hook := g.cfg.Hooks[provider]
	signed, err := report.Verify(signature, body, hook.Secrets, g.now())
	if err != nil {
		if limited := g.limit.wrongKeys.Spend(client); limited != nil {
			return wire.Noticed{}, limited
		}
		return wire.Noticed{}, err
	}
	if err := g.limit.notices.Spend(provider); err != nil {
		return wire.Noticed{}, err
	}
	n, err := report.ParseNotice(body, hook.Words)
	if err != nil {
		g.cfg.Log.Warn("a provider's notice is not one", "provider", provider, "error", err.Error())
		return wire.Noticed{}, err
	}
	var out wire.Noticed
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		o, err := tx.OrderNamed(n.Report.Order)
		if errors.Is(err, store.ErrNotFound) || err == nil && o.Provider != provider {
			return fault.New(fault.NotFound, "the order was not found among this provider's")
		}
		if err != nil {
			return err
		}
		isNew, err := tx.SeeNotice(provider, n.ID, g.now())
		if err == nil && isNew {
			out.Changed, err = g.said(tx, &o, n.Report, signed, wire.ByNotice)
		}
		out.Order, out.State = o.ID, o.State
		return err
	})
	if fault.CodeOf(err) == fault.Invalid {
		g.cfg.Log.Warn("a provider's notice contradicts the order", "provider", provider, "order", n.Report.Order, "error", err.Error())
	}
	return out, err
}

// said keeps what a provider says of an order, and reports whether it is newer than what
// was known; heard stands for its time when it gives none. What an order is about is not a
// provider's to change. It fails with INVALID_REQUEST, details field.
func (g *Gateway) said(tx store.Tx, o *store.Order, r report.Report, heard time.Time, by string) (bool, error) {
	if wrong := r.Contradicts(o.Fiat, o.FiatAmount, o.Asset, o.Address); wrong != "" {
		return false, fault.New(fault.Invalid, wrong+" is not the order's").With("field", wrong)
	}
	now := g.now()
	if r.At.After(now.Add(aheadAtMost)) {
		return false, fault.New(fault.Invalid, "order.lastUpdated is later than now").With("field", "order.lastUpdated")
	}
	same := r.State == o.Said.State && r.Word == o.Said.Word && r.Tx == o.Said.Tx
	if r.At.IsZero() {
		if same {
			return false, nil
		}
		r.At = heard
	}
	if !report.Newer(r.State, r.At, o.Said.State, o.Said.At) {
		return false, nil
	}
	o.Said = store.Said{State: r.State, Word: r.Word, At: r.At, By: by, Tx: r.Tx}
	if same {
		return false, tx.PutOrder(*o)
	}
	o.Updated = now
	if o.State != wire.OrderCompleted {
		all, err := tx.DepositsAt(o.Chain, o.Address)
		if err != nil {
			return false, err
		}
		on, err := seenFor(all, o)
		if err != nil {
			return false, err
		}
		o.State = waiting(*o, on)
	}
	o.History = remember(o.History, store.Event{At: now, Type: providerEvent, Text: fmt.Sprintf("%s says: %s (%s)", name.Within(o.ProviderName), plainState(r.State), shownWord(r.Word))})
	return true, tx.PutOrder(*o)
}

// remember adds a line with a provider's word. Of many the oldest goes, so that a
// provider cannot make an order grow.
func remember(all []store.Event, e store.Event) []store.Event {
	all = append(slices.Clone(all), e)
	n := 0
	for _, e := range all {
		if e.Type == providerEvent {
			n++
		}
	}
	if n <= wordsKept {
		return all
	}
	i := slices.IndexFunc(all, func(e store.Event) bool { return e.Type == providerEvent })
	return slices.Delete(all, i, i+1)
}

// plainState is a provider's state in words.
func plainState(state string) string {
	return map[string]string{
		report.Pending: "waits for the payment", report.OnHold: "on hold", report.Processing: "paid, and on its way", report.Completed: "sent",
		report.Failed: "failed", report.Expired: "not paid in time", report.Refunded: "paid back", report.Unknown: "a state that is not known here",
	}[state]
}

// shownWord is a provider's word in printable ASCII.
func shownWord(word string) string {
	quoted := strconv.QuoteToASCII(word)
	return quoted[1 : len(quoted)-1]
}

// atProvider is what a provider said of an order, as clients see it.
func atProvider(s store.Said) *wire.AtProvider {
	if s.State == "" {
		return nil
	}
	return &wire.AtProvider{State: s.State, Word: shownWord(s.Word), At: s.At, By: s.By, TxHash: s.Tx}
}

// AskProviders asks providers how their orders are that are due: more seldom the longer
// ago a buyer was led there. Another process on this database may do it instead.
func (g *Gateway) AskProviders(ctx context.Context) error {
	mine, _, err := g.lease(ctx, "orders", nil)
	if err != nil || !mine {
		return err
	}
	now := g.now()
	var all []store.Order
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		all, err = tx.AwaitedOrders(now, now.Add(-askedFor), askedAtOnce)
		return err
	})
	if err != nil {
		return err
	}
	done := make(chan error, len(all))
	for _, o := range all {
		go func() { done <- g.askAbout(ctx, o) }()
	}
	for range all {
		err = errors.Join(err, <-done)
	}
	return err
}

// patienceFor is how long to wait before an order is asked about again, by how long ago
// its buyer was led to the provider.
func patienceFor(since time.Duration) time.Duration {
	switch {
	case since < 15*time.Minute:
		return askEvery
	case since < 2*time.Hour:
		return time.Minute
	}
	return 15 * time.Minute
}

// askAbout asks about one order and keeps the answer. What is wrong with a provider is
// the log's, and keeps no other order from being asked about.
func (g *Gateway) askAbout(ctx context.Context, o store.Order) error {
	r, err := g.cfg.Desk.Order(ctx, o.Provider, o.ID)
	if err != nil && fault.CodeOf(err) != fault.NotSupported {
		g.cfg.Log.Info("a provider did not say how an order is", "provider", o.Provider, "order", o.ID, "error", err.Error())
	}
	now := g.now()
	return g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		fresh, serr := tx.OrderNamed(o.ID)
		if serr != nil {
			return serr
		}
		if err == nil {
			_, serr = g.said(tx, &fresh, r, now, wire.ByPoll)
		}
		if fault.CodeOf(serr) == fault.Invalid {
			g.cfg.Log.Warn("a provider's answer contradicts the order", "provider", o.Provider, "order", o.ID, "error", serr.Error())
			serr = nil
		}
		return errors.Join(serr, tx.AskOrderAt(o.ID, now.Add(patienceFor(now.Sub(o.Handed)))))
	})
}
