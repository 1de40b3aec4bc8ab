package hsm

import (
	"errors"
	"testing"

	"github.com/miekg/pkcs11"

	"countersign/shared/jws"
	"countersign/shared/jws/jwstest"
	"countersign/softhsm"
)

// loggedIn is a session of a token whose PIN was given.
func loggedIn(t *testing.T) planter {
	t.Helper()
	soft := softhsm.New(t, softhsm.Spec{Label: "wycheproof"})
	k := open(t, soft)
	mustLogin(t, k, soft)
	return plant(t, k)
}

// once makes an object of the session, hands it to use, and destroys it.
func (p planter) once(class uint, curve string, use func(pkcs11.ObjectHandle), more ...*pkcs11.Attribute) {
	p.t.Helper()
	params, err := paramsOf(curve)
	if err != nil {
		p.t.Fatal(err)
	}
	m := p.token.module.ctx
	object, err := m.CreateObject(p.session, append(more, pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, false),
		pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC), pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params)))
	if err != nil {
		p.t.Fatal(err)
	}
	use(object)
	if err := m.DestroyObject(p.session, object); err != nil {
		p.t.Fatal(err)
	}
}

func TestATokenDerivesWhatWycheproofSays(t *testing.T) {
	p := loggedIn(t)
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		all, sent := jwstest.Secrets(t, curve), 0
		for _, v := range all {
			form := v.Point
			if point, err := jws.FromSEC1(curve, v.Point); err == nil {
				form = point.Uncompressed()
			} else if v.Check(t, nil, err); len(form) != 65 {
				continue
			} // the bridge sends no such point; the token refuses it too
			sent++
			p.once(pkcs11.CKO_PRIVATE_KEY, curve, func(key pkcs11.ObjectHandle) {
				shared, err := p.token.module.derive(p.session, key, form)
				v.Check(t, shared, err)
			}, pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
				pkcs11.NewAttribute(pkcs11.CKA_DERIVE, true), pkcs11.NewAttribute(pkcs11.CKA_VALUE, v.Private))
		}
		t.Logf("%s: %d vectors, %d sent to the token", curve, len(all), sent)
	}
}

// The bridge verifies by itself. That the token agrees says that the digests which
// it is given to sign mean the same there.
func TestATokenJudgesWycheproofSignaturesRight(t *testing.T) {
	p := loggedIn(t)
	m := p.token.module.ctx
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		all := jwstest.Signatures(t, curve)
		for _, v := range all {
			p.once(pkcs11.CKO_PUBLIC_KEY, curve, func(key pkcs11.ObjectHandle) {
				if err := m.VerifyInit(p.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_ECDSA, nil)}, key); err != nil {
					t.Fatal(err)
				}
				err := m.Verify(p.session, v.Digest, v.Sig)
				if refused := pkcs11.Error(0); err != nil && !errors.As(err, &refused) || (err == nil) != v.Valid {
					t.Errorf("%s: %v", v.Name, err)
				}
			}, pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true),
				pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, der(t, v.Point)))
		}
		t.Logf("%s: %d vectors", curve, len(all))
	}
}
