package core

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/gatewayclient"
	"countersign/wasm/internal/relay"
)

// memory is a store.
type memory struct {
	mu     sync.Mutex
	values map[string]string
}

func (m *memory) Get(_ context.Context, name string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.values[name], nil
}

func (m *memory) Set(_ context.Context, name, value string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[name] = value
	return nil
}

func (m *memory) Delete(ctx context.Context, name string) error { return m.Set(ctx, name, "") }

// away is a world in which nothing answers.
type away struct{ asked chan bool }

func (a away) Fetch(_ context.Context, refused bool) (auth.Token, error) {
	if a.asked != nil {
		a.asked <- refused
	}
	return auth.Token{}, fault.New(fault.Unavailable, "down")
}

func (away) Do(context.Context, gatewayclient.Request) (*gatewayclient.Response, error) {
	return nil, errors.New("down")
}

func alone(t *testing.T) *Core {
	t.Helper()
	c := New(Config{Origin: "http://page", Store: &memory{values: map[string]string{}}, Tokens: away{}, Fetch: away{}, Now: time.Now, Rand: strings.NewReader(strings.Repeat("r", 64))})
	t.Cleanup(c.Close)
	return c
}

func noKey(context.Context) (link.DH, error) { return nil, errors.New("this browser has no X25519") }

// follow collects the states of the bridge that are told.
func follow(c *Core) chan BridgeChanged {
	told := make(chan BridgeChanged, 16)
	c.Subscribe(func(e any) {
		if b, ok := e.(BridgeChanged); ok {
			told <- b
		}
	})
	return told
}

// Of two attempts only the newer one is heard of.
func TestANewAttemptReplacesTheOneBefore(t *testing.T) {
	t.Parallel()
	c := alone(t)
	told := follow(c)
	first, second := c.newSearch(true), c.newSearch(true)
	if first.ctx.Err() == nil || second.ctx.Err() != nil {
		t.Error("the first attempt goes on")
	}
	c.about(first, BridgeChanged{State: BridgePairing, Code: "000000"})
	c.about(second, BridgeChanged{State: BridgePairing, Code: "123456"})
	if e := <-told; e.Code != "123456" {
		t.Errorf("told of %s", e.Code)
	}
}

func TestAnAttemptServesAllWhoAskForAsMuch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		running bool // an attempt with a gesture, else one without
		over    bool
		how     Connect
		joins   bool
	}{
		{"without a gesture, to one with", true, false, Connect{}, true},
		{"with a gesture, to one with", true, false, Connect{Gesture: true}, true},
		{"with a gesture, to one without", false, false, Connect{Gesture: true}, false},
		{"to one that has ended", true, true, Connect{}, false},
		{"to forget", true, false, Connect{Gesture: true, Forget: true}, false},
		{"to a typed name", true, false, Connect{Gesture: true, Relay: "name"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := alone(t)
			c.cfg.LinkKey = noKey
			a := c.newSearch(test.running)
			c.about(a, BridgeChanged{State: BridgePairing, Code: "123456"})
			if test.over {
				c.about(a, BridgeChanged{State: BridgeFailed})
			}
			var told []any
			c.Connect(test.how, func(e any) { told = append(told, e) })
			c.mu.Lock()
			joined := c.search == a
			c.mu.Unlock()
			if joined != test.joins || joined != (len(told) == 1) {
				t.Errorf("joined %v and told %v", joined, told)
			}
		})
	}
}

func TestWhoComesLaterIsToldHowItStands(t *testing.T) {
	t.Parallel()
	c := alone(t)
	a := c.newSearch(true)
	c.about(a, BridgeChanged{State: BridgeReady, Name: "Bridge"})
	c.tell(DevicesChanged{Identities: []frame.Identity{{Member: "mem_alice"}}})
	c.tell(ClockSet{Skew: time.Hour})
	c.Visible(false)
	c.Online(false)
	var told []any
	stop := c.Subscribe(func(e any) { told = append(told, e) })
	stop()
	c.Online(true)
	var bridge, clock, online, visible bool
	for _, e := range told {
		switch e := e.(type) {
		case BridgeChanged:
			bridge = e.State == BridgeReady && len(e.Identities) == 1
		case ClockSet:
			clock = e.Skew == time.Hour
		case NetworkChanged:
			online = !e.Online
		case Visible:
			visible = !e.On
		}
	}
	if !bridge || !clock || !online || !visible {
		t.Errorf("told %v", told)
	}
}

func TestOneDecisionAtATime(t *testing.T) {
	t.Parallel()
	c := alone(t)
	d := Decision{Entity: "ent_a", Member: "mem_alice", Decision: frame.Approve, Requests: []string{"req_a", "req_b"}}
	if _, err := c.Decide(t.Context(), d, func(any) {}); fault.CodeOf(err) != fault.NotPaired {
		t.Errorf("without a bridge: %v", err)
	}
	asked := make(chan struct{})
	c.relay = relay.New(stuck{asked}, records{c.gateway})
	ctx, cancel := context.WithCancel(t.Context())
	var mine []any
	ended := make(chan error)
	go func() {
		_, err := c.Decide(ctx, d, func(e any) { mine = append(mine, e) })
		ended <- err
	}()
	<-asked
	if _, err := c.Decide(t.Context(), d, func(any) {}); fault.CodeOf(err) != fault.Busy {
		t.Errorf("a second one: %v", err)
	}
	var others []any
	c.DecideAll(t.Context(), d, func(e any) { others = append(others, e) })
	if len(others) != 2 || fault.CodeOf(others[1].(ItemEnded).Err) != fault.Busy {
		t.Errorf("several: %v", others)
	}
	all := 0
	c.Subscribe(func(e any) {
		if _, ok := e.(PromptShown); ok {
			all++
		}
	})
	c.step(PromptShown{Text: "for one"})
	cancel()
	if err := <-ended; fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("cancelled: %v", err)
	}
	c.step(PromptShown{Text: "for all"})
	if len(mine) != 1 || all != 1 {
		t.Errorf("the one who decides was told %v, all others %d times", mine, all)
	}
}

// stuck is a bridge that does not answer.
type stuck struct{ asked chan struct{} }

func (s stuck) Call(ctx context.Context, _ string, _, _ any) error {
	select {
	case s.asked <- struct{}{}:
	default:
	}
	<-ctx.Done()
	return ctx.Err()
}

func TestAWorldInWhichNothingAnswersIsReported(t *testing.T) {
	t.Parallel()
	c := alone(t)
	_, err := Get[struct{}](t.Context(), c, "/v1/clock")
	if fault.CodeOf(err) != fault.Unavailable {
		t.Error(err)
	}
	c.cfg.LinkKey = noKey
	told := follow(c)
	c.Connect(Connect{Gesture: true}, func(any) {})
	if e := <-told; e.State != BridgeFailed || bridgeclient.ProblemOf(e.Err) != "" || fault.CodeOf(e.Err) != fault.Internal {
		t.Errorf("%+v", e)
	}
}

func TestValuesOfAQueryAreEscaped(t *testing.T) {
	t.Parallel()
	if got := Escape("ethereum/erc20/usd__coin&x=ü"); got != "ethereum%2Ferc20%2Fusd__coin%26x%3D%C3%BC" {
		t.Error(got)
	}
}
