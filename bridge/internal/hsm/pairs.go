package hsm

import (
	"context"
	"fmt"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
	"countersign/shared/name"
)

// maxPairs is how many key pairs of one label are looked at.
const maxPairs = 16

// Origin says where the private half of a key pair came from and what it may be
// used for: its attributes (PKCS #11 v2.40 §4.9). What a token does not know is
// false.
type Origin struct {
	Private          bool `json:"private"`           // CKA_PRIVATE: nobody sees or uses it without the PIN
	Local            bool `json:"local"`             // CKA_LOCAL: made in the token
	Sensitive        bool `json:"sensitive"`         // CKA_SENSITIVE
	AlwaysSensitive  bool `json:"always_sensitive"`  // CKA_ALWAYS_SENSITIVE
	Extractable      bool `json:"extractable"`       // CKA_EXTRACTABLE
	NeverExtractable bool `json:"never_extractable"` // CKA_NEVER_EXTRACTABLE
	Sign             bool `json:"sign"`
	SignRecover      bool `json:"sign_recover"`
	Decrypt          bool `json:"decrypt"`
	Unwrap           bool `json:"unwrap"`
	Derive           bool `json:"derive"`
}

// Unlike says what shows that a key was not made from t by [Token.Generate], in
// the token that holds it; empty when nothing does.
func (o Origin) Unlike(t Template) string {
	for _, c := range []struct {
		ok  bool
		why string
	}{
		{o.Private, "it can be used without the PIN (CKA_PRIVATE is false)"},
		{o.Local, "it was not made in the token (CKA_LOCAL is false)"},
		{o.Sensitive && o.AlwaysSensitive, "it could be read, or once could (CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE)"},
		{!o.Extractable && o.NeverExtractable, "it can leave the token, or once could (CKA_EXTRACTABLE, CKA_NEVER_EXTRACTABLE)"},
		{o.Sign == t.Sign, use("sign (CKA_SIGN)", o.Sign)},
		{o.Derive == t.Derive, use("derive (CKA_DERIVE)", o.Derive)},
		{!o.Decrypt && !o.Unwrap && !o.SignRecover, "it may do more than its purpose (CKA_DECRYPT, CKA_UNWRAP, CKA_SIGN_RECOVER)"},
	} {
		if !c.ok {
			return c.why
		}
	}
	return ""
}

func use(what string, may bool) string {
	if may {
		return "it may " + what + ", which is not its purpose"
	}
	return "it may not " + what
}

// Pair is a key pair that was found by its private half, and has proven itself.
type Pair struct {
	Key    *Key // nil: the token shows no public half that is its own, or not on a curve of ours
	Origin Origin
}

// Pairs looks for the key pairs with a label among the private objects, which only
// the PIN can make, and reads where they come from. strangers is how many objects
// outside the PIN's protection have the same label. The token must be unlocked. No
// pair is not an error.
func (k *Token) Pairs(ctx context.Context, label string) (pairs []Pair, strangers int, err error) {
	err = k.administer(ctx, "list its keys", func(session pkcs11.SessionHandle) error {
		return k.visible(session, func() (found bool, err error) {
			pairs, strangers, err = k.labelled(session, label)
			return len(pairs)+strangers > 0, err
		})
	})
	if err != nil {
		return nil, 0, err
	}
	return pairs, strangers, nil
}

// labelled is Pairs for a token that is unlocked.
func (k *Token) labelled(session pkcs11.SessionHandle, label string) (pairs []Pair, strangers int, err error) {
	all, _, err := k.module.of(session, pkcs11.CKO_PRIVATE_KEY, URI{Object: label})
	if err != nil {
		return nil, 0, err
	}
	if all = protected(all); len(all) > maxPairs {
		return nil, 0, fault.New(fault.Invalid, fmt.Sprintf("the token %s has %d private keys %s", k.id.Quoted(), len(all), name.Quote(name.Shown(label))))
	}
	for _, private := range all {
		beside, err := k.beside(session, private)
		if err != nil {
			return nil, 0, err
		}
		key, err := k.pair(session, private, beside)
		if _, bad := badKey(err); err != nil && !bad {
			return nil, 0, err
		}
		origin, err := k.module.origin(session, private.handle)
		if err != nil {
			return nil, 0, err
		}
		pairs = append(pairs, Pair{key, origin})
	}
	others, err := k.module.search(session, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false)})
	if fault.CodeOf(err) == fault.TooLarge {
		return pairs, maxObjects, nil
	}
	return pairs, len(others), err
}

// origin reads the attributes of a private key, one by one: a token that does not
// know one of them gives none of a list.
func (m *module) origin(session pkcs11.SessionHandle, object pkcs11.ObjectHandle) (o Origin, err error) {
	flag := func(attribute uint) (is bool) {
		if err == nil {
			is, err = m.flag(session, object, attribute)
		}
		return is
	}
	o = Origin{
		Private: flag(pkcs11.CKA_PRIVATE), Local: flag(pkcs11.CKA_LOCAL),
		Sensitive: flag(pkcs11.CKA_SENSITIVE), AlwaysSensitive: flag(pkcs11.CKA_ALWAYS_SENSITIVE),
		Extractable: flag(pkcs11.CKA_EXTRACTABLE), NeverExtractable: flag(pkcs11.CKA_NEVER_EXTRACTABLE),
		Sign: flag(pkcs11.CKA_SIGN), SignRecover: flag(pkcs11.CKA_SIGN_RECOVER), Decrypt: flag(pkcs11.CKA_DECRYPT),
		Unwrap: flag(pkcs11.CKA_UNWRAP), Derive: flag(pkcs11.CKA_DERIVE),
	}
	return o, err
}
