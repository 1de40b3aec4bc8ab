package buy

import (
	"context"
	"time"

	"countersign/shared/fault"
	"countersign/shared/quote"
)

// answer is what became of asking one provider: a row or an exclusion, and what
// was known about the provider at the time.
type answer struct {
	row      *quote.Row
	excluded *quote.Excluded
	provider quote.Provider
	asked    bool
}

// Quote asks every eligible provider at the same time. emit, if not nil, is
// called from one goroutine at a time, as answers arrive and not after Quote
// has returned; rows have no rank then. An error is a *fault.Error:
// INVALID_REQUEST with a detail for each wrong field, or CANCELLED with what
// had arrived before ctx ended.
func (d *Desk) Quote(ctx context.Context, in quote.Input, emit func(Event)) (quote.Result, error) {
	in, err := check(in)
	if err != nil {
		return quote.Result{}, err
	}
	ask, cancel := context.WithTimeout(ctx, d.cfg.Deadline)
	defer cancel()
	answers := make(chan answer, len(d.providers))
	for _, s := range d.providers {
		go func() { answers <- d.ask(ask, s, in) }()
	}
	result := quote.Result{Input: in, Quotes: []quote.Row{}, Excluded: []quote.Excluded{}, Fixes: []quote.Fix{}, Complete: true}
	known := make([]quote.Provider, 0, len(d.providers))
	for range d.providers {
		var a answer
		select {
		case a = <-answers:
		case <-ctx.Done():
			result.Complete = false
			result.Quotes, result.ServerTime = quote.Rank(result.Quotes), d.cfg.Now().UTC()
			return result, fault.Wrap(ctx.Err(), fault.Cancelled, "the request was cancelled")
		}
		known = append(known, a.provider)
		if a.asked {
			result.Asked++
		}
		event := Event{Quote: a.row, Excluded: a.excluded}
		if a.row != nil {
			result.Quotes = append(result.Quotes, *a.row)
		} else {
			result.Complete = result.Complete && a.excluded.Code != quote.TimedOut
			result.Excluded = append(result.Excluded, *a.excluded)
		}
		if emit != nil {
			emit(event)
		}
	}
	result.Quotes = quote.Rank(result.Quotes)
	some := quote.Some(known, in)
	for _, f := range quote.Fixes(known, in) {
		f.Text = quote.English.Opens(f, in, some)
		result.Fixes = append(result.Fixes, f)
	}
	result.ServerTime = d.cfg.Now().UTC()
	return result, nil
}

// Requote asks one provider again. The error is a *fault.Error: NOT_ELIGIBLE or
// PROVIDER_UNAVAILABLE with the exclusion's code in details, NOT_FOUND, or
// INVALID_REQUEST.
func (d *Desk) Requote(ctx context.Context, provider string, in quote.Input) (quote.Row, error) {
	in, err := check(in)
	if err != nil {
		return quote.Row{}, err
	}
	s := d.find(provider)
	if s == nil {
		return quote.Row{}, fault.New(fault.NotFound, "there is no such provider")
	}
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Deadline)
	defer cancel()
	a := d.ask(ctx, s, in)
	if a.row != nil {
		return *a.row, nil
	}
	code := fault.Provider
	if a.excluded.Stage == quote.StageEligibility && a.excluded.Code != quote.CircuitIsOpen && a.excluded.Code != quote.CapabilitiesUnavailable {
		code = fault.NotEligible
	}
	e := fault.New(code, a.excluded.Message).With("reason", a.excluded.Code)
	if a.excluded.Fix != nil {
		e = e.With("fix", a.excluded.Fix.Text)
	}
	return quote.Row{}, e
}

func check(in quote.Input) (quote.Input, error) {
	in, problems := quote.Normalise(in)
	if len(problems) == 0 && !destination(in) {
		problems = []quote.Problem{{Field: "dest", Code: quote.CodeInvalid, Message: "The deposit address is not an address of this chain."}}
	}
	if len(problems) > 0 {
		return in, invalidInput(problems)
	}
	return in, nil
}

// ask puts the question to one provider, if it can serve it.
func (d *Desk) ask(ctx context.Context, s *provider, in quote.Input) answer {
	a := answer{provider: s.describe(ctx, d.cfg.Now)}
	if e, ok := quote.Check(a.provider, in); !ok {
		e = quote.English.Tell(e, in)
		a.excluded = &e
		return a
	}
	exclude := func(stage, code, message string) answer {
		a.excluded = &quote.Excluded{Provider: s.ID, ProviderName: s.Name, Stage: stage, Code: code, Message: s.Name + " " + message + "."}
		return a
	}
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return exclude(quote.StageTransport, quote.TimedOut, "did not answer in time")
	}
	if !s.breaker.enter(d.cfg.Now()) {
		return exclude(quote.StageEligibility, quote.CircuitIsOpen, "did not answer the last times; it is tried again soon")
	}
	a.asked = true
	start := d.cfg.Now()
	row, err := d.fetch(ctx, s, in)
	now := d.cfg.Now()
	if err != nil {
		stage, code, message, failed := failure(err)
		s.breaker.leave(now, false, failed)
		d.cfg.Log.Info("no quote", "provider", s.ID, "stage", stage, "code", code, "error", err)
		return exclude(stage, code, message)
	}
	s.breaker.leave(now, true, false)
	row.ID, row.Provider, row.ProviderName = d.cfg.NewID(), s.ID, s.Name
	row.LatencyMS = now.Sub(start).Milliseconds()
	a.row = &row
	return a
}

func (d *Desk) fetch(ctx context.Context, s *provider, in quote.Input) (quote.Row, error) {
	data, err := s.client.quote(ctx, in)
	if err != nil {
		return quote.Row{}, err
	}
	row, expires, err := parseQuote(data, in)
	if err != nil {
		return quote.Row{}, err
	}
	row.ReceivedAt = d.cfg.Now().UTC().Truncate(time.Millisecond)
	row.ExpiresAt = quote.Expiry(row.ReceivedAt, expires, d.cfg.Life).UTC().Truncate(time.Millisecond)
	if row.Expired(row.ReceivedAt) {
		return quote.Row{}, reject(quote.AlreadyExpired, "the quote had run out when it arrived")
	}
	return row, nil
}
