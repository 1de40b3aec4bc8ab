package approver

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/jws"
)

func TestABatchIsSignedWithSoftHSMAfterOnePIN(t *testing.T) {
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		t.Run(curve, func(t *testing.T) {
			g, _ := onToken(t, curve)
			l := g.mustOpen(g.mustConnect(), "mem_alice")
			p := l.pile(frame.MaxBatch)
			results, errs := p.decide(t.Context())
			for i, err := range errs {
				if err != nil {
					t.Fatalf("item %d: %v", i+1, err)
				}
				l.verify(p.requests[i], results[i])
			}
			shown, pins := g.person.questions()
			if len(shown) != 2 || len(pins) != 1 || !strings.Contains(shown[1].Text, "4 000.00 EUR") {
				t.Errorf("shown %q, PINs %d", shown, len(pins))
			}
		})
	}
}

func TestASoftHSMTokenPulledWhileABatchIsReadSignsNothing(t *testing.T) {
	g, token := onToken(t, jws.Secp256k1)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	g.person.answer(func(context.Context, consent.Question) error { token.Pull(t); return nil })
	_, errs := l.pile(3).decide(t.Context())
	for i, err := range errs {
		switch fault.CodeOf(err) {
		case fault.DeviceRemoved, fault.DeviceFailed:
		default:
			t.Errorf("item %d: %v", i+1, err)
		}
	}
	if slices.Contains(g.events(), journal.Signed) {
		t.Error("something was signed")
	}
}

// eachTime is a key that wants the PIN at each use.
type eachTime struct {
	keys.Key
	ask func(context.Context) ([]byte, error)
}

func (k *eachTime) Info() keys.Info {
	info := k.Key.Info()
	info.AlwaysAuth = true
	return info
}

func (k *eachTime) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	pin, err := k.ask(ctx)
	if err != nil {
		return nil, err
	}
	if string(pin) != "1234-alice" {
		return nil, fault.New(fault.PINIncorrect, "the PIN is wrong")
	}
	return k.Key.SignDigest(ctx, digest)
}

// WithPIN hands the question on to a key that wants its PIN at each use.
func (k *drawerKey) WithPIN(ask func(context.Context) ([]byte, error)) keys.Key {
	return &drawerKey{Key: &eachTime{Key: k.Key.(*eachTime).Key, ask: ask}, d: k.d, dev: k.dev}
}

// eachTime makes the approval key of alice one that wants its PIN at each use.
func (g *rig) eachTime() {
	g.drawer.mu.Lock()
	defer g.drawer.mu.Unlock()
	const uri = "pkcs11:token=alice;object=approval"
	g.drawer.keys[uri] = &eachTime{Key: g.drawer.keys[uri]}
}

func TestAKeyThatWantsItsPINEachTimeSaysWhichItemOfTheBatchItIsFor(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.eachTime()
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	_, before := g.person.questions()
	p := l.pile(3)
	results, errs := p.decide(t.Context())
	for i, err := range errs {
		if err != nil {
			t.Fatalf("item %d: %v", i+1, err)
		}
		l.verify(p.requests[i], results[i])
	}
	_, pins := g.person.questions()
	if pins = pins[len(before):]; len(pins) != 3 {
		t.Fatalf("%d PINs were asked for", len(pins))
	}
	for i, q := range pins {
		if want := fmt.Sprintf("Its PIN signs item %d of 3: 250.00 EUR for 0.1 ETH (ethereum).", i+1); q.Reason != want {
			t.Errorf("PIN %d: %q, want %q", i+1, q.Reason, want)
		}
	}
}

func TestAPINThatIsNotGivenForAnItemEndsTheBatchThere(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.eachTime()
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	asked := 0
	pin := g.person.pin
	g.person.pin = func(ctx context.Context, q consent.PINQuestion) ([]byte, error) {
		if strings.Contains(q.Reason, "item") {
			if asked++; asked == 2 {
				return nil, fault.New(fault.Declined, "no")
			}
		}
		return pin(ctx, q)
	}
	_, errs := l.pile(3).decide(t.Context())
	if got := codes(errs); !slices.Equal(got, []fault.Code{"", fault.Declined, fault.Declined}) || asked != 2 {
		t.Errorf("%v, asked %d times", errs, asked)
	}
}

// pulling are devices whose approval key pulls its token after n signatures.
type pulling struct {
	Devices
	n    int
	pull func()
}

func (d *pulling) Key(ctx context.Context, uri string) (keys.Key, error) {
	k, err := d.Devices.Key(ctx, uri)
	if err == nil && strings.Contains(uri, "approval") {
		k = &after{Key: k, n: d.n, do: d.pull}
	}
	return k, err
}

func TestASoftHSMTokenPulledAfterTwoOfFiveLeavesTwoSignedAndThreeRemoved(t *testing.T) {
	g, token := onToken(t, jws.Secp256k1)
	g.stop()
	g.serve(&pulling{Devices: g.bridge.deps.Devices, n: 2, pull: func() { token.Pull(t) }})
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	p := l.pile(5)
	results, errs := p.decide(t.Context())
	if got := codes(errs); !slices.Equal(got, []fault.Code{"", "", fault.DeviceRemoved, fault.DeviceRemoved, fault.DeviceRemoved}) {
		t.Fatalf("%v", errs)
	}
	l.verify(p.requests[0], results[0])
	l.verify(p.requests[1], results[1])
	signed := 0
	for _, kind := range g.events() {
		if kind == journal.Signed {
			signed++
		}
	}
	if signed != 2 {
		t.Errorf("journal %v", g.events())
	}
}
