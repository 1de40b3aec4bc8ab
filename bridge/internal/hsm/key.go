package hsm

import (
	"bytes"
	"context"
	"encoding/asn1"
	"fmt"
	"sync"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
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

// Key is a key pair in a token: a keys.Key.
type Key struct {
	token  *Token
	info   keys.Info
	public jws.PublicKey

	mu     sync.Mutex
	handle pkcs11.ObjectHandle
	epoch  int // the login that handle belongs to; 0: none
}

// Info says what is known of the key.
func (k *Key) Info() keys.Info { k.mu.Lock(); defer k.mu.Unlock(); return k.info }

// PublicKey is the public half, as the token shows it.
func (k *Key) PublicKey() jws.PublicKey { return k.public }

// SignDigest signs in the token with CKM_ECDSA.
func (k *Key) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	if err := keys.Digest(digest); err != nil {
		return nil, err
	}
	digest = bytes.Clone(digest) // the operation may outlive the call
	var sig []byte
	err := k.use(ctx, func(session pkcs11.SessionHandle, handle pkcs11.ObjectHandle) (err error) {
		m := k.token.module.ctx
		if err := m.SignInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, handle); err != nil {
			return err
		}
		sig, err = m.Sign(session, digest)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(sig) != 64 {
		return nil, fault.New(fault.SignatureInvalid, fmt.Sprintf("the token returned a signature of %d bytes", len(sig)))
	}
	if k.public.Curve() == jws.Secp256k1 {
		lowS(sig)
	}
	return sig, k.public.Verify(digest, sig)
}

// SignsChecked makes the key a jws.Checked.
func (k *Key) SignsChecked() {}

// lowS replaces s by n-s when s is in the upper half: both verify, one form is
// wanted.
func lowS(sig []byte) {
	var s secp256k1.ModNScalar
	if !s.SetByteSlice(sig[32:]) && s.IsOverHalfOrder() {
		s.Negate().PutBytesUnchecked(sig[32:])
	}
}

// ECDH derives in the token with CKM_ECDH1_DERIVE and CKD_NULL.
func (k *Key) ECDH(ctx context.Context, peer []byte) ([]byte, error) {
	point, err := jws.FromSEC1(k.public.Curve(), peer)
	if err != nil {
		return nil, err
	}
	raw := point.Uncompressed()
	var secret []byte
	err = k.use(ctx, func(session pkcs11.SessionHandle, handle pkcs11.ObjectHandle) (err error) {
		secret, err = k.token.module.derive(session, handle, raw)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(secret) != 32 {
		clear(secret)
		return nil, fault.New(fault.DeviceFailed, fmt.Sprintf("the token derived %d bytes instead of 32", len(secret)))
	}
	return secret, nil
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
	if err != nil {
		return nil, err
	}
	attributes, err := m.ctx.GetAttributeValue(session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil)})
	if destroyErr := m.ctx.DestroyObject(session, object); err == nil {
		err = destroyErr
	}
	if err != nil {
		return nil, err
	}
	return attributes[0].Value, nil
}

// use runs an operation with the private key's handle. A handle that turned out
// invalid is found again once: nothing was done with it then.
func (k *Key) use(ctx context.Context, op func(pkcs11.SessionHandle, pkcs11.ObjectHandle) error) error {
	return k.token.do(ctx, func(session pkcs11.SessionHandle) error {
		for again := false; ; again = true {
			handle, err := k.private(session)
			if err != nil {
				return err
			}
			err = op(session, handle)
			if effectOf(err)&handleLost == 0 || again {
				return err
			}
			k.mu.Lock()
			k.epoch = 0
			k.mu.Unlock()
		}
	})
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
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.epoch == epoch {
		return k.handle, nil
	}
	t.alone.Lock()
	defer t.alone.Unlock()
	template := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.info.Label),
	}
	if len(k.info.ID) > 0 {
		template = append(template, pkcs11.NewAttribute(pkcs11.CKA_ID, k.info.ID))
	}
	handles, err := t.module.search(session, template)
	if err != nil {
		return 0, err
	}
	if len(handles) == 0 {
		if id, ok := t.module.identify(t.where()); !ok || id != t.id {
			t.vanish()
			return 0, removed(t.id.Label)
		}
		if !t.module.isUser(session) {
			return 0, pkcs11.Error(pkcs11.CKR_USER_NOT_LOGGED_IN) // somebody else in this process logged out
		}
		return 0, fault.New(fault.KeyMissing, fmt.Sprintf("the token %q has no private key %q", t.id.Label, k.info.Label))
	}
	k.info.CanSign = t.module.flag(session, handles[0], pkcs11.CKA_SIGN)
	k.info.CanDerive = t.module.flag(session, handles[0], pkcs11.CKA_DERIVE)
	k.info.AlwaysAuth = t.module.flag(session, handles[0], pkcs11.CKA_ALWAYS_AUTHENTICATE)
	if k.info.AlwaysAuth {
		// Using it without the PIN for this one use logs the whole token out.
		return 0, fault.New(fault.KeyUnsuited, fmt.Sprintf("the key %q asks for the PIN at each use, which is not supported", k.info.Label))
	}
	k.handle, k.epoch = handles[0], epoch
	return k.handle, nil
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

func oidOf(curve string) (asn1.ObjectIdentifier, error) {
	switch curve {
	case jws.Secp256k1:
		return oidSecp256k1, nil
	case jws.P256:
		return oidP256, nil
	}
	return nil, fault.New(fault.KeyUnsuited, fmt.Sprintf("curve %q is not supported: use secp256k1 or P-256", clip(curve)))
}
