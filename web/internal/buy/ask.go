package buy

import (
	"context"
	"maps"
	"slices"
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
// has returned; rows have no rank then. With soon it does not wait for those that
// are slower than the rest, once the question is settled: they are excluded with
// NOT_AWAITED. An error is a *fault.Error:
// INVALID_REQUEST with a detail for each wrong field, or CANCELLED with what
// had arrived before ctx ended.
func (d *Desk) Quote(ctx context.Context, in quote.Input, soon bool, emit func(quote.Event)) (quote.Result, error) {
	in, err := check(in)
	if err != nil {
		return quote.Result{}, err
	}
	if emit == nil {
		emit = func(quote.Event) {}
	}
	ask, cancel := context.WithTimeout(ctx, d.cfg.Deadline)
	defer cancel()
	start := time.Now()
	answers := make(chan answer, len(d.providers))
	awaited := map[string]*provider{}
	for _, s := range d.providers {
		awaited[s.ID] = s
		go func() { answers <- d.ask(ask, s, in) }()
	}
	q := asking{known: make([]quote.Provider, 0, len(d.providers)), result: quote.Result{Input: in, Quotes: []quote.Row{}, Excluded: []quote.Excluded{}, Fixes: []quote.Fix{}, Complete: true}}
	settle := time.NewTimer(settles(awaited))
	defer settle.Stop()
	for len(awaited) > 0 {
		select {
		case a := <-answers:
			delete(awaited, a.provider.ID)
			q.add(a, emit)
			settle.Reset(settles(awaited) - time.Since(start))
		case <-settle.C:
			if len(q.result.Quotes) == 0 { // nothing to compare yet
				continue
			}
			settle.Stop()
			if !q.settled {
				q.settle(awaited, emit)
			}
			if soon {
				cancel()
				q.leave(awaited, emit)
				clear(awaited)
			}
		case <-ctx.Done():
			q.result.Complete = false
			q.result.Quotes, q.result.ServerTime = quote.Rank(q.result.Quotes), d.cfg.Now().UTC()
			return q.result, fault.Wrap(ctx.Err(), fault.Cancelled, "the request was cancelled")
		}
	}
	return q.end(d.cfg.Now().UTC()), nil
}

// asking is a question as far as it is answered.
type asking struct {
	result  quote.Result
	known   []quote.Provider
	settled bool
}

func (q *asking) add(a answer, emit func(quote.Event)) {
	q.known = append(q.known, a.provider)
	if a.asked {
		q.result.Asked++
	}
	if a.row != nil {
		q.result.Quotes = append(q.result.Quotes, *a.row)
	} else {
		q.result.Complete = q.result.Complete && a.excluded.Code != quote.TimedOut
		q.result.Excluded = append(q.result.Excluded, *a.excluded)
	}
	emit(quote.Event{Quote: a.row, Excluded: a.excluded})
}

func (q *asking) settle(awaited map[string]*provider, emit func(quote.Event)) {
	q.settled = true
	emit(quote.Event{Settled: &quote.Settled{Asked: q.result.Asked + len(awaited), Answered: q.result.Asked, Waiting: slices.Sorted(maps.Keys(awaited))}})
}

// leave excludes those that are not waited for.
func (q *asking) leave(awaited map[string]*provider, emit func(quote.Event)) {
	q.result.Complete = false
	for _, id := range slices.Sorted(maps.Keys(awaited)) {
		s := awaited[id]
		e := quote.Excluded{Provider: s.ID, ProviderName: s.Name, Stage: quote.StageTransport, Code: quote.NotAwaited, Message: s.Name + " had not answered when the others had."}
		q.result.Asked++
		q.result.Excluded = append(q.result.Excluded, e)
		emit(quote.Event{Excluded: &e})
	}
}

func (q *asking) end(now time.Time) quote.Result {
	r := q.result
	r.Quotes = quote.Rank(r.Quotes)
	some := quote.Some(q.known, r.Input)
	for _, f := range quote.Fixes(q.known, r.Input) {
		f.Text = quote.English.Opens(f, r.Input, some)
		r.Fixes = append(r.Fixes, f)
	}
	r.ServerTime = now
	return r
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
	start, began := d.cfg.Now(), time.Now()
	row, err := d.fetch(ctx, s, in)
	now := d.cfg.Now()
	s.pace.add(time.Since(began))
	if err != nil {
		stage, code, message, failed := failure(err)
		s.breaker.leave(now, false, failed, code)
		d.cfg.Log.Info("no quote", "provider", s.ID, "stage", stage, "code", code, "error", err)
		return exclude(stage, code, message)
	}
	s.breaker.leave(now, true, false, "")
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
