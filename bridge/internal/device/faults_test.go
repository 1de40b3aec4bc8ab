package device

import (
	"context"
	"fmt"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

// Return values of PKCS #11 v2.40.
const (
	ckrGeneralError   = 0x05
	ckrFunctionFailed = 0x06
	ckrDeviceError    = 0x30
	ckrDeviceRemoved  = 0x32
	ckrSessionInvalid = 0xb3
	ckmECDH           = 0x1050
	ckmECDSA          = 0x1041
)

// bad is a token that goes wrong, with its module in a process of its own.
type bad struct {
	*softhsm.Faulty
	devices *Devices
	device  *Device
	key     keys.Key
	news    chan bool
}

func faulty(t *testing.T, timeout time.Duration) *bad {
	t.Helper()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: t.Name()[4:min(len(t.Name()), 30)], Keys: []softhsm.Key{both(jws.Secp256k1)}})
	return start1(t, f, timeout)
}

func start1(t *testing.T, f *softhsm.Faulty, timeout time.Duration) *bad {
	t.Helper()
	devices, err := Open(Config{Modules: Modules(f.Module), Poll: 20 * time.Millisecond, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := devices.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bad{Faulty: f, devices: devices, news: make(chan bool, 64)}
	go func() {
		_ = devices.Watch(t.Context(), func(_ Identity, present bool) {
			select {
			case b.news <- present:
			default: // not every test listens, and a watcher that blocks stops the module's news
			}
		})
	}()
	b.device = unlock(t, devices, f.Token.Label, f.Token.PIN)
	if b.key, err = devices.Key(t.Context(), "pkcs11:object=both"); err != nil {
		t.Fatal(err)
	}
	b.works(t)
	return b
}

func (b *bad) sign(t *testing.T) ([]byte, error) {
	t.Helper()
	return b.key.SignDigest(t.Context(), make([]byte, 32))
}

func (b *bad) works(t *testing.T) {
	t.Helper()
	if _, err := b.sign(t); err != nil {
		t.Fatalf("the token does not work: %v", err)
	}
}

// back waits until the token went and came back.
func (b *bad) back(t *testing.T) {
	t.Helper()
	for _, want := range []bool{false, true} {
		for got := !want; got != want; {
			select {
			case got = <-b.news:
			case <-time.After(time.Minute):
				t.Fatalf("nobody was told that the token is present: %v", want)
			}
		}
	}
}

// recovers shows that the token works again after its PIN, and only then.
func (b *bad) recovers(t *testing.T) {
	t.Helper()
	b.back(t)
	if _, err := b.sign(t); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("before the PIN: %v, want PIN_REQUIRED", err)
	}
	if err := b.device.Login(t.Context(), []byte(b.Token.PIN), false); err != nil {
		t.Fatal(err)
	}
	b.works(t)
}

func wantFault(t *testing.T, err error, code fault.Code, details map[string]string) {
	t.Helper()
	f, ok := fault.As(err)
	if !ok || f.Code != code {
		t.Fatalf("%v, want %s", err, code)
	}
	for k, v := range details {
		if f.Details[k] != v {
			t.Errorf("details %v, want %s=%s", f.Details, k, v)
		}
	}
}

func TestACrashOfTheModuleCostsOneOperation(t *testing.T) {
	for name, crash := range map[string]faults.Fault{
		"before it signed": faults.Crash("C_Sign").Times(1),
		"after it signed":  faults.Crash("C_Sign").Times(1).Late(),
		"as it began":      faults.Crash("C_SignInit").Times(1),
	} {
		t.Run(name, func(t *testing.T) {
			b := faulty(t, 0)
			before := b.Calls("C_SignInit")
			b.Set(crash)
			_, err := b.sign(t)
			wantFault(t, err, fault.ModuleFailed, map[string]string{"how": "crashed"})
			if n := b.Calls("C_SignInit") - before; n != 1 {
				t.Errorf("it was tried %d times: what may have happened must not be repeated", n)
			}
			b.recovers(t)
		})
	}
}

func TestAHangOfTheModuleEndsAtItsDeadline(t *testing.T) {
	for name, function := range map[string]string{"signing": "C_Sign", "deriving": "C_DeriveKey", "looking for tokens": "C_GetSlotList", "unlocking": "C_Login"} {
		t.Run(name, func(t *testing.T) {
			b := faulty(t, 3*time.Second) // which no call takes that is only slow
			b.Set(faults.Hang(function).Times(1))
			var err error
			switch function {
			case "C_Sign":
				_, err = b.sign(t)
			case "C_DeriveKey":
				_, err = b.key.ECDH(t.Context(), b.key.PublicKey().Compressed())
			case "C_Login":
				err = b.device.Login(t.Context(), []byte(b.Token.PIN), false)
			default:
				b.recovers(t) // the polling hung, and nobody asked for anything
				return
			}
			wantFault(t, err, fault.ModuleFailed, map[string]string{"how": "timeout"})
			b.recovers(t)
		})
	}
}

func TestACallerWhoCancelsDoesNotWaitForAModuleThatHangs(t *testing.T) {
	b := faulty(t, 0)
	release := b.Hang("C_Sign")
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() {
		_, err := b.key.SignDigest(ctx, make([]byte, 32))
		result <- err
	}()
	if err := b.Entered(t.Context(), "C_Sign"); err != nil {
		t.Fatal(err)
	}
	cancel()
	wantFault(t, <-result, fault.Cancelled, nil)
	release()
	b.works(t)
}

func TestWhatAModuleReturnsIsNotBelieved(t *testing.T) {
	b := faulty(t, 0)
	undo := b.WrongSignature()
	_, err := b.sign(t)
	wantFault(t, err, fault.SignatureInvalid, nil)
	undo()
	undo = b.HighS()
	sig, err := b.sign(t)
	if err != nil {
		t.Fatal(err)
	}
	half, _ := new(big.Int).SetString("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0", 16)
	if new(big.Int).SetBytes(sig[32:]).Cmp(half) > 0 {
		t.Error("s is in the upper half")
	}
	undo()
	for _, lie := range []faults.Fault{faults.ZeroSignature(), faults.Length("C_Sign", 63), faults.Length("C_Sign", 0), faults.Garbage("C_Sign")} {
		undo := b.Add(lie.Times(2)) // the binding calls twice
		if _, err := b.sign(t); err == nil {
			t.Errorf("%s: a signature came out", lie)
		}
		undo()
		b.works(t)
	}
}

func TestALieAboutLengthsCrashesTheModuleAtMost(t *testing.T) {
	for _, lie := range []faults.Fault{faults.Length("C_Sign", 1<<30), faults.Length("C_GetAttributeValue", -1), faults.Length("C_GetAttributeValue", 1<<40),
		faults.Length("C_FindObjects", 1<<20), faults.Garbage("C_GetTokenInfo"), faults.Length("C_GetMechanismList", 1<<20)} {
		t.Run(lie.String(), func(t *testing.T) {
			b := faulty(t, 0)
			undo := b.Add(lie)
			for range 3 {
				_, _ = b.sign(t)
				_, _ = b.key.ECDH(t.Context(), b.key.PublicKey().Compressed())
				_, _ = b.device.Keys(t.Context())
				_ = b.device.State(t.Context())
			}
			undo()
			eventually(t, func() error {
				if err := b.device.Login(t.Context(), []byte(b.Token.PIN), false); err != nil {
					return err
				}
				_, err := b.sign(t)
				return err
			})
		})
	}
}

// eventually tries until it works: a module that crashed is being replaced.
func eventually(t *testing.T, try func() error) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for err := try(); err != nil; err = try() {
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-t.Context().Done():
		}
	}
}

func TestAReturnValueIsToldAndTheNextOperationWorks(t *testing.T) {
	b := faulty(t, 0)
	for _, code := range []uint{ckrGeneralError, ckrFunctionFailed, ckrDeviceError, 0x31, 0x70, 0x90, 0x80000001} {
		for _, function := range []string{"C_SignInit", "C_Sign"} {
			b.FailNext(function, code)
			_, err := b.sign(t)
			wantFault(t, err, fault.DeviceFailed, map[string]string{"ckr": fmt.Sprintf("0x%x", code)})
			b.works(t)
		}
	}
	b.FailNext("C_SignInit", ckrSessionInvalid) // a call that is refused for its session did nothing
	b.works(t)
}

func TestATokenPulledDuringAnOperationIsGone(t *testing.T) {
	b := faulty(t, 0)
	release := b.Hang("C_Sign")
	result := make(chan error, 1)
	go func() {
		_, err := b.key.SignDigest(context.Background(), make([]byte, 32))
		result <- err
	}()
	if err := b.Entered(t.Context(), "C_Sign"); err != nil {
		t.Fatal(err)
	}
	b.Vanish()
	release()
	wantFault(t, <-result, fault.DeviceRemoved, nil)
	_, err := b.sign(t)
	wantFault(t, err, fault.DeviceRemoved, nil)
	b.Return()
	b.recovers(t)
}

func TestTheLastTryIsNotMadeUnasked(t *testing.T) {
	b := faulty(t, 0)
	if err := b.device.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Set(faults.PINTries(3))
	wrong := []byte("9999999999")[:len(b.Token.PIN)]
	for range 2 {
		wantFault(t, b.device.Login(t.Context(), wrong, false), fault.PINIncorrect, nil)
	}
	if s := b.device.State(t.Context()); !s.FinalTry || s.TriesLeft != 1 || s.PINLocked {
		t.Errorf("after two of three tries: %+v", s)
	}
	tries := b.Calls("C_Login")
	wantFault(t, b.device.Login(t.Context(), wrong, false), fault.PINRequired, map[string]string{"tries_left": "1"})
	if b.Calls("C_Login") != tries {
		t.Error("the last try was made")
	}
	wantFault(t, b.device.Login(t.Context(), wrong, true), fault.PINLocked, map[string]string{"tries_left": "0"})
	if s := b.device.State(t.Context()); !s.PINLocked || s.TriesLeft != 0 {
		t.Errorf("after three of three: %+v", s)
	}
	tries = b.Calls("C_Login")
	wantFault(t, b.device.Login(t.Context(), []byte(b.Token.PIN), true), fault.PINLocked, nil)
	if b.Calls("C_Login") != tries {
		t.Error("a PIN was tried on a locked token")
	}
}

func TestAReaderWithAPadTakesThePIN(t *testing.T) {
	b := faulty(t, 0)
	wantFault(t, b.device.LoginOnReader(t.Context()), fault.PINRequired, nil) // it has none
	if err := b.device.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.Set(faults.PINPad(b.Token.PIN, 20*time.Millisecond))
	if s := b.device.State(t.Context()); !s.PINPad {
		t.Errorf("state %+v", s)
	}
	if err := b.device.LoginOnReader(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.works(t)
}

func TestAKeyThatWantsItsPINAtEachUseGetsIt(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "always", Keys: []softhsm.Key{both(jws.Secp256k1)}})
	f.Set(faults.AlwaysAuth("both"))
	devices := open(t, f.Module, false)
	d := unlock(t, devices, "always", f.Token.PIN)
	key, err := devices.Key(t.Context(), "pkcs11:object=both")
	if err != nil {
		t.Fatal(err)
	}
	if !key.Info().AlwaysAuth {
		t.Fatalf("info %+v", key.Info())
	}
	digest := make([]byte, 32)
	_, err = key.SignDigest(t.Context(), digest)
	wantFault(t, err, fault.PINRequired, nil)
	asked := 0
	pin := f.Token.PIN
	with := key.(*Key).WithPIN(func(context.Context) ([]byte, error) { asked++; return []byte(pin), nil })
	for range 2 {
		if _, err := with.SignDigest(t.Context(), digest); err != nil {
			t.Fatal(err)
		}
	}
	pin = "00000000"
	_, err = with.SignDigest(t.Context(), digest)
	wantFault(t, err, fault.PINIncorrect, nil)
	pin = f.Token.PIN
	if _, err := with.SignDigest(t.Context(), digest); err != nil || asked != 4 {
		t.Errorf("after a wrong PIN: %v, asked %d times", err, asked)
	}
	_, err = key.ECDH(t.Context(), key.PublicKey().Compressed())
	wantFault(t, err, fault.KeyUnsuited, nil)
	if d.State(t.Context()).Locked {
		t.Error("the token was logged out")
	}
}

func TestWhatATokenLacksIsNamedBeforeItIsNeeded(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "poor", Keys: []softhsm.Key{both(jws.Secp256k1)}})
	f.Set(faults.Lacks(ckmECDH))
	devices := open(t, f.Module, false)
	if s := stateOf(t, devices, "poor"); !cmp.Equal(s.Lacks, []string{LacksECDH}) {
		t.Errorf("it lacks %v", s.Lacks)
	}
	d := unlock(t, devices, "poor", f.Token.PIN)
	if m, err := d.Mechanisms(t.Context()); err != nil || len(m) == 0 {
		t.Errorf("mechanisms %v, %v", m, err)
	}
	if c, err := d.Curves(t.Context()); err != nil || !cmp.Equal(c, []string{jws.Secp256k1, jws.P256}) {
		t.Errorf("curves %v, %v", c, err)
	}
}

func TestALogoutByAnotherProgramAsksForThePINAgain(t *testing.T) {
	b := faulty(t, 0)
	for _, f := range []faults.Fault{faults.Logout(), faults.CloseSessions()} {
		b.Set(f)
		_, err := b.sign(t)
		wantFault(t, err, fault.PINRequired, nil)
		if err := b.device.Login(t.Context(), []byte(b.Token.PIN), false); err != nil {
			t.Fatal(err)
		}
		b.works(t)
	}
}

func TestSessionsThatAModuleGivesTwiceAreNotShared(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "twice", Keys: []softhsm.Key{both(jws.Secp256k1)}})
	f.Set(faults.DuplicateSessions(50 * time.Millisecond))
	b := start1(t, f, 0)
	results := make(chan error, 16)
	for range cap(results) {
		go func() {
			_, err := b.key.SignDigest(context.Background(), make([]byte, 32))
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil && fault.CodeOf(err) != fault.DeviceFailed {
			t.Errorf("%v", err)
		}
	}
	f.Set()
	b.works(t)
}

func TestAModuleThatCrashesAtItsStartIsTriedAgain(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "late", Keys: []softhsm.Key{both(jws.Secp256k1)}})
	f.Set(faults.Crash("C_Initialize").Times(2))
	devices := open(t, f.Module, false)
	eventually(t, func() error {
		d, err := devices.Device(t.Context(), "pkcs11:token=late")
		if err != nil {
			return err
		}
		return d.Login(t.Context(), []byte(f.Token.PIN), false)
	})
}

func TestASlowSerialTokenServesItsQueueInOrder(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "slow", Keys: []softhsm.Key{both(jws.Secp256k1)}})
	f.Set(faults.Info("manufacturer", "Slow Tokens Ltd"), faults.Serial(2*time.Millisecond))
	b := start1(t, f, 0)
	results := make(chan error, 300)
	for range cap(results) {
		go func() {
			_, err := b.key.SignDigest(context.Background(), make([]byte, 32))
			results <- err
		}()
	}
	served, busy := 0, 0
	for range cap(results) {
		switch err := <-results; {
		case err == nil:
			served++
		case fault.CodeOf(err) == fault.Busy:
			busy++
		default:
			t.Error(err)
		}
	}
	if served < 256 {
		t.Errorf("%d were served and %d refused; the queue holds 256", served, busy)
	}
}
