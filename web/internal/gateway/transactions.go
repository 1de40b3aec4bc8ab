package gateway

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"countersign/shared/amount"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// BookingFilter chooses entries of a ledger; what is empty chooses all.
type BookingFilter = store.BookingFilter

// MonthsAtMost is the longest time that transactions are added up for.
const MonthsAtMost = 2 * 366 * 24 * time.Hour

// Transactions are the entries of the ledger of the caller's entity, the newest first.
func (g *Gateway) Transactions(ctx context.Context, c Caller, f BookingFilter, cursor string, limit int) (wire.Page[wire.Transaction], error) {
	p := wire.Page[wire.Transaction]{Items: []wire.Transaction{}}
	f.Among = c.among()
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.Transactions(c.Entity, f, cursor, limit+1)
		for i, b := range all {
			if i == limit {
				p.NextCursor = all[i-1].Entry.ID
				break
			}
			p.Items = append(p.Items, transactionView(b))
		}
		return err
	})
	return p, err
}

// Transaction is one entry of the ledger of the caller's entity.
func (g *Gateway) Transaction(ctx context.Context, c Caller, name string) (v wire.Transaction, err error) {
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		b, err := tx.Booking(c.Entity, name)
		if err == nil && !c.Sees(b.Account) {
			return unseen("the transaction")
		}
		v = transactionView(b)
		return found(err, "the transaction")
	})
	return v, err
}

func transactionView(b store.Booking) wire.Transaction {
	e := entryView(b.Entry)
	v := wire.Transaction{
		ID: e.ID, EntityID: b.Entity, Account: b.Account, Date: e.At, Description: e.Text, Status: wire.Posted, Kind: e.Kind, Postings: e.Postings,
		Order: e.Order, Deposit: e.Deposit, Reverses: e.Reverses,
	}
	for _, p := range e.Postings {
		switch {
		case v.Currency == "":
			v.Currency, v.Amount = p.Asset, p.Amount
		case p.Asset != v.Currency:
			continue
		}
		if p.Side == "debit" && v.DebitAccountID == "" {
			v.DebitAccountID = p.Ledger
		}
		if p.Side == "credit" && v.CreditAccountID == "" {
			v.CreditAccountID = p.Ledger
		}
	}
	return v
}

// sums are what was booked on one ledger account in one currency and month.
type sums struct {
	debit, credit amount.Amount
	n             int
}

type sumKey struct{ month, ledger, asset string }

// TransactionsByMonth adds up what was booked between two times, the latest month first.
func (g *Gateway) TransactionsByMonth(ctx context.Context, c Caller, from, to time.Time) (wire.TransactionsByMonth, error) {
	v := wire.TransactionsByMonth{From: from, To: to, Months: []wire.TransactionMonth{}, ServerTime: g.now()}
	all := map[sumKey]*sums{}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		return tx.Postings(c.Entity, c.among(), from, to, func(at time.Time, p store.Posting) error {
			a, err := amount.Parse(p.Amount)
			if err != nil {
				return fmt.Errorf("add up %s: %w", p.Ledger, err)
			}
			k := sumKey{at.UTC().Format("2006-01"), p.Ledger, p.Asset}
			s := all[k]
			if s == nil {
				s = &sums{}
				all[k] = s
			}
			s.n++
			if p.Side == "debit" {
				s.debit = s.debit.Add(a)
			} else {
				s.credit = s.credit.Add(a)
			}
			return nil
		})
	})
	keys := slices.SortedFunc(maps.Keys(all), func(a, b sumKey) int {
		return cmp.Or(cmp.Compare(b.month, a.month), cmp.Compare(a.ledger, b.ledger), cmp.Compare(a.asset, b.asset))
	})
	for _, k := range keys {
		if n := len(v.Months); n == 0 || v.Months[n-1].Month != k.month {
			v.Months = append(v.Months, wire.TransactionMonth{Month: k.month})
		}
		m, s := &v.Months[len(v.Months)-1], all[k]
		m.Accounts = append(m.Accounts, wire.AccountMonth{
			AccountID: k.ledger, Currency: k.asset, Debit: s.debit.Trim().String(), Credit: s.credit.Trim().String(),
			Net: s.debit.Sub(s.credit).Trim().String(), Postings: s.n,
		})
	}
	return v, err
}
