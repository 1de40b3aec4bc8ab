package hsm

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

// A public object proves nothing: whoever can open the token without its PIN can
// put one there. So a public key is believed when the private half has used a fresh
// nonce in the token, and it fits.

var errUnproven = errors.New("the key cannot prove itself")

// candidate is a public key that may belong to a private one, and how far it may
// be preferred where the private half leaves a choice.
type candidate struct {
	public jws.PublicKey
	rank   int // 0 is best: told by the private object, or behind the PIN; made by the token; any; a certificate
}

// candidates are the public keys that a token shows beside a private key, the
// preferred first. One that stands in several objects is there once.
func (m *module) candidates(session pkcs11.SessionHandle, private half, shown []half) (all []candidate, err error) {
	own, err := m.own(session, private)
	if err != nil {
		return nil, err
	}
	for _, k := range own {
		all = append(all, candidate{k, 0})
	}
	for _, h := range shown {
		rank := 2
		switch {
		case h.public.IsZero() || private.curve != "" && h.curve != private.curve:
			continue
		case h.class == pkcs11.CKO_CERTIFICATE:
			rank = 3
		case h.hidden:
			rank = 0
		case h.local:
			rank = 1
		}
		all = append(all, candidate{h.public, rank})
	}
	slices.SortStableFunc(all, func(a, b candidate) int { return a.rank - b.rank })
	var once []candidate
	for _, c := range all {
		if !slices.ContainsFunc(once, func(o candidate) bool { return o.public.Equal(c.public) }) {
			once = append(once, c)
		}
	}
	return once, nil
}

// resolve finds the public half of a private key: of those that the token shows
// the one that the private half proves, or what its signatures leave. proven is
// false when the private half can prove nothing now: it wants its PIN for each use,
// or may be used for nothing.
func (k *Token) resolve(session pkcs11.SessionHandle, private half, shown []half) (public jws.PublicKey, proven bool, err error) {
	m := k.module
	all, err := m.candidates(session, private, shown)
	if err != nil {
		return public, false, err
	}
	curve := private.curve
	if curve == "" && len(all) > 0 {
		curve = all[0].public.Curve()
	}
	if curve == "" {
		return public, false, fault.New(fault.KeyUnsuited, "its curve is not supported, or it does not tell it")
	}
	possible, err := k.prove(session, private, curve)
	if errors.Is(err, errUnproven) {
		if len(all) == 0 {
			return public, false, fault.New(fault.KeyUnsuited, "the token shows neither its public key nor a certificate of it")
		}
		return all[0].public, false, nil
	}
	if err != nil {
		return public, false, err
	}
	for _, c := range all {
		if slices.ContainsFunc(possible, c.public.Equal) {
			return c.public, true, nil
		}
	}
	if !k.signs(private) {
		return public, false, fault.New(fault.KeyUnsuited,
			"the token shows neither its public key nor a certificate of it, and a key that only derives does not tell them: write one of them into the token")
	}
	again, err := k.prove(session, private, curve) // another nonce: one key verifies both signatures
	if err != nil {
		return public, false, err
	}
	for _, p := range again {
		if slices.ContainsFunc(possible, p.Equal) {
			return p, true, nil
		}
	}
	return public, false, fault.New(fault.SignatureInvalid, "its signatures do not all belong to one key")
}

// proves reports whether a private key is the one of a public key; ok is false when
// it can prove nothing now.
func (k *Token) proves(session pkcs11.SessionHandle, private half, public jws.PublicKey) (yes, ok bool, err error) {
	possible, err := k.prove(session, private, public.Curve())
	if errors.Is(err, errUnproven) {
		return false, false, nil
	}
	return slices.ContainsFunc(possible, public.Equal), err == nil, err
}

func (k *Token) signs(private half) bool { return private.sign && k.can(LacksSigning) == nil }

// prove has a private key sign, or else derive with, a fresh nonce, and returns the
// few public keys that it may belong to. It fails with errUnproven when the key can
// do neither.
func (k *Token) prove(session pkcs11.SessionHandle, private half, curve string) ([]jws.PublicKey, error) {
	m := k.module
	switch {
	case private.alwaysAuth:
		return nil, errUnproven
	case k.signs(private):
		digest := make([]byte, 32)
		_, _ = rand.Read(digest) // it does not fail
		if err := m.ctx.SignInit(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, private.handle); err != nil {
			return nil, fmt.Errorf("sign a nonce: %w", err)
		}
		sig, err := m.ctx.Sign(session, digest)
		if err != nil {
			return nil, fmt.Errorf("sign a nonce: %w", err)
		}
		return signers(curve, digest, sig), nil
	case private.derive && k.can(LacksECDH) == nil:
		return k.deriveNonce(session, private.handle, curve)
	}
	return nil, errUnproven
}

// deriveNonce derives with a fresh nonce.
func (k *Token) deriveNonce(session pkcs11.SessionHandle, private pkcs11.ObjectHandle, curve string) ([]jws.PublicKey, error) {
	e, peer, err := nonce(curve)
	if err != nil {
		return nil, err
	}
	defer clear(e)
	x, err := k.module.derive(session, private, peer)
	if err != nil {
		return nil, err
	}
	defer clear(x)
	return derivers(curve, e, x), nil
}

// nonce makes a key pair for one derivation: its private scalar, and its point in
// uncompressed form.
func nonce(curve string) (e, point []byte, err error) {
	e = make([]byte, 32)
	_, _ = rand.Read(e)                                 // it does not fail
	k, err := keys.NewMemory(curve, bytes.NewReader(e)) // a number that is out of range has a chance of 2^-31 at most
	if err != nil {
		return nil, nil, err
	}
	return e, k.PublicKey().Uncompressed(), nil
}
