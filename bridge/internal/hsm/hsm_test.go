package hsm

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/keys/keystest"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
)

// The tests of this package share the module, so none is parallel.

func token(t *testing.T, label string, keys ...softhsm.Key) *softhsm.Token {
	t.Helper()
	return softhsm.New(t, softhsm.Spec{Label: label, Keys: keys})
}

func open(t *testing.T, of *softhsm.Token) *Tokens {
	t.Helper()
	tokens, err := Open(Config{Modules: []string{of.Module}, Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tokens.Close(); err != nil {
			t.Error(err)
		}
	})
	return tokens
}

func unlock(t *testing.T, tokens *Tokens, of *softhsm.Token) *Token {
	t.Helper()
	k, err := tokens.Token("pkcs11:token=" + of.Label)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Login(t.Context(), []byte(of.PIN)); err != nil {
		t.Fatal(err)
	}
	return k
}

func both(curve string) softhsm.Key {
	return softhsm.Key{Label: "both", Curve: curve, Sign: true, Derive: true}
}

func TestKeysInTokensKeepWhatKeysPromise(t *testing.T) {
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		t.Run(curve, func(t *testing.T) {
			soft := token(t, "conform-"+curve, both(curve))
			tokens := open(t, soft)
			unlock(t, tokens, soft)
			key, err := tokens.Key(t.Context(), "pkcs11:token="+soft.Label+";object=both")
			if err != nil {
				t.Fatal(err)
			}
			keystest.Run(t, curve, key)
		})
	}
}

func TestALockedTokenShowsItsKeysAndAsksForThePIN(t *testing.T) {
	soft := token(t, "locked", both(jws.P256))
	tokens := open(t, soft)
	key, err := tokens.Key(t.Context(), "pkcs11:token=locked;object=both;id=both")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.SignDigest(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("sign while locked: %v, want PIN_REQUIRED", err)
	}
	k, err := tokens.Token("pkcs11:token=locked")
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Login(t.Context(), []byte("00000000x")); fault.CodeOf(err) != fault.PINIncorrect {
		t.Errorf("wrong PIN: %v, want PIN_INCORRECT", err)
	}
	if err := k.Login(t.Context(), nil); fault.CodeOf(err) != fault.PINIncorrect {
		t.Errorf("empty PIN: %v, want PIN_INCORRECT", err)
	}
	if err := k.Login(t.Context(), []byte(soft.PIN)); err != nil {
		t.Fatal(err)
	}
	if s := k.State(); s.Locked || !s.Present || s.Label != "locked" {
		t.Errorf("state after the PIN: %+v", s)
	}
	if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
		t.Error(err)
	}
	// The module accepts any PIN from a process that is logged in. We do not.
	if err := k.Login(t.Context(), []byte("99999999x")); fault.CodeOf(err) != fault.PINIncorrect {
		t.Errorf("wrong PIN on an unlocked token: %v, want PIN_INCORRECT", err)
	}
	if _, err := key.SignDigest(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("sign after that: %v, want PIN_REQUIRED", err)
	}
	if err := k.Login(t.Context(), []byte(soft.PIN)); err != nil {
		t.Fatal(err)
	}
	if err := k.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := key.ECDH(t.Context(), key.PublicKey().Compressed()); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("ECDH after a logout: %v, want PIN_REQUIRED", err)
	}
}

func TestAKeyServesItsPurposeOnly(t *testing.T) {
	soft := token(t, "purpose", softhsm.Key{Label: "sign", Curve: jws.P256, Sign: true}, softhsm.Key{Label: "derive", Curve: jws.Secp256k1, Derive: true})
	tokens := open(t, soft)
	unlock(t, tokens, soft)
	sign, err := tokens.Key(t.Context(), "pkcs11:token=purpose;object=sign")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sign.ECDH(t.Context(), sign.PublicKey().Compressed()); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Errorf("ECDH with a signing key: %v, want KEY_UNSUITED", err)
	}
	derive, err := tokens.Key(t.Context(), "pkcs11:token=purpose;object=derive")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := derive.SignDigest(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Errorf("sign with a channel key: %v, want KEY_UNSUITED", err)
	}
	if info := sign.Info(); !info.CanSign || info.CanDerive || info.AlwaysAuth || info.Device != "purpose" {
		t.Errorf("info %+v", info)
	}
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	soft := token(t, "there", both(jws.P256))
	tokens := open(t, soft)
	unlock(t, tokens, soft)
	for uri, want := range map[string]fault.Code{
		"pkcs11:token=nowhere;object=both": fault.DeviceMissing,
		"pkcs11:token=there;object=none":   fault.KeyMissing,
		"pkcs11:token=there;id=none":       fault.KeyMissing,
		"pkcs12:token=there":               fault.Invalid,
	} {
		if _, err := tokens.Key(t.Context(), uri); fault.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", uri, err, want)
		}
	}
	if _, err := Open(Config{Modules: []string{"/dev/null"}}); fault.CodeOf(err) != fault.DeviceFailed {
		t.Errorf("a module that is none: %v, want DEVICE_ERROR", err)
	}
}

func TestSeveralTokensWorkAtOnce(t *testing.T) {
	a, b := token(t, "one", both(jws.Secp256k1)), token(t, "two", both(jws.P256))
	tokens := open(t, a)
	for _, soft := range []*softhsm.Token{a, b} {
		unlock(t, tokens, soft)
	}
	results := make(chan error, 2)
	for _, label := range []string{"one", "two"} {
		key, err := tokens.Key(t.Context(), "pkcs11:token="+label+";object=both")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for i := range 20 {
				digest := sha256.Sum256(fmt.Append(nil, i))
				if _, err := key.SignDigest(context.Background(), digest[:]); err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
	}
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

func TestAPulledTokenIsNoticedAndWorksAgainAfterThePIN(t *testing.T) {
	soft := token(t, "pulled", both(jws.Secp256k1))
	tokens := open(t, soft)
	changes := make(chan string, 16)
	go func() {
		_ = tokens.Watch(t.Context(), func(label string, present bool) { changes <- fmt.Sprint(label, " ", present) })
	}()
	k := unlock(t, tokens, soft)
	key, err := tokens.Key(t.Context(), "pkcs11:token=pulled;object=both")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
		t.Fatal(err)
	}
	soft.Pull(t)
	if _, err := key.SignDigest(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.DeviceRemoved {
		t.Errorf("sign with a pulled token: %v, want DEVICE_REMOVED", err)
	}
	if s := k.State(); s.Present || !s.Locked {
		t.Errorf("state of a pulled token: %+v", s)
	}
	soft.Insert(t)
	for got := ""; got != "pulled true"; {
		select {
		case got = <-changes:
		case <-t.Context().Done():
			t.Fatal("its return was not noticed")
		}
	}
	if _, err := key.SignDigest(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("sign after its return: %v, want PIN_REQUIRED", err)
	}
	if err := k.Login(t.Context(), []byte(soft.PIN)); err != nil {
		t.Fatal(err)
	}
	if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
		t.Errorf("sign after its return and the PIN: %v", err)
	}
}

func TestATokenComesBackWhileAnotherIsUnlocked(t *testing.T) {
	stays, goes := token(t, "stays", both(jws.P256)), token(t, "goes", both(jws.Secp256k1))
	tokens := open(t, stays)
	unlock(t, tokens, stays)
	goes.Pull(t)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for tokens.State("goes").Present {
		<-ticker.C
	}
	const uri = "pkcs11:token=goes;object=both"
	if key, err := tokens.Key(t.Context(), uri); fault.CodeOf(err) != fault.DeviceRemoved {
		t.Errorf("a key of a pulled token: %v, %v, want DEVICE_REMOVED", key, err)
	}
	goes.Insert(t)
	unlock(t, tokens, goes)
	key, err := tokens.Key(t.Context(), uri)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
		t.Error(err)
	}
}

func TestKeysAndDataAreMadeInTheToken(t *testing.T) {
	soft := token(t, "vault")
	tokens := open(t, soft)
	k, err := tokens.Token("pkcs11:token=vault")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Generate(t.Context(), Template{Curve: jws.Secp256k1, Label: "deposit", Sign: true}); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("make a key in a locked token: %v, want PIN_REQUIRED", err)
	}
	unlock(t, tokens, soft)
	key, err := k.Generate(t.Context(), Template{Curve: jws.Secp256k1, Label: "deposit", Sign: true, Derive: true})
	if err != nil {
		t.Fatal(err)
	}
	keystest.Run(t, jws.Secp256k1, key)
	if _, err := k.Generate(t.Context(), Template{Curve: jws.P256, Label: "deposit", Sign: true}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second key with the label: %v, want CONFLICT", err)
	}
	if _, err := k.Generate(t.Context(), Template{Curve: "P-521", Label: "x", Sign: true}); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Errorf("another curve: %v, want KEY_UNSUITED", err)
	}
	if all, err := k.Keys(t.Context()); err != nil || len(all) != 1 || !all[0].PublicKey().Equal(key.PublicKey()) {
		t.Errorf("the token lists %d keys: %v", len(all), err)
	}
	if data, err := k.Data(t.Context(), "mark"); err != nil || data != nil {
		t.Errorf("a data object before it was written: %q, %v", data, err)
	}
	for _, want := range []string{"first", "second, longer", "3"} {
		if err := k.PutData(t.Context(), "mark", []byte(want)); err != nil {
			t.Fatal(err)
		}
		if data, err := k.Data(t.Context(), "mark"); err != nil || string(data) != want {
			t.Errorf("the data object is %q, %v, want %q", data, err, want)
		}
	}
}

// A vault writes its watermark with each entry of its log, while its token fills
// with keys: what was written last is replaced without a search, in any login.
func TestADataObjectIsReplacedAndNothingElse(t *testing.T) {
	soft := softhsm.New(t, softhsm.Spec{Label: "marks"})
	tokens, err := Open(Config{Modules: []string{soft.Module}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tokens.Close() })
	k, err := tokens.Token("pkcs11:token=marks")
	if err != nil {
		t.Fatal(err)
	}
	login := func() {
		t.Helper()
		if err := k.Login(t.Context(), []byte(soft.PIN)); err != nil {
			t.Fatal(err)
		}
	}
	put := func(label, value string) {
		t.Helper()
		if err := k.PutData(t.Context(), label, []byte(value)); err != nil {
			t.Fatal(err)
		}
	}
	count := func(label string) (n int) {
		t.Helper()
		if err := k.administer(t.Context(), "count", func(s pkcs11.SessionHandle) error {
			all, err := k.versions(s, label)
			n = len(all)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return n
	}
	login()
	put("mark", "1")
	put("other", "a")
	put("mark", "2")
	if err := k.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := k.PutData(t.Context(), "mark", []byte("x")); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("after a logout: %v, want PIN_REQUIRED", err)
	}
	login()
	put("mark", "3")
	put("other", "a")
	wrong := k.written["mark"] // a handle that came to mean another object
	wrong.object = k.written["other"].object
	k.written["mark"] = wrong
	put("mark", "4")
	for label, want := range map[string]string{"mark": "4", "other": "a"} {
		if data, err := k.Data(t.Context(), label); err != nil || string(data) != want || count(label) != 1 {
			t.Errorf("%s is %q in %d objects, %v; want %q in one", label, data, count(label), err, want)
		}
	}
}

func TestURIsAreReadStrictly(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]URI{
		"pkcs11:":                            {},
		"pkcs11:token=alice;object=approval": {Token: "alice", Object: "approval"},
		"PKCS11:token=a%20b;id=%00%ff":       {Token: "a b", ID: "\x00\xff"},
		"pkcs11:type=private;serial=0123;model=SoftHSM%20v2;manufacturer=x": {Type: "private", Serial: "0123", Model: "SoftHSM v2", Manufacturer: "x"},
	} {
		got, err := ParseURI(uri)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", uri, got, err)
		}
	}
	for _, uri := range []string{"", "token=a", "pkcs11", "http:token=a", "pkcs11:token", "pkcs11:token=a;token=b", "pkcs11:token=a b",
		"pkcs11:token=%zz", "pkcs11:token=%2", "pkcs11:slot-id=1", "pkcs11:type=key", "pkcs11:token=a?pin-value=1234",
		"pkcs11:token=a#x", "pkcs11:token=a;", "pkcs11:" + strings.Repeat("a", 2000)} {
		if _, err := ParseURI(uri); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%q: %v, want INVALID_REQUEST", uri, err)
		}
	}
}

func FuzzParseURI(f *testing.F) {
	f.Add("pkcs11:token=alice;object=approval;id=%01%02")
	f.Add("pkcs11:type=private;serial=0123")
	f.Fuzz(func(t *testing.T, s string) {
		u, err := ParseURI(s)
		if err != nil {
			return
		}
		again, err := ParseURI(u.String())
		if err != nil && len(u.String()) <= maxURI || err == nil && again != u {
			t.Fatalf("%q is %+v, written %q, read as %+v, %v", s, u, u, again, err)
		}
	})
}
