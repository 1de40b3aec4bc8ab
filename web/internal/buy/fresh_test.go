package buy_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"countersign/shared/quote"
	"countersign/web/internal/buy"
)

func TestADocumentThatDidNotChangeIsNotSentAgain(t *testing.T) {
	t.Parallel()
	s, c, m := newProvider(t), newClock(), &memory{docs: map[string]buy.Kept{}, saved: make(chan string, 16)}
	sent, unchanged := make(chan string, 16), make(chan struct{}, 16)
	s.set("/capabilities", func(w http.ResponseWriter, r *http.Request) {
		tag := r.Header.Get("If-None-Match")
		sent <- tag
		w.Header().Set("ETag", `"v1"`)
		if tag == `"v1"` {
			w.WriteHeader(http.StatusNotModified)
			unchanged <- struct{}{}
			return
		}
		body(caps)(w, r)
	})
	cfg := buy.Config{Providers: one(s), Now: c.now, Memory: m}
	d := newDesk(t, cfg)
	first := d.Providers(t.Context())[0]
	if tag := <-sent; tag != "" || first.Freshness != quote.Fresh {
		t.Fatalf("%q, %+v", tag, first)
	}
	<-m.saved
	<-m.saved
	for _, d := range []*buy.Desk{d, newDesk(t, cfg)} { // also after a restart
		c.advance(6 * time.Minute)
		_ = d.Providers(t.Context())
		<-unchanged
		await(t, func() bool {
			p := d.Providers(t.Context())[0]
			return p.Documents[0].FetchedAt.Equal(c.now()) && p.Capabilities.Fiats[0].Max == "1000" && p.Documents[0].Freshness == quote.Fresh
		})
		<-m.saved
	}
	if s.count("/capabilities") != 3 {
		t.Errorf("asked %d times", s.count("/capabilities"))
	}
}

func TestEachDocumentSaysHowFreshItIsAndWhyNoNewerOneIsThere(t *testing.T) {
	t.Parallel()
	s, c := newProvider(t), newClock()
	d := newDesk(t, buy.Config{Providers: one(s), Now: c.now})
	before := c.now()
	if p := d.Providers(t.Context())[0]; len(p.Documents) != 2 || p.Documents[0].Endpoint != "capabilities" || p.Documents[1].Endpoint != "crypto-currencies" || p.Failing != nil {
		t.Fatalf("%+v", p)
	}
	s.set("/capabilities", status(503))
	c.advance(10 * time.Minute)
	await(t, func() bool { return d.Providers(t.Context())[0].Documents[0].Failed == quote.HTTP5xx })
	p := d.Providers(t.Context())[0]
	if p.Freshness != quote.Stale || p.Documents[0].Freshness != quote.Stale || !p.Documents[0].FetchedAt.Equal(before) || p.Documents[1].Freshness != quote.Fresh || p.Documents[1].Failed != "" {
		t.Errorf("%+v", p)
	}
	if _, ok := quote.Check(p, input()); !ok {
		t.Error("a provider with an older document is not asked")
	}
}

// With an older document at hand no answer waits, so a provider that is down is asked less and less.
func TestAProviderThatIsDownIsAskedLessAndLess(t *testing.T) {
	t.Parallel()
	s, c := newProvider(t), newClock()
	d := newDesk(t, buy.Config{Providers: one(s), Now: c.now})
	_ = d.Providers(t.Context())
	s.set("/capabilities", status(503))
	c.advance(6 * time.Minute)
	for range 600 {
		before := s.count("/capabilities")
		_ = d.Providers(t.Context())
		await(t, func() bool { // the fetch that may have begun has ended
			return s.count("/capabilities") == before || d.Providers(t.Context())[0].Documents[0].Failed != ""
		})
		c.advance(time.Second)
	}
	if n := s.count("/capabilities"); n > 20 {
		t.Errorf("asked %d times in ten minutes", n)
	}
}

func TestDocumentsAreRefreshedAtDifferentTimes(t *testing.T) {
	t.Parallel()
	for jitter, want := range map[float64]int{0: 1, 0.99: 2} {
		s, c := newProvider(t), newClock()
		d := newDesk(t, buy.Config{Providers: one(s), Now: c.now, Jitter: func() float64 { return jitter }})
		_ = d.Providers(t.Context())
		c.advance(4*time.Minute + 40*time.Second)
		_ = d.Providers(t.Context())
		if want == 2 {
			await(t, func() bool { return s.count("/capabilities") == 2 })
		} else if n := s.count("/capabilities"); n != 1 {
			t.Errorf("fetched %d times", n)
		}
	}
}

func TestAFailingProviderSaysSinceWhenAndWhenItIsAskedAgain(t *testing.T) {
	t.Parallel()
	s, c := newProvider(t), newClock()
	s.set("/quote", status(500))
	d := newDesk(t, buy.Config{Providers: one(s), Now: c.now})
	began := c.now()
	for i := range 3 {
		_, _ = d.Requote(t.Context(), "alpha", input())
		f := d.Providers(t.Context())[0].Failing
		if f == nil || f.Code != quote.HTTP5xx || f.Times != i+1 || !f.Since.Equal(began) || (f.RetryAt != nil) != (i == 2) {
			t.Errorf("after %d failures: %+v", i+1, f)
		}
		c.advance(time.Second)
	}
	result, err := d.Quote(t.Context(), input(), false, nil)
	again := began.Add(2*time.Second + 5*time.Second)
	if err != nil || len(result.Excluded) != 1 || result.Excluded[0].RetryAt == nil || !result.Excluded[0].RetryAt.Equal(again) {
		t.Errorf("%+v, %v", result.Excluded, err)
	}
}

func TestWhoDoesNotWaitGetsWhatCameWhenItSettles(t *testing.T) {
	t.Parallel()
	fast, slow := newProvider(t), newProvider(t)
	gone := make(chan struct{})
	slow.set("/quote", func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(gone)
	})
	d := newDesk(t, buy.Config{Providers: []buy.Provider{{ID: "slow", Name: "Slow", URL: slow.URL}, {ID: "fast", Name: "Fast", URL: fast.URL}}})
	var seen []string
	result, err := d.Quote(t.Context(), input(), true, func(e quote.Event) {
		switch {
		case e.Quote != nil:
			seen = append(seen, e.Quote.Provider)
		case e.Settled != nil:
			seen = append(seen, "settled")
		default:
			seen = append(seen, e.Excluded.Provider+" "+e.Excluded.Code)
		}
	})
	if err != nil || strings.Join(seen, ", ") != "fast, settled, slow NOT_AWAITED" || result.Complete || len(result.Quotes) != 1 || !result.Quotes[0].Best {
		t.Errorf("%v, %v, %+v", err, seen, result)
	}
	<-gone // the call ended at the provider too
	if f := d.Providers(t.Context()); f[0].Failing != nil {
		t.Errorf("it is blamed for it: %+v", f[0].Failing)
	}
}

func TestWithoutAnyQuoteNothingSettles(t *testing.T) {
	t.Parallel()
	slow := newProvider(t)
	slow.set("/quote", func(w http.ResponseWriter, r *http.Request) {
		wait, cancel := context.WithTimeout(r.Context(), 1500*time.Millisecond)
		defer cancel()
		<-wait.Done()
		body(offer)(w, r)
	})
	result, err := newDesk(t, buy.Config{Providers: one(slow)}).Quote(t.Context(), input(), true, func(e quote.Event) {
		if e.Settled != nil {
			t.Error("it settled without a quote")
		}
	})
	if err != nil || len(result.Quotes) != 1 || !result.Complete {
		t.Errorf("%+v, %v", result, err)
	}
}
