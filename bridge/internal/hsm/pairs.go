package hsm

import (
	"context"
	"fmt"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
	"countersign/shared/jws"
)

// maxPairs is how many key pairs of one label are looked at, and how many public
// halves of each.
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

// Pair is a key pair that was found by its private half. Which public half is the
// right one is not proven: who can open the token without its PIN can plant public
// keys with the same CKA_ID.
type Pair struct {
	Key    *Key // nil: the token shows no public half on a curve of ours
	Origin Origin
}

// Pairs looks for the key pairs with a label among the private objects, which only
// the PIN can make, and reads where they come from. A private half with several
// public halves is several pairs: the caller has each prove itself. strangers is
// how many objects outside the PIN's protection have the same label. The token must
// be unlocked. No pair is no error.
func (k *Token) Pairs(ctx context.Context, label string) (pairs []Pair, strangers int, err error) {
	err = k.administer(ctx, "list its keys", func(session pkcs11.SessionHandle) error {
		if k.isLocked() {
			return pinRequired(k.id.Label)
		}
		privates, err := k.module.search(session, privateHalf(pkcs11.NewAttribute(pkcs11.CKA_LABEL, label)))
		if err != nil {
			return err
		}
		if len(privates) > maxPairs {
			return fault.New(fault.Invalid, fmt.Sprintf("the token %q has %d private keys %q", k.id.Label, len(privates), clip(label)))
		}
		for _, object := range privates {
			some, err := k.pairsOf(session, object)
			if err != nil {
				return err
			}
			pairs = append(pairs, some...)
		}
		others, err := k.module.search(session, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false)})
		if fault.CodeOf(err) == fault.TooLarge {
			strangers, err = maxObjects, nil
			return nil
		}
		strangers = len(others)
		return err
	})
	return pairs, strangers, err
}

// privateHalf is a template for private keys that only the PIN shows: an object of
// the class CKO_PRIVATE_KEY whose CKA_PRIVATE is false can be made by anybody.
func privateHalf(more ...*pkcs11.Attribute) []*pkcs11.Attribute {
	return append([]*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true)}, more...)
}

// pairsOf reads a private half and finds the public halves with its CKA_ID, which
// the two share (PKCS #11 v2.40 §4.9).
func (k *Token) pairsOf(session pkcs11.SessionHandle, private pkcs11.ObjectHandle) ([]Pair, error) {
	origin := k.module.origin(session, private)
	a, err := k.module.ctx.GetAttributeValue(session, private, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_ID, nil)})
	if err != nil || len(a[0].Value) == 0 {
		return []Pair{{Origin: origin}}, nil // a key without an id is not one of ours
	}
	publics, err := k.publicHalves(session, a[0].Value)
	if err != nil {
		return nil, err
	}
	var pairs []Pair
	for _, object := range publics {
		key, err := k.readPair(session, object)
		if err != nil {
			return nil, err
		}
		if key != nil {
			pairs = append(pairs, Pair{key, origin})
		}
	}
	if len(pairs) == 0 {
		pairs = []Pair{{Origin: origin}}
	}
	return pairs, nil
}

// publicHalves finds the public keys with an id: those behind the PIN, and only
// where there is none, those that anybody can make.
func (k *Token) publicHalves(session pkcs11.SessionHandle, id []byte) (found []pkcs11.ObjectHandle, err error) {
	for _, hidden := range []bool{true, false} {
		found, err = k.module.search(session, []*pkcs11.Attribute{
			pkcs11.NewAttribute(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY), pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
			pkcs11.NewAttribute(pkcs11.CKA_ID, id), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, hidden)})
		if err != nil || len(found) > 0 {
			break
		}
	}
	return found[:min(len(found), maxPairs)], err
}

// readPair is read for a public half of a pair; nil for what is not a key of ours,
// such as one that was planted.
func (k *Token) readPair(session pkcs11.SessionHandle, object pkcs11.ObjectHandle) (*Key, error) {
	a, err := k.module.ctx.GetAttributeValue(session, object, []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, nil), pkcs11.NewAttribute(pkcs11.CKA_ID, nil),
		pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, nil), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil),
	})
	if effectOf(err)&(sessionLost|tokenLost) != 0 {
		return nil, err
	}
	if err != nil {
		return nil, nil // one bad object does not hide the others
	}
	public, err := jws.FromSEC1(curveOf(a[2].Value), point(a[3].Value))
	if err != nil {
		return nil, nil // the same
	}
	name := "pair\x00" + string(a[1].Value) + "\x00" + string(a[0].Value) + "\x00" + string(public.Compressed())
	k.mu.Lock()
	defer k.mu.Unlock()
	if known := k.found[name]; known != nil {
		return known, nil
	}
	key := &Key{token: k, public: public, label: string(a[0].Value), pair: true, info: k.infoOf(a[0].Value, a[1].Value)}
	k.found[name] = key
	return key, nil
}

// origin reads the attributes of a private key, one by one: a token that does not
// know one of them gives none of a list.
func (m *module) origin(session pkcs11.SessionHandle, object pkcs11.ObjectHandle) Origin {
	flag := func(attribute uint) bool { return m.flag(session, object, attribute) }
	return Origin{
		Private: flag(pkcs11.CKA_PRIVATE), Local: flag(pkcs11.CKA_LOCAL),
		Sensitive: flag(pkcs11.CKA_SENSITIVE), AlwaysSensitive: flag(pkcs11.CKA_ALWAYS_SENSITIVE),
		Extractable: flag(pkcs11.CKA_EXTRACTABLE), NeverExtractable: flag(pkcs11.CKA_NEVER_EXTRACTABLE),
		Sign: flag(pkcs11.CKA_SIGN), SignRecover: flag(pkcs11.CKA_SIGN_RECOVER), Decrypt: flag(pkcs11.CKA_DECRYPT),
		Unwrap: flag(pkcs11.CKA_UNWRAP), Derive: flag(pkcs11.CKA_DERIVE),
	}
}
