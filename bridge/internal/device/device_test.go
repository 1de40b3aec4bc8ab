package device

import (
	"context"
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"countersign/bridge/internal/keys/keystest"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
)

// The tests of this package share the module, so none is parallel. Each of the
// first part runs twice: with the module in a process of its own, and in this one.

func inBothModes(t *testing.T, test func(t *testing.T, inProcess bool)) {
	t.Helper()
	for name, inProcess := range map[string]bool{"own process": false, "in process": true} {
		t.Run(name, func(t *testing.T) { test(t, inProcess) })
	}
}

func token(t *testing.T, label string, keys ...softhsm.Key) *softhsm.Token {
	t.Helper()
	return softhsm.New(t, softhsm.Spec{Label: label, Keys: keys})
}

func open(t testing.TB, module string, inProcess bool) *Devices {
	t.Helper()
	devices, err := Open(Config{Modules: Modules(module), Poll: 20 * time.Millisecond, InProcess: inProcess})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := devices.Close(); err != nil {
			t.Error(err)
		}
	})
	return devices
}

func unlock(t testing.TB, devices *Devices, label, pin string) *Device {
	t.Helper()
	k, err := devices.Device(t.Context(), "pkcs11:token="+label)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Login(t.Context(), []byte(pin), false); err != nil {
		t.Fatal(err)
	}
	return k
}

func both(curve string) softhsm.Key {
	return softhsm.Key{Label: "both", Curve: curve, Sign: true, Derive: true}
}

func TestKeysInTokensKeepWhatKeysPromise(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		for _, curve := range []string{jws.Secp256k1, jws.P256} {
			t.Run(curve, func(t *testing.T) {
				soft := token(t, "conform-"+curve, both(curve))
				devices := open(t, soft.Module, inProcess)
				unlock(t, devices, soft.Label, soft.PIN)
				key, err := devices.Key(t.Context(), "pkcs11:token="+soft.Label+";object=both")
				if err != nil {
					t.Fatal(err)
				}
				keystest.Run(t, curve, key)
			})
		}
	})
}

func TestALockedTokenShowsItsKeysAndAsksForThePIN(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		soft := token(t, "locked", both(jws.P256))
		devices := open(t, soft.Module, inProcess)
		key, err := devices.Key(t.Context(), "pkcs11:token=locked;object=both;id=both")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.PINRequired {
			t.Errorf("sign while locked: %v, want PIN_REQUIRED", err)
		}
		k, err := devices.Device(t.Context(), "pkcs11:token=locked")
		if err != nil {
			t.Fatal(err)
		}
		if err := k.Login(t.Context(), []byte("00000000x"), false); fault.CodeOf(err) != fault.PINIncorrect {
			t.Errorf("wrong PIN: %v, want PIN_INCORRECT", err)
		}
		if err := k.Login(t.Context(), nil, false); fault.CodeOf(err) != fault.PINIncorrect {
			t.Errorf("empty PIN: %v, want PIN_INCORRECT", err)
		}
		if err := k.Login(t.Context(), []byte(soft.PIN), false); err != nil {
			t.Fatal(err)
		}
		if s := k.State(t.Context()); s.Locked || !s.Present || s.Identity.Label != "locked" {
			t.Errorf("state after the PIN: %+v", s)
		}
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
			t.Error(err)
		}
		// The module accepts any PIN from a process that is logged in. We do not.
		if err := k.Login(t.Context(), []byte("99999999x"), false); fault.CodeOf(err) != fault.PINIncorrect {
			t.Errorf("wrong PIN on an unlocked token: %v, want PIN_INCORRECT", err)
		}
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.PINRequired {
			t.Errorf("sign after that: %v, want PIN_REQUIRED", err)
		}
		if err := k.Login(t.Context(), []byte(soft.PIN), false); err != nil {
			t.Fatal(err)
		}
		if err := k.Logout(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := key.ECDH(t.Context(), key.PublicKey().Compressed()); fault.CodeOf(err) != fault.PINRequired {
			t.Errorf("ECDH after a logout: %v, want PIN_REQUIRED", err)
		}
	})
}

func TestAKeyServesItsPurposeOnly(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		soft := token(t, "purpose", softhsm.Key{Label: "sign", Curve: jws.P256, Sign: true}, softhsm.Key{Label: "derive", Curve: jws.Secp256k1, Derive: true})
		devices := open(t, soft.Module, inProcess)
		unlock(t, devices, soft.Label, soft.PIN)
		sign, err := devices.Key(t.Context(), "pkcs11:token=purpose;object=sign")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sign.ECDH(t.Context(), sign.PublicKey().Compressed()); fault.CodeOf(err) != fault.KeyUnsuited {
			t.Errorf("ECDH with a signing key: %v, want KEY_UNSUITED", err)
		}
		derive, err := devices.Key(t.Context(), "pkcs11:token=purpose;object=derive")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := derive.SignDigest(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.KeyUnsuited {
			t.Errorf("sign with a channel key: %v, want KEY_UNSUITED", err)
		}
		if info := sign.Info(); !info.CanSign || info.CanDerive || info.AlwaysAuth || info.Device != "purpose" {
			t.Errorf("info %+v", info)
		}
	})
}

func TestWhatIsNotThereIsNamed(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		soft := token(t, "there", both(jws.P256))
		devices := open(t, soft.Module, inProcess)
		unlock(t, devices, soft.Label, soft.PIN)
		for uri, want := range map[string]fault.Code{
			"pkcs11:token=nowhere;object=both": fault.DeviceMissing,
			"pkcs11:token=there;object=none":   fault.KeyMissing,
			"pkcs11:token=there;id=none":       fault.KeyMissing,
			"pkcs12:token=there":               fault.Invalid,
		} {
			if _, err := devices.Key(t.Context(), uri); fault.CodeOf(err) != want {
				t.Errorf("%s: %v, want %s", uri, err, want)
			}
		}
		if err := open(t, "/dev/null", inProcess).Usable(); fault.CodeOf(err) != fault.DeviceFailed {
			t.Errorf("a module that is none: %v, want DEVICE_ERROR", err)
		}
	})
}

func TestSeveralTokensWorkAtOnce(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		a, b := token(t, "one", both(jws.Secp256k1)), token(t, "two", both(jws.P256))
		devices := open(t, a.Module, inProcess)
		for _, soft := range []*softhsm.Token{a, b} {
			unlock(t, devices, soft.Label, soft.PIN)
		}
		results := make(chan error, 2)
		for _, label := range []string{"one", "two"} {
			key, err := devices.Key(t.Context(), "pkcs11:token="+label+";object=both")
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
	})
}

func TestAPulledTokenIsNoticedAndWorksAgainAfterThePIN(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		soft := token(t, "pulled", both(jws.Secp256k1))
		devices := open(t, soft.Module, inProcess)
		changes := make(chan string, 16)
		go func() {
			_ = devices.Watch(t.Context(), func(id Identity, present bool) { changes <- fmt.Sprint(id.Label, " ", present) })
		}()
		k := unlock(t, devices, soft.Label, soft.PIN)
		key, err := devices.Key(t.Context(), "pkcs11:token=pulled;object=both")
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
		if s := k.State(t.Context()); s.Present || !s.Locked {
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
		if err := k.Login(t.Context(), []byte(soft.PIN), false); err != nil {
			t.Fatal(err)
		}
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
			t.Errorf("sign after its return and the PIN: %v", err)
		}
	})
}

func TestATokenComesBackWhileAnotherIsUnlocked(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		stays, goes := token(t, "stays", both(jws.P256)), token(t, "goes", both(jws.Secp256k1))
		devices := open(t, stays.Module, inProcess)
		unlock(t, devices, stays.Label, stays.PIN)
		goes.Pull(t)
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		for {
			if s, err := devices.State(t.Context(), URI{Token: "goes"}); err != nil || !s.Present {
				break
			}
			<-ticker.C
		}
		const uri = "pkcs11:token=goes;object=both"
		if key, err := devices.Key(t.Context(), uri); fault.CodeOf(err) != fault.DeviceRemoved {
			t.Errorf("a key of a pulled token: %v, %v, want DEVICE_REMOVED", key, err)
		}
		goes.Insert(t)
		unlock(t, devices, goes.Label, goes.PIN)
		key, err := devices.Key(t.Context(), uri)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
			t.Error(err)
		}
	})
}

// SoftHSM sees a token that comes only when it is initialised again, which locks all
// others; so whoever looks for one that is away must not lock them for nothing.
func TestLookingForAPulledTokenLocksNoOther(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		stays, goes := token(t, "stays", both(jws.P256)), token(t, "goes", both(jws.Secp256k1))
		devices := open(t, stays.Module, inProcess)
		unlock(t, devices, stays.Label, stays.PIN)
		unlock(t, devices, goes.Label, goes.PIN)
		key, err := devices.Key(t.Context(), "pkcs11:token=stays;object=both")
		if err != nil {
			t.Fatal(err)
		}
		goes.Pull(t)
		for range 3 {
			if _, err := devices.Key(t.Context(), "pkcs11:token=goes;object=both"); fault.CodeOf(err) != fault.DeviceRemoved {
				t.Errorf("a key of a pulled token: %v, want DEVICE_REMOVED", err)
			}
			if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
				t.Errorf("sign with the token that stays: %v", err)
			}
		}
	})
}

func TestKeysAndDataAreMadeInTheToken(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		soft := token(t, "vault")
		devices := open(t, soft.Module, inProcess)
		k, err := devices.Device(t.Context(), "pkcs11:token=vault")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := k.Generate(t.Context(), Template{Curve: jws.Secp256k1, Label: "deposit", Sign: true}); fault.CodeOf(err) != fault.PINRequired {
			t.Errorf("make a key in a locked token: %v, want PIN_REQUIRED", err)
		}
		unlock(t, devices, soft.Label, soft.PIN)
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
		if all, err := k.Keys(t.Context()); err != nil || len(all.Keys) != 1 || !all.Keys[0].PublicKey().Equal(key.PublicKey()) {
			t.Errorf("the token lists %d keys: %v", len(all.Keys), err)
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
	})
}

// stateOf is the state of the token with a label.
func stateOf(t testing.TB, devices *Devices, label string) State {
	t.Helper()
	s, err := devices.State(t.Context(), URI{Token: label})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
