package auth

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"countersign/shared/fault"
)

func TestPlan(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name          string
		lifetime, age time.Duration
		jitter        float64
		want          time.Duration
	}{
		{"at 80 percent", 900 * time.Second, 0, 0, 720 * time.Second},
		{"earlier with jitter", 900 * time.Second, 0, 1, 675 * time.Second},
		{"at least the lead before the end", 100 * time.Second, 0, 0, 70 * time.Second},
		{"a short token", 20 * time.Second, 0, 0, 16 * time.Second},
		{"already late", 900 * time.Second, 800 * time.Second, 0, 0},
		{"longer than a timer can wait", 400 * 24 * time.Hour, 0, 0, MaxTimer},
		{"jitter out of range", 900 * time.Second, 0, 7, 675 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := Plan(tt.lifetime, tt.age, tt.jitter); got != tt.want {
				t.Errorf("%v, want %v", got, tt.want)
			}
		})
	}
}

// gate answers when it is told to.
type gate struct {
	mu    sync.Mutex
	calls int
	next  func(n int) (Token, error)
	hold  chan struct{}
}

func (g *gate) Fetch(context.Context, bool) (Token, error) {
	g.mu.Lock()
	g.calls++
	n := g.calls
	g.mu.Unlock()
	if g.hold != nil {
		<-g.hold
	}
	return g.next(n)
}

func numbered(n int) (Token, error) {
	return Token{Value: "token" + string(rune('0'+n)), Lifetime: 15 * time.Minute}, nil
}

func TestManyCallersShareOneRenewal(t *testing.T) {
	t.Parallel()
	g := &gate{next: numbered, hold: make(chan struct{})}
	k := NewKeeper(Config{Source: g, Now: time.Now})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if v, err := k.Token(t.Context()); v != "token1" || err != nil {
				t.Errorf("%q %v", v, err)
			}
		})
	}
	close(g.hold)
	wg.Wait()
	if g.calls != 1 {
		t.Errorf("%d tokens were fetched", g.calls)
	}
	if v, err := k.Renew(t.Context(), "an older token"); v != "token1" || err != nil {
		t.Errorf("a token that was not refused is kept: %q %v", v, err)
	}
	if v, err := k.Renew(t.Context(), "token1"); v != "token2" || err != nil {
		t.Errorf("after a refusal: %q %v", v, err)
	}
}

func TestAnExpiredTokenIsNotGiven(t *testing.T) {
	t.Parallel()
	now := time.Now()
	k := NewKeeper(Config{Source: &gate{next: numbered}, Now: func() time.Time { return now }})
	if !k.Due() {
		t.Error("without a token, one is due")
	}
	first, err := k.Token(t.Context())
	if err != nil || k.Due() {
		t.Fatal(err, k.Due())
	}
	now = now.Add(16 * time.Minute)
	if second, err := k.Token(t.Context()); err != nil || second == first {
		t.Errorf("%q after %q, %v", second, first, err)
	}
}

func TestAFailureKeepsTheTokenThatIsHeld(t *testing.T) {
	t.Parallel()
	var seen []Status
	g := &gate{next: func(n int) (Token, error) {
		if n == 2 {
			return Token{}, errors.New("down")
		}
		return numbered(n)
	}}
	k := NewKeeper(Config{Source: g, Now: time.Now, Changed: func(s Status) { seen = append(seen, s) }})
	if _, err := k.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.Refresh(t.Context()); err == nil {
		t.Fatal("the failure is not told")
	}
	if v, err := k.Token(t.Context()); v != "token1" || err != nil {
		t.Errorf("%q %v", v, err)
	}
}

func TestAnUnusableTokenIsRefused(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]Token{"empty": {Lifetime: time.Minute}, "without life": {Value: "x"}, "too long": {Value: string(make([]byte, MaxToken+1)), Lifetime: time.Minute}} {
		k := NewKeeper(Config{Source: &gate{next: func(int) (Token, error) { return token, nil }}, Now: time.Now})
		if _, err := k.Token(t.Context()); fault.CodeOf(err) != fault.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatThePageSaysAboutATokenIsReadStrictly(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct {
		token Token
		code  fault.Code
	}{
		`{"access_token":"a","token_type":"bearer","expires_in":900}`:               {Token{"a", 15 * time.Minute}, ""},
		`{"access_token":"a","token_type":"Bearer","expires_in":3155760000}`:        {Token{}, fault.Unauthenticated},
		`{"access_token":"a","token_type":"Bearer","expires_in":0}`:                 {Token{}, fault.Unauthenticated},
		`{"access_token":"a","token_type":"MAC","expires_in":900}`:                  {Token{}, fault.Unauthenticated},
		`{"access_token":"a","token_type":"Bearer","expires_in":900,"refresh":"x"}`: {Token{}, fault.Unauthenticated},
		`{"error":{"code":"AUTHENTICATION_ERROR","message":"signed out"}}`:          {Token{}, fault.Unauthenticated},
		`{"error":{"code":"UNAVAILABLE","message":"the back end does not answer"}}`: {Token{}, fault.Unavailable},
		`<html>`: {Token{}, fault.Unauthenticated},
	} {
		got, err := Read([]byte(in))
		if got != want.token || fault.CodeOf(err) != want.code {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"access_token":"a","token_type":"Bearer","expires_in":900}`))
	f.Add([]byte(`{"error":{"code":"TIMEOUT","message":"m"}}`))
	f.Fuzz(func(t *testing.T, reply []byte) {
		if token, err := Read(reply); err == nil && token.Lifetime <= 0 {
			t.Errorf("%q lives %s", reply, token.Lifetime)
		}
	})
}
