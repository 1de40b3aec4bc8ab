package channel

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/id"
)

const entity = "ent_sandbox"

var suites = []Suite{Secp256k1, P256}

// softKey is a Static in memory.
type softKey struct {
	curve           curve
	private, public []byte
	uses            int
	err             error
}

func (k *softKey) Public() []byte { return k.public }

func (k *softKey) ECDH(ctx context.Context, peer []byte) ([]byte, error) {
	k.uses++
	if k.err != nil {
		return nil, k.err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return k.curve.ecdh(k.private, peer)
}

func newKey(t testing.TB, s Suite, random io.Reader) *softKey {
	t.Helper()
	c, _, _, err := s.parts()
	if err != nil {
		t.Fatal(err)
	}
	private, public, err := c.generate(random)
	if err != nil {
		t.Fatal(err)
	}
	return &softKey{curve: c, private: private, public: public}
}

// ends are a bridge, a signer and what happens to the acts between them.
type ends struct {
	suite          Suite
	bridge, signer *softKey
	offered        map[Suite]Static // by the signer; the one of suite when nil
	remote         []byte           // what the bridge takes for the signer's key
	signerEntity   string
	payload        []byte
	change         func(act int, record []byte) []byte
	clock          *clock
}

type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newEnds(t testing.TB, s Suite) ends {
	t.Helper()
	return ends{suite: s, bridge: newKey(t, s, rand.Reader), signer: newKey(t, s, rand.Reader), payload: []byte("certificate")}
}

func (e ends) connect(ctx context.Context) (bridge, signer *Session, payload []byte, err error) {
	if e.change == nil {
		e.change = func(_ int, r []byte) []byte { return r }
	}
	if e.clock == nil {
		e.clock = &clock{now: time.Unix(1_800_000_000, 0)}
	}
	if e.remote == nil {
		e.remote = e.signer.Public()
	}
	if e.signerEntity == "" {
		e.signerEntity = entity
	}
	if e.offered == nil {
		e.offered = map[Suite]Static{e.suite: e.signer}
	}
	i, err := NewInitiator(InitiatorConfig{Suite: e.suite, Static: e.bridge, Remote: e.remote, Entity: entity, Rand: rand.Reader, Now: e.clock.Now})
	if err != nil {
		return nil, nil, nil, err
	}
	r, err := NewResponder(ResponderConfig{Statics: e.offered, Entity: e.signerEntity, Rand: rand.Reader, Now: e.clock.Now})
	if err != nil {
		return nil, nil, nil, err
	}
	act1, err := i.Start(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	act2, err := r.Accept(ctx, e.change(1, act1))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("signer: %w", err)
	}
	act3, bridge, err := i.Finish(ctx, e.change(2, act2), e.payload)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("bridge: %w", err)
	}
	payload, signer, err = r.Finish(ctx, e.change(3, act3))
	if err != nil {
		return nil, nil, nil, fmt.Errorf("signer: %w", err)
	}
	return bridge, signer, payload, nil
}

func connected(t testing.TB, e ends) (bridge, signer *Session) {
	t.Helper()
	bridge, signer, _, err := e.connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return bridge, signer
}

func TestBothEndsAgree(t *testing.T) {
	t.Parallel()
	for _, s := range suites {
		t.Run(s.String(), func(t *testing.T) {
			e := newEnds(t, s)
			bridge, signer, payload, err := e.connect(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if string(payload) != "certificate" {
				t.Errorf("payload %q", payload)
			}
			if !bytes.Equal(bridge.HandshakeHash(), signer.HandshakeHash()) || bridge.ID() != signer.ID() || !id.Valid(bridge.ID()) {
				t.Errorf("names %s and %s", bridge.ID(), signer.ID())
			}
			if !bytes.Equal(signer.RemoteStatic(), e.bridge.Public()) || !bytes.Equal(bridge.RemoteStatic(), e.signer.Public()) {
				t.Error("an end does not know the other's key")
			}
			if e.bridge.uses != 1 || e.signer.uses != 1 {
				t.Errorf("the tokens derived %d and %d times", e.bridge.uses, e.signer.uses)
			}
			for i := range 3 {
				for _, way := range [][2]*Session{{bridge, signer}, {signer, bridge}} {
					record, err := way[0].Seal([]byte{byte(i)})
					if err != nil {
						t.Fatal(err)
					}
					got, err := way[1].Open(record)
					if err != nil || !bytes.Equal(got, []byte{byte(i)}) {
						t.Fatalf("%v, %v", got, err)
					}
				}
			}
		})
	}
}

func TestSuiteFor(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Suite{"secp256k1": Secp256k1, "P-256": P256} {
		if got, err := SuiteFor(name); got != want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if _, err := SuiteFor("Ed25519"); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Error(err)
	}
}

func flip(act, at int) func(int, []byte) []byte {
	return func(n int, r []byte) []byte {
		if n == act {
			r = bytes.Clone(r)
			if at < 0 {
				at += len(r)
			}
			r[at] ^= 1
		}
		return r
	}
}

func resize(act, by int) func(int, []byte) []byte {
	return func(n int, r []byte) []byte {
		switch {
		case n != act:
			return r
		case by < 0:
			return r[:max(0, len(r)+by)]
		}
		return append(bytes.Clone(r), make([]byte, by)...)
	}
}

func TestHandshakeRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range suites {
		other := Secp256k1 + P256 - s
		stranger := newKey(t, s, rand.Reader)
		foreign := newKey(t, other, rand.Reader)
		tests := map[string]struct {
			change func(*ends)
			want   fault.Code
		}{
			"another signer":             {func(e *ends) { e.remote = stranger.Public() }, fault.RecordInvalid},
			"another entity":             {func(e *ends) { e.signerEntity = "ent_other" }, fault.RecordInvalid},
			"suite that is not offered":  {func(e *ends) { e.offered = map[Suite]Static{other: foreign} }, fault.Version},
			"key of the wrong curve":     {func(e *ends) { e.offered = map[Suite]Static{s: foreign} }, ""},
			"signer's key uncompressed":  {func(e *ends) { e.remote = make([]byte, 65) }, fault.KeyUnsuited},
			"signer's key not on curve":  {func(e *ends) { e.remote = offCurve(s) }, fault.KeyUnsuited},
			"certificate too long":       {func(e *ends) { e.payload = make([]byte, MaxPayload+1) }, fault.TooLarge},
			"version of act 1":           {func(e *ends) { e.change = flip(1, 0) }, fault.Version},
			"version of act 2":           {func(e *ends) { e.change = flip(2, 0) }, fault.Version},
			"version of act 3":           {func(e *ends) { e.change = flip(3, 0) }, fault.Version},
			"suite of act 2":             {func(e *ends) { e.change = flip(2, 1) }, fault.RecordInvalid},
			"suite of act 3":             {func(e *ends) { e.change = flip(3, 1) }, fault.RecordInvalid},
			"tag of act 1":               {func(e *ends) { e.change = flip(1, -1) }, fault.RecordInvalid},
			"tag of act 2":               {func(e *ends) { e.change = flip(2, -1) }, fault.RecordInvalid},
			"bridge's key in act 3":      {func(e *ends) { e.change = flip(3, 5) }, fault.RecordInvalid},
			"certificate in act 3":       {func(e *ends) { e.change = flip(3, -20) }, fault.RecordInvalid},
			"empty act 1":                {func(e *ends) { e.change = resize(1, -1000) }, fault.RecordInvalid},
			"act 1 too short":            {func(e *ends) { e.change = resize(1, -1) }, fault.RecordInvalid},
			"act 1 too long":             {func(e *ends) { e.change = resize(1, 1) }, fault.RecordInvalid},
			"act 2 too short":            {func(e *ends) { e.change = resize(2, -1) }, fault.RecordInvalid},
			"act 2 too long":             {func(e *ends) { e.change = resize(2, 1) }, fault.RecordInvalid},
			"act 3 too short":            {func(e *ends) { e.change = resize(3, -30) }, fault.RecordInvalid},
			"act 3 too long":             {func(e *ends) { e.change = resize(3, 2*MaxPayload) }, fault.RecordInvalid},
			"ephemeral uncompressed":     {func(e *ends) { e.change = ephemeral(1, append([]byte{4}, make([]byte, 32)...)) }, fault.KeyUnsuited},
			"ephemeral not on the curve": {func(e *ends) { e.change = ephemeral(1, offCurve(s)) }, fault.KeyUnsuited},
			"signer's ephemeral zero":    {func(e *ends) { e.change = ephemeral(2, make([]byte, 33)) }, fault.KeyUnsuited},
		}
		for name, tc := range tests {
			t.Run(s.String()+"/"+name, func(t *testing.T) {
				e := newEnds(t, s)
				tc.change(&e)
				_, _, _, err := e.connect(t.Context())
				if err == nil {
					t.Fatal("the handshake went through")
				}
				if got := fault.CodeOf(err); tc.want != "" && got != tc.want {
					t.Errorf("code %q, want %q: %v", got, tc.want, err)
				}
			})
		}
	}
}

func ephemeral(act int, point []byte) func(int, []byte) []byte {
	return func(n int, r []byte) []byte {
		if n == act {
			r = bytes.Clone(r)
			copy(r[actHeader:], point)
		}
		return r
	}
}

// offCurve is a compressed point whose x has no y.
func offCurve(s Suite) []byte {
	c, _, _, _ := s.parts()
	p := make([]byte, pointSize)
	p[0] = 2
	for p[32] = 1; c.check(p) == nil; p[32]++ {
	}
	return p
}

func TestErrorsOfTheTokenArePassedOn(t *testing.T) {
	t.Parallel()
	removed := fault.New(fault.DeviceRemoved, "the token was removed")
	for _, s := range suites {
		for name, fail := range map[string]func(*ends, error){
			"bridge": func(e *ends, err error) { e.bridge.err = err },
			"signer": func(e *ends, err error) { e.signer.err = err },
		} {
			e := newEnds(t, s)
			fail(&e, removed)
			if _, _, _, err := e.connect(t.Context()); fault.CodeOf(err) != fault.DeviceRemoved {
				t.Errorf("%v, %s: %v", s, name, err)
			}
			e = newEnds(t, s)
			fail(&e, io.ErrClosedPipe)
			if _, _, _, err := e.connect(t.Context()); !errors.Is(err, io.ErrClosedPipe) || fault.CodeOf(err) == fault.RecordInvalid {
				t.Errorf("%v, %s, plain error: %v", s, name, err)
			}
		}
	}
}

func TestTheContextReachesTheToken(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, _, err := newEnds(t, P256).connect(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// zeroKey derives what no honest key derives.
type zeroKey struct {
	Static
	secret []byte
}

func (z zeroKey) ECDH(context.Context, []byte) ([]byte, error) { return z.secret, nil }

func TestASecretThatIsNotSecretIsRefused(t *testing.T) {
	t.Parallel()
	for _, s := range suites {
		for name, secret := range map[string][]byte{"zero": make([]byte, 32), "short": make([]byte, 31), "none": nil, "long": bytes.Repeat([]byte{1}, 33)} {
			e := newEnds(t, s)
			e.offered = map[Suite]Static{s: zeroKey{e.signer, secret}}
			if _, _, _, err := e.connect(t.Context()); fault.CodeOf(err) != fault.KeyUnsuited {
				t.Errorf("%v, %s: %v", s, name, err)
			}
		}
	}
}

func TestStepsHappenOnceAndInOrder(t *testing.T) {
	t.Parallel()
	e := newEnds(t, Secp256k1)
	now := time.Now
	i, err := NewInitiator(InitiatorConfig{Suite: e.suite, Static: e.bridge, Remote: e.signer.Public(), Entity: entity, Rand: rand.Reader, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewResponder(ResponderConfig{Statics: map[Suite]Static{e.suite: e.signer}, Entity: entity, Rand: rand.Reader, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := i.Finish(t.Context(), nil, nil); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("Finish before Start: %v", err)
	}
	if _, _, err := r.Finish(t.Context(), nil); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("Finish before Accept: %v", err)
	}
	act1, err := i.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Start(t.Context()); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("Start twice: %v", err)
	}
	if _, err := r.Accept(t.Context(), act1[:9]); fault.CodeOf(err) != fault.RecordInvalid {
		t.Errorf("a piece of act 1: %v", err)
	}
	if _, err := r.Accept(t.Context(), act1); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("Accept after a failure: %v", err)
	}
}

func BenchmarkHandshake(b *testing.B) {
	for _, s := range suites {
		b.Run(s.String(), func(b *testing.B) {
			e := newEnds(b, s)
			for b.Loop() {
				if _, _, _, err := e.connect(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRecord(b *testing.B) {
	for _, s := range suites {
		b.Run(s.String(), func(b *testing.B) {
			bridge, signer := connected(b, newEnds(b, s))
			message := make([]byte, 2000)
			for b.Loop() {
				r, err := bridge.Seal(message)
				if err == nil {
					_, err = signer.Open(r)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
