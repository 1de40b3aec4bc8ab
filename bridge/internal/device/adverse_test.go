package device

import (
	"context"
	"fmt"
	"testing"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

// openFaulty opens a token that goes wrong, and unlocks it.
func openFaulty(t *testing.T, f *softhsm.Faulty, cfg Config) (*Devices, *Device, keys.Key) {
	t.Helper()
	cfg.Modules = Modules(f.Module)
	devices, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := devices.Close(); err != nil {
			t.Error(err)
		}
	})
	d := unlock(t, devices, f.Token.Label, f.Token.PIN)
	key, err := devices.Key(t.Context(), "pkcs11:object=both")
	if err != nil {
		t.Fatal(err)
	}
	return devices, d, key
}

func TestATokenIsToldWhenItCanBeUsed(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "usable", Keys: []softhsm.Key{both(jws.P256)}})
	devices, d, key := openFaulty(t, f, Config{Poll: 20 * time.Millisecond})
	usable := make(chan bool, 16)
	go func() {
		_ = devices.Watch(t.Context(), func(_ Identity, present bool) {
			if present {
				usable <- d.module.isUp()
			}
		})
	}()
	for range 3 {
		f.Set(faults.Crash("C_Sign").Times(1))
		eventually(t, func() error { return d.Login(t.Context(), []byte(f.Token.PIN), false) })
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.ModuleFailed {
			t.Fatalf("%v, want MODULE_FAILED", err)
		}
		select {
		case ok := <-usable:
			if !ok {
				t.Error("it was told before it could be used: who asks for its state learns that it is not there")
			}
		case <-time.After(time.Minute):
			t.Fatal("its return was not told")
		}
	}
}

func TestWhatMakesKeysIsNotDoneAgainInTheNextProcess(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "once", Keys: []softhsm.Key{both(jws.P256)}})
	_, d, _ := openFaulty(t, f, Config{})
	for name, try := range map[string]func() error{
		"make a key": func() error {
			_, err := d.Generate(t.Context(), Template{Curve: jws.P256, Label: "new", Sign: true})
			return err
		},
		"try a curve": func() error { _, err := d.Curves(t.Context()); return err },
	} {
		before := f.Calls("C_GenerateKeyPair")
		f.Set(faults.Crash("C_GenerateKeyPair").Times(1))
		wantFault(t, try(), fault.ModuleFailed, map[string]string{"how": "crashed"})
		if n := f.Calls("C_GenerateKeyPair") - before; n != 1 {
			t.Errorf("%s: C_GenerateKeyPair was called %d times", name, n)
		}
		eventually(t, func() error { return d.Login(t.Context(), []byte(f.Token.PIN), false) })
	}
}

func TestAListIsReadAgainAfterACrash(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "list", Keys: []softhsm.Key{both(jws.P256)}})
	_, d, _ := openFaulty(t, f, Config{})
	for range 5 {
		f.Set(faults.Crash("C_FindObjects").Times(1))
		if all, err := d.Keys(t.Context()); err != nil || len(all.Keys) != 1 {
			t.Errorf("%d keys, %v", len(all.Keys), err)
		}
	}
}

func TestTheStateOfABusyTokenIsItsLast(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "busy", Keys: []softhsm.Key{both(jws.P256)}})
	_, d, _ := openFaulty(t, f, Config{Poll: time.Hour})
	if s := d.State(t.Context()); s.Locked || !s.Present {
		t.Fatalf("state %+v", s)
	}
	release := f.Hang("C_GetTokenInfo")
	defer release()
	began := time.Now()
	if s := d.State(t.Context()); s.Locked || !s.Present {
		t.Errorf("state of a token that does not answer: %+v", s)
	}
	if took := time.Since(began); took > 5*stateTime {
		t.Errorf("it took %v", took)
	}
}

func TestClosedDevicesSayThatAtOnceAndDidNotFail(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		f := softhsm.NewFaulty(t, softhsm.Spec{Label: "closed", Keys: []softhsm.Key{both(jws.P256)}})
		failed := make(chan string, 1)
		devices, d, key := openFaulty(t, f, Config{InProcess: inProcess, Failed: func(path string) { failed <- path }})
		if err := devices.Close(); err != nil {
			t.Fatal(err)
		}
		select {
		case path := <-failed:
			t.Errorf("told that %s failed", path)
		default:
		}
		began := time.Now()
		_, err := key.SignDigest(t.Context(), make([]byte, 32))
		wantFault(t, err, fault.Cancelled, nil)
		wantFault(t, d.Login(t.Context(), []byte(f.Token.PIN), false), fault.Cancelled, nil)
		if took := time.Since(began); took > waitTime {
			t.Errorf("that took %v", took)
		}
	})
}

func TestDevicesCloseWhileAModuleHangsAtItsStartOrKeepsCrashing(t *testing.T) {
	for name, wrong := range map[string]faults.Fault{"hangs": faults.Hang("C_Initialize"), "crashes": faults.Crash("C_Initialize")} {
		t.Run(name, func(t *testing.T) {
			f := softhsm.NewFaulty(t, softhsm.Spec{Label: "start", Keys: []softhsm.Key{both(jws.P256)}})
			devices, d, key := openFaulty(t, f, Config{})
			f.Set(wrong, faults.Crash("C_Sign").Times(1))
			_, err := key.SignDigest(t.Context(), make([]byte, 32))
			wantFault(t, err, fault.ModuleFailed, nil)
			if err := f.Entered(t.Context(), "C_Initialize"); err != nil && name == "hangs" {
				t.Fatal(err)
			}
			if s := d.State(t.Context()); s.Present {
				t.Errorf("state %+v", s)
			}
			began := time.Now()
			if err := devices.Close(); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestAModuleThatHangsAtItsStartKeepsNoOtherTokenAway(t *testing.T) {
	good := softhsm.NewFaulty(t, softhsm.Spec{Label: "good", Keys: []softhsm.Key{both(jws.P256)}})
	hung := softhsm.NewFaulty(t, softhsm.Spec{Label: "hung", Keys: []softhsm.Key{both(jws.P256)}})
	release := hung.Hang("C_Initialize")
	devices, err := Open(Config{Modules: Modules(good.Module, hung.Module), Poll: 20 * time.Millisecond, patience: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := devices.Close(); err != nil {
			t.Error(err)
		}
	})
	unlock(t, devices, "good", good.Token.PIN)
	key, err := devices.Key(t.Context(), "pkcs11:token=good;object=both")
	if err != nil {
		t.Fatal(err)
	}
	good.Vanish()
	eventually(t, func() error {
		_, err := key.SignDigest(t.Context(), make([]byte, 32))
		if fault.CodeOf(err) == fault.DeviceRemoved {
			return nil
		}
		return fmt.Errorf("%w, want DEVICE_REMOVED", err)
	})
	began := time.Now()
	if _, err := devices.Key(t.Context(), "pkcs11:token=good;object=both"); fault.CodeOf(err) != fault.DeviceRemoved {
		t.Errorf("%v, want DEVICE_REMOVED", err)
	}
	if took := time.Since(began); took >= waitTime {
		t.Errorf("who misses a token waited %v for the module of another", took)
	}
	release()
	eventually(t, func() error {
		d, err := devices.Device(t.Context(), "pkcs11:token=hung")
		if err != nil {
			return err
		}
		return d.Login(t.Context(), []byte(hung.Token.PIN), false)
	})
}

func TestAKeyThatIsDeletedIsForgotten(t *testing.T) {
	soft := token(t, "deleted")
	devices := open(t, soft.Module, true)
	d := unlock(t, devices, soft.Label, soft.PIN)
	for i := range 5 {
		key, err := d.Generate(t.Context(), Template{Curve: jws.P256, Label: fmt.Sprint("key ", i), Sign: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
			t.Fatal(err)
		}
		if err := key.(*Key).Delete(t.Context()); err != nil {
			t.Fatal(err)
		}
		_, err = key.SignDigest(t.Context(), make([]byte, 32))
		wantFault(t, err, fault.KeyMissing, nil)
	}
	s := d.module.engine.(*inline).server
	if len(d.found)+len(d.used)+len(s.keys)+len(s.numbers) != 0 {
		t.Errorf("%d, %d, %d and %d are kept of keys that are gone", len(d.found), len(d.used), len(s.keys), len(s.numbers))
	}
}

// A use that is cancelled while it runs may not touch what its caller has again: the
// race detector looks, in this process and in that of the module.
func TestAUseThatIsCancelledSharesNothing(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		f := softhsm.NewFaulty(t, softhsm.Spec{Label: "given-up", Keys: []softhsm.Key{both(jws.Secp256k1)}})
		_, _, key := openFaulty(t, f, Config{InProcess: inProcess})
		f.Set(faults.Delay("C_Sign", 2*time.Millisecond), faults.Delay("C_DeriveKey", 2*time.Millisecond))
		for i := range 40 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i%8)*time.Millisecond)
			digest := make([]byte, 32)
			if _, err := key.SignDigest(ctx, digest); err != nil && fault.CodeOf(err) != fault.Timeout {
				t.Error(err)
			}
			digest[0] = 1
			secret, err := key.ECDH(ctx, key.PublicKey().Compressed())
			if err != nil && fault.CodeOf(err) != fault.Timeout {
				t.Error(err)
			}
			clear(secret)
			cancel()
		}
		f.Set()
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
			t.Error(err)
		}
	})
}

func TestAPINThatIsTooLongIsNotTried(t *testing.T) {
	inBothModes(t, func(t *testing.T, inProcess bool) {
		f := softhsm.NewFaulty(t, softhsm.Spec{Label: "long", Keys: []softhsm.Key{both(jws.P256)}})
		_, d, _ := openFaulty(t, f, Config{InProcess: inProcess})
		before := f.Calls("C_Login")
		for _, n := range []int{maxPIN + 1, maxBody + 1} {
			wantFault(t, d.Login(t.Context(), make([]byte, n), false), fault.PINIncorrect, nil)
		}
		if f.Calls("C_Login") != before || !d.Present() {
			t.Error("it was tried, or the process of the module did not survive it")
		}
	})
}
