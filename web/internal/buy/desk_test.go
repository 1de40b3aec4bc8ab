package buy_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/quote"
	"countersign/web/internal/buy"
)

const (
	vault = "0x52908400098527886E0F7030069857D2E4169EE7"
	caps  = `{"fiatCurrencyCapabilities":[{"fiat":"EUR","minAmount":50,"maxAmount":1000}],"countriesCapabilities":[{"country":"FR","paymentMethods":[{"name":"card"}]}]}`
	coins = `["ethereum","bitcoin"]`
	offer = `{"from":"EUR","to":"ethereum","fiatAmount":250,"cryptoAmount":0.1}`
)

// provider is one whose answers a test chooses.
type provider struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]http.HandlerFunc
	calls   map[string]int
}

func newProvider(tb testing.TB) *provider {
	tb.Helper()
	s := &provider{answers: map[string]http.HandlerFunc{}, calls: map[string]int{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.calls[r.URL.Path]++
		h := s.answers[r.URL.Path]
		s.mu.Unlock()
		if h == nil {
			http.NotFound(w, r)
			return
		}
		h(w, r)
	}))
	tb.Cleanup(s.Close)
	s.set("/capabilities", body(caps))
	s.set("/crypto-currencies", body(coins))
	s.set("/quote", body(offer))
	return s
}

func (s *provider) set(path string, h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[path] = h
}

func (s *provider) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[path]
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func newDesk(tb testing.TB, cfg buy.Config) *buy.Desk {
	tb.Helper()
	cfg.Sandbox = true
	if cfg.Jitter == nil {
		cfg.Jitter = func() float64 { return 0 }
	}
	d, err := buy.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func one(s *provider) []buy.Provider {
	return []buy.Provider{{ID: "alpha", Name: "Alpha", URL: s.URL, APIKey: "the-key"}}
}

func input() quote.Input {
	return quote.Input{From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR", Dest: vault}
}

func reason(err error) string {
	e, _ := fault.As(err)
	if e == nil {
		return ""
	}
	return e.Details["reason"]
}

func TestTheQuestionIsThatOfTheContract(t *testing.T) {
	t.Parallel()
	s := newProvider(t)
	s.set("/quote", func(w http.ResponseWriter, r *http.Request) {
		want := url.Values{"from": {"EUR"}, "to": {"ethereum"}, "payment-method": {"card"}, "amount": {"250"}, "country": {"FR"}, "dest": {vault}}
		if r.URL.Query().Encode() != want.Encode() || r.Header.Get("X-API-KEY") != "the-key" {
			t.Errorf("asked %s with key %q", r.URL, r.Header.Get("X-API-KEY"))
		}
		body(offer)(w, r)
	})
	s.set("/capabilities", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-API-KEY") != "" {
			t.Error("the key went to an endpoint that does not take it")
		}
		body(caps)(w, r)
	})
	row, err := newDesk(t, buy.Config{Providers: one(s)}).Requote(t.Context(), "alpha", input())
	if err != nil || row.CryptoAmount != "0.1" || row.ProviderName != "Alpha" || row.UnitPrice != "2500.00" {
		t.Errorf("%+v, %v", row, err)
	}
	if d := row.ExpiresAt.Sub(row.ReceivedAt); d != quote.Life {
		t.Errorf("lives %v", d)
	}
}

func TestCentsAreAskedOfAProviderThatTakesThem(t *testing.T) {
	t.Parallel()
	s := newProvider(t)
	s.set("/quote", func(w http.ResponseWriter, r *http.Request) {
		if got := r.URL.Query().Get("amount"); got != "250.5" {
			t.Errorf("asked for %s", got)
		}
		body(strings.Replace(offer, "250", "250.50", 1))(w, r)
	})
	in, all := input(), one(s)
	in.Amount = "250.5"
	_, err := newDesk(t, buy.Config{Providers: all}).Requote(t.Context(), "alpha", in)
	if reason(err) != quote.AmountNotWhole || s.count("/quote") != 0 {
		t.Error(err)
	}
	all[0].Cents = true
	if row, err := newDesk(t, buy.Config{Providers: all}).Requote(t.Context(), "alpha", in); err != nil || row.FiatAmount != "250.5" || row.UnitPrice != "2505.00" {
		t.Errorf("%+v, %v", row, err)
	}
}

func TestBothSpellingsOfTheQuotePathWork(t *testing.T) {
	t.Parallel()
	s := newProvider(t)
	s.set("/quote", nil)
	s.set("/quotes", body(offer))
	d := newDesk(t, buy.Config{Providers: one(s)})
	for range 3 {
		if _, err := d.Requote(t.Context(), "alpha", input()); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.count("/quote"); n != 1 {
		t.Errorf("/quote was tried %d times", n)
	}
}

func TestAnswersThatCannotBeTrustedAreExcluded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		code   string
	}{
		"not JSON": {body("<html>"), quote.MalformedJSON},
		"no content type": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			_, _ = io.WriteString(w, offer)
		}, quote.WrongContentType},
		"text":         {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, offer) }, quote.WrongContentType},
		"too long":     {body(offer + strings.Repeat(" ", 64<<10)), quote.BodyTooLarge},
		"a redirect":   {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, quote.HTTPStatus},
		"created":      {status(201), quote.HTTPStatus},
		"bad request":  {status(400), quote.HTTP4xx},
		"rate limit":   {status(429), quote.RateLimited},
		"legal":        {status(451), quote.RegionRestricted},
		"server error": {status(503), quote.HTTP5xx},
		"hangs up":     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, quote.ConnectError},
		"other amount": {body(strings.Replace(offer, "250", "25", 1)), quote.EchoMismatch},
		"run out":      {body(strings.Replace(offer, "{", `{"expiresAt":"2020-01-01T00:00:00Z",`, 1)), quote.AlreadyExpired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newProvider(t)
			s.set("/quote", c.answer)
			result, err := newDesk(t, buy.Config{Providers: one(s)}).Quote(t.Context(), input(), false, nil)
			if err != nil || len(result.Quotes) != 0 || len(result.Excluded) != 1 {
				t.Fatalf("%+v, %v", result, err)
			}
			if e := result.Excluded[0]; e.Code != c.code || !strings.HasPrefix(e.Message, "Alpha ") || strings.Contains(e.Message, "127.0.0.1") {
				t.Errorf("%+v, want %s", e, c.code)
			}
			if s.count("/elsewhere") > 0 {
				t.Error("a redirect was followed")
			}
		})
	}
}

func TestAnswersStreamAndTheDeadlineIsHard(t *testing.T) {
	t.Parallel()
	fast, slow := newProvider(t), newProvider(t)
	gone := make(chan struct{})
	slow.set("/quote", func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(gone)
	})
	d := newDesk(t, buy.Config{Deadline: 3 * time.Second, Providers: []buy.Provider{
		{ID: "slow", Name: "Slow", URL: slow.URL}, {ID: "fast", Name: "Fast", URL: fast.URL},
	}})
	var seen []string
	result, err := d.Quote(t.Context(), input(), false, func(e quote.Event) {
		if e.Quote != nil {
			seen = append(seen, e.Quote.Provider)
		} else if e.Settled != nil {
			seen = append(seen, fmt.Sprint("settled ", *e.Settled))
		} else {
			seen = append(seen, e.Excluded.Provider+" "+e.Excluded.Code)
		}
	})
	if err != nil || strings.Join(seen, ", ") != "fast, settled {2 1 [slow]}, slow TIMEOUT" || result.Complete || result.Asked != 2 {
		t.Errorf("%v, %v, %+v", err, seen, result)
	}
	<-gone // the call was cancelled at the provider too
}

func TestAClientThatLeavesCancelsTheQuestions(t *testing.T) {
	t.Parallel()
	s := newProvider(t)
	asked, gone := make(chan struct{}), make(chan struct{})
	s.set("/quote", func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(gone)
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	_, err := newDesk(t, buy.Config{Providers: one(s)}).Quote(ctx, input(), false, nil)
	if fault.CodeOf(err) != fault.Cancelled {
		t.Error(err)
	}
	<-gone
}

func TestAWrongInputAsksNoProvider(t *testing.T) {
	t.Parallel()
	s := newProvider(t)
	d := newDesk(t, buy.Config{Providers: one(s)})
	for field, in := range map[string]quote.Input{
		"amount": {From: "EUR", To: "ethereum", Amount: "1e3", PaymentMethod: "card", Country: "FR"},
		"dest":   {From: "EUR", To: "ethereum", Amount: "250", PaymentMethod: "card", Country: "FR", Dest: "0x52908400098527886E0F7030069857D2E4169eE7"},
	} {
		_, err := d.Quote(t.Context(), in, false, nil)
		if e, ok := fault.As(err); !ok || e.Code != fault.Invalid || e.Details[field] == "" {
			t.Errorf("%s: %v", field, err)
		}
	}
	_, err := d.Requote(t.Context(), "alpha", quote.Input{From: "EUR", To: "ethereum", Amount: "20", PaymentMethod: "card", Country: "FR"})
	if fault.CodeOf(err) != fault.NotEligible || reason(err) != quote.AmountBelowMin || s.count("/quote") != 0 {
		t.Error(err)
	}
	if _, err := d.Requote(t.Context(), "nobody", input()); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
}

// clock is a time that a test moves.
type clock struct{ at atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.at.Store(time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}
func (c *clock) now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.at.Add(int64(d)) }

// memory keeps documents as a database would, and tells of each.
type memory struct {
	mu    sync.Mutex
	docs  map[string]buy.Kept
	at    time.Time
	saved chan string
}

func (m *memory) Load(_ context.Context, p, e string) (buy.Kept, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if d, ok := m.docs[p+e]; ok {
		d.Fetched = m.at
		return d, nil
	}
	return buy.Kept{}, errors.New("none")
}

func (m *memory) Save(_ context.Context, p, e string, doc buy.Kept) error {
	m.mu.Lock()
	m.docs[p+e], m.at = doc, doc.Fetched
	m.mu.Unlock()
	m.saved <- e
	return nil
}

func TestTheLastGoodDocumentIsKept(t *testing.T) {
	t.Parallel()
	s, c, m := newProvider(t), newClock(), &memory{docs: map[string]buy.Kept{}, saved: make(chan string, 8)}
	cfg := buy.Config{Providers: one(s), Now: c.now, Memory: m}
	d := newDesk(t, cfg)
	if p := d.Providers(t.Context())[0]; p.Freshness != quote.Fresh || p.Capabilities.Fiats[0].Max != "1000" {
		t.Fatalf("%+v", p)
	}
	<-m.saved
	<-m.saved
	// A broken document does not replace it, and after a restart it is there.
	broken := make(chan struct{}, 8)
	s.set("/capabilities", func(w http.ResponseWriter, r *http.Request) {
		body(`{"fiatCurrencyCapabilities":[]}`)(w, r)
		broken <- struct{}{}
	})
	c.advance(20 * time.Minute)
	_ = d.Providers(t.Context())
	<-broken
	for _, d := range []*buy.Desk{d, newDesk(t, cfg)} {
		if p := d.Providers(t.Context())[0]; p.Freshness == quote.Unavailable || p.Capabilities.Fiats[0].Max != "1000" {
			t.Errorf("%+v", p)
		}
	}
	// For a day, but not longer.
	s.set("/capabilities", status(500))
	c.advance(24 * time.Hour)
	if p := d.Providers(t.Context())[0]; p.Freshness != quote.Unavailable || p.Capabilities != nil {
		t.Errorf("after a day: %+v", p)
	}
}

func TestADocumentThatAnotherProcessFetchedIsNotFetchedAgain(t *testing.T) {
	t.Parallel()
	s, c, m := newProvider(t), newClock(), &memory{docs: map[string]buy.Kept{}, saved: make(chan string, 8)}
	cfg := buy.Config{Providers: one(s), Now: c.now, Memory: m}
	first := newDesk(t, cfg)
	_ = first.Providers(t.Context())
	<-m.saved
	<-m.saved
	second := newDesk(t, cfg)
	_ = second.Providers(t.Context()) // of what is kept
	s.set("/capabilities", body(strings.ReplaceAll(caps, "1000", "2000")))
	c.advance(6 * time.Minute)
	_ = first.Providers(t.Context())
	<-m.saved
	for second.Providers(t.Context())[0].Capabilities.Fiats[0].Max != "2000" { // it is refreshed in the background
		time.Sleep(time.Millisecond)
	}
	if n := s.count("/capabilities"); n != 2 {
		t.Errorf("fetched %d times", n)
	}
}

func TestManyQuestionsFetchADocumentOnce(t *testing.T) {
	t.Parallel()
	s := newProvider(t)
	release := make(chan struct{})
	s.set("/capabilities", func(w http.ResponseWriter, r *http.Request) {
		<-release
		body(caps)(w, r)
	})
	d := newDesk(t, buy.Config{Providers: one(s)})
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if p := d.Providers(t.Context())[0]; p.Freshness != quote.Fresh {
				t.Errorf("%+v", p)
			}
		})
	}
	close(release)
	wg.Wait()
	if n := s.count("/capabilities"); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

func TestAListThatShrinksSuddenlyIsReadTwice(t *testing.T) {
	t.Parallel()
	s, c := newProvider(t), newClock()
	s.set("/crypto-currencies", body(`["bitcoin","ethereum","solana","polygon"]`))
	d := newDesk(t, buy.Config{Providers: one(s), Now: c.now})
	size := func() int { return len(d.Providers(t.Context())[0].Capabilities.Assets) }
	if size() != 4 {
		t.Fatal(size())
	}
	s.set("/crypto-currencies", body(`["bitcoin"]`))
	for want := 2; want <= 3; want++ { // the first small list is not believed, the second is
		c.advance(16 * time.Minute)
		got := size()
		await(t, func() bool { // the fetch before may end after the clock went on, and counts from there
			c.advance(time.Second)
			_ = size()
			return s.count("/crypto-currencies") >= want
		})
		if want == 2 && got != 4 {
			t.Errorf("believed at once: %d", got)
		}
	}
	await(t, func() bool { return size() == 1 })
}

// await asks until it is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it never was")
		}
	}
}

func TestAFailingProviderIsLeftAloneAndTriedAgain(t *testing.T) {
	t.Parallel()
	s, c := newProvider(t), newClock()
	s.set("/quote", status(500))
	d := newDesk(t, buy.Config{Providers: one(s), Now: c.now})
	for range 5 {
		_, _ = d.Requote(t.Context(), "alpha", input())
	}
	if n := s.count("/quote"); n != 3 {
		t.Errorf("asked %d times", n)
	}
	if p := d.Providers(t.Context())[0]; p.Circuit != quote.CircuitOpen {
		t.Errorf("circuit %s", p.Circuit)
	}
	s.set("/quote", body(offer))
	c.advance(6 * time.Second)
	if p := d.Providers(t.Context())[0]; p.Circuit != quote.CircuitHalfOpen {
		t.Errorf("circuit %s", p.Circuit)
	}
	if _, err := d.Requote(t.Context(), "alpha", input()); err != nil {
		t.Error(err)
	}
	if p := d.Providers(t.Context())[0]; p.Circuit != quote.CircuitClosed {
		t.Errorf("circuit %s", p.Circuit)
	}
}

func TestAProviderMustBeSafeToCall(t *testing.T) {
	t.Parallel()
	for _, p := range []buy.Provider{
		{ID: "alpha", URL: "http://api.alpha.example"}, {ID: "alpha", URL: "http://127.0.0.1:1"}, {ID: "alpha", URL: "https://a@b.example"},
		{ID: "alpha", URL: "https://b.example/?x=y"}, {ID: "Alpha!", URL: "https://b.example"}, {ID: "alpha"}, {ID: "alpha", URL: "https://b.example", WidgetURL: "http://b.example"},
	} {
		if _, err := buy.New(buy.Config{Providers: []buy.Provider{p}}); err == nil {
			t.Errorf("%+v was accepted", p)
		}
	}
	// Outside the sandbox, a name that leads into the own network is not called.
	s := newProvider(t)
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	d, err := buy.New(buy.Config{Providers: []buy.Provider{{ID: "alpha", URL: "https://localhost:" + port}}})
	if err != nil {
		t.Fatal(err)
	}
	if p := d.Providers(t.Context())[0]; p.Freshness != quote.Unavailable || s.count("/capabilities") != 0 {
		t.Errorf("%+v", p)
	}
}
