// Package extract writes an account statement as files for a back office: CSV and JSON Lines,
// which are exact, ISO 20022 camt.053, and all of them together with a signed manifest. It
// reads nothing and knows no clock. Spec: shared/spec/reports.md. web/internal/api is its user.
package extract

import (
	"bytes"
	"fmt"
	"time"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/web/internal/sheet"
)

// The formats of an account statement.
const (
	JSON  = "json"
	CSV   = "csv"
	Lines = "jsonl"
	Camt  = "camt.053"
	Zip   = "zip" // all files, with a manifest
)

// Formats are those of an account statement.
func Formats() []string { return []string{JSON, CSV, Lines, Camt, Zip} }

// File is one of a statement.
type File struct {
	Name string
	Kind string // its content type
	Body []byte
}

// Of writes a statement in a format, [JSON] and [Zip] apart. It fails with INVALID_REQUEST when
// the format cannot hold an amount.
func Of(s wire.AccountStatement, format string) (f File, err error) {
	switch format {
	case CSV:
		f = File{Kind: sheet.Kind}
		f.Body, err = table(s).CSV()
	case Lines:
		f = File{Kind: "application/jsonl"}
		f.Body, err = lines(s)
	case Camt:
		f = File{Kind: "application/xml"}
		f.Body, err = camt(s)
	default:
		return f, fault.New(fault.Invalid, "there is no such format of a statement").With("field", "format")
	}
	f.Name = base(s) + "." + map[string]string{CSV: "csv", Lines: "jsonl", Camt: "camt.053.xml"}[format]
	return f, err
}

// base is how the names of a statement's files begin: acc_treasury_20261101_20261201.
func base(s wire.AccountStatement) string {
	return s.Account.ID + "_" + stamp(s.From) + "_" + stamp(s.To)
}

// stamp is a time in a name: a day, where it is the beginning of one.
func stamp(t time.Time) string {
	if t = t.UTC(); t.Truncate(24 * time.Hour).Equal(t) {
		return t.Format("20060102")
	}
	return t.Format("20060102T150405.000Z")
}

// header is that of the CSV file.
var header = []string{
	"timestamp_utc", "id", "account", "type", "asset", "caip19", "amount", "fee_amount", "fee_asset", "fiat_currency", "fiat_value", "rate", "rate_source", "rate_time",
	"counterparty", "label", "tx_hash", "index", "block", "request_id", "balance_after",
}

// table has a row for each line. What a transaction paid for itself is a row of its own, so the
// columns for fees are always empty.
func table(s wire.AccountStatement) sheet.Table {
	t := sheet.Table{Header: header}
	for _, l := range s.Lines {
		var value wire.Value
		if l.Value != nil {
			value = *l.Value
		}
		t.Rows = append(t.Rows, []sheet.Cell{
			sheet.Moment(l.At), sheet.Text(l.ID), sheet.Text(s.Account.ID), sheet.Text(l.Type), sheet.Text(l.Asset), sheet.Text(l.CAIP19), sheet.Figure(l.Amount), {}, {},
			sheet.Text(value.Currency), sheet.Figure(value.Amount), sheet.Figure(value.Rate), sheet.Text(value.Source), sheet.Moment(value.At),
			sheet.Text(l.Counterparty), sheet.Text(l.Text), sheet.Text(l.TxHash), sheet.Number(l.Index), sheet.Number(l.Block), sheet.Text(l.Request), sheet.Figure(l.BalanceAfter),
		})
	}
	return t
}

// lines are the statement as JSON Lines: one that says what it is, the opening balances, what
// was booked, and the closing balances.
func lines(s wire.AccountStatement) ([]byte, error) {
	var b bytes.Buffer
	put := func(record string, v any) error {
		raw, err := strictjson.Canonical(v)
		if err != nil {
			return fmt.Errorf("write a statement: %w", err)
		}
		fmt.Fprintf(&b, `{"record":%q,%s`+"\n", record, raw[1:])
		return nil
	}
	err := put("statement", struct {
		Entity     string                `json:"entity"`
		Account    wire.StatementAccount `json:"account"`
		From       time.Time             `json:"from"`
		To         time.Time             `json:"to"`
		Complete   bool                  `json:"complete"`
		Currency   string                `json:"currency,omitempty"`
		ServerTime time.Time             `json:"server_time"`
	}{s.Entity, s.Account, s.From, s.To, s.Complete, s.Currency, s.ServerTime})
	for _, a := range s.Opening {
		if err == nil {
			err = put("opening", a)
		}
	}
	for _, l := range s.Lines {
		if err == nil {
			err = put("line", l)
		}
	}
	for _, a := range s.Closing {
		if err == nil {
			err = put("closing", a)
		}
	}
	return b.Bytes(), err
}
