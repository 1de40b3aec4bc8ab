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
	"countersign/shared/name"
)

// Key is a key pair in a token. It is not a keys.Key: what it returns is what the
// module returned, and bridge/internal/device checks it on the other side of the
// process boundary.
type Key struct {
	token  *Token
	label  string // CKA_LABEL of the private half, or of what shows it while the token is locked
	public jws.PublicKey

	mu     sync.Mutex
	info   keys.Info
	handle pkcs11.ObjectHandle
	epoch  int  // the login that handle belongs to; 0: none
	proven bool // the private half proved the public one since the token came
}

// Name is CKA_LABEL as the token has it.
func (k *Key) Name() string { return k.label }

// Token is where the key is.
func (k *Key) Token() *Token { return k.token }

// Info says what is known of the key: what it may be used for from the first
// time that its private half was seen.
func (k *Key) Info() keys.Info { k.mu.Lock(); defer k.mu.Unlock(); return k.info }

// PublicKey is the public half, as the token shows it.
func (k *Key) PublicKey() jws.PublicKey { return k.public }

// Proven reports whether the private half has proven, with a fresh nonce in the token,
// that the public half is its own. One that wants its PIN for each use has not.
func (k *Key) Proven() bool { k.mu.Lock(); defer k.mu.Unlock(); return k.proven }

// met notes what was seen of the private half in a login.
func (k *Key) met(private half, epoch int, proven bool) {
	t := k.token
	info := k.Info()
	info.CanSign = private.sign && t.can(LacksSigning) == nil
	info.CanDerive = private.derive && t.can(LacksECDH) == nil
	info.AlwaysAuth, info.Unprotected = private.alwaysAuth, private.open
	k.mu.Lock()
	defer k.mu.Unlock()
	k.info, k.handle, k.epoch, k.proven = info, private.handle, epoch, proven
}

// forget is for a token that went: another may come in its place.
func (k *Key) forget() { k.mu.Lock(); defer k.mu.Unlock(); k.epoch, k.proven = 0, false }

// Meet looks for the private half, so that Info is complete and the first use is
// as fast as the next. It fails as a use does.
func (k *Key) Meet(ctx context.Context) error {
	_, err := k.use(ctx, normal, func(pkcs11.SessionHandle, pkcs11.ObjectHandle) ([]byte, error) { return nil, nil }, nil)
	return err
}

// Sign signs a digest of 32 bytes in the token with CKM_ECDSA and returns what the
// module returned. pin is for a key that wants it at each use, and ignored
// otherwise; such a key fails with PIN_REQUIRED without one. The caller may wipe
// both as soon as Sign returns: a running operation has its own.
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
				return nil, fault.New(fault.PINRequired, fmt.Sprintf("the key %s wants its PIN at each use", name.Quote(k.Info().Label))).With("device", k.token.id.Shown())
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
			return nil, fault.New(fault.KeyUnsuited, fmt.Sprintf("the key %s wants its PIN at each use, and cannot derive then (PKCS #11 v2.40 §5.14.5)", name.Quote(k.Info().Label)))
		}
		if err := k.proveDerive(session, handle); err != nil {
			return nil, err
		}
		return k.token.module.derive(session, handle, point)
	}, nil)
}

// proveDerive makes sure, once, that the private half is the one of the public key: an
// ECDH secret does not show by itself that it is of another.
func (k *Key) proveDerive(session pkcs11.SessionHandle, handle pkcs11.ObjectHandle) error {
	if k.Proven() {
		return nil
	}
	possible, err := k.token.deriveNonce(session, handle, k.public.Curve())
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(possible, k.public.Equal) {
		return fault.New(fault.KeyMissing, fmt.Sprintf("the token %s has no private key of the public key %s", k.token.id.Quoted(), name.Quote(k.Info().Label)))
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.proven = true
	return nil
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
	in, epoch := t.loggedIn || t.unlocked, t.epoch
	t.mu.Unlock()
	if !in {
		return 0, pinRequired(t.id)
	}
	if handle, ok := k.known(epoch); ok {
		return handle, nil
	}
	t.alone.Lock()
	defer t.alone.Unlock()
	if handle, ok := k.known(epoch); ok { // another worker was first
		return handle, nil
	}
	var private *half
	err := t.visible(session, func() (found bool, err error) { private, err = k.search(session); return private != nil, err })
	if err != nil {
		return 0, err
	}
	if private == nil {
		return 0, fault.New(fault.KeyMissing, fmt.Sprintf("the token %s has no private key of the public key %s", t.id.Quoted(), name.Quote(k.Info().Label)))
	}
	return private.handle, nil
}

// known is the handle, when it was found in a login.
func (k *Key) known(epoch int) (handle pkcs11.ObjectHandle, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.handle, k.epoch == epoch
}

// search finds the private half and notes it: the one with the key's id, or else its
// label, and of several the one that proves the public half. nil: there is none. The caller holds
// calls, and alone.
func (k *Key) search(session pkcs11.SessionHandle) (*half, error) {
	all, err := k.token.privateOf(session, k.Info().ID, k.label)
	if err != nil {
		return nil, err
	}
	if best := protected(all); len(best) > 0 {
		all = best
	}
	if named := slices.DeleteFunc(slices.Clone(all), func(h half) bool { return h.label != k.label }); len(named) == 1 && k.Proven() {
		all = named
	}
	all = slices.DeleteFunc(all, func(h half) bool { return h.curve != "" && h.curve != k.public.Curve() })
	epoch := k.token.inLogin()
	if len(all) == 1 { // a signature proves it, and before a derivation it is asked: see ECDH
		k.met(all[0], epoch, k.Proven())
		return &all[0], nil
	}
	var silent []half // that can prove nothing
	for _, p := range all {
		yes, ok, err := k.token.proves(session, p, k.public)
		switch {
		case err != nil:
			if _, bad := badKey(err); !bad {
				return nil, err
			}
		case yes:
			k.met(p, epoch, true)
			return &p, nil
		case !ok:
			silent = append(silent, p)
		}
	}
	if len(silent) != 1 {
		return nil, nil
	}
	k.met(silent[0], epoch, false)
	return &silent[0], nil
}

// paramsOf is CKA_EC_PARAMS for a curve.
func paramsOf(curve string) ([]byte, error) {
	switch curve {
	case jws.Secp256k1:
		return asn1.Marshal(oidSecp256k1)
	case jws.P256:
		return asn1.Marshal(oidP256)
	}
	return nil, fault.New(fault.KeyUnsuited, fmt.Sprintf("curve %.32q is not supported: use secp256k1 or P-256", curve))
}
