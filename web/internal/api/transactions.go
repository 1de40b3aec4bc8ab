package api

import (
	"time"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/web/internal/gateway"
)

func (a *api) transactions(q *question) (any, error) {
	f := gateway.BookingFilter{Account: q.query.Get("accountId"), Ledger: q.query.Get("ledger"), Asset: q.query.Get("currency"), Kind: q.query.Get("kind"), Order: q.query.Get("order")}
	var err error
	if f.From, f.To, err = q.times(); err != nil {
		return nil, err
	}
	cursor, limit, err := q.page(id.Booking)
	if err != nil {
		return nil, err
	}
	return a.Gateway.Transactions(q.r.Context(), q.caller, f, cursor, limit)
}

func (a *api) transaction(q *question) (any, error) {
	name, err := q.named(id.Booking, "the transaction")
	if err != nil {
		return nil, err
	}
	return a.Gateway.Transaction(q.r.Context(), q.caller, name)
}

// transactionsByMonth adds up twelve months when none are named.
func (a *api) transactionsByMonth(q *question) (any, error) {
	from, to, err := q.times()
	if err != nil {
		return nil, err
	}
	if to.IsZero() {
		to = a.Gateway.Clock().Now.Add(time.Millisecond) // what is booked now included
	}
	if from.IsZero() {
		from = time.Date(to.Year(), to.Month()-11, 1, 0, 0, 0, 0, time.UTC)
	}
	if to.Before(from) || to.Sub(from) > gateway.MonthsAtMost {
		return nil, fault.New(fault.Invalid, "from must be before to, and at most two years").With("field", "from")
	}
	return a.Gateway.TransactionsByMonth(q.r.Context(), q.caller, from, to)
}

// times reads from and to.
func (q *question) times() (from, to time.Time, err error) {
	if from, err = q.time("from"); err != nil {
		return from, to, err
	}
	if to, err = q.time("to"); err != nil {
		return from, to, err
	}
	if !from.IsZero() && !to.IsZero() && to.Before(from) {
		return from, to, fault.New(fault.Invalid, "from must be before to").With("field", "from")
	}
	return from, to, nil
}

// time reads a day, which begins in UTC, or a time; zero: there is none.
func (q *question) time(name string) (t time.Time, err error) {
	text := q.query.Get(name)
	if text == "" {
		return t, nil
	}
	if t, err = time.Parse(time.DateOnly, text); err != nil {
		t, err = time.Parse(time.RFC3339, text)
	}
	if epoch := time.Unix(0, 0); err != nil || t.Before(epoch) || name != "from" && t.Equal(epoch) || t.UTC().Year() > 9999 { // the store has no other time
		return t, fault.New(fault.Invalid, name+" must be a day such as 2026-11-20, or a time such as 2026-11-20T21:00:00Z").With("field", name)
	}
	return t.UTC(), nil
}
