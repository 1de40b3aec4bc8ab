// Package auth keeps the page's entity token: in memory only, renewed before it
// expires and once after the gateway refused it, never twice at the same time.
// It measures lifetimes from the moment of receipt, so a wrong clock on this
// computer changes nothing. Rules: draft-ietf-oauth-browser-based-apps. Used by
// wasm/core; the token itself comes from the dashboard's own back end, which holds
// the API key.
package auth

import (
	"context"
	"strings"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// MaxTimer is the longest time a browser's timer can wait (2^31-1 ms); a longer
// one would fire at once.
const MaxTimer = (1<<31 - 1) * time.Millisecond

// Lead is how long before its end a token is renewed at the latest.
const Lead = 30 * time.Second

// MaxToken is the longest token, in bytes.
const MaxToken = 16 << 10

// Token is an entity token and how long it lives from the moment of receipt.
type Token struct {
	Value    string
	Lifetime time.Duration
}

// Source asks the dashboard's back end for a token.
type Source interface {
	// Fetch is told whether the gateway refused the token before.
	Fetch(ctx context.Context, refused bool) (Token, error)
}

// MaxReply is the longest answer of a source, in bytes.
const MaxReply = 32 << 10

// Read reads what the page's JavaScript says about a token: the body of the token
// endpoint (shared/spec/tokens.md), or an error in the form of the gateway's.
func Read(reply []byte) (Token, error) {
	var r struct {
		wire.TokenReply
		Error *fault.Body `json:"error,omitempty"`
	}
	if err := strictjson.Unmarshal(reply, &r, MaxReply); err != nil {
		return Token{}, fault.Wrap(err, fault.Unauthenticated, unusable)
	}
	if r.Error != nil {
		return Token{}, r.Error.Fault()
	}
	if !strings.EqualFold(r.TokenType, "Bearer") || r.ExpiresIn <= 0 || r.ExpiresIn > 1<<31 {
		return Token{}, fault.New(fault.Unauthenticated, unusable)
	}
	return Token{Value: r.AccessToken, Lifetime: time.Duration(r.ExpiresIn) * time.Second}, nil
}

const unusable = "the dashboard's back end gave no usable token"

// Config is what a Keeper needs.
type Config struct {
	Source  Source
	Now     func() time.Time // with a monotonic reading, so that clock changes do not matter
	Changed func(Status)     // told after every new token and every failure; must not block
}

// Status is what the page may show about the token: never the token.
type Status struct {
	Until time.Time // zero before the first token
	Err   error     // of the last attempt
}

// Keeper holds the token.
type Keeper struct {
	cfg Config

	mu       sync.Mutex
	token    Token
	received time.Time
	flight   *flight
}

type flight struct {
	done  chan struct{}
	token string
	err   error
}

// NewKeeper makes a keeper without a token.
func NewKeeper(cfg Config) *Keeper { return &Keeper{cfg: cfg} }

// Token returns the token, or gets one when there is none or it has ended.
func (k *Keeper) Token(ctx context.Context) (string, error) {
	k.mu.Lock()
	value, left := k.token.Value, k.left()
	k.mu.Unlock()
	if value != "" && left > 0 {
		return value, nil
	}
	return k.renew(ctx, value, false)
}

// Renew gets a token that is not refused. When another caller has already got a
// newer one, or is getting it, that one is returned.
func (k *Keeper) Renew(ctx context.Context, refused string) (string, error) {
	return k.renew(ctx, refused, true)
}

func (k *Keeper) renew(ctx context.Context, held string, refused bool) (string, error) {
	k.mu.Lock()
	if k.token.Value != "" && k.token.Value != held && k.left() > 0 {
		defer k.mu.Unlock()
		return k.token.Value, nil
	}
	f := k.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		k.flight = f
		go k.fetch(context.WithoutCancel(ctx), f, refused)
	}
	k.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return "", fault.Wrap(ctx.Err(), fault.Cancelled, "the request was cancelled")
	}
}

func (k *Keeper) fetch(ctx context.Context, f *flight, refused bool) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	asked := k.cfg.Now() // the earlier end of the round trip: never later than the truth
	token, err := k.cfg.Source.Fetch(ctx, refused)
	if err == nil && (token.Value == "" || len(token.Value) > MaxToken || token.Lifetime <= 0) {
		err = fault.New(fault.Unauthenticated, unusable)
	}
	k.mu.Lock()
	if err == nil {
		k.token, k.received = token, asked
	}
	f.token, f.err = token.Value, err
	k.flight = nil
	status := Status{Until: k.until(), Err: err}
	k.mu.Unlock()
	if k.cfg.Changed != nil {
		k.cfg.Changed(status)
	}
	close(f.done)
}

func (k *Keeper) until() time.Time {
	if k.token.Value == "" {
		return time.Time{}
	}
	return k.received.Add(k.token.Lifetime)
}

func (k *Keeper) left() time.Duration { return k.until().Sub(k.cfg.Now()) }

// RenewIn says how long to wait before renewing: never longer than a browser's
// timer can, so the caller asks again when it fires. Zero means now. jitter is
// between 0 and 1 and spreads many tabs.
func (k *Keeper) RenewIn(jitter float64) time.Duration {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.token.Value == "" {
		return 0
	}
	return Plan(k.token.Lifetime, k.cfg.Now().Sub(k.received), jitter)
}

// Due reports whether the token should be renewed now: after a computer woke
// up, timers have not run.
func (k *Keeper) Due() bool { return k.RenewIn(0) == 0 }

// Plan is the rule: at 80 % of the lifetime, up to 5 % earlier by jitter, and at
// least Lead before the end unless the token is too short for that.
func Plan(lifetime, age time.Duration, jitter float64) time.Duration {
	at := lifetime*8/10 - time.Duration(float64(lifetime)*0.05*min(max(jitter, 0), 1))
	if lifetime > 2*Lead {
		at = min(at, lifetime-Lead)
	}
	return min(max(at-age, 0), MaxTimer)
}

// Refresh gets a new token now, whatever the age of the one that is held.
func (k *Keeper) Refresh(ctx context.Context) error {
	k.mu.Lock()
	held := k.token.Value
	k.mu.Unlock()
	_, err := k.renew(ctx, held, false)
	return err
}
