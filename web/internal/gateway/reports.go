package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// ReportFilter chooses rows of a report; what is empty chooses all.
type ReportFilter struct {
	Account, Asset, State, Direction string
	From, To                         time.Time // To is not included
}

// MaxReportOrders are the orders that one report of providers adds up.
const MaxReportOrders = 10_000

// pageOf cuts what follows a cursor to a page.
func pageOf[T any](all []T, id func(T) string, cursor string, limit int) wire.Page[T] {
	p := wire.Page[T]{Items: []T{}}
	if cursor != "" {
		i := slices.IndexFunc(all, func(v T) bool { return id(v) == cursor })
		if all = all[i+1:]; i < 0 { // of what is not there any more, or another's
			all = nil
		}
	}
	if len(all) > limit {
		all = all[:limit]
		p.NextCursor = id(all[limit-1])
	}
	p.Items = append(p.Items, all...)
	return p
}

// reported are the accounts that a report is about, and the caller may read.
func (g *Gateway) reported(ctx context.Context, c Caller, f ReportFilter) (some []statement.GenesisAccount, err error) {
	gen, err := g.genesis(ctx, c)
	if fault.CodeOf(err) == fault.EntityUnknown {
		return nil, nil
	}
	for _, a := range gen.Accounts {
		if c.Sees(a.Account) && (f.Account == "" || f.Account == a.Account) {
			some = append(some, a)
		}
	}
	return some, err
}

// ReportAccounts are the accounts.
func (g *Gateway) ReportAccounts(ctx context.Context, c Caller, f ReportFilter, cursor string, limit int) (wire.Page[wire.ReportAccount], error) {
	accounts, err := g.reported(ctx, c, f)
	var all []wire.ReportAccount
	for _, a := range accounts {
		v := wire.ReportAccount{ID: a.Account, Name: a.Name, Chain: a.Chain, Address: a.Address, Tier: a.Tier, Parent: a.Parent, Rules: a.Rules.Version, Sweeps: a.Sweep != nil}
		if !c.Sees(v.Parent) {
			v.Parent = ""
		}
		all = append(all, v)
	}
	return pageOf(all, func(v wire.ReportAccount) string { return v.ID }, cursor, limit), err
}

// ReportBalances are what accounts have, by what was booked before f.To; zero: now.
func (g *Gateway) ReportBalances(ctx context.Context, c Caller, f ReportFilter, currency, cursor string, limit int) (p wire.Page[wire.ReportBalance], err error) {
	accounts, err := g.reported(ctx, c, f)
	if err != nil {
		return p, err
	}
	at := f.To
	if at.IsZero() {
		at = g.now().Add(time.Millisecond) // what is booked now included
	}
	var all []wire.ReportBalance
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		for _, a := range accounts {
			worth, err := valuesOf(tx, c.Entity, a.Account, currency, at, at)
			if err != nil {
				return err
			}
			has, err := tx.Balances(c.Entity, a.Account, at)
			if err != nil {
				return err
			}
			list, err := valued(has, a.Chain, worth, at)
			if err != nil {
				return err
			}
			for _, b := range list {
				if f.Asset == "" || f.Asset == b.Asset {
					all = append(all, wire.ReportBalance{ID: a.Account + ":" + b.Asset, Account: a.Account, AccountName: a.Name, Asset: b.Asset, CAIP19: b.CAIP19, Amount: b.Amount, Value: b.Value})
				}
			}
		}
		return nil
	})
	return pageOf(all, func(v wire.ReportBalance) string { return v.ID }, cursor, limit), err
}

// ReportTransfers are what chains moved to accounts and from them, the newest first, without fees.
func (g *Gateway) ReportTransfers(ctx context.Context, c Caller, f ReportFilter, cursor string, limit int) (wire.Page[wire.ReportTransfer], error) {
	p := wire.Page[wire.ReportTransfer]{Items: []wire.ReportTransfer{}}
	of := store.MovementFilter{Account: f.Account, Asset: f.Asset, State: f.State, Direction: f.Direction, From: f.From, To: f.To, Among: c.among()}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.Moved(c.Entity, of, cursor, limit+1)
		for i, d := range all {
			if i == limit {
				p.NextCursor = all[i-1].ID
				break
			}
			t, err := about(tx, c.Entity, d.Account, d.Order, d)
			if err != nil {
				return err
			}
			v := wire.ReportTransfer{
				ID: d.ID, Account: d.Account, Direction: wire.TransferIn, State: d.State, Asset: d.Asset, CAIP19: caip19(d.Chain, d.Asset), Amount: d.Amount, Address: d.Address, Counterparty: t.counterparty,
				Sweep: t.sending != nil && t.sending.Sweep != "", TxHash: d.Tx, Block: d.Block, At: d.At, SeenAt: d.Seen, Request: t.request, Reference: t.reference, Order: d.Order,
			}
			if d.Out {
				v.Direction = wire.TransferOut
			}
			p.Items = append(p.Items, v)
		}
		return err
	})
	return p, err
}

// ReportApprovals are requests with who decided on them and when, the newest first.
func (g *Gateway) ReportApprovals(ctx context.Context, c Caller, f ReportFilter, cursor string, limit int) (wire.Page[wire.ReportApproval], error) {
	p := wire.Page[wire.ReportApproval]{Items: []wire.ReportApproval{}}
	of := store.RequestFilter{State: f.State, Account: f.Account, Asset: f.Asset, From: f.From, To: f.To}
	next, err := g.requests(ctx, c, of, cursor, limit, func(r store.Request, v wire.Request, gen statement.Genesis) {
		p.Items = append(p.Items, approvalOf(r, v, gen))
	})
	p.NextCursor = next
	return p, err
}

func approvalOf(r store.Request, v wire.Request, gen statement.Genesis) wire.ReportApproval {
	a := wire.ReportApproval{ID: r.ID, Account: r.Account, Sentence: v.Sentence, Rule: r.Pin.Rule, State: v.State, CreatedAt: r.Created, Decisions: []wire.ReportDecision{}}
	if wants, err := intent.Open(intent.Doc(r.Intent)); err == nil { // which it was when its entry was read
		of := wants.Facts()
		a.Kind, a.Asset, a.Amount, a.Currency, a.Reference = of.Kind, of.Asset, of.Amount, of.Currency, wants.Why().Reference
	}
	if r.Closed != 0 {
		at := time.Unix(r.Closed, 0).UTC()
		a.ClosedAt = &at
	}
	for _, d := range r.Decisions {
		one := wire.ReportDecision{Member: d.Member, Step: d.Step, Decision: cmp.Or(d.Decision, d.Verdict), Reason: d.Reason, At: time.Unix(d.At, 0).UTC(), Seq: d.Seq}
		for _, m := range gen.Members {
			if m.Member == d.Member {
				one.Name = m.Name
			}
		}
		a.Decisions = append(a.Decisions, one)
	}
	return a
}

// ReportFees are what transactions paid for themselves, the newest first.
func (g *Gateway) ReportFees(ctx context.Context, c Caller, f ReportFilter, currency, cursor string, limit int) (wire.Page[wire.ReportFee], error) {
	p := wire.Page[wire.ReportFee]{Items: []wire.ReportFee{}}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		all, err := tx.Fees(c.Entity, store.BookingFilter{Account: f.Account, Asset: f.Asset, From: f.From, To: f.To, Among: c.among()}, cursor, limit+1)
		if err != nil {
			return err
		}
		for i, m := range all {
			if i == limit {
				p.NextCursor = all[i-1].Entry.ID
				break
			}
			v, err := feeOf(tx, c, m, currency)
			if err != nil {
				return err
			}
			p.Items = append(p.Items, v)
		}
		return nil
	})
	return p, err
}

func feeOf(tx store.Tx, c Caller, m store.Movement, currency string) (wire.ReportFee, error) {
	d, e := m.Deposit, m.Entry
	v := wire.ReportFee{ID: e.ID, Account: m.Account, At: e.At, For: wire.FeeOther, Asset: d.Asset, Amount: d.Amount, TxHash: d.Tx, Block: d.Block, Reverses: e.Reverses}
	a, err := amount.Parse(d.Amount)
	if err != nil {
		return v, fmt.Errorf("read the fee %s: %w", d.ID, err)
	}
	if e.Reverses != "" {
		a = a.Neg()
		v.Amount = a.Trim().String()
	}
	worth, err := valuesOf(tx, c.Entity, m.Account, currency, e.At, e.At)
	if err != nil {
		return v, err
	}
	v.Value = worth.of(a, d.Asset, e.At)
	t, err := about(tx, c.Entity, m.Account, "", d)
	if err != nil || t.sending == nil {
		return v, err
	}
	v.Request = t.request
	switch s := t.sending; {
	case s.Sweep != "":
		v.For = wire.FeeSweep
	case s.State == store.SendingFailed:
		v.For = wire.FeeFailed
	case s.Cancels:
		v.For = wire.FeeCancel
	default:
		v.For = wire.FeeTransfer
	}
	return v, nil
}

// ReportProviders are what each provider promised and delivered, by asset, of the orders that
// were made in a time. It fails with INVALID_REQUEST when there are more than
// [MaxReportOrders].
func (g *Gateway) ReportProviders(ctx context.Context, c Caller, f ReportFilter, cursor string, limit int) (p wire.Page[wire.ReportProvider], err error) {
	found := map[string]*performance{}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		if _, err := projection.Governs(tx, c.Entity); errors.Is(err, store.ErrNotFound) {
			return nil
		} else if err != nil {
			return err
		}
		accounts := c.among()
		if f.Account != "" && c.Sees(f.Account) {
			accounts = []string{f.Account}
		} else if f.Account != "" {
			accounts = []string{}
		}
		n := 0
		for after := ""; ; {
			all, err := tx.Orders(c.Entity, accounts, after, ordersAtOnce)
			if err != nil {
				return err
			}
			for _, o := range all {
				after = o.ID
				if !f.From.IsZero() && o.Created.Before(f.From) {
					return nil // the newest come first
				}
				if !f.To.IsZero() && !o.Created.Before(f.To) || f.Asset != "" && f.Asset != o.Asset || f.State != "" && f.State != o.State {
					continue
				}
				if n++; n > MaxReportOrders {
					return fault.New(fault.Invalid, fmt.Sprintf("the report would add up more than %d orders: ask for a shorter time", MaxReportOrders)).With("field", "from")
				}
				id := o.Provider + ":" + o.Asset
				if found[id] == nil {
					found[id] = &performance{ReportProvider: wire.ReportProvider{ID: id, Provider: o.Provider, Name: name.Within(o.ProviderName), Asset: o.Asset}}
				}
				if err := found[id].add(o); err != nil {
					return err
				}
			}
			if len(all) < ordersAtOnce {
				return nil
			}
		}
	})
	var all []wire.ReportProvider
	for _, p := range found {
		all = append(all, p.sum())
	}
	slices.SortFunc(all, func(a, b wire.ReportProvider) int { return strings.Compare(a.ID, b.ID) })
	return pageOf(all, func(v wire.ReportProvider) string { return v.ID }, cursor, limit), err
}

// ordersAtOnce are the orders that are read at once.
const ordersAtOnce = 500

// performance adds up the orders of a provider in one asset.
type performance struct {
	wire.ReportProvider
	promised, delivered amount.Amount
	seconds             []int64
}

func (p *performance) add(o store.Order) error {
	p.Orders++
	switch o.State {
	case wire.OrderFailed, wire.OrderRefunded:
		p.Failed++
		return nil
	case wire.OrderExpired:
		p.Expired++
		return nil
	case wire.OrderCompleted:
		p.Completed++
	default:
		p.Open++
		return nil
	}
	d, err := deliveryOf(o)
	if err != nil {
		return err
	}
	promised, err := amount.Parse(d.Promised.Amount)
	if err != nil {
		return err
	}
	p.promised = p.promised.Add(promised)
	if d.Delivered != nil {
		delivered, err := amount.Parse(d.Delivered.Amount)
		if err != nil {
			return err
		}
		p.delivered = p.delivered.Add(delivered)
	}
	if d.Seconds != nil {
		p.seconds = append(p.seconds, *d.Seconds)
	}
	return nil
}

func (p *performance) sum() wire.ReportProvider {
	v := p.ReportProvider
	diff := p.delivered.Sub(p.promised)
	v.Promised, v.Delivered, v.Difference = p.promised.Trim().String(), p.delivered.Trim().String(), diff.Trim().String()
	if !p.promised.IsZero() {
		v.DifferencePct = percentOf(diff, p.promised)
	}
	if n := len(p.seconds); n > 0 {
		slices.Sort(p.seconds)
		v.Seconds, v.SlowestSeconds = &p.seconds[(n-1)/2], &p.seconds[n-1]
	}
	return v
}
