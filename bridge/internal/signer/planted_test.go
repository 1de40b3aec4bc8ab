package signer

import (
	"bytes"
	"crypto/rand"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/eip55"
	"countersign/shared/fault"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/softhsm"
)

// stranger is somebody who can open the vault token without its PIN, and knows the
// private half of what they plant.
type stranger struct {
	t     *testing.T
	token *softhsm.Token
	keys  []jws.PublicKey
}

// plant makes, under each label, every object that a session without the PIN can
// make: a public key, a private key of a known value, a pair that the token made,
// and a data object with the largest number.
func (s *stranger) plant(labels ...string) {
	s.t.Helper()
	var acts []softhsm.Planted
	for _, label := range labels {
		for _, curve := range []string{jws.Secp256k1, jws.P256} {
			k, err := keys.NewMemory(curve, rand.Reader)
			if err != nil {
				s.t.Fatal(err)
			}
			s.keys = append(s.keys, k.PublicKey())
			scalar := make([]byte, 32)
			scalar[31] = 7
			acts = append(acts,
				softhsm.Planted{Act: softhsm.PlantPublic, Label: label, ID: []byte(label), Curve: curve, Point: k.PublicKey().Uncompressed()},
				softhsm.Planted{Act: softhsm.PlantPrivate, Label: label, ID: []byte(label), Curve: curve, Value: scalar},
				softhsm.Planted{Act: softhsm.PlantPair, Label: label, ID: []byte(label), Curve: curve})
		}
		acts = append(acts, softhsm.Planted{Act: softhsm.PlantData, Label: label, Application: "countersign",
			ID: bytes.Repeat([]byte{0xff}, 8), Value: []byte(`{"size":1,"head":"planted"}`)})
	}
	s.token.Plant(s.t, acts...)
}

// owns reports whether a key, or its address, is one of the stranger's.
func (s *stranger) owns(j jwk.Key, address string) bool {
	return slices.ContainsFunc(s.keys, func(k jws.PublicKey) bool {
		return k.JWK() == j || address == eip55.Of(k.Uncompressed()[1:])
	})
}

var allLabels = []string{labelStatement, labelChannelK1, labelChannelP, labelAccount + treasury, labelDeposit + testReq, depositLabel(treasury, 0), depositLabel(treasury, 1), watermarkLabel}

// TestWhatIsPlantedInTheVaultTokenIsNotBelieved plants objects at each moment
// of a vault's life. The test is not parallel: SoftHSM has one configuration in a
// process.
func TestWhatIsPlantedInTheVaultTokenIsNotBelieved(t *testing.T) {
	for moment, when := range map[string]struct{ beforeInit, beforeServe, whileServing bool }{
		"before init":            {beforeInit: true},
		"between init and serve": {beforeServe: true},
		"while serving":          {whileServing: true},
		"always":                 {true, true, true},
	} {
		t.Run(moment, func(t *testing.T) {
			token := softhsm.New(t, softhsm.Spec{Label: "vault"})
			cfg := configOf(t, token)
			them := &stranger{t: t, token: token}
			at := func(now bool) {
				if now {
					them.plant(allLabels...)
				}
			}
			at(when.beforeInit)
			g, e := initProgram(t, cfg)
			for _, j := range append(e.File.ChannelKeys, e.File.StatementKey) {
				if them.owns(j, "") {
					t.Fatalf("a planted key was pinned: %+v", e.File)
				}
			}
			at(when.beforeServe)
			p := startProgram(t, cfg, openHSM)
			at(when.whileServing)
			approve(t, g, p, e, them, testReq)
			p.end()

			token.Plant(t, softhsm.Planted{Act: softhsm.RemoveAll}) // what shows without the PIN is nothing of the vault's
			p = startProgram(t, cfg, openHSM)
			approve(t, g, p, e, them, "req_bbbbbbbbbbbbbbbbbbbbbbbbbb")
			p.end()
		})
	}
}

// approve plays a request up to its approval by Alice, and checks that the address
// is none of the stranger's.
func approve(t *testing.T, g *rig, p *program, e Enrolment, them *stranger, id string) {
	t.Helper()
	in := g.input(id)
	in.ExpiresAt = soon()
	var r wire.SignerRequest
	if code := p.call("POST", "/v1/requests", in, &r); code != "" {
		t.Fatalf("a request: %s", code)
	}
	key, err := jws.FromJWK(e.File.StatementKey)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := jws.Verify(r.Attestation, statement.TypAddress, key)
	if err != nil {
		t.Fatal(err)
	}
	a, err := statement.Decode[statement.Address](payload)
	if err != nil {
		t.Fatal(err)
	}
	if them.owns(a.PublicKey, a.Address) || a.Address != intenttest.Buy(r.Intent).Address {
		t.Fatalf("a planted address was attested: %+v", a)
	}
	alice, code := membertest.Connect(t, p.call, g.people["mem_alice"], e.File)
	if code != "" {
		t.Fatalf("a channel: %s", code)
	}
	if _, _, err := alice.Decide(id, statement.Approve); err != nil {
		t.Fatal(err)
	}
}

// TestPlantedObjectsAreNamedInTheLogOnce: the service goes on, and says so.
func TestPlantedObjectsAreNamedInTheLogOnce(t *testing.T) {
	token := softhsm.New(t, softhsm.Spec{Label: "vault"})
	them := &stranger{t: t, token: token}
	them.plant(labelStatement)
	var out syncBuffer
	v, done, err := openHSM(t.Context(), configOf(t, token), slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := v.Key(t.Context(), statementKey()); fault.CodeOf(err) != fault.KeyMissing {
		t.Errorf("a key that is only planted: %v", err)
	}
	for range 3 {
		if _, err := keyOrNew(t.Context(), v, statementKey()); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "label=statement"); n != 1 {
		t.Errorf("it was told %d times:\n%s", n, out.String())
	}
}

// TestKeysThatInitDidNotMakeAreRefused walks keys that the PIN's holder may have
// put there: made for two purposes, for another one, or on another curve.
func TestKeysThatInitDidNotMakeAreRefused(t *testing.T) {
	token := softhsm.New(t, softhsm.Spec{Label: "vault", Keys: []softhsm.Key{
		{Label: "statement", Curve: jws.Secp256k1, Sign: true, Derive: true},
		{Label: "channel-secp256k1", Curve: jws.Secp256k1, Sign: true},
	}})
	v, done, err := openHSM(t.Context(), configOf(t, token), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	for _, want := range []device.Template{statementKey(), channelKeys()[0]} {
		if _, err := keyOrNew(t.Context(), v, want); fault.CodeOf(err) != fault.KeyUnsuited || !strings.Contains(err.Error(), "was not made by `countersign-bridge signer init`") {
			t.Errorf("%s: %v", want.Label, err)
		}
	}
	other, err := addressKey("eip155:1", labelAccount+treasury)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keyOrNew(t.Context(), v, other); err != nil {
		t.Fatal(err)
	}
	other.Curve = jws.P256
	if _, err := keyOrNew(t.Context(), v, other); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Errorf("a key on another curve: %v", err)
	}
}

// TestEachVaultKeyServesOnePurpose: the token itself refuses the other.
func TestEachVaultKeyServesOnePurpose(t *testing.T) {
	token := softhsm.New(t, softhsm.Spec{Label: "vault"})
	v, done, err := openHSM(t.Context(), configOf(t, token), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	}()
	for _, want := range append(channelKeys(), statementKey()) {
		key, err := keyOrNew(t.Context(), v, want)
		if err != nil {
			t.Fatal(err)
		}
		peer := membertest.NewKey(t, want.Curve)
		_, signs := key.SignDigest(t.Context(), make([]byte, 32))
		_, derives := key.ECDH(t.Context(), peer.PublicKey().Uncompressed())
		if (signs == nil) != want.Sign || (derives == nil) != want.Derive {
			t.Errorf("%s: signs %v, derives %v", want.Label, signs, derives)
		}
		if want.Sign && fault.CodeOf(derives) != fault.KeyUnsuited || want.Derive && fault.CodeOf(signs) != fault.KeyUnsuited {
			t.Errorf("%s: signs %v, derives %v", want.Label, signs, derives)
		}
		info := key.Info()
		if len(info.ID) < 16 || strings.Contains(string(info.ID), want.Label) {
			t.Errorf("%s: its id is %x", want.Label, info.ID)
		}
		pairs, _, err := v.(*hsmVault).token.Pairs(t.Context(), want.Label)
		if err != nil || len(pairs) != 1 || pairs[0].Origin.Unlike(want) != "" {
			t.Errorf("%s: %+v, %v", want.Label, pairs, err)
		}
	}
}

// liar is a key whose private half is another's.
type liar struct {
	keys.Key
	public jws.PublicKey
}

func (l liar) PublicKey() jws.PublicKey { return l.public }

func TestAKeyIsBelievedOnlyAfterItsPrivateHalfProvedItself(t *testing.T) {
	t.Parallel()
	for _, want := range append(channelKeys(), statementKey()) {
		honest, other := membertest.NewKey(t, want.Curve), membertest.NewKey(t, want.Curve)
		if err := prove(t.Context(), honest, want); err != nil {
			t.Errorf("%s: %v", want.Label, err)
		}
		if err := prove(t.Context(), liar{honest, other.PublicKey()}, want); fault.CodeOf(err) != fault.KeyUnsuited {
			t.Errorf("%s with another's public half: %v", want.Label, err)
		}
	}
	v := membertest.NewVault()
	g := newRigOn(t, twoOfThree(), v)
	for _, label := range slices.Sorted(maps.Keys(v.Keys)) {
		honest := v.Keys[label]
		v.Keys[label] = &membertest.Key{Key: liar{honest.Key, membertest.NewKey(t, honest.PublicKey().Curve()).PublicKey()}}
		if err := g.file.Close(); err != nil {
			t.Fatal(err)
		}
		if err := g.tryStart(); fault.CodeOf(err) != fault.KeyUnsuited {
			t.Errorf("a signer whose %s lies: %v", label, err)
		}
		v.Keys[label] = honest
		g.start()
	}
}

// syncBuffer is a buffer that a log may write to at any time.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string { s.mu.Lock(); defer s.mu.Unlock(); return s.b.String() }

// initProgram runs init as the command does, and reads what it left.
func initProgram(t *testing.T, cfg Config) (*rig, Enrolment) {
	t.Helper()
	g := &rig{t: t, people: map[string]*membertest.Member{}, clock: &clock{}}
	dir := g.initWith(cfg, g.draft(twoOfThree()), openHSM)
	return g, g.readEnrolment(dir)
}
