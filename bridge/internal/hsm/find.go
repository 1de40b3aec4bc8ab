package hsm

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/name"
)

// Types of a URI (RFC 7512 §2.3).
const (
	typePrivate = "private"
	typePublic  = "public"
	typeCert    = "cert"
)

// Find looks for the one key pair that u names. When the token is unlocked, private
// keys decide: their own name first, and then that of a public key or certificate
// that belongs to them; the public half is proven (see [Key.Proven]). While it is
// locked, a public key or certificate is what there is to see; when several keys
// match, or none, it fails with PIN_REQUIRED. Besides it fails with KEY_NOT_FOUND,
// KEY_UNSUITED, DEVICE_REMOVED, and INVALID_REQUEST when several keys match.
//
// want is the public key, where the caller believes it already; else it is zero. Then
// the private half need prove nothing that its next use does not prove.
func (k *Token) Find(ctx context.Context, u URI, want jws.PublicKey) (*Key, error) {
	if u.Type != "" && u.Type != typePrivate && u.Type != typePublic && u.Type != typeCert {
		return nil, k.missing(u) // whatever the PIN would show
	}
	var locked bool
	var found []*Key
	var out []Omitted
	err := k.administer(ctx, "list its keys", func(session pkcs11.SessionHandle) (err error) {
		if locked = k.isLocked(); locked {
			var shown []half
			shown, out, err = k.shown(session, u)
			if isWanted := func(h half) bool { return h.public.Equal(want) }; slices.ContainsFunc(shown, isWanted) {
				shown = slices.DeleteFunc(shown, func(h half) bool { return !isWanted(h) })
			}
			found = k.unproven(shown)
			return err
		}
		return k.visible(session, func() (bool, error) {
			found, out, err = k.pairs(session, u, want)
			return len(found) > 0, err
		})
	})
	if err != nil {
		return nil, err
	}
	if locked {
		return k.theOnly(found, u)
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		if len(out) > 0 {
			return nil, fault.New(fault.KeyUnsuited, fmt.Sprintf("of what the token %s has for %s the %s cannot be used: %s", k.id.Quoted(), u, out[0].Object, out[0].Why))
		}
		return nil, k.missing(u)
	}
	return nil, fault.New(fault.Invalid, fmt.Sprintf("%d keys match %s: add the id", len(found), u))
}

func (k *Token) missing(u URI) error {
	return fault.New(fault.KeyMissing, fmt.Sprintf("the token %s has no elliptic-curve key that matches %s", k.id.Quoted(), u))
}

// theOnly is the one key that a locked token shows. When it shows several, which is
// the right one, and of none whether there is one, shows after the PIN.
func (k *Token) theOnly(found []*Key, u URI) (*Key, error) {
	for _, key := range found {
		if !key.public.Equal(found[0].public) {
			return nil, pinRequired(k.id)
		}
	}
	if len(found) > 0 {
		return found[0], nil
	}
	if k.isGone() {
		return nil, removed(k.id)
	}
	return nil, pinRequired(k.id)
}

// isGone checks whether the token is still where it was: one that SoftHSM has
// lost shows no objects.
func (k *Token) isGone() bool {
	defer k.module.enter(quick)()
	return k.lookedGone()
}

// lookedGone is isGone for a caller that holds calls.
func (k *Token) lookedGone() bool {
	id, _, sight, _ := k.module.identify(k.where())
	if sight == unclear || sight == there && id == k.id {
		return false
	}
	k.gone()
	return true
}

// template is the search for the objects of a class that a URI names.
func template(u URI, class uint) []*pkcs11.Attribute {
	all := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_CLASS, class)}
	if class != pkcs11.CKO_CERTIFICATE {
		all = append(all, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC))
	}
	if u.Object != "" {
		all = append(all, pkcs11.NewAttribute(pkcs11.CKA_LABEL, u.Object))
	}
	if u.ID != "" {
		all = append(all, pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(u.ID)))
	}
	return all
}

// of searches and reads the objects of a class that a URI names.
func (m *module) of(session pkcs11.SessionHandle, class uint, u URI) ([]half, []Omitted, error) {
	objects, err := m.search(session, template(u, class))
	if err != nil {
		return nil, nil, err
	}
	return m.halves(session, objects)
}

// shown are the public keys and certificates that a URI names and that can be read.
func (k *Token) shown(session pkcs11.SessionHandle, u URI) (all []half, out []Omitted, err error) {
	for _, c := range []struct {
		class uint
		of    string
	}{{pkcs11.CKO_PUBLIC_KEY, typePublic}, {pkcs11.CKO_CERTIFICATE, typeCert}} {
		if u.Type != "" && u.Type != c.of {
			continue
		}
		some, bad, err := k.module.of(session, c.class, u)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, bad...)
		for _, h := range some {
			if h.why != "" {
				out = append(out, Omitted{h.name(), h.why})
				continue
			}
			all = append(all, h)
		}
	}
	return all, out, nil
}

// pairs are the key pairs that a URI names, of an unlocked token. A private key that
// anybody could have made, without the PIN, counts only where no other matches.
func (k *Token) pairs(session pkcs11.SessionHandle, u URI, want jws.PublicKey) (found []*Key, out []Omitted, err error) {
	var private []half
	if u.Type == "" || u.Type == typePrivate {
		if private, out, err = k.module.of(session, pkcs11.CKO_PRIVATE_KEY, u); err != nil {
			return nil, nil, err
		}
	}
	if len(protected(private)) == 0 && u.Type != typePrivate {
		shown, bad, err := k.shown(session, u)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, bad...)
		for _, h := range shown {
			more, err := k.privateOf(session, h.id, h.label)
			if err != nil {
				return nil, nil, err
			}
			for _, p := range more {
				if !slices.ContainsFunc(private, func(o half) bool { return o.handle == p.handle }) {
					private = append(private, p)
				}
			}
			if len(more) == 0 {
				out = append(out, Omitted{h.name(), noPrivateHalf})
			}
		}
	}
	if best := protected(private); len(best) > 0 {
		private = best
	}
	for _, p := range private {
		beside, err := k.beside(session, p)
		if err != nil {
			return nil, nil, err
		}
		if len(private) == 1 && fits(p, beside, want) {
			key := k.key(want, p.label, p.id)
			key.met(p, k.inLogin(), key.Proven())
			return []*Key{key}, out, nil
		}
		key, err := k.pair(session, p, beside)
		if err != nil {
			if why, ok := badKey(err); ok {
				out = append(out, Omitted{p.name(), why})
				continue
			}
			return nil, nil, err
		}
		if !slices.Contains(found, key) {
			found = append(found, key)
		}
	}
	return found, out, nil
}

// fits reports that nothing speaks against a public key for a private one.
func fits(private half, beside []half, want jws.PublicKey) bool {
	if want.IsZero() || private.curve != "" && private.curve != want.Curve() {
		return false
	}
	return len(beside) == 0 || slices.ContainsFunc(beside, func(h half) bool { return h.public.Equal(want) })
}

const noPrivateHalf = "its private half is not in the token: such an object can be made without the PIN, so it is ignored"

func protected(all []half) []half {
	return slices.DeleteFunc(slices.Clone(all), func(h half) bool { return h.open })
}

// badKey says what is wrong with one key; ok is false for an error of the token.
func badKey(err error) (why string, ok bool) {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Message, f.Code == fault.KeyUnsuited || f.Code == fault.SignatureInvalid
	}
	if is(err, pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED) || is(err, pkcs11.CKR_KEY_TYPE_INCONSISTENT) || is(err, pkcs11.CKR_MECHANISM_INVALID) {
		return "the token does not use it: " + err.Error(), true
	}
	return "", false
}

// privateOf are the private keys of a public object, by CKA_ID, which the halves
// share (PKCS #11 v2.40 §4.9), and by label where there is none with the id: smart
// cards give the halves different labels.
func (k *Token) privateOf(session pkcs11.SessionHandle, id []byte, label string) ([]half, error) {
	for _, u := range []URI{{ID: string(id)}, {Object: label}} {
		if u == (URI{}) {
			continue
		}
		all, _, err := k.module.of(session, pkcs11.CKO_PRIVATE_KEY, u)
		if err != nil || len(all) > 0 {
			return all, err
		}
	}
	return nil, nil
}

// beside are the public keys and certificates that may belong to a private key.
func (k *Token) beside(session pkcs11.SessionHandle, private half) (all []half, err error) {
	u := URI{ID: string(private.id)}
	if u.ID == "" {
		u = URI{Object: private.label}
	}
	all, _, err = k.shown(session, u)
	return all, err
}

// pair makes a Key of a private key and what the token shows beside it.
func (k *Token) pair(session pkcs11.SessionHandle, private half, beside []half) (*Key, error) {
	if key := k.seen(private, beside); key != nil {
		key.met(private, k.inLogin(), true)
		return key, nil
	}
	public, proven, err := k.resolve(session, private, beside)
	if err != nil {
		return nil, err
	}
	key := k.key(public, private.label, private.id)
	key.met(private, k.inLogin(), proven)
	return key, nil
}

// seen is a key that the private half under this name has proven since the token
// came: it is not asked again, which may cost a touch.
func (k *Token) seen(private half, beside []half) *Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range beside {
		key := k.found[keyName{string(h.public.Compressed()), private.label, string(private.id)}]
		if key != nil && key.Proven() && !private.open {
			return key
		}
	}
	return nil
}

// unproven makes Keys of what a locked token shows.
func (k *Token) unproven(shown []half) (all []*Key) {
	for _, h := range shown {
		if key := k.key(h.public, h.label, h.id); !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	return all
}

// keyName tells the keys of a token apart.
type keyName struct{ point, label, id string }

// key is the Key for a public key under a name: the same one for the same.
func (k *Token) key(public jws.PublicKey, label string, id []byte) *Key {
	of := keyName{string(public.Compressed()), label, string(id)}
	k.mu.Lock()
	defer k.mu.Unlock()
	known := k.found[of]
	if known == nil {
		known = &Key{token: k, public: public, label: label, info: keys.Info{Device: k.id.Shown(), Label: name.Shown(label), ID: id}}
		k.found[of] = known
	}
	return known
}
