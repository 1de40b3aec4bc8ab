package fault_test

import (
	"context"
	"encoding/asn1"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"countersign/softhsm"
)

// The codes that the tests speak of.
const (
	deviceError    = pkcs11.Error(0x30)
	deviceRemoved  = pkcs11.Error(0x32)
	noPresent      = pkcs11.Error(0xE0)
	sessionInvalid = pkcs11.Error(0xB3)
	pinIncorrect   = pkcs11.Error(0xA0)
	pinLocked      = pkcs11.Error(0xA4)
	notLoggedIn    = pkcs11.Error(0x101)
)

// spec is the token of every test: a key of each curve.
func spec(label string) softhsm.Spec {
	return softhsm.Spec{Label: label, Keys: []softhsm.Key{
		{Label: "k1", Curve: softhsm.Secp256k1, Sign: true, Derive: true},
		{Label: "r1", Curve: softhsm.P256, Sign: true, Derive: true},
	}}
}

// driver is a program that uses a token in the simplest way.
type driver struct {
	t       testing.TB
	ctx     *pkcs11.Ctx
	slot    uint
	session pkcs11.SessionHandle
}

// load loads the module into this process, without a session.
func load(t testing.TB, module string) *driver {
	t.Helper()
	ctx := pkcs11.New(module)
	if ctx == nil {
		t.Fatal("the module cannot be loaded")
	}
	if err := ctx.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ctx.Finalize() })
	return &driver{t: t, ctx: ctx}
}

// use loads the module, and logs in.
func use(t testing.TB, f *softhsm.Faulty) *driver {
	t.Helper()
	d := load(t, f.Module)
	d.open()
	d.ok(d.login(f.Token.PIN))
	return d
}

func (d *driver) ok(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// is fails the test when err is not the code that is wanted.
func (d *driver) is(err error, want pkcs11.Error) {
	d.t.Helper()
	if !errors.Is(err, want) {
		d.t.Errorf("got %v, want %v", err, want)
	}
}

func (d *driver) open() {
	d.t.Helper()
	slots, err := d.ctx.GetSlotList(true)
	d.ok(err)
	if len(slots) != 1 {
		d.t.Fatalf("%d slots with a token, want the one", len(slots))
	}
	d.slot = slots[0]
	d.session, err = d.ctx.OpenSession(d.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	d.ok(err)
}

func (d *driver) login(pin string) error { return d.ctx.Login(d.session, pkcs11.CKU_USER, pin) }

func (d *driver) find(session pkcs11.SessionHandle, label string) (pkcs11.ObjectHandle, error) {
	template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)}
	if err := d.ctx.FindObjectsInit(session, template); err != nil {
		return 0, err
	}
	found, _, err := d.ctx.FindObjects(session, 1)
	if err = errors.Join(err, d.ctx.FindObjectsFinal(session)); err != nil {
		return 0, err
	}
	if len(found) == 0 {
		return 0, fmt.Errorf("no key %q", label)
	}
	return found[0], nil
}

func (d *driver) start(session pkcs11.SessionHandle, label string) error {
	key, err := d.find(session, label)
	if err != nil {
		return err
	}
	return d.ctx.SignInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, key)
}

func (d *driver) sign(label string) ([]byte, error) {
	if err := d.start(d.session, label); err != nil {
		return nil, err
	}
	return d.ctx.Sign(d.session, digest)
}

var digest = []byte("0123456789abcdef0123456789abcdef")

// verifies asks the token's public key about a signature.
func (d *driver) verifies(label string, signature []byte) bool {
	d.t.Helper()
	template := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)}
	d.ok(d.ctx.FindObjectsInit(d.session, template))
	found, _, err := d.ctx.FindObjects(d.session, 1)
	d.ok(err)
	d.ok(d.ctx.FindObjectsFinal(d.session))
	d.ok(d.ctx.VerifyInit(d.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, found[0]))
	return d.ctx.Verify(d.session, digest, signature) == nil
}

// derive asks for the x of an ECDH with the key's own public half.
func (d *driver) derive(f *softhsm.Faulty, label string) error {
	key, err := d.find(d.session, label)
	if err != nil {
		return err
	}
	spec, _ := f.Token.Key(label)
	point, err := asn1.Marshal(spec.Public)
	if err != nil {
		return err
	}
	params := pkcs11.NewECDH1DeriveParams(pkcs11.CKD_NULL, nil, point)
	_, err = d.ctx.DeriveKey(d.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDH1_DERIVE, params)}, key, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32),
	})
	return err
}

// entered waits for a call, for as long as a slow machine may need.
func entered(t testing.TB, f *softhsm.Faulty, function string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := f.Entered(ctx, function); err != nil {
		t.Fatalf("wait for %s: %v", function, err)
	}
}
