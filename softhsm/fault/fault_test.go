package fault_test

import (
	"bytes"
	"errors"
	"math/big"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/miekg/pkcs11"

	"countersign/softhsm"
	"countersign/softhsm/fault"
)

func TestATokenWithoutFaultsWorks(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("sound"))
	d := use(t, f)
	for _, label := range []string{"k1", "r1"} {
		signature, err := d.sign(label)
		if err != nil {
			t.Fatal(err)
		}
		if len(signature) != 64 || !d.verifies(label, signature) {
			t.Errorf("%s: the signature is %x", label, signature)
		}
		if err := d.derive(f, label); err != nil {
			t.Errorf("%s: derive: %v", label, err)
		}
	}
	if n := f.Calls("C_Sign"); n != 2 {
		t.Errorf("%d calls of C_Sign, want 2", n)
	}
	info, err := d.ctx.GetTokenInfo(d.slot)
	if err != nil || info.Label != "sound" || !strings.Contains(info.ManufacturerID, "SoftHSM") {
		t.Errorf("the token is %+v, %v", info, err)
	}
	library, err := d.ctx.GetInfo()
	if err != nil || library.ManufacturerID != "Countersign" {
		t.Errorf("the module says that it is %+v, %v", library, err)
	}
}

func TestTwoFaultyTokensOfAProcessShareNothing(t *testing.T) {
	t.Parallel()
	one, two := softhsm.NewFaulty(t, spec("one")), softhsm.NewFaulty(t, spec("two"))
	first, second := use(t, one), use(t, two)
	one.Vanish()
	one.FailNext("C_Sign", 0x30)
	if _, err := second.sign("k1"); err != nil {
		t.Errorf("the other token: %v", err)
	}
	_, err := first.sign("k1")
	first.is(err, deviceRemoved)
	if err := second.ctx.Finalize(); err != nil {
		t.Error(err)
	}
	one.Return()
	first.open()
	first.ok(first.login(one.Token.PIN))
}

func TestATokenVanishesAndReturns(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("hotplug"))
	d := use(t, f)
	before, err := d.ctx.GetTokenInfo(d.slot)
	d.ok(err)

	f.Vanish()
	if slots, err := d.ctx.GetSlotList(true); err != nil || len(slots) != 0 {
		t.Errorf("slots with a token: %v, %v", slots, err)
	}
	if slots, err := d.ctx.GetSlotList(false); err != nil || len(slots) != 1 {
		t.Errorf("slots: %v, %v; the reader stays", slots, err)
	}
	slot, err := d.ctx.GetSlotInfo(d.slot)
	if err != nil || slot.Flags&pkcs11.CKF_TOKEN_PRESENT != 0 || slot.Flags&pkcs11.CKF_REMOVABLE_DEVICE == 0 {
		t.Errorf("the slot has flags %#x, %v", slot.Flags, err)
	}
	_, err = d.ctx.GetTokenInfo(d.slot)
	d.is(err, noPresent)
	_, err = d.ctx.OpenSession(d.slot, pkcs11.CKF_SERIAL_SESSION)
	d.is(err, noPresent)
	_, err = d.sign("k1")
	d.is(err, deviceRemoved)
	f.Set(fault.Removed(uint(sessionInvalid)))
	_, err = d.sign("k1")
	d.is(err, sessionInvalid)

	f.Return()
	after, err := d.ctx.GetTokenInfo(d.slot)
	if err != nil || after.Label != before.Label || after.SerialNumber != before.SerialNumber {
		t.Errorf("%+v came back for %+v: %v", after, before, err)
	}
	_, err = d.sign("k1")
	d.is(err, sessionInvalid) // the session of before is dead
	d.open()
	if _, err := d.find(d.session, "k1"); err == nil {
		t.Error("the user is still logged in")
	}
	d.ok(d.login(f.Token.PIN))
	if _, err := d.sign("k1"); err != nil {
		t.Error(err)
	}
}

func TestATokenReturnsInAnotherSlot(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("moved"))
	d := use(t, f)
	before := d.slot
	f.Vanish()
	f.Set(fault.Slots(7))
	f.Return()
	_, err := d.ctx.GetTokenInfo(before)
	d.is(err, pkcs11.CKR_SLOT_ID_INVALID)
	d.open()
	if d.slot != before+7 {
		t.Errorf("it was in slot %d and is in %d", before, d.slot)
	}
	info, err := d.ctx.GetSessionInfo(d.session)
	if err != nil || info.SlotID != d.slot {
		t.Errorf("the session is in slot %d, %v", info.SlotID, err)
	}
	d.ok(d.login(f.Token.PIN))
	if _, err := d.sign("r1"); err != nil {
		t.Error(err)
	}
	if _, err := d.ctx.GetSlotInfo(d.slot); err != nil {
		t.Error(err)
	}
}

func TestAnUnobservedPullKillsSessionsToo(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("unseen"))
	d := use(t, f)
	f.Vanish()
	f.Return()
	_, err := d.sign("k1")
	d.is(err, sessionInvalid)
	d.open()
	d.ok(d.login(f.Token.PIN))
}

func TestAPullWhileSigningEndsTheCall(t *testing.T) {
	t.Parallel()
	for name, back := range map[string]bool{"it stays away": false, "it is back at once": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := softhsm.NewFaulty(t, spec("pull "+name))
			d := use(t, f)
			release := f.Hang("C_Sign")
			result := make(chan error, 1)
			go func() {
				_, err := d.sign("r1")
				result <- err
			}()
			entered(t, f, "C_Sign")
			f.Vanish()
			if back {
				f.Return()
			}
			release()
			d.is(<-result, deviceRemoved)
		})
	}
}

func TestChosenCallsFail(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("fail"))
	d := use(t, f)
	outcomes := func(n int) string {
		var s strings.Builder
		for range n {
			switch _, err := d.sign("k1"); {
			case err == nil:
				s.WriteByte('+')
			case errors.Is(err, deviceError):
				s.WriteByte('-')
			default:
				t.Fatal(err)
			}
			if err := d.ctx.CloseSession(d.session); err != nil { // a failed C_Sign leaves its operation behind
				t.Fatal(err)
			}
			var err error
			d.session, err = d.ctx.OpenSession(d.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
			d.ok(err)
		}
		return s.String()
	}
	anchor, err := d.ctx.OpenSession(d.slot, pkcs11.CKF_SERIAL_SESSION) // keeps the login
	d.ok(err)
	defer func() { _ = d.ctx.CloseSession(anchor) }()
	for _, c := range []struct {
		name, want string
		fault      fault.Fault
	}{
		{"each time", "---", fault.Fail("C_Sign", 0x30)},
		{"once", "-++", fault.Fail("C_Sign", 0x30).Times(1)},
		{"once again, because it was set again", "-++", fault.Fail("C_Sign", 0x30).Times(1)},
		{"after two, twice", "++--+", fault.Fail("C_Sign", 0x30).After(2).Times(2)},
		{"another function", "++", fault.Fail("C_Digest", 0x30)},
		{"although it was done", "--", fault.Fail("C_Sign", 0x30).Late()},
	} {
		f.Set(c.fault)
		if got := outcomes(len(c.want)); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	f.Set(fault.Fail("*", 0x30))
	_, err = d.ctx.GetSlotList(true)
	d.is(err, deviceError)
	f.Set()
	if got := outcomes(1); got != "+" {
		t.Errorf("without a fault: %s", got)
	}
}

func TestAnotherFaultDoesNotRestartTheCount(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("count"))
	d := use(t, f)
	f.FailNext("C_SignInit", 0x30)
	_, err := d.sign("k1")
	d.is(err, deviceError)
	undo := f.Delay("C_Digest", time.Millisecond)
	if _, err := d.sign("k1"); err != nil {
		t.Error(err)
	}
	undo()
	if _, err := d.sign("k1"); err != nil {
		t.Error(err)
	}
}

func TestACallTakesLonger(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("delay"))
	d := use(t, f)
	for _, delay := range []fault.Fault{fault.Delay("C_Sign", 60*time.Millisecond), fault.Delay("C_Sign", 60*time.Millisecond).Late()} {
		f.Set(delay)
		began := time.Now()
		if _, err := d.sign("k1"); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took < 60*time.Millisecond {
			t.Errorf("%s took %v", delay, took)
		}
	}
}

func TestACallHangsUntilItIsReleased(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("hang"))
	d := use(t, f)
	release := f.Hang("C_Sign")
	signed := make(chan error, 1)
	go func() {
		_, err := d.sign("k1")
		signed <- err
	}()
	entered(t, f, "C_Sign")
	if _, err := d.ctx.GetSlotList(true); err != nil {
		t.Errorf("other calls: %v", err)
	}
	select {
	case err := <-signed:
		t.Errorf("it came back: %v", err)
	default:
	}
	release()
	if err := <-signed; err != nil {
		t.Error(err)
	}
	if err := f.Returned(t.Context(), "C_Sign"); err != nil {
		t.Error(err)
	}
}

func TestSignaturesLie(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("lies"))
	d := use(t, f)
	order := map[string]*big.Int{}
	for label, n := range map[string]string{
		"k1": "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
		"r1": "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
	} {
		order[label], _ = new(big.Int).SetString(n, 16)
	}
	for label, n := range order {
		half := new(big.Int).Rsh(n, 1)
		for range 8 {
			for _, high := range []bool{true, false} {
				if f.Set(fault.LowS()); high {
					f.Set(fault.HighS())
				}
				signature, err := d.sign(label)
				d.ok(err)
				if s := new(big.Int).SetBytes(signature[32:]); s.Cmp(half) > 0 != high {
					t.Errorf("%s: s is %x, asked for high: %v", label, s, high)
				}
				if !d.verifies(label, signature) {
					t.Errorf("%s: the signature is wrong", label)
				}
			}
		}
	}
	for _, wrong := range []fault.Fault{fault.WrongSignature(), fault.ZeroSignature(), fault.Garbage("C_Sign")} {
		f.Set(wrong)
		signature, err := d.sign("k1")
		d.ok(err)
		if len(signature) != 64 || d.verifies("k1", signature) {
			t.Errorf("%s: the signature is right", wrong)
		}
	}
}

func TestLengthsLie(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("lengths"))
	d := use(t, f)
	for _, c := range []struct {
		faults []fault.Fault
		want   int
	}{
		{[]fault.Fault{fault.Length("C_Sign", 63)}, 63},
		{[]fault.Fault{fault.Length("C_Sign", 0)}, 0},
		{[]fault.Fault{fault.Room("C_Sign", 200)}, 64},
		{[]fault.Fault{fault.Room("C_Sign", 200), fault.Length("C_Sign", 96)}, 96},
	} {
		f.Set(c.faults...)
		signature, err := d.sign("k1")
		if err != nil || len(signature) != c.want {
			t.Errorf("%v: %d bytes, %v; want %d", c.faults, len(signature), err, c.want)
		}
	}
	f.Set()
	key, err := d.find(d.session, "k1")
	d.ok(err)
	ask := func() ([]*pkcs11.Attribute, error) {
		return d.ctx.GetAttributeValue(d.session, key, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, nil)})
	}
	f.Set(fault.Room("C_GetAttributeValue", 100).Attribute(pkcs11.CKA_EC_PARAMS).Times(1), fault.Length("C_GetAttributeValue", 90).Attribute(pkcs11.CKA_EC_PARAMS).After(1))
	if a, err := ask(); err != nil || len(a[0].Value) != 2 || len(a[1].Value) != 90 {
		t.Errorf("attributes %v, %v", a, err)
	}
	f.Set(fault.Length("C_GetAttributeValue", -1).Attribute(pkcs11.CKA_EC_PARAMS).After(1))
	if a, err := ask(); err != nil || len(a[1].Value) != 0 { // miekg knows CK_UNAVAILABLE_INFORMATION
		t.Errorf("attributes %v, %v", a, err)
	}
	f.Set(fault.Garbage("C_GetAttributeValue").Attribute(pkcs11.CKA_LABEL))
	if a, err := ask(); err != nil || string(a[0].Value) == "k1" || len(a[0].Value) != 2 {
		t.Errorf("attributes %v, %v", a, err)
	}
	f.Set(fault.Room("C_GetSlotList", 3))
	if slots, err := d.ctx.GetSlotList(true); err != nil || len(slots) != 1 {
		t.Errorf("slots %v, %v", slots, err)
	}
	f.Set(fault.Room("C_GetSlotList", 3), fault.Length("C_GetSlotList", 3))
	if slots, err := d.ctx.GetSlotList(true); err != nil || len(slots) != 3 {
		t.Errorf("slots %v, %v", slots, err)
	}
}

func TestTokenInfoLies(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("strings"))
	d := use(t, f)
	f.Set(fault.Garbage("C_GetTokenInfo"), fault.Garbage("C_GetInfo"), fault.Garbage("C_GetSlotInfo"))
	info, err := d.ctx.GetTokenInfo(d.slot)
	d.ok(err)
	for _, s := range []string{info.Label, info.ManufacturerID, info.Model, info.SerialNumber} {
		if utf8.ValidString(s) {
			t.Errorf("%q is text", s)
		}
	}
	f.Set(fault.Info("serial", "another one"), fault.Info("label", "bob"), fault.Flags(pkcs11.CKF_SO_PIN_LOCKED))
	info, err = d.ctx.GetTokenInfo(d.slot)
	if err != nil || info.SerialNumber != "another one" || info.Label != "bob" || info.Flags&pkcs11.CKF_SO_PIN_LOCKED == 0 {
		t.Errorf("the token is %+v, %v", info, err)
	}
}

func TestAMechanismIsMissing(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("lacks"))
	d := use(t, f)
	if err := d.derive(f, "r1"); err != nil {
		t.Fatal(err)
	}
	f.Set(fault.Lacks(pkcs11.CKM_ECDH1_DERIVE))
	list, err := d.ctx.GetMechanismList(d.slot)
	if err != nil || len(list) == 0 {
		t.Errorf("mechanisms %v, %v", list, err)
	}
	for _, m := range list {
		if m.Mechanism == pkcs11.CKM_ECDH1_DERIVE {
			t.Error("it is in the list")
		}
	}
	d.is(d.derive(f, "r1"), pkcs11.CKR_MECHANISM_INVALID)
	_, err = d.ctx.GetMechanismInfo(d.slot, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDH1_DERIVE, nil)})
	d.is(err, pkcs11.CKR_MECHANISM_INVALID)
}

func TestAnotherProgramLogsOutOrClosesTheSessions(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("logout"))
	d := use(t, f)
	f.Set(fault.Logout())
	if _, err := d.find(d.session, "k1"); err == nil {
		t.Error("still logged in")
	}
	d.ok(d.login(f.Token.PIN))
	if _, err := d.sign("k1"); err != nil {
		t.Errorf("it logs out once only: %v", err)
	}
	f.Set(fault.CloseSessions())
	_, err := d.sign("k1")
	d.is(err, sessionInvalid)
	d.open()
	d.ok(d.login(f.Token.PIN))
}

func TestSessionsOpenedTogetherHaveOneHandle(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("twins"))
	d := use(t, f)
	open := func() [2]pkcs11.SessionHandle {
		var both [2]pkcs11.SessionHandle
		var wg sync.WaitGroup
		for i := range both {
			wg.Go(func() {
				h, err := d.ctx.OpenSession(d.slot, pkcs11.CKF_SERIAL_SESSION)
				if err != nil {
					t.Error(err)
				}
				both[i] = h
			})
		}
		wg.Wait()
		return both
	}
	if both := open(); both[0] == both[1] {
		t.Errorf("without the fault: %v", both)
	}
	f.Set(fault.DuplicateSessions(10 * time.Second))
	if both := open(); both[0] != both[1] {
		t.Errorf("with the fault: %v", both)
	}
}

func TestASerialTokenDoesOneThingAtATime(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("slow"))
	d := use(t, f)
	const takes, signers, each = 10 * time.Millisecond, 4, 3
	f.Set(fault.Serial(takes))
	began := time.Now()
	var wg sync.WaitGroup
	for range signers {
		wg.Go(func() {
			session, err := d.ctx.OpenSession(d.slot, pkcs11.CKF_SERIAL_SESSION)
			for range each {
				if err == nil {
					err = d.start(session, "k1")
				}
				if err == nil {
					_, err = d.ctx.Sign(session, digest)
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if took := time.Since(began); took < takes*signers*each {
		t.Errorf("%d signatures took %v", signers*each, took)
	}
}

func TestAControlFileThatIsNotUnderstoodStopsEverything(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("typo"))
	d := use(t, f)
	write(t, f, "fail C_Sing 0x30\n")
	_, err := d.ctx.GetSlotList(true)
	d.is(err, pkcs11.CKR_GENERAL_ERROR)
	write(t, f, "fail C_Sign CKR_DEVICE_ERROR   after 1\n# a comment\n\n")
	if _, err := d.sign("k1"); err != nil {
		t.Error(err)
	}
	_, err = d.sign("k1")
	d.is(err, deviceError)
}

// write writes the control file by hand: what is set, and then more.
func write(t *testing.T, f *softhsm.Faulty, more string) {
	t.Helper()
	path := filepath.Join(filepath.Dir(f.Module), "fault.control")
	if err := appendTo(path, f.Control(), more); err != nil {
		t.Fatal(err)
	}
}

func TestFaultsThatTheModuleWouldNotUnderstandAreRefused(t *testing.T) {
	t.Parallel()
	m := installed(t)
	for _, f := range []fault.Fault{{}, fault.Fail("C_Sing", 1), fault.HighS().Late(), fault.Length("C_Digest", 1), fault.Garbage("*"),
		fault.PINPad("12\n34", 0), fault.AlwaysAuth(" k1")} {
		if err := m.Set(f); err == nil {
			t.Errorf("%q was set", f)
		}
	}
	if err := m.Set(fault.PINPad("12 34", time.Second), fault.Fail("*", 0x30).After(1).Times(2).Late()); err != nil {
		t.Error(err)
	}
	if c := m.Control(); !bytes.Contains([]byte(c), []byte("pin-pad 1000 12 34\n")) || !strings.Contains(c, "fail * 0x30 after 1 times 2 late id") {
		t.Errorf("the control file is\n%s", c)
	}
}

func TestATokenCanShowAnEmptyLabel(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, spec("shown"))
	d := use(t, f)
	for _, field := range []string{"label", "serial"} {
		f.Set(fault.Info(field, ""))
		info, err := d.ctx.GetTokenInfo(d.slot)
		if err != nil {
			t.Fatal(err)
		}
		if got := map[string]string{"label": info.Label, "serial": info.SerialNumber}[field]; strings.TrimSpace(got) != "" {
			t.Errorf("%s: %q", field, got)
		}
	}
}
