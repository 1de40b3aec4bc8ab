package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/web/internal/extract"
	"countersign/web/internal/gateway"
	"countersign/web/internal/sheet"
)

// accountBalances are those of now when no time is named.
func (a *api) accountBalances(q *question) (any, error) {
	name, err := a.object(q, "acc", "the account")
	if err != nil {
		return nil, err
	}
	at, err := q.time("at")
	if err != nil {
		return nil, err
	}
	if at.IsZero() {
		at = a.Gateway.Clock().Now.Add(time.Millisecond) // what is booked now included
	}
	currency, err := q.currency()
	if err != nil {
		return nil, err
	}
	return a.Gateway.AccountBalances(q.r.Context(), q.caller, name, at, currency)
}

// accountStatement is of this month when no period is named.
func (a *api) accountStatement(q *question) (any, error) {
	name, err := a.object(q, "acc", "the account")
	if err != nil {
		return nil, err
	}
	p := gateway.Period{}
	if p.From, p.To, err = q.times(); err != nil {
		return nil, err
	}
	if p.To.IsZero() {
		p.To = a.Gateway.Clock().Now.Add(time.Millisecond)
	}
	if p.From.IsZero() {
		last := p.To.Add(-time.Millisecond) // in the period
		p.From = time.Date(last.Year(), last.Month(), 1, 0, 0, 0, 0, time.UTC)
	}
	if p.To.Before(p.From) {
		return nil, fault.New(fault.Invalid, "from must be before to").With("field", "from")
	}
	if p.Currency, err = q.currency(); err != nil {
		return nil, err
	}
	format, err := q.format(extract.Formats()...)
	if err != nil {
		return nil, err
	}
	s, err := a.Gateway.AccountStatement(q.r.Context(), q.caller, name, p)
	if err != nil || format == extract.JSON {
		return s, err
	}
	var f extract.File
	if format == extract.Zip {
		f, err = extract.Archive(s, a.Gateway.Sign)
	} else {
		f, err = extract.Of(s, format)
	}
	if err != nil {
		return nil, err
	}
	return q.file(f.Name, f.Kind, f.Body), nil
}

// reconciliation is the last one.
func (a *api) reconciliation(q *question) (any, error) {
	return a.Gateway.Reconciliation(q.r.Context(), q.caller)
}

// file is an answer to be kept as a file.
func (q *question) file(name, kind string, body []byte) raw {
	q.w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	return raw{status: http.StatusOK, kind: kind, body: body}
}

// format is how an answer is to be written: as the query says, else as the header Accept does,
// else the first.
func (q *question) format(known ...string) (string, error) {
	if !q.query.Has("format") {
		for accepted := range strings.SplitSeq(strings.Join(q.r.Header.Values("Accept"), ","), ",") {
			kind, _, _ := strings.Cut(accepted, ";")
			if own, _, _ := strings.Cut(sheet.Kind, ";"); strings.EqualFold(strings.TrimSpace(kind), own) && slices.Contains(known, extract.CSV) {
				return extract.CSV, nil
			}
		}
		return known[0], nil
	}
	f := q.query.Get("format")
	if !slices.Contains(known, f) {
		return "", fault.New(fault.Invalid, fmt.Sprintf("format must be %s or %s", strings.Join(known[:len(known)-1], ", "), known[len(known)-1])).With("field", "format")
	}
	return f, nil
}

// currency is the one in which values are asked for; empty: none is named.
func (q *question) currency() (string, error) {
	c := q.query.Get("currency")
	if _, ok := asset.Currency(c); !ok && c != "" {
		return "", fault.New(fault.Invalid, "currency must be a code of ISO 4217, such as EUR").With("field", "currency")
	}
	return c, nil
}
