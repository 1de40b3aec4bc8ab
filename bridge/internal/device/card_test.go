//go:build modules

package device

import (
	"context"
	"crypto/sha256"
	"slices"
	"testing"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/keys/keystest"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm/modules"
	"countersign/softhsm/piv"
)

// What a smart card does that SoftHSM cannot: it is pulled, it locks, and it wants
// its PIN before each use of a key.

// watch collects the token's comings and goings.
func (o opened) watch(t *testing.T) <-chan bool {
	t.Helper()
	events := make(chan bool, 16)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = o.devices.Watch(ctx, func(id Identity, present bool) {
			if id.Label == o.module.Label {
				events <- present
			}
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return events
}

// await waits for the token to come or go, and returns how long that took.
func await(t *testing.T, events <-chan bool, present bool) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		select {
		case p := <-events:
			if p == present {
				return time.Since(began)
			}
		case <-time.After(time.Minute):
			t.Fatalf("nobody was told that the token's presence is %v", present)
		}
	}
}

func card(t *testing.T, cfg piv.Config) *piv.Card {
	t.Helper()
	c, err := piv.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The ids that OpenSC gives to the keys of a PIV card.
const (
	idAuthentication = "\x01" // 9A
	idSignature      = "\x02" // 9C
	idKeyManagement  = "\x03" // 9D
	idCardAuth       = "\x04" // 9E
)

func TestAPIVCardSignsAndDerivesEachWithItsKey(t *testing.T) {
	c := card(t, piv.Config{Name: "Alice"})
	token := bring(t, modules.OpenSC(c))
	list, err := token.Keys(t.Context())
	if err != nil || len(list.Keys) != 4 {
		t.Fatalf("%d keys, %v", len(list.Keys), err)
	}
	for id, what := range map[string]struct {
		slot piv.Slot
		run  func(*testing.T, string, keys.Key)
	}{
		idAuthentication: {piv.Authentication, keystest.RunSigning},
		idCardAuth:       {piv.CardAuthentication, keystest.RunSigning},
		idKeyManagement:  {piv.KeyManagement, keystest.RunDeriving},
	} {
		key := token.key(t, URI{ID: id})
		t.Run(key.Info().Label, func(t *testing.T) {
			point, err := c.Public(what.slot).Bytes()
			if err != nil || !slices.Equal(key.PublicKey().Uncompressed(), point) {
				t.Fatalf("it is another key than that of the card: %v", err)
			}
			what.run(t, jws.P256, key)
		})
	}
	if _, err := token.Generate(t.Context(), Template{Curve: jws.P256, Label: "new", Sign: true}); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Errorf("make a key: %v, want KEY_UNSUITED", err)
	}
	if n := c.Counters(); n.Signatures == 0 || n.Derivations == 0 || n.WrongPINs != 0 {
		t.Errorf("the card counts %+v", n)
	}
}

// The URIs that other tools print name the private key, or the certificate, each by its
// own label.
func TestAKeyOfACardIsFoundByTheURIsOfOtherTools(t *testing.T) {
	c := card(t, piv.Config{Name: "Uri"})
	token := bring(t, modules.OpenSC(c))
	point, err := c.Public(piv.Authentication).Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for _, rest := range []string{"id=%01;object=PIV%20AUTH%20key;type=private", "id=%01;object=PIV%20AUTH%20key", "id=%01;type=private", "object=PIV%20AUTH%20key;type=private",
		"object=PIV%20AUTH%20pubkey;type=public", "object=PIV%20AUTH%20pubkey", "id=%01;type=cert", "object=Certificate%20for%20PIV%20Authentication;type=cert", "id=%01;type=public"} {
		key, err := token.devices.Key(t.Context(), URI{Token: token.module.Label}.String()+";"+rest)
		if err != nil || !slices.Equal(key.PublicKey().Uncompressed(), point) {
			t.Errorf("%s: %v", rest, err)
		}
	}
	for _, rest := range []string{"object=PIV%20AUTH%20key;type=public", "object=PIV%20AUTH%20pubkey;type=private", "id=%09"} {
		if _, err := token.devices.Key(t.Context(), URI{Token: token.module.Label}.String()+";"+rest); fault.CodeOf(err) != fault.KeyMissing {
			t.Errorf("%s: %v, want KEY_NOT_FOUND", rest, err)
		}
	}
}

func TestACardThatIsPulledIsNoticedAndWorksAgainAfterThePIN(t *testing.T) {
	c := card(t, piv.Config{Name: "Bob"})
	token := bring(t, modules.OpenSC(c))
	key := token.key(t, URI{ID: idAuthentication})
	events := token.watch(t)
	digest := sha256.Sum256([]byte("hotplug"))
	for range 3 {
		if _, err := key.SignDigest(t.Context(), digest[:]); err != nil {
			t.Fatal(err)
		}
		c.Remove()
		gone := await(t, events, false)
		if _, err := key.SignDigest(t.Context(), digest[:]); fault.CodeOf(err) != fault.DeviceRemoved {
			t.Errorf("sign without the card: %v, want DEVICE_REMOVED", err)
		}
		if s := token.State(t.Context()); s.Present || !s.Locked {
			t.Errorf("without the card: %+v", s)
		}
		c.Insert()
		back := await(t, events, true)
		if t.Logf("gone after %v, back after %v", gone, back); gone > 5*time.Second || back > 5*time.Second {
			t.Errorf("noticed after %v and %v: does the module hang?", gone, back)
		}
		if _, err := key.SignDigest(t.Context(), digest[:]); fault.CodeOf(err) != fault.PINRequired {
			t.Errorf("sign before the PIN: %v, want PIN_REQUIRED", err)
		}
		if err := token.Login(t.Context(), []byte(c.PIN()), false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := key.SignDigest(t.Context(), digest[:]); err != nil {
		t.Error(err)
	}
	if n := c.Counters(); n.Signatures != 5 || n.WrongPINs != 0 { // one is the nonce with which the key proved itself
		t.Errorf("the card counts %+v", n)
	}
}

func TestAnotherCardInTheSameReaderIsAnotherTokenAndGetsNoPIN(t *testing.T) {
	alice, bob := card(t, piv.Config{Name: "Alice"}), card(t, piv.Config{Name: "Bob", PIN: "654321"})
	m := modules.Run(t, modules.OpenSC(alice, bob))
	token := openWith(t, m, Config{Poll: time.Hour}) // nobody looks in between
	if err := token.Login(t.Context(), []byte(alice.PIN()), false); err != nil {
		t.Fatal(err)
	}
	key := token.key(t, URI{ID: idAuthentication})
	digest := sha256.Sum256([]byte("exchanged"))
	if _, err := key.SignDigest(t.Context(), digest[:]); err != nil {
		t.Fatal(err)
	}
	alice.Remove()
	bob.Insert()
	if err := bob.Await(t.Context(), func(n piv.Counters) bool { return n.Resets > 0 }); err != nil {
		t.Fatal(err)
	}
	if err := token.Login(t.Context(), []byte(alice.PIN()), false); fault.CodeOf(err) != fault.DeviceRemoved {
		t.Errorf("log in to the card that was exchanged: %v, want DEVICE_REMOVED", err)
	}
	if _, err := key.SignDigest(t.Context(), digest[:]); fault.CodeOf(err) != fault.DeviceRemoved {
		t.Errorf("sign with the card that was exchanged: %v, want DEVICE_REMOVED", err)
	}
	if n := bob.Counters(); n.WrongPINs+n.RightPINs+n.Signatures != 0 {
		t.Errorf("the other card counts %+v", n)
	}
	other, err := token.devices.Device(t.Context(), "pkcs11:token=Bob")
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Login(t.Context(), []byte(bob.PIN()), false); err != nil {
		t.Error(err)
	}
}

// OpenSC 0.23 dead-locks in C_Sign after the card was pulled during a signature and
// before the reader has noticed. Whatever the version, each call ends, nothing is
// retried, and the card works when it is back.
func TestACardThatIsPulledWhileItSignsCostsThatSignatureOnly(t *testing.T) {
	c := card(t, piv.Config{Name: "Carol", Delay: 400 * time.Millisecond})
	m := modules.Run(t, modules.OpenSC(c))
	token := openLocked(t, m, 3*time.Second)
	if err := token.Login(t.Context(), []byte(m.PIN), false); err != nil {
		t.Fatal(err)
	}
	key := token.key(t, URI{ID: idAuthentication})
	digest := sha256.Sum256([]byte("pulled"))
	if _, err := key.SignDigest(t.Context(), digest[:]); err != nil {
		t.Fatal(err)
	}
	events := token.watch(t)
	before, signatures := c.Counters().Commands, c.Counters().Signatures
	failed := make(chan error, 1)
	go func() {
		_, err := key.SignDigest(context.Background(), digest[:])
		failed <- err
	}()
	if err := c.Await(t.Context(), func(n piv.Counters) bool { return n.Commands > before }); err != nil {
		t.Fatal(err)
	}
	c.Remove()
	err := <-failed
	switch fault.CodeOf(err) {
	case fault.ModuleFailed, fault.DeviceRemoved, fault.DeviceFailed:
		t.Logf("the running signature: %v", err)
	default:
		t.Errorf("the running signature: %v, want MODULE_FAILED, DEVICE_REMOVED or DEVICE_ERROR", err)
	}
	for code := fault.CodeOf(err); code != fault.DeviceRemoved && code != fault.ModuleFailed; code = fault.CodeOf(err) {
		if _, err = key.SignDigest(t.Context(), digest[:]); err == nil {
			t.Fatal("a card that is not there signed")
		}
	}
	t.Logf("in the end: %v", err)
	await(t, events, false)
	if n := c.Counters(); n.Signatures != signatures {
		t.Errorf("the card counts %+v: the signature was made, or made again", n)
	}
	c.Insert()
	await(t, events, true)
	if err := token.Login(t.Context(), []byte(c.PIN()), false); err != nil {
		t.Fatal(err)
	}
	if _, err := key.SignDigest(t.Context(), digest[:]); err != nil {
		t.Error(err)
	}
}

func TestWrongPINsLockACardForRealAndTheLastTryIsAskedFor(t *testing.T) {
	c := card(t, piv.Config{Name: "Dave", Tries: 3})
	m := modules.Run(t, modules.OpenSC(c))
	token := openLocked(t, m, 10*time.Second)
	wrong := []byte("000000")
	for range 2 {
		if err := token.Login(t.Context(), wrong, false); fault.CodeOf(err) != fault.PINIncorrect {
			t.Fatalf("wrong PIN: %v, want PIN_INCORRECT", err)
		}
	}
	if s := token.State(t.Context()); !s.FinalTry || s.PINLocked || s.TriesLeft != 1 {
		t.Errorf("after two wrong PINs of three: %+v", s)
	}
	if err := token.Login(t.Context(), wrong, false); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("the last try without a confirmation: %v, want PIN_REQUIRED", err)
	}
	if c.TriesLeft() != 1 {
		t.Fatalf("the card has %d tries left: the last was made without asking", c.TriesLeft())
	}
	if err := token.Login(t.Context(), wrong, true); fault.CodeOf(err) != fault.PINLocked {
		t.Errorf("the last wrong PIN: %v, want PIN_LOCKED", err)
	}
	if s := token.State(t.Context()); !s.PINLocked || s.TriesLeft != 0 || !s.Locked {
		t.Errorf("locked: %+v", s)
	}
	tried := c.Counters().WrongPINs
	if err := token.Login(t.Context(), []byte(c.PIN()), true); fault.CodeOf(err) != fault.PINLocked {
		t.Errorf("the right PIN on a locked card: %v, want PIN_LOCKED", err)
	}
	if n := c.Counters(); n.WrongPINs != tried || n.RightPINs != 0 || tried != 3 {
		t.Errorf("the card counts %+v", n)
	}
	// A PIN that the issuer unblocks, and one that cannot be right by its length.
	c.Unblock()
	c.Remove()
	events := token.watch(t)
	await(t, events, false)
	c.Insert()
	await(t, events, true)
	if err := token.Login(t.Context(), []byte("123456789"), false); fault.CodeOf(err) != fault.PINIncorrect || c.TriesLeft() != 3 {
		t.Errorf("a PIN that is too long: %v, %d tries left", err, c.TriesLeft())
	}
	if err := token.Login(t.Context(), []byte(c.PIN()), false); err != nil {
		t.Error(err)
	}
}

func TestAKeyThatWantsItsPINAtEachUseIsAskedEachTime(t *testing.T) {
	c := card(t, piv.Config{Name: "Erin"})
	token := bring(t, modules.OpenSC(c))
	key := token.key(t, URI{ID: idSignature})
	digest := sha256.Sum256([]byte("always"))
	if i := key.Info(); !i.AlwaysAuth || !i.CanSign {
		t.Errorf("info %+v", i)
	}
	if _, err := key.SignDigest(t.Context(), digest[:]); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("without the PIN: %v, want PIN_REQUIRED", err)
	}
	asked, pin := 0, c.PIN()
	each := key.(*Key).WithPIN(func(context.Context) ([]byte, error) {
		asked++
		return []byte(pin), nil
	})
	for range 20 {
		sig, err := each.SignDigest(t.Context(), digest[:])
		if err != nil {
			t.Fatal(err)
		}
		if err := key.PublicKey().Verify(digest[:], sig); err != nil {
			t.Error(err)
		}
	}
	pin = "000000"
	if _, err := each.SignDigest(t.Context(), digest[:]); fault.CodeOf(err) != fault.PINIncorrect {
		t.Errorf("with a wrong PIN: %v, want PIN_INCORRECT", err)
	}
	pin = c.PIN()
	if _, err := each.SignDigest(t.Context(), digest[:]); err != nil {
		t.Errorf("after a wrong PIN: %v", err)
	}
	// The rest of the token stays usable.
	if _, err := token.key(t, URI{ID: idAuthentication}).SignDigest(t.Context(), digest[:]); err != nil {
		t.Errorf("another key afterwards: %v", err)
	}
	if n := c.Counters(); asked != 22 || n.WrongPINs != 1 || n.Signatures != 23 { // one is a nonce, with which the other key proved itself
		t.Errorf("asked %d times; the card counts %+v", asked, n)
	}
}

func TestACardShowsItsCertificates(t *testing.T) {
	c := card(t, piv.Config{Name: "Frank"})
	token := bring(t, modules.OpenSC(c))
	chain, err := token.key(t, URI{ID: idAuthentication}).(*Key).Certificates(t.Context())
	if err != nil || len(chain) == 0 {
		t.Errorf("certificates: %q, %v", chain, err)
	}
}
