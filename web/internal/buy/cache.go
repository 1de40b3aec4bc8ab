package buy

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Ages of cached documents, from shared/spec/providers.md.
const (
	capabilitiesAge = 5 * time.Minute
	assetsAge       = 15 * time.Minute
	staleAge        = 24 * time.Hour // a document older than this is of no use
	retryAge        = 2 * time.Second
)

// document is one cached endpoint of one provider. A newer document replaces
// the value only after it has been read without an error; what was last good
// stays meanwhile.
type document[T any] struct {
	endpoint string
	maxAge   time.Duration
	fetch    func(context.Context) ([]byte, error)
	parse    func([]byte) (T, error)
	size     func(T) int      // for the check that a document does not shrink suddenly
	differs  func(T) []string // how a document differs from the contract
	log      *slog.Logger     // names provider and endpoint
	load     func(context.Context) ([]byte, time.Time, error)
	save     func(context.Context, []byte, time.Time) error
	now      func() time.Time

	mu      sync.Mutex
	value   T
	fetched time.Time // zero: no value
	tried   time.Time // of the last attempt that did not give a value
	shrunk  int       // size of a much smaller document that was seen once
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
	usable := !d.fetched.IsZero() && now.Sub(d.fetched) < staleAge
	due := d.fetched.IsZero() || now.Sub(d.fetched) >= d.maxAge
	if due && d.flight == nil && (d.tried.IsZero() || now.Sub(d.tried) >= retryAge) {
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

func (d *document[T]) answer(now time.Time) (value T, fetched time.Time, stale bool) {
	if d.fetched.IsZero() || now.Sub(d.fetched) >= staleAge {
		return value, time.Time{}, false
	}
	// Between maxAge and twice that a refresh is merely running.
	return d.value, d.fetched, now.Sub(d.fetched) >= 2*d.maxAge || now.Sub(d.fetched) >= d.maxAge && d.tried.After(d.fetched)
}

func (d *document[T]) restore(ctx context.Context) {
	if d.load == nil {
		return
	}
	data, fetched, err := d.load(ctx)
	if err != nil || len(data) == 0 || fetched.IsZero() || fetched.After(d.now()) {
		return
	}
	if v, err := d.parse(data); err == nil {
		d.value, d.fetched = v, fetched
		d.tell(v, nil)
	}
}

func (d *document[T]) refresh(ctx context.Context, done chan struct{}) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if d.another(ctx) {
		close(done)
		return
	}
	var value T
	data, err := d.fetch(ctx)
	if err == nil {
		value, err = d.parse(data)
	}
	now := d.now()
	d.mu.Lock()
	accepted := err == nil && d.plausible(value)
	if accepted {
		d.value, d.fetched, d.tried = value, now, time.Time{}
	} else {
		d.tried = now
	}
	d.flight = nil
	d.tell(value, err)
	d.mu.Unlock()
	if accepted && d.save != nil {
		_ = d.save(ctx, data, now) // what is kept over a restart is a convenience
	}
	close(done)
}

// another takes over what another process fetched since, and reports whether that is
// new enough.
func (d *document[T]) another(ctx context.Context) bool {
	if d.load == nil {
		return false
	}
	data, fetched, err := d.load(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.now()
	if err != nil || !fetched.After(d.fetched) || fetched.After(now) || now.Sub(fetched) >= d.maxAge {
		return false
	}
	v, err := d.parse(data)
	if err != nil {
		return false
	}
	d.value, d.fetched, d.tried, d.flight = v, fetched, time.Time{}, nil
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
	if d.fetched.IsZero() {
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
