package hsm

import (
	"bytes"
	"context"
	"encoding/asn1"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

// The curves by the object identifiers that CKA_EC_PARAMS holds (SEC 2 §A.2.1,
// RFC 5480 §2.1.1.1).
var (
	oidSecp256k1 = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
	oidP256      = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
)

// Key is a key pair in a token. It is not a keys.Key: what it returns is what the
// module returned, and bridge/internal/device checks it on the other side of the
// process boundary.
type Key struct {
	token  *Token
	label  string // CKA_LABEL, as the token has it
	public jws.PublicKey
	pair   bool // found by its private half: see [Token.Pairs]

	mu     sync.Mutex
	info   keys.Info
	handle pkcs11.ObjectHandle
	epoch  int // the login that handle belongs to; 0: none
}

// Token is where the key is.
func (k *Key) Token() *Token { return k.token }

// Info says what is known of the key: what it may be used for from the first
// time that its private half was seen.
func (k *Key) Info() keys.Info { k.mu.Lock(); defer k.mu.Unlock(); return k.info }

// PublicKey is the public half, as the token shows it.
func (k *Key) PublicKey() jws.PublicKey { return k.public }

// Meet looks for the private half, so that Info is complete and the first use is
// as fast as the next. It fails as a use does.
func (k *Key) Meet(ctx context.Context) error {
	_, err := k.use(ctx, normal, func(pkcs11.SessionHandle, pkcs11.ObjectHandle) ([]byte, error) { return nil, nil }, nil)
	return err
}

// Sign signs a digest of 32 bytes in the token with CKM_ECDSA and returns what the
// module returned. pin is for a key that wants it at each use, and ignored
// otherwise; such a key fails with PIN_REQUIRED without one. The caller may wipe
// both as soon as Sign returns: what is under way has its own.
func (k *Key) Sign(ctx context.Context, digest []byte, pin *PIN) ([]byte, error) {
	if err := keys.Digest(digest); err != nil {
		return nil, err
	}
	if err := k.token.can(LacksSigning); err != nil {
		return nil, err
	}
	digest = bytes.Clone(digest)
	c, wipe := normal, func() {}
	if pin != nil {
		own := PIN{bytes.Clone(pin.Digits), pin.Final}
		pin, wipe = &own, func() { clear(own.Digits) }
		if pin.Digits == nil {
			c = human
		}
	}
	return k.use(ctx, c, func(session pkcs11.SessionHandle, handle pkcs11.ObjectHandle) ([]byte, error) {
		m := k.token.module.ctx
		always := k.Info().AlwaysAuth
		if always { // without it, the use would log the whole token out
			if pin == nil {
				return nil, fault.New(fault.PINRequired, fmt.Sprintf("the key %q wants its PIN at each use", k.Info().Label)).With("device", k.token.id.Label)
			}
			if err := k.token.mayTry(*pin); err != nil {
				return nil, err
			}
		}
		if err := m.SignInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, handle); err != nil {
			return nil, err
		}
		if always {
			if err := k.token.login(session, pkcs11.CKU_CONTEXT_SPECIFIC, pin.Digits); err != nil {
				return nil, worked(err)
			}
		}
		sig, err := m.Sign(session, digest)
		return sig, worked(err)
	}, wipe)
}

// ECDH derives in the token with CKM_ECDH1_DERIVE and CKD_NULL, with a point in
// SEC 1 uncompressed form that was checked to be on the curve.
func (k *Key) ECDH(ctx context.Context, point []byte) ([]byte, error) {
	if err := k.token.can(LacksECDH); err != nil {
		return nil, err
	}
	point = bytes.Clone(point)
	return k.use(ctx, normal, func(session pkcs11.SessionHandle, handle pkcs11.ObjectHandle) ([]byte, error) {
		if k.Info().AlwaysAuth {
			return nil, fault.New(fault.KeyUnsuited, fmt.Sprintf("the key %q wants its PIN at each use, and cannot derive then (PKCS #11 v2.40 §5.14.5)", k.Info().Label))
		}
		return k.token.module.derive(session, handle, point)
	}, nil)
}

// derive makes a session object of the secret, reads and removes it. The
// template states everything: modules differ in what they assume.
func (m *module) derive(session pkcs11.SessionHandle, key pkcs11.ObjectHandle, point []byte) ([]byte, error) {
	params := pkcs11.NewECDH1DeriveParams(pkcs11.CKD_NULL, nil, point)
	object, err := m.ctx.DeriveKey(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDH1_DERIVE, params)}, key,
		[]*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
			pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET),
			pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false),
			pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false),
			pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, false),
			pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, true),
			pkcs11.NewAttribute(pkcs11.CKA_VALUE_LEN, 32),
		})
	if effectOf(err)&handleLost != 0 { // the key's: it was not used
		return nil, err
	}
	if err != nil {
		return nil, worked(err)
	}
	attributes, err := m.ctx.GetAttributeValue(session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil)})
	if destroyErr := m.ctx.DestroyObject(session, object); err == nil {
		err = destroyErr
	}
	if err != nil {
		return nil, worked(err)
	}
	return attributes[0].Value, nil
}

// use runs an operation with the private key's handle. One that is refused because
// of the handle is run once more, with the handle that the key has now.
func (k *Key) use(ctx context.Context, c class, op func(pkcs11.SessionHandle, pkcs11.ObjectHandle) ([]byte, error), wipe func()) ([]byte, error) {
	run := func(session pkcs11.SessionHandle) ([]byte, error) {
		for again := false; ; again = true {
			handle, err := k.private(session)
			if err != nil {
				return nil, err
			}
			result, err := op(session, handle)
			if effectOf(err)&handleLost == 0 {
				return result, err
			}
			k.mu.Lock()
			k.epoch = 0
			k.mu.Unlock()
			if again || mayHaveRun(err) {
				return nil, err
			}
		}
	}
	return k.token.do(ctx, operation{class: c, run: run, wipe: wipe})
}

// private returns the handle of the private key for the current login.
func (k *Key) private(session pkcs11.SessionHandle) (pkcs11.ObjectHandle, error) {
	t := k.token
	t.mu.Lock()
	in, epoch := t.loggedIn, t.epoch
	t.mu.Unlock()
	if !in {
		return 0, pinRequired(t.id.Label)
	}
	if handle, ok := k.known(epoch); ok {
		return handle, nil
	}
	t.alone.Lock()
	defer t.alone.Unlock()
	if handle, ok := k.known(epoch); ok { // another worker was first
		return handle, nil
	}
	handle, found, err := k.search(session)
	if err != nil {
		return 0, err
	}
	if !found {
		if id, ok := t.module.identify(t.where()); !ok || id != t.id {
			t.gone()
			return 0, removed(t.id.Label)
		}
		if !t.module.isUser(session) {
			return 0, pkcs11.Error(pkcs11.CKR_USER_NOT_LOGGED_IN) // somebody else in this process logged out
		}
		return 0, fault.New(fault.KeyMissing, fmt.Sprintf("the token %q has no private key %q", t.id.Label, k.Info().Label))
	}
	info := k.Info()
	info.CanSign = t.can(LacksSigning) == nil && t.module.flag(session, handle, pkcs11.CKA_SIGN)
	info.CanDerive = t.can(LacksECDH) == nil && t.module.flag(session, handle, pkcs11.CKA_DERIVE)
	info.AlwaysAuth = t.module.flag(session, handle, pkcs11.CKA_ALWAYS_AUTHENTICATE)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.info, k.handle, k.epoch = info, handle, epoch
	return handle, nil
}

// known is the handle, when it was found in a login.
func (k *Key) known(epoch int) (handle pkcs11.ObjectHandle, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.handle, k.epoch == epoch
}

// search finds the private half: by CKA_ID, which the two halves share (PKCS #11
// v2.40 §4.9), and by label where there is no id or it is not unique. Smart cards
// give the halves different labels. The caller holds calls, and alone.
func (k *Key) search(session pkcs11.SessionHandle) (handle pkcs11.ObjectHandle, found bool, err error) {
	private := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC)}
	if k.pair {
		private = privateHalf()
	}
	label := pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.label)
	templates := [][]*pkcs11.Attribute{append(slices.Clone(private), label)}
	if id := k.Info().ID; len(id) > 0 {
		id := append(slices.Clone(private), pkcs11.NewAttribute(pkcs11.CKA_ID, id))
		templates = [][]*pkcs11.Attribute{id, append(slices.Clone(id), label)}
	}
	var handles []pkcs11.ObjectHandle
	for _, template := range templates {
		if handles, err = k.token.module.search(session, template); err != nil {
			return 0, false, err
		}
		if len(handles) == 1 {
			break
		}
	}
	if len(handles) == 0 {
		return 0, false, nil
	}
	return handles[0], true, nil
}

// point decodes CKA_EC_POINT: an OCTET STRING with the point inside, as the
// specification says, or the bare point, as some tokens have it.
func point(value []byte) []byte {
	if len(value) == 33 || len(value) == 65 {
		return value // bare: wrapped in DER it would be two bytes longer, whatever it starts with
	}
	var inner []byte
	if rest, err := asn1.Unmarshal(value, &inner); err == nil && len(rest) == 0 {
		return inner
	}
	return value
}

func curveOf(params []byte) string {
	var oid asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(params, &oid); err != nil || len(rest) != 0 {
		return ""
	}
	switch {
	case oid.Equal(oidSecp256k1):
		return jws.Secp256k1
	case oid.Equal(oidP256):
		return jws.P256
	}
	return ""
}

// paramsOf is CKA_EC_PARAMS for a curve.
func paramsOf(curve string) ([]byte, error) {
	switch curve {
	case jws.Secp256k1:
		return asn1.Marshal(oidSecp256k1)
	case jws.P256:
		return asn1.Marshal(oidP256)
	}
	return nil, fault.New(fault.KeyUnsuited, fmt.Sprintf("curve %q is not supported: use secp256k1 or P-256", clip(curve)))
}
