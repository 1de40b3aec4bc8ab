package buy

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"countersign/shared/quote"
)

// Ages of cached documents, from shared/spec/providers.md.
const (
	capabilitiesAge = 5 * time.Minute
	assetsAge       = 15 * time.Minute
	staleAge        = 24 * time.Hour  // a document older than this is of no use
	retryAge        = 2 * time.Second // after a failure; doubling while an older one can be used
	longestRetry    = time.Minute
	jittered        = 10 // percent of its age by which a document may be refreshed sooner
)

// document is one cached endpoint of one provider. A newer document replaces
// the value only after it has been read without an error; what was last good
// stays meanwhile.
type document[T any] struct {
	endpoint string
	maxAge   time.Duration
	fetch    func(ctx context.Context, tag string) (doc Kept, same bool, err error)
	parse    func([]byte) (T, error)
	size     func(T) int      // for the check that a document does not shrink suddenly
	differs  func(T) []string // how a document differs from the contract
	log      *slog.Logger     // names provider and endpoint
	load     func(context.Context) (Kept, error)
	save     func(context.Context, Kept) error
	now      func() time.Time
	jitter   func() float64

	mu      sync.Mutex
	value   T
	doc     Kept          // that the value is of; Fetched is zero when there is no value
	life    time.Duration // after which it is refreshed
	tried   time.Time     // of the last attempt that did not give a value
	fails   int           // attempts in a row that did not
	failed  string        // code of the last; empty: it gave a value
	shrunk  int           // size of a much smaller document that was seen once
	flight  chan struct{}
	loaded  bool
	said    string // the last that was logged
	refused string // why the newest document cannot be used; empty when it can
}

// get returns the value and when it was fetched (zero: none). It waits for the
// provider only when there is nothing to return; a value that is getting old is
// returned at once and refreshed in the background.
func (d *document[T]) get(ctx context.Context) (value T, fetched time.Time, stale bool) {
	d.mu.Lock()
	if !d.loaded {
		d.loaded = true
		d.restore(ctx)
	}
	now := d.now()
	usable := !d.doc.Fetched.IsZero() && now.Sub(d.doc.Fetched) < staleAge
	due := d.doc.Fetched.IsZero() || now.Sub(d.doc.Fetched) >= d.life
	if due && d.flight == nil && (d.tried.IsZero() || now.Sub(d.tried) >= d.retry(usable)) {
		d.flight = make(chan struct{})
		// The fetch outlives this caller: others wait for it too.
		go d.refresh(context.WithoutCancel(ctx), d.flight)
	}
	flight := d.flight
	if usable || flight == nil {
		defer d.mu.Unlock()
		return d.answer(now)
	}
	d.mu.Unlock()
	select {
	case <-flight:
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.answer(d.now())
}

// retry is how long to wait after a failure. While nothing can be used, answers wait.
func (d *document[T]) retry(usable bool) time.Duration {
	pause := retryAge
	for i := 1; usable && i < d.fails && pause < longestRetry; i++ {
		pause *= 2
	}
	return min(pause, longestRetry)
}

// accept takes a document over. d.mu is held.
func (d *document[T]) accept(v T, doc Kept) {
	early := float64(d.maxAge) * jittered / 100 * d.jitter()
	d.value, d.doc, d.life = v, doc, d.maxAge-time.Duration(early)
	d.tried, d.fails, d.failed = time.Time{}, 0, ""
}

// describe is what the document is worth.
func (d *document[T]) describe() quote.Document {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := quote.Document{Endpoint: d.endpoint, Freshness: quote.Unavailable, Failed: d.failed}
	if _, fetched, stale := d.answer(d.now()); !fetched.IsZero() {
		at := fetched.UTC()
		out.FetchedAt, out.Freshness = &at, quote.Fresh
		if stale {
			out.Freshness = quote.Stale
		}
	}
	return out
}

func (d *document[T]) answer(now time.Time) (value T, fetched time.Time, stale bool) {
	if d.doc.Fetched.IsZero() || now.Sub(d.doc.Fetched) >= staleAge {
		return value, time.Time{}, false
	}
	// Between maxAge and twice that a refresh is merely running.
	return d.value, d.doc.Fetched, now.Sub(d.doc.Fetched) >= 2*d.maxAge || now.Sub(d.doc.Fetched) >= d.maxAge && d.tried.After(d.doc.Fetched)
}

func (d *document[T]) restore(ctx context.Context) {
	if d.load == nil {
		return
	}
	doc, err := d.load(ctx)
	if err != nil || len(doc.Body) == 0 || doc.Fetched.IsZero() || doc.Fetched.After(d.now()) {
		return
	}
	if v, err := d.parse(doc.Body); err == nil {
		d.accept(v, doc)
		d.tell(v, nil)
	}
}

func (d *document[T]) refresh(ctx context.Context, done chan struct{}) {
	defer close(done)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if d.another(ctx) {
		return
	}
	d.mu.Lock()
	value, old := d.value, d.doc
	d.mu.Unlock()
	doc, same, err := d.fetch(ctx, old.Tag)
	if same {
		doc = old
	} else if err == nil {
		value, err = d.parse(doc.Body)
	}
	doc.Fetched = d.now()
	d.mu.Lock()
	accepted := err == nil && d.plausible(value)
	if accepted {
		d.accept(value, doc)
	} else {
		d.tried, d.failed = doc.Fetched, quote.Shrunk
		d.fails++
		if err != nil {
			_, d.failed, _, _ = failure(err)
		}
	}
	d.flight = nil
	d.tell(value, err)
	d.mu.Unlock()
	if accepted && d.save != nil {
		_ = d.save(ctx, doc) // what is kept over a restart is a convenience
	}
}

// another takes over what another process fetched since, and reports whether that is
// new enough.
func (d *document[T]) another(ctx context.Context) bool {
	if d.load == nil {
		return false
	}
	doc, err := d.load(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if err != nil || !doc.Fetched.After(d.doc.Fetched) || doc.Fetched.After(now) || now.Sub(doc.Fetched) >= d.maxAge {
		return false
	}
	v, err := d.parse(doc.Body)
	if err != nil {
		return false
	}
	d.accept(v, doc)
	d.flight = nil
	d.tell(v, nil)
	return true
}

// tell logs what a document does not say as the contract does, or why it cannot be
// used: once, until that changes. d.mu is held.
func (d *document[T]) tell(v T, err error) {
	var bad *invalidAnswer
	text, level := "", slog.LevelWarn
	if d.refused = ""; errors.As(err, &bad) {
		d.refused = d.endpoint + " cannot be used: " + bad.why
	}
	switch {
	case d.refused != "":
		text = d.refused
	case err != nil:
		_, code, _, _ := failure(err)
		text = d.endpoint + " was not read: " + code
	default:
		text = strings.Join(d.differs(v), "; ")
	}
	if text == d.said {
		return
	}
	if d.said = text; text == "" {
		text, level = d.endpoint+" is as the contract says again", slog.LevelInfo
	}
	d.log.Log(context.Background(), level, "provider's document", "what", text)
}

// trouble is why the newest document cannot be used; empty when it can, or was not
// read at all.
func (d *document[T]) trouble() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.refused
}

// plausible refuses a document with less than half of what the last one had,
// until a second fetch says the same.
func (d *document[T]) plausible(v T) bool {
	if d.doc.Fetched.IsZero() {
		return true
	}
	size := d.size(v)
	if 2*size >= d.size(d.value) || d.shrunk > 0 && size >= d.shrunk {
		d.shrunk = 0
		return true
	}
	d.shrunk = max(size, 1)
	return false
}
