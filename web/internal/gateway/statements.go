package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

const (
	// MaxLines are the lines of an account statement.
	MaxLines = 50_000
	// settling is how long after a period something may still be booked in it: another process
	// took the time before, and writes after.
	settling = time.Minute
)

// Period is what a statement is asked for.
type Period struct {
	From, To time.Time // To is not included
	Currency string    // of values; empty: that of the newest rate
}

// AccountBalances are what an account had, by what was booked before a time, and what that was
// worth then.
func (g *Gateway) AccountBalances(ctx context.Context, c Caller, id string, at time.Time, currency string) (wire.AccountBalances, error) {
	v := wire.AccountBalances{Account: id, At: at, ServerTime: g.now()}
	_, a, err := g.account(ctx, c, id)
	if err != nil {
		return v, err
	}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		worth, err := valuesOf(tx, c.Entity, id, currency, at, at)
		if err != nil {
			return err
		}
		has, err := tx.Balances(c.Entity, id, at)
		if err != nil {
			return err
		}
		v.Balances, err = valued(has, a.Chain, worth, at)
		return err
	})
	return v, err
}

// valued says what balances are worth at a time.
func valued(has []store.Balance, on string, worth values, at time.Time) ([]wire.ValuedAmount, error) {
	all := []wire.ValuedAmount{}
	for _, b := range has {
		a, err := amount.Parse(b.Amount)
		if err != nil {
			return nil, err
		}
		all = append(all, wire.ValuedAmount{Asset: b.Asset, CAIP19: caip19(on, b.Asset), Amount: b.Amount, Value: worth.of(a, b.Asset, at)})
	}
	return all, nil
}

// caip19 names an asset on a chain; empty when the chain is not known to hold it.
func caip19(on, id string) string {
	if a, ok := asset.On(on, id); ok {
		return a.CAIP19()
	}
	return ""
}

// AccountStatement is what an account had at the beginning of a period, what was booked on it,
// and what it had at the end. It is about the time at which something was booked: what was
// booked before is never changed. It fails with INVALID_REQUEST when there is more in the
// period than [MaxLines].
func (g *Gateway) AccountStatement(ctx context.Context, c Caller, id string, p Period) (wire.AccountStatement, error) {
	now := g.now()
	v := wire.AccountStatement{
		Entity: c.Entity, From: p.From, To: p.To, Complete: !now.Before(p.To.Add(settling)), Lines: []wire.StatementLine{}, ServerTime: now,
	}
	_, a, err := g.account(ctx, c, id)
	if err != nil {
		return v, err
	}
	v.Account = wire.StatementAccount{ID: a.Account, Name: a.Name, Chain: a.Chain, Address: a.Address}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		worth, err := valuesOf(tx, c.Entity, id, p.Currency, p.From, p.To)
		if err != nil {
			return err
		}
		v.Currency = worth.currency
		opening, err := tx.Balances(c.Entity, id, p.From)
		if err != nil {
			return err
		}
		if v.Opening, err = valued(opening, a.Chain, worth, p.From); err != nil {
			return err
		}
		b := bookkeeper{tx: tx, caller: c, account: a, worth: worth, has: map[string]amount.Amount{}, texts: map[string]told{}}
		for _, o := range opening {
			b.has[o.Asset] = amount.Must(o.Amount)
		}
		if err := tx.Movements(c.Entity, id, p.From, p.To, func(m store.Movement) error { return b.line(&v, m) }); err != nil {
			return err
		}
		if err := b.tell(&v); err != nil {
			return err
		}
		v.Closing, err = valued(b.balances(), a.Chain, worth, p.To)
		return err
	})
	return v, err
}

// Sign signs what a caller takes away, with the key of tokens. It proves that this gateway wrote
// it, and not that it is so.
func (g *Gateway) Sign(typ string, payload []byte) (string, error) {
	return g.cfg.Tokens.Sign(typ, payload)
}

// bookkeeper writes the lines of one statement.
type bookkeeper struct {
	tx      store.Tx
	caller  Caller
	account statement.GenesisAccount
	worth   values
	has     map[string]amount.Amount // so far, by asset
	tells   []store.Deposit          // of each line
	texts   map[string]told          // by chain transaction, or order
}

// told is what is known of a movement beside what its chain says.
type told struct {
	counterparty, request, reference string
	sending                          *store.Sending // whose transaction it is; nil: none of the account
}

// line adds what an entry changed, a line for each asset.
func (b *bookkeeper) line(v *wire.AccountStatement, m store.Movement) error {
	sums := map[string]amount.Amount{}
	for _, p := range m.Entry.Postings {
		if p.Ledger != "vault:"+b.account.Account {
			continue
		}
		a, err := amount.Parse(p.Amount)
		if err != nil {
			return fmt.Errorf("read entry %s: %w", m.Entry.ID, err)
		}
		if p.Side == "credit" {
			a = a.Neg()
		}
		sums[p.Asset] = sums[p.Asset].Add(a)
	}
	for _, of := range slices.Sorted(maps.Keys(sums)) {
		sum := sums[of]
		if len(v.Lines) == MaxLines {
			return fault.New(fault.Invalid, fmt.Sprintf("the period has more than %d lines: ask for a shorter one", MaxLines)).With("field", "to")
		}
		b.has[of] = b.has[of].Add(sum)
		d := m.Deposit
		l := wire.StatementLine{
			ID: m.Entry.ID, At: m.Entry.At, Type: lineType(m, b.account.Account), Text: m.Entry.Text, Asset: of, CAIP19: caip19(b.account.Chain, of), Amount: sum.Trim().String(),
			BalanceAfter: b.has[of].Trim().String(), Value: b.worth.of(sum, of, m.Entry.At), Order: m.Entry.Order, Reverses: m.Entry.Reverses,
		}
		if d.ID != "" {
			l.TxHash, l.BlockAt, l.Block = d.Tx, d.At, &d.Block
			if d.Index >= 0 {
				l.Index = &d.Index
			}
		}
		v.Lines, b.tells = append(v.Lines, l), append(b.tells, d)
	}
	return nil
}

// lineType is the type of a line of an entry.
func lineType(m store.Movement, account string) string {
	switch {
	case m.Entry.Kind == wire.EntryReversal:
		return wire.LineReversal
	case slices.ContainsFunc(m.Entry.Postings, func(p store.Posting) bool { return p.Ledger == "between:"+account }):
		return wire.LineSweep
	case m.Deposit.Out && m.Deposit.Index == chain.IndexFee:
		return wire.LineFee
	case m.Entry.Kind == wire.EntrySent:
		return wire.LineWithdrawal
	}
	return wire.LineDeposit
}

// tell says of each line who is on the other side, and which request asked for it, as far as
// the caller may know.
func (b *bookkeeper) tell(v *wire.AccountStatement) error {
	for i := range v.Lines {
		l, d := &v.Lines[i], b.tells[i]
		key := l.Order + " " + d.Tx
		t, known := b.texts[key]
		if !known {
			var err error
			if t, err = about(b.tx, b.caller.Entity, b.account.Account, l.Order, d); err != nil {
				return err
			}
			b.texts[key] = t
		}
		l.Request = t.request
		if l.Type != wire.LineFee && l.Type != wire.LineSweep {
			l.Counterparty = t.counterparty
		}
	}
	return nil
}

// about looks a movement of an account up.
func about(tx store.Tx, entity, account, order string, d store.Deposit) (t told, err error) {
	if order != "" {
		o, err := tx.Order(entity, order)
		if err != nil {
			return t, none(err)
		}
		return told{counterparty: name.Within(o.ProviderName), request: o.Request}, nil
	}
	if d.Tx == "" {
		return t, nil
	}
	s, err := tx.SendingOf(d.Chain, d.Tx)
	if errors.Is(err, store.ErrNotFound) || err == nil && (s.Entity != entity || s.Account != account) {
		return t, nil // a stranger's, or another account's, which whoever reads this one is not told of
	}
	if err != nil {
		return t, err
	}
	if t.sending = &s; s.Sweep != "" {
		return t, nil
	}
	r, err := tx.Request(s.Entity, s.Request)
	if err != nil {
		return t, err
	}
	t.request = r.ID
	if wants, err := intent.Open(intent.Doc(r.Intent)); err == nil {
		t.reference = wants.Why().Reference
		if sender, ok := wants.(intent.Sender); ok {
			t.counterparty = sender.Sends().To
		}
	}
	return t, nil
}

// balances are what the account has now, without what is zero.
func (b *bookkeeper) balances() (all []store.Balance) {
	for _, of := range slices.Sorted(maps.Keys(b.has)) {
		if !b.has[of].IsZero() {
			all = append(all, store.Balance{Asset: of, Amount: b.has[of].Trim().String()})
		}
	}
	return all
}
