package hsm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
	"countersign/shared/jws"
)

// Omitted is an object that was left out of a list, and why.
type Omitted struct {
	Object string `json:"object"` // what it is and its name, for people
	Why    string `json:"why"`
}

// Listing is what a token shows.
type Listing struct {
	Keys []*Key
	// Omitted are objects that were left out. One bad object costs no other.
	Omitted []Omitted
	// Doubts are objects of a locked token that may have no private half.
	Doubts []Omitted
}

// Keys lists the key pairs on secp256k1 and P-256. While the token is locked these
// are the public halves that it shows, which may be anybody's; a token that hides
// them shows none.
func (k *Token) Keys(ctx context.Context) (list Listing, err error) {
	err = k.administer(ctx, "list its keys", func(session pkcs11.SessionHandle) (err error) {
		if k.isLocked() {
			var shown []half
			shown, list.Omitted, err = k.shown(session, URI{})
			list.Keys = k.unproven(slices.DeleteFunc(shown, func(h half) bool { return h.class == pkcs11.CKO_CERTIFICATE && isShown(shown, h) }))
			list.Doubts = doubts(shown)
			return err
		}
		return k.visible(session, func() (bool, error) {
			list.Keys, list.Omitted, err = k.everyPair(session)
			return len(list.Keys)+len(list.Omitted) > 0, err
		})
	})
	if err != nil {
		return Listing{}, err
	}
	return list, nil
}

// isShown reports whether a certificate's key has a public key object too.
func isShown(shown []half, certificate half) bool {
	return slices.ContainsFunc(shown, func(h half) bool { return h.class == pkcs11.CKO_PUBLIC_KEY && h.public.Equal(certificate.public) })
}

// doubts names the public keys of a locked token that may have no private half:
// several under one label or id, and those that the token did not make.
func doubts(shown []half) (all []Omitted) {
	for i, h := range shown {
		twin := slices.IndexFunc(shown, func(o half) bool {
			return (h.label != "" && h.label == o.label || len(h.id) > 0 && bytes.Equal(h.id, o.id)) && !h.public.Equal(o.public)
		})
		switch {
		case twin >= 0 && twin < i:
			all = append(all, Omitted{h.name(), fmt.Sprintf("another key has the same name (%s and %s): which one has its private half in the token shows after the PIN, and the other is ignored",
				shown[twin].public.Thumbprint(), h.public.Thumbprint())})
		case twin < 0 && h.class == pkcs11.CKO_PUBLIC_KEY && h.foreign:
			all = append(all, Omitted{h.name(), "it was not made in the token (CKA_LOCAL is false): unless its private half is there, which shows after the PIN, it is ignored"})
		}
	}
	return all
}

// everyPair pairs everything that an unlocked token has. A key that has one public half
// beside it is not proven.
func (k *Token) everyPair(session pkcs11.SessionHandle) (found []*Key, out []Omitted, err error) {
	private, out, err := k.module.of(session, pkcs11.CKO_PRIVATE_KEY, URI{})
	if err != nil {
		return nil, nil, err
	}
	shown, bad, err := k.shown(session, URI{})
	if err != nil {
		return nil, nil, err
	}
	out = append(out, bad...)
	byID, byLabel := map[string][]half{}, map[string][]half{}
	for _, h := range shown {
		if len(h.id) > 0 {
			byID[string(h.id)] = append(byID[string(h.id)], h)
		}
		byLabel[h.label] = append(byLabel[h.label], h)
	}
	public := map[string]bool{}
	for _, p := range private {
		beside := byID[string(p.id)]
		if len(p.id) == 0 {
			beside = byLabel[p.label]
		}
		if one, ok := only(p, beside); ok { // a list asks no key to prove itself, which may cost a touch
			key := k.key(one, p.label, p.id)
			key.met(p, k.inLogin(), key.Proven())
			found = append(found, key)
			public[one.Thumbprint()] = true
			continue
		}
		key, err := k.pair(session, p, beside)
		if err != nil {
			if effectOf(err)&loginLost != 0 {
				return nil, nil, err
			}
			out = append(out, Omitted{p.name(), messageOf(err)})
			continue
		}
		found = append(found, key)
		public[key.public.Thumbprint()] = true
	}
	for _, h := range shown {
		if h.class == pkcs11.CKO_PUBLIC_KEY && !public[h.public.Thumbprint()] {
			out = append(out, Omitted{h.name(), noPrivateHalf})
		}
	}
	return found, out, nil
}

// only is the one public key that is shown beside a private key.
func only(private half, beside []half) (public jws.PublicKey, ok bool) {
	for _, h := range beside {
		if ok && !h.public.Equal(public) {
			return public, false
		}
		public, ok = h.public, private.curve == "" || private.curve == h.curve
	}
	return public, ok
}

func messageOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Message
	}
	return err.Error()
}
