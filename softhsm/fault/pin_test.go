package fault_test

import (
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"countersign/softhsm"
	"countersign/softhsm/fault"
)

const (
	countLow = pkcs11.CKF_USER_PIN_COUNT_LOW
	finalTry = pkcs11.CKF_USER_PIN_FINAL_TRY
	locked   = pkcs11.CKF_USER_PIN_LOCKED
)

func (d *driver) flags(f uint) bool {
	d.t.Helper()
	info, err := d.ctx.GetTokenInfo(d.slot)
	d.ok(err)
	if got := info.Flags & (countLow | finalTry | locked); got != f {
		d.t.Errorf("the flags are %#x, want %#x", got, f)
		return false
	}
	return true
}

func TestWrongPINsAreCountedAndLock(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("lock"))
	f.Set(fault.PINTries(3))
	d := load(t, f.Module)
	d.open()
	d.flags(0)
	d.is(d.login("wrong"), pinIncorrect)
	d.flags(countLow)
	d.is(d.login("wrong"), pinIncorrect)
	d.flags(countLow | finalTry)
	d.ok(d.login(f.Token.PIN)) // the right one starts the count again
	d.flags(0)
	d.ok(d.ctx.Logout(d.session))

	f.Add(fault.PINLeft(1))
	d.flags(countLow | finalTry)
	d.is(d.ctx.SetPIN(d.session, "wrong", "12345678"), pinLocked)
	d.flags(locked)
	d.is(d.login(f.Token.PIN), pinLocked)

	// The security officer gives a new PIN, and the count starts again.
	d.ok(d.ctx.Login(d.session, pkcs11.CKU_SO, f.Token.SOPIN))
	d.ok(d.ctx.InitPIN(d.session, f.Token.PIN))
	d.ok(d.ctx.Logout(d.session))
	d.ok(d.login(f.Token.PIN))
	d.flags(0)
}

func TestATokenThatNeedsNoPINIsUsedWithoutOne(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("open"))
	f.Set(fault.NoPIN(f.Token.PIN))
	d := load(t, f.Module)
	d.open()
	info, err := d.ctx.GetTokenInfo(d.slot)
	d.ok(err)
	state, err := d.ctx.GetSessionInfo(d.session)
	d.ok(err)
	if info.Flags&pkcs11.CKF_LOGIN_REQUIRED != 0 || state.State != pkcs11.CKS_RW_USER_FUNCTIONS {
		t.Errorf("flags %#x, state %d", info.Flags, state.State)
	}
}

func TestThePINIsTypedOnThePad(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("pad"))
	d := load(t, f.Module)
	d.open()
	d.is(d.login(""), pkcs11.CKR_ARGUMENTS_BAD)
	f.Set(fault.PINPad(f.Token.PIN, 30*time.Millisecond))
	info, err := d.ctx.GetTokenInfo(d.slot)
	if err != nil || info.Flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH == 0 {
		t.Errorf("flags %#x, %v", info.Flags, err)
	}
	began := time.Now()
	d.ok(d.login(""))
	if took := time.Since(began); took < 30*time.Millisecond {
		t.Errorf("a person types for longer than %v", took)
	}
	if _, err := d.sign("k1"); err != nil {
		t.Error(err)
	}
	d.ok(d.ctx.Logout(d.session))

	f.Set(fault.PINPad("wrong", 0), fault.PINTries(2), fault.PINLeft(1))
	d.is(d.login(""), pinLocked)
}

func TestAKeyAsksForThePINEachTime(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("always"))
	f.Set(fault.AlwaysAuth("k1"))
	d := use(t, f)
	context := func(pin string) error { return d.ctx.Login(d.session, pkcs11.CKU_CONTEXT_SPECIFIC, pin) }
	for label, want := range map[string]byte{"k1": 1, "r1": 0} {
		key, err := d.find(d.session, label)
		d.ok(err)
		a, err := d.ctx.GetAttributeValue(d.session, key, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_ALWAYS_AUTHENTICATE, nil)})
		if err != nil || len(a[0].Value) != 1 || a[0].Value[0] != want {
			t.Errorf("%s: %v, %v", label, a, err)
		}
	}
	for range 2 { // one PIN, one signature
		d.ok(d.start(d.session, "k1"))
		d.is(context("wrong"), pinIncorrect)
		d.ok(context(f.Token.PIN))
		signature, err := d.ctx.Sign(d.session, digest)
		if err != nil || !d.verifies("k1", signature) {
			t.Errorf("signed %x, %v", signature, err)
		}
	}
	if _, err := d.sign("r1"); err != nil {
		t.Errorf("the other key: %v", err)
	}
	_, err := d.sign("k1")
	d.is(err, notLoggedIn)
	if _, err := d.find(d.session, "r1"); err == nil {
		t.Error("the user is still logged in")
	}
	d.ok(d.login(f.Token.PIN)) // and the session is as good as before
	d.ok(d.start(d.session, "k1"))
	d.ok(context(f.Token.PIN))
	if _, err := d.ctx.Sign(d.session, digest); err != nil {
		t.Error(err)
	}

	f.Add(fault.PINPad(f.Token.PIN, time.Millisecond))
	d.ok(d.start(d.session, "k1"))
	d.ok(context(""))
	if _, err := d.ctx.Sign(d.session, digest); err != nil {
		t.Errorf("on the pad: %v", err)
	}
}
