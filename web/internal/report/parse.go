package report

import (
	"encoding/json"
	"strings"
	"time"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/strictjson"
)

// MaxBody is how many bytes a notice or a document may have.
const MaxBody = 16 << 10

// maxText is how many bytes a text in it may have.
const maxText = 256

// document is the contract's Order as far as it is read. Other fields are allowed, as
// the contract has extensions; its own contradictions are accepted.
type document struct {
	fields map[string]json.RawMessage
	where  string // what its fields are fields of; empty: the document
	err    error
}

func read(data []byte, where string) document {
	d := document{where: where}
	if err := strictjson.Unmarshal(data, &d.fields, MaxBody); err != nil || d.fields == nil {
		d.fail("", "is not a JSON object")
	}
	return d
}

func (d *document) fail(name, why string) {
	if d.err != nil {
		return
	}
	path := strings.Trim(d.where+"."+name, ".")
	if path == "" {
		d.err = fault.New(fault.Invalid, "the order "+why)
		return
	}
	d.err = fault.New(fault.Invalid, path+" "+why).With("field", path)
}

func (d *document) has(name string) bool {
	raw, ok := d.fields[name]
	return ok && string(raw) != "null"
}

// text is empty when there is no such field.
func (d *document) text(name string) string {
	var s string
	if !d.has(name) {
		return ""
	}
	if json.Unmarshal(d.fields[name], &s) != nil || len(s) > maxText {
		d.fail(name, "is not a text of at most 256 bytes")
	}
	return s
}

// number takes a JSON number, and a text that holds one.
func (d *document) number(name string) (value amount.Amount, there bool) {
	if !d.has(name) {
		return value, false
	}
	s := string(d.fields[name])
	if strings.HasPrefix(s, `"`) {
		s = d.text(name)
	}
	value, err := amount.ParseNumber(s)
	if err != nil {
		d.fail(name, "is not a number")
	}
	return value, err == nil
}

func (d *document) object(name string) document {
	if !d.has(name) {
		return document{where: name}
	}
	o := read(d.fields[name], strings.Trim(d.where+"."+name, "."))
	if o.err != nil && d.err == nil {
		d.err = o.err
	}
	return o
}

// Parse reads the contract's Order. It takes the state under both of its names and in
// any case, and an order's id as ledgerTransactionId or id. It fails with
// INVALID_REQUEST, details field.
func Parse(data []byte, w Words) (Report, error) { return parse(data, "", w) }

func parse(data []byte, where string, w Words) (Report, error) {
	d := read(data, where)
	r := Report{Order: d.text("ledgerTransactionId"), Word: d.text("state"), Tx: d.text("transactionHash"), Address: d.text("userWalletAddress")}
	if r.Order == "" {
		r.Order = d.text("id")
	}
	switch other := d.text("status"); {
	case r.Word == "":
		r.Word = other
	case other != "" && w.state(other) != w.state(r.Word):
		d.fail("status", "and state differ")
	}
	fiat, crypto := d.object("fiat"), d.object("crypto")
	r.Fiat, r.Asset = strings.ToUpper(fiat.text("currency")), strings.ToLower(crypto.text("currency"))
	if spent, ok := fiat.number("amount"); ok {
		r.FiatAmount = spent.Trim().String()
	}
	for _, part := range []document{fiat, crypto} {
		if d.err == nil {
			d.err = part.err
		}
	}
	if at := d.text("lastUpdated"); at != "" {
		t, err := time.Parse(time.RFC3339Nano, at)
		if err != nil {
			t, err = time.Parse("2006-01-02T15:04:05.999999999-0700", at) // the zone without a colon, as in the contract's examples
		}
		if err != nil {
			d.fail("lastUpdated", "is not a time of RFC 3339")
		}
		r.At = t.UTC().Truncate(time.Millisecond)
	}
	switch {
	case r.Word == "":
		d.fail("state", "is missing")
	case len(r.Word) > 64:
		d.fail("state", "is longer than 64 bytes")
	case !id.Is(id.Order, r.Order):
		d.fail("ledgerTransactionId", "is not an id that was handed over")
	case len(r.Tx) > 128 || strings.ContainsFunc(r.Tx, func(c rune) bool { return c <= ' ' || c >= 0x7f }):
		d.fail("transactionHash", "is not the hash of a transaction")
	}
	r.State = w.state(r.Word)
	return r, d.err
}

// Notice is one message of a provider: an event with the order as it is then.
type Notice struct {
	ID     string // of the event, the provider's own; the same one when it is sent again
	Report Report
}

// ParseNotice reads the body of a notice, {"id","order"}. Its own fields are strict. It
// fails with INVALID_REQUEST, details field.
func ParseNotice(data []byte, w Words) (Notice, error) {
	var body struct {
		ID    string          `json:"id"`
		Order json.RawMessage `json:"order"`
	}
	if err := strictjson.Unmarshal(data, &body, MaxBody); err != nil {
		return Notice{}, fault.Wrap(err, fault.Invalid, `the body is not a notice: {"id":"…","order":{…}}`)
	}
	if body.ID == "" || len(body.ID) > 128 || strings.ContainsFunc(body.ID, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return Notice{}, fault.New(fault.Invalid, "id must be 1 to 128 printable ASCII characters without spaces").With("field", "id")
	}
	if len(body.Order) == 0 {
		return Notice{}, fault.New(fault.Invalid, "order is missing").With("field", "order")
	}
	r, err := parse(body.Order, "order", w)
	return Notice{ID: body.ID, Report: r}, err
}

// Contradicts names the first field in which a report is about something else than an
// order; empty when it is about the order, as far as it says.
func (r Report) Contradicts(fiat, fiatAmount, bought, address string) string {
	coin, _ := asset.ByID(bought)
	spent, err := amount.Parse(fiatAmount)
	said, serr := amount.Parse(r.FiatAmount)
	switch {
	case r.Fiat != "" && r.Fiat != fiat:
		return "order.fiat.currency"
	case r.FiatAmount != "" && (err != nil || serr != nil || said.Cmp(spent) > 0): // fees may be taken off
		return "order.fiat.amount"
	case r.Asset != "" && r.Asset != bought && !strings.EqualFold(r.Asset, coin.Ticker):
		return "order.crypto.currency"
	case r.Address != "" && !strings.EqualFold(r.Address, address):
		return "order.userWalletAddress"
	}
	return ""
}
