package hsm

import (
	"context"
	"encoding/pem"
	"fmt"
	"maps"
	"slices"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/name"
)

// The names in [State.Lacks].
const (
	LacksSigning = "ECDSA" // CKM_ECDSA
	LacksECDH    = "ECDH"  // CKM_ECDH1_DERIVE
)

// curveNotSupported is CKR_CURVE_NOT_SUPPORTED of PKCS #11 v3.0, which modules of
// v2.40 return too.
const curveNotSupported pkcs11.Error = 0x140

func isCurveMissing(err error) bool {
	return is(err, pkcs11.CKR_DOMAIN_PARAMS_INVALID) || is(err, curveNotSupported)
}

// lack notes what a token turned out to lack.
func (k *Token) lack(what string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.lacks, what) {
		k.lacks = append(slices.Clone(k.lacks), what)
	}
}

// look notes, once since a token came, whether it needs a PIN, and what it lacks by its
// list of mechanisms. The caller holds calls. Curves are in no list: [Token.Curves]
// tries them.
func (k *Token) look() {
	k.mu.Lock()
	slot, done := k.slot, k.looked || !k.present
	k.mu.Unlock()
	if done {
		return
	}
	info, _, err := k.module.tokenInfo(slot)
	if err != nil {
		return // the next look does it
	}
	list, err := k.module.ctx.GetMechanismList(slot)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.unlocked = info.Flags&pkcs11.CKF_LOGIN_REQUIRED == 0
	if err != nil {
		return // what it lacks is told at the first use, or by the next look
	}
	has := func(m uint) bool {
		return slices.ContainsFunc(list, func(x *pkcs11.Mechanism) bool { return x.Mechanism == m })
	}
	lacks := []string{}
	if !has(pkcs11.CKM_ECDSA) {
		lacks = append(lacks, LacksSigning)
	}
	if !has(pkcs11.CKM_ECDH1_DERIVE) {
		lacks = append(lacks, LacksECDH)
	}
	k.lacks, k.looked = lacks, true
}

// can fails with KEY_UNSUITED when the token lacks what a use needs: modules answer
// such a use with whatever they like.
func (k *Token) can(what string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.lacks, what) {
		return nil
	}
	return fault.New(fault.KeyUnsuited, fmt.Sprintf("the token %s has no %s", k.id.Quoted(), what)).With("device", k.id.Shown()).With("lacks", what)
}

// Mechanisms lists the numbers of the token's mechanisms (PKCS #11 v2.40, CKM_…).
func (k *Token) Mechanisms(ctx context.Context) (all []uint, err error) {
	err = k.administer(ctx, "list its mechanisms", func(pkcs11.SessionHandle) error {
		list, err := k.module.ctx.GetMechanismList(k.where())
		for _, m := range list {
			all = append(all, m.Mechanism)
		}
		return err
	})
	slices.Sort(all)
	return all, err
}

// Curves tries which of the two curves the token makes keys on, with a key pair
// that lives for the session only. It must be unlocked. A token that makes no
// session keys at all is an error, and says nothing about curves.
func (k *Token) Curves(ctx context.Context) (can []string, err error) {
	err = k.administer(ctx, "make a key for a moment", func(session pkcs11.SessionHandle) error {
		if k.isLocked() {
			return pinRequired(k.id)
		}
		var last error
		for _, curve := range []string{jws.Secp256k1, jws.P256} {
			params, err := paramsOf(curve)
			if err != nil {
				return err
			}
			public, private, err := k.module.ctx.GenerateKeyPair(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)},
				[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false)},
				[]*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true)})
			if isCurveMissing(err) {
				k.lack(curve)
			}
			if effectOf(err)&(loginLost|tokenLost) != 0 {
				return err // says nothing about the curve
			}
			if err != nil {
				last = err
				continue
			}
			can = append(can, curve)
			for _, o := range []pkcs11.ObjectHandle{public, private} {
				if err := k.module.ctx.DestroyObject(session, o); err != nil {
					return err
				}
			}
		}
		if len(can) == 0 {
			return last
		}
		return nil
	})
	return can, err
}

// Certificates returns, in PEM, the X.509 certificates that the token shows for the
// public key of a key pair: the maker's attestation, where there is one. None is
// no error. They are for others to read, so a locked token shows them too; one
// that is locked in between may have hidden some: PIN_REQUIRED.
func (k *Token) Certificates(ctx context.Context, key *Key) (chain []byte, err error) {
	err = k.administer(ctx, "read its certificates", func(session pkcs11.SessionHandle) error {
		look := func() (found bool, err error) {
			chain, err = k.certificatesOf(session, key)
			return len(chain) > 0, err
		}
		if k.isLocked() {
			_, err := look()
			return err
		}
		return k.visible(session, look)
	})
	if err != nil {
		return nil, err
	}
	return chain, nil
}

func (k *Token) certificatesOf(session pkcs11.SessionHandle, key *Key) (chain []byte, err error) {
	all, err := k.module.search(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_CERTIFICATE)})
	if err != nil {
		return nil, err
	}
	for _, o := range all {
		a, err := k.module.ctx.GetAttributeValue(session, o, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_VALUE, nil)})
		if err != nil || len(a) != 1 || len(a[0].Value) > maxCertificate {
			continue // not every certificate object has its value
		}
		if public, err := certified(a[0].Value); err == nil && public.Equal(key.public) {
			chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a[0].Value})...)
		}
	}
	return chain, nil
}

// maxCertificate is the longest certificate that is read, in bytes.
const maxCertificate = 16 << 10

// Delete removes a key pair for good. The token must be unlocked. It fails with
// KEY_NOT_FOUND when the private half is not there.
func (k *Token) Delete(ctx context.Context, key *Key) error {
	err := k.administer(ctx, "delete a key", func(session pkcs11.SessionHandle) error {
		var private *half
		var beside []half
		err := k.visible(session, func() (found bool, err error) {
			if private, err = key.search(session); private != nil && err == nil {
				beside, err = k.beside(session, *private)
			}
			return private != nil, err
		})
		if err != nil {
			return err
		}
		if private == nil {
			return fault.New(fault.KeyMissing, fmt.Sprintf("the token %s has no private key %s", k.id.Quoted(), name.Quote(key.Info().Label)))
		}
		key.forget() // its handle means nothing any more
		if err := k.module.ctx.DestroyObject(session, private.handle); err != nil {
			return worked(err)
		}
		for _, h := range beside {
			if h.class != pkcs11.CKO_PUBLIC_KEY || !h.public.Equal(key.public) {
				continue
			}
			if err := k.module.ctx.DestroyObject(session, h.handle); err != nil {
				return deviceError(err, "delete the public half; the private half is deleted")
			}
		}
		return nil
	})
	if err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		maps.DeleteFunc(k.found, func(_ keyName, f *Key) bool { return f == key })
	}
	return err
}
