package api

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
	"countersign/web/internal/extract"
	"countersign/web/internal/gateway"
	"countersign/web/internal/sheet"
)

// filter reads what chooses rows of a report; states are those that it knows.
func (q *question) filter(states ...string) (f gateway.ReportFilter, err error) {
	f.Account, f.Asset, f.State, f.Direction = q.query.Get("account"), q.query.Get("asset"), q.query.Get("state"), q.query.Get("direction")
	if f.State != "" && !slices.Contains(states, f.State) {
		return f, fault.New(fault.Invalid, "state must be one of "+strings.Join(states, ", ")).With("field", "state")
	}
	if f.Direction != "" && f.Direction != wire.TransferIn && f.Direction != wire.TransferOut {
		return f, fault.New(fault.Invalid, "direction must be in or out").With("field", "direction")
	}
	f.From, f.To, err = q.times()
	return f, err
}

// pairs reads the cursor of a list whose items are named by two ids with a colon between them.
func (q *question) pairs() (cursor string, limit int, err error) {
	cursor = q.query.Get("cursor")
	if first, second, ok := strings.Cut(cursor, ":"); cursor != "" && (!ok || first == "" || second == "" || len(cursor) > 256) {
		return "", 0, fault.New(fault.Invalid, "cursor is not one that this list gave as its next_cursor").With("field", "cursor")
	}
	limit, err = q.limit(wire.DefaultLimit, wire.MaxLimit)
	return cursor, limit, err
}

// tabled writes a page, as JSON or as a table. Of a table the header Link says where it goes on
// (RFC 8288).
func tabled[T any](q *question, name string, p wire.Page[T], columns []string, rows func(T) [][]sheet.Cell) (any, error) {
	format, err := q.format(extract.JSON, extract.CSV)
	if err != nil || format == extract.JSON {
		return p, err
	}
	t := sheet.Table{Header: columns}
	for _, v := range p.Items {
		t.Rows = append(t.Rows, rows(v)...)
	}
	body, err := t.CSV()
	if err != nil {
		return nil, err
	}
	if p.NextCursor != "" {
		next := url.Values{}
		for k, v := range q.query {
			next[k] = v
		}
		next.Set("cursor", p.NextCursor)
		q.w.Header().Set("Link", "<"+q.r.URL.Path+"?"+next.Encode()+`>; rel="next"`)
	}
	return q.file(name+".csv", sheet.Kind, body), nil
}

func texts(all ...string) (cells []sheet.Cell) {
	for _, s := range all {
		cells = append(cells, sheet.Text(s))
	}
	return cells
}

// value are the cells of what an amount was worth.
func value(v *wire.Value) []sheet.Cell {
	if v == nil {
		return make([]sheet.Cell, 5)
	}
	return []sheet.Cell{sheet.Text(v.Currency), sheet.Figure(v.Amount), sheet.Figure(v.Rate), sheet.Text(v.Source), sheet.Moment(v.At)}
}

func count(n int) sheet.Cell { return sheet.Figure(strconv.Itoa(n)) }

var valueColumns = []string{"fiat_currency", "fiat_value", "rate", "rate_source", "rate_time"}

func (a *api) reportAccounts(q *question) (any, error) {
	f, err := q.filter()
	if err != nil {
		return nil, err
	}
	cursor, limit, err := q.page(id.Account)
	if err != nil {
		return nil, err
	}
	p, err := a.Gateway.ReportAccounts(q.r.Context(), q.caller, f, cursor, limit)
	if err != nil {
		return nil, err
	}
	return tabled(q, "accounts", p, []string{"id", "name", "chain", "address", "tier", "parent", "rules", "sweeps"}, func(v wire.ReportAccount) [][]sheet.Cell {
		return [][]sheet.Cell{append(texts(v.ID, v.Name, v.Chain, v.Address, v.Tier, v.Parent), count(v.Rules), sheet.Text(strconv.FormatBool(v.Sweeps)))}
	})
}

func (a *api) reportBalances(q *question) (any, error) {
	f, err := q.filter()
	if err != nil {
		return nil, err
	}
	if f.To, err = q.time("at"); err != nil {
		return nil, err
	}
	currency, err := q.currency()
	if err != nil {
		return nil, err
	}
	cursor, limit, err := q.pairs()
	if err != nil {
		return nil, err
	}
	p, err := a.Gateway.ReportBalances(q.r.Context(), q.caller, f, currency, cursor, limit)
	if err != nil {
		return nil, err
	}
	return tabled(q, "balances", p, append([]string{"account", "account_name", "asset", "caip19", "amount"}, valueColumns...), func(v wire.ReportBalance) [][]sheet.Cell {
		return [][]sheet.Cell{slices.Concat(texts(v.Account, v.AccountName, v.Asset, v.CAIP19), []sheet.Cell{sheet.Figure(v.Amount)}, value(v.Value))}
	})
}

func (a *api) reportTransfers(q *question) (any, error) {
	f, err := q.filter(wire.DepositPending, wire.DepositFinal, wire.DepositReversed)
	if err != nil {
		return nil, err
	}
	cursor, limit, err := q.page(id.Deposit)
	if err != nil {
		return nil, err
	}
	p, err := a.Gateway.ReportTransfers(q.r.Context(), q.caller, f, cursor, limit)
	if err != nil {
		return nil, err
	}
	columns := []string{"id", "account", "direction", "state", "asset", "caip19", "amount", "address", "counterparty", "sweep", "tx_hash", "block", "at", "seen_at", "request", "reference", "order"}
	return tabled(q, "transfers", p, columns, func(v wire.ReportTransfer) [][]sheet.Cell {
		return [][]sheet.Cell{slices.Concat(texts(v.ID, v.Account, v.Direction, v.State, v.Asset, v.CAIP19), []sheet.Cell{sheet.Figure(v.Amount)}, texts(v.Address, v.Counterparty, strconv.FormatBool(v.Sweep), v.TxHash),
			[]sheet.Cell{sheet.Number(&v.Block), sheet.Moment(v.At), sheet.Moment(v.SeenAt)}, texts(v.Request, v.Reference, v.Order))}
	})
}

func (a *api) reportApprovals(q *question) (any, error) {
	f, err := q.filter(requestStates[1:]...)
	if err != nil {
		return nil, err
	}
	cursor, limit, err := q.page(id.Request)
	if err != nil {
		return nil, err
	}
	p, err := a.Gateway.ReportApprovals(q.r.Context(), q.caller, f, cursor, limit)
	if err != nil {
		return nil, err
	}
	columns := []string{"id", "account", "kind", "sentence", "asset", "amount", "currency", "rule", "reference", "state", "created_at", "closed_at", "member", "member_name", "step", "decision", "reason", "decided_at", "log_entry"}
	return tabled(q, "approvals", p, columns, func(v wire.ReportApproval) (rows [][]sheet.Cell) {
		var closed time.Time
		if v.ClosedAt != nil {
			closed = *v.ClosedAt
		}
		of := slices.Concat(texts(v.ID, v.Account, v.Kind, v.Sentence, v.Asset), []sheet.Cell{sheet.Figure(v.Amount)}, texts(v.Currency, v.Rule, v.Reference, v.State), []sheet.Cell{sheet.Moment(v.CreatedAt), sheet.Moment(closed)})
		for _, d := range v.Decisions {
			rows = append(rows, slices.Concat(of, texts(d.Member, d.Name), []sheet.Cell{count(d.Step)}, texts(d.Decision, d.Reason), []sheet.Cell{sheet.Moment(d.At), sheet.Number(&d.Seq)}))
		}
		if len(rows) == 0 { // nobody decided
			rows = append(rows, slices.Concat(of, make([]sheet.Cell, 7)))
		}
		return rows
	})
}

func (a *api) reportFees(q *question) (any, error) {
	f, err := q.filter()
	if err != nil {
		return nil, err
	}
	currency, err := q.currency()
	if err != nil {
		return nil, err
	}
	cursor, limit, err := q.page(id.Booking)
	if err != nil {
		return nil, err
	}
	p, err := a.Gateway.ReportFees(q.r.Context(), q.caller, f, currency, cursor, limit)
	if err != nil {
		return nil, err
	}
	columns := slices.Concat([]string{"id", "account", "at", "for", "asset", "amount"}, valueColumns, []string{"tx_hash", "block", "request", "reverses"})
	return tabled(q, "fees", p, columns, func(v wire.ReportFee) [][]sheet.Cell {
		return [][]sheet.Cell{slices.Concat(texts(v.ID, v.Account), []sheet.Cell{sheet.Moment(v.At)}, texts(v.For, v.Asset), []sheet.Cell{sheet.Figure(v.Amount)}, value(v.Value), texts(v.TxHash), []sheet.Cell{sheet.Number(&v.Block)}, texts(v.Request, v.Reverses))}
	})
}

func (a *api) reportProviders(q *question) (any, error) {
	f, err := q.filter(wire.OrderStates()...)
	if err != nil {
		return nil, err
	}
	cursor, limit, err := q.pairs()
	if err != nil {
		return nil, err
	}
	p, err := a.Gateway.ReportProviders(q.r.Context(), q.caller, f, cursor, limit)
	if err != nil {
		return nil, err
	}
	columns := []string{"provider", "name", "asset", "orders", "completed", "failed", "expired", "open", "promised", "delivered", "difference", "difference_pct", "seconds", "slowest_seconds"}
	return tabled(q, "providers", p, columns, func(v wire.ReportProvider) [][]sheet.Cell {
		return [][]sheet.Cell{append(texts(v.Provider, v.Name, v.Asset), count(v.Orders), count(v.Completed), count(v.Failed), count(v.Expired), count(v.Open),
			sheet.Figure(v.Promised), sheet.Figure(v.Delivered), sheet.Figure(v.Difference), sheet.Figure(v.DifferencePct), sheet.Number(v.Seconds), sheet.Number(v.SlowestSeconds))}
	})
}
