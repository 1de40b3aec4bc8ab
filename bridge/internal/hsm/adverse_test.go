package hsm

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

// What happens inside when a module, a token or a caller goes wrong.

// adverse is a token that goes wrong, seen from inside, unlocked, and its key.
type adverse struct {
	*softhsm.Faulty
	tokens *Tokens
	token  *Token
	key    *Key
}

func disturb(t *testing.T, set ...faults.Fault) *adverse {
	t.Helper()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "adverse", Keys: []softhsm.Key{{Label: "both", Curve: jws.P256, Sign: true, Derive: true}}})
	f.Set(set...)
	tokens, err := Open(Config{Path: f.Module, Poll: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tokens.Close(); err != nil {
			t.Error(err)
		}
	})
	a := &adverse{Faulty: f, tokens: tokens, token: tokens.All()[0]}
	a.login(t)
	if a.key, err = a.token.Find(t.Context(), URI{Object: "both"}, jws.PublicKey{}); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *adverse) login(t *testing.T) {
	t.Helper()
	if err := a.token.Login(t.Context(), PIN{Digits: []byte(a.Token.PIN)}); err != nil {
		t.Fatal(err)
	}
}

func (a *adverse) sign() error {
	_, err := a.key.Sign(context.Background(), make([]byte, 32), nil)
	return err
}

// soon fails when something that was started does not end.
func soon(t *testing.T, what string, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		t.Fatalf("%s does not end", what)
		return nil
	}
}

func TestAKeyThatIsDeletedWhileItIsUsedForTheFirstTimeDoesNotBlock(t *testing.T) {
	a := disturb(t)
	release := a.Hang("C_FindObjectsInit")
	listed, deleted, signed := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	go func() { _, err := a.token.Keys(context.Background()); listed <- err }()
	if err := a.Entered(t.Context(), "C_FindObjectsInit"); err != nil {
		t.Fatal(err)
	}
	go func() { deleted <- a.token.Delete(context.Background(), a.key) }()
	<-time.After(20 * time.Millisecond) // it waits in line, which nothing tells
	go func() { signed <- a.sign() }()
	<-time.After(20 * time.Millisecond)
	release()
	for what, done := range map[string]chan error{"the list": listed, "the deletion": deleted} {
		if err := soon(t, what, done); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := soon(t, "the signature", signed); err != nil && fault.CodeOf(err) != fault.KeyMissing { // nil: it was first
		t.Errorf("sign with a key that was deleted: %v, want KEY_NOT_FOUND", err)
	}
}

func TestAUseThatWasCancelledHasItsOwnPINAndDigest(t *testing.T) {
	a := disturb(t, faults.AlwaysAuth("both"), faults.PINTries(3))
	release := a.Hang("C_SignInit")
	ctx, cancel := context.WithCancel(t.Context())
	digest, pin := make([]byte, 32), []byte(a.Token.PIN)
	given := make(chan error, 1)
	go func() {
		_, err := a.key.Sign(ctx, digest, &PIN{Digits: pin})
		clear(pin) // as a caller does who has got an answer
		clear(digest)
		given <- err
	}()
	if err := a.Entered(t.Context(), "C_SignInit"); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := soon(t, "a use that was cancelled", given); fault.CodeOf(err) != fault.Cancelled {
		t.Fatalf("%v, want CANCELLED", err)
	}
	release()
	if _, err := a.key.Sign(t.Context(), make([]byte, 32), &PIN{Digits: []byte(a.Token.PIN)}); err != nil {
		t.Errorf("the next use: %v", err)
	}
	if n := a.Calls("C_SignInit"); n < 2 {
		t.Fatalf("C_SignInit was called %d times", n)
	}
	a.Set(faults.AlwaysAuth("both"), faults.PINTries(3), faults.Hang("C_SignInit"))
	ctx, cancel = context.WithCancel(t.Context())
	pin = []byte(a.Token.PIN)
	go func() {
		_, err := a.key.Sign(ctx, digest, &PIN{Digits: pin})
		clear(pin)
		given <- err
	}()
	if err := a.Entered(t.Context(), "C_SignInit"); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = soon(t, "a use that was cancelled", given)
	logins := a.Calls("C_Login")
	a.Set(faults.AlwaysAuth("both"), faults.PINTries(3))
	for a.Calls("C_Login") == logins {
		<-time.After(time.Millisecond)
	}
	if err := a.Returned(t.Context(), "C_Login"); err != nil {
		t.Fatal(err)
	}
	if s := a.token.State(); s.CountLow || s.FinalTry {
		t.Errorf("a wrong PIN was given: %+v", s)
	}
}

func TestWhatMayHaveRunIsNotDoneAgain(t *testing.T) {
	sign := func(a *adverse) error { return a.sign() }
	derive := func(a *adverse) error {
		_, err := a.key.ECDH(context.Background(), a.key.PublicKey().Uncompressed())
		return err
	}
	withPIN := func(a *adverse) error {
		_, err := a.key.Sign(context.Background(), make([]byte, 32), &PIN{Digits: []byte(a.Token.PIN)})
		return err
	}
	for name, c := range map[string]struct {
		set   []faults.Fault
		fails faults.Fault
		use   func(*adverse) error
		once  string
	}{
		"a signature":                  {nil, faults.Fail("C_Sign", pkcs11.CKR_SESSION_HANDLE_INVALID).Times(1), sign, "C_SignInit"},
		"a signature by a lost handle": {nil, faults.Fail("C_Sign", pkcs11.CKR_KEY_HANDLE_INVALID).Times(1), sign, "C_SignInit"},
		"a derivation":                 {nil, faults.Fail("C_DeriveKey", pkcs11.CKR_SESSION_HANDLE_INVALID).Times(1), derive, "C_DeriveKey"},
		"the PIN for a use":            {[]faults.Fault{faults.AlwaysAuth("both")}, faults.Fail("C_Login", pkcs11.CKR_SESSION_HANDLE_INVALID).Times(1), withPIN, "C_Login"},
		"the PIN for a signature":      {[]faults.Fault{faults.AlwaysAuth("both")}, faults.Fail("C_Sign", pkcs11.CKR_SESSION_HANDLE_INVALID).Times(1), withPIN, "C_Login"},
	} {
		t.Run(name, func(t *testing.T) {
			a := disturb(t, c.set...)
			if err := c.use(a); err != nil {
				t.Fatal(err)
			}
			before := a.Calls(c.once)
			a.Set(append(c.set, c.fails)...)
			if err := c.use(a); fault.CodeOf(err) != fault.DeviceFailed {
				t.Errorf("%v, want DEVICE_ERROR: PIN_REQUIRED would say that nothing was done", err)
			}
			if n := a.Calls(c.once) - before; n != 1 {
				t.Errorf("%s was called %d times", c.once, n)
			}
			a.login(t)
			if err := c.use(a); err != nil {
				t.Errorf("the next: %v", err)
			}
		})
	}
}

func TestACallThatWaitsForAnotherIsNotAHang(t *testing.T) {
	t.Parallel()
	const look, work, person = 10 * time.Second, time.Minute, 2 * time.Minute
	start := time.Now()
	at := func(d time.Duration) time.Time { return start.Add(d) }
	var r running
	typing := r.enter(at(0), person)
	r.enter(at(time.Second), look)
	if r.stuck(at(90 * time.Second)) {
		t.Error("a look at the slots hangs while a PIN is typed")
	}
	r.leave(at(90*time.Second), typing)
	if r.stuck(at(99 * time.Second)) {
		t.Error("a look at the slots hangs as soon as the PIN is typed")
	}
	if !r.stuck(at(101 * time.Second)) {
		t.Error("a look at the slots may take for ever once something else was running")
	}
	r = running{}
	r.enter(at(0), work)
	r.leave(at(50*time.Second), r.enter(at(0), work))
	if r.stuck(at(70*time.Second)) || !r.stuck(at(111*time.Second)) {
		t.Error("work that waited for other work has not the time that it may take")
	}
	r = running{}
	r.enter(at(0), work)
	r.enter(at(0), work)
	if !r.stuck(at(work + time.Second)) {
		t.Error("two calls that hang excuse each other")
	}
	r = running{}
	r.enter(at(0), person)
	if !r.stuck(at(person + time.Second)) {
		t.Error("a person may take for ever")
	}
	r = running{}
	r.enter(at(0), look)
	for i := range 100 { // what goes on beside it does not excuse it for ever
		s := r.enter(at(time.Duration(i)*time.Second), work)
		r.leave(at(time.Duration(i+1)*time.Second), s)
	}
	if !r.stuck(at(100 * time.Second)) {
		t.Error("a look at the slots hangs beside work, and nobody notices")
	}
}

// The process may be stopped, or the machine so busy that nobody asks.
func TestTimeInWhichNothingRanIsNotAHang(t *testing.T) {
	t.Parallel()
	start := time.Now()
	var r running
	if r.pulse(start) {
		t.Error("nothing runs")
	}
	r.enter(start.Add(time.Second), 10*time.Second)
	if r.pulse(start.Add(time.Hour)) {
		t.Error("a call that had a few seconds of an hour hangs")
	}
	for i := range 9 {
		if r.pulse(start.Add(time.Hour + time.Duration(i)*time.Second)) {
			t.Fatalf("it hangs after %d seconds", i)
		}
	}
	for i := range 3 {
		if r.pulse(start.Add(time.Hour + time.Duration(9+i)*time.Second)) {
			return
		}
	}
	t.Error("a call may take for ever once nothing ran")
}

func TestWhatWaitsForItsTurnIsNotAHang(t *testing.T) {
	a := disturb(t)
	a.Set(faults.Delay("C_GetMechanismList", 100*time.Millisecond))
	a.token.module.timeout = time.Second
	done := make(chan error)
	const n = 16 // which take 1.6 s, one after the other
	for range n {
		go func() { _, err := a.token.Mechanisms(context.Background()); done <- err }()
	}
	for range n {
		if err := soon(t, "a list of mechanisms", done); err != nil {
			t.Error(err)
		}
		if a.tokens.Stuck() {
			t.Error("a call that waits for its turn counts as one that hangs")
		}
	}
}

func TestATokenWithThousandsOfKeysListsThemAll(t *testing.T) {
	a := disturb(t)
	const n = 5000
	s, err := a.token.module.ctx.OpenSession(a.token.where(), pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	params, err := paramsOf(jws.P256)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n - 1 { // for this session only
		if _, err := a.token.module.ctx.CreateObject(s, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, fmt.Sprint("key ", i)), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params),
			pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, append([]byte{4, 65}, a.key.PublicKey().Uncompressed()...)),
		}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := a.token.Keys(t.Context())
	if err != nil || len(all.Keys) != 1 {
		t.Errorf("%d keys, one of which has a private half, %v", len(all.Keys), err)
	}
	if err := a.token.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if all, err = a.token.Keys(t.Context()); err != nil || len(all.Keys) != n {
		t.Errorf("%d keys of %d, %v", len(all.Keys), n, err)
	}
}

func TestARefusalIsNotAFailureOfTheModule(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]bool{
		pinRequired(Identity{Label: "x"}): true, deviceError(pkcs11.Error(pkcs11.CKR_DEVICE_ERROR), "sign"): false, errors.New("binding"): false,
		error(pkcs11.Error(pkcs11.CKR_ARGUMENTS_BAD)): false,
	} {
		if isRefusal(err) != want {
			t.Errorf("%v: refusal %v", err, !want)
		}
	}
}
