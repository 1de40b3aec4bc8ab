package hsm

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
)

// Whoever opens a token without its PIN may create public objects in it.

// planter is a session without a login.
type planter struct {
	t       *testing.T
	token   *Token
	session pkcs11.SessionHandle
}

func plant(t *testing.T, k *Token) planter {
	t.Helper()
	s, err := k.module.ctx.OpenSession(k.where(), pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	return planter{t, k, s}
}

func (p planter) object(class uint, label, id string, more ...*pkcs11.Attribute) pkcs11.ObjectHandle {
	p.t.Helper()
	o, err := p.token.module.ctx.CreateObject(p.session, append(more, pkcs11.NewAttribute(pkcs11.CKA_CLASS, class), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false), pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(id))))
	if err != nil {
		p.t.Fatal(err)
	}
	return o
}

// point is a public key object with any point.
func (p planter) point(label, id, curve string, point []byte) {
	p.t.Helper()
	params, err := paramsOf(curve)
	if err != nil {
		params = der(p.t, []int(nil))
	}
	p.object(pkcs11.CKO_PUBLIC_KEY, label, id, pkcs11.NewAttribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
		pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params), pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, point))
}

func (p planter) public(label, id string, k jws.PublicKey) {
	p.t.Helper()
	p.point(label, id, k.Curve(), der(p.t, k.Uncompressed()))
}

func (p planter) certificate(label, id string, k jws.PublicKey) {
	p.t.Helper()
	p.object(pkcs11.CKO_CERTIFICATE, label, id, pkcs11.NewAttribute(pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509),
		pkcs11.NewAttribute(pkcs11.CKA_SUBJECT, []byte{0x30, 0}), pkcs11.NewAttribute(pkcs11.CKA_VALUE, certificate(p.t, k)))
}

// pair makes a key pair that the PIN does not protect.
func (p planter) pair(label, id, curve string) {
	p.t.Helper()
	params, err := paramsOf(curve)
	if err != nil {
		p.t.Fatal(err)
	}
	names := func(more ...*pkcs11.Attribute) []*pkcs11.Attribute {
		return append(more, pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, label), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(id)))
	}
	if _, _, err := p.token.module.ctx.GenerateKeyPair(p.session, []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)},
		names(pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params)), names(pkcs11.NewAttribute(pkcs11.CKA_SIGN, true), pkcs11.NewAttribute(pkcs11.CKA_DERIVE, true))); err != nil {
		p.t.Fatal(err)
	}
}

// removePublic deletes the public key objects with a label.
func (p planter) removePublic(label string) {
	p.t.Helper()
	found, err := p.token.module.search(p.session, template(URI{Object: label}, pkcs11.CKO_PUBLIC_KEY))
	if err != nil || len(found) == 0 {
		p.t.Fatalf("%d objects, %v", len(found), err)
	}
	for _, o := range found {
		if err := p.token.module.ctx.DestroyObject(p.session, o); err != nil {
			p.t.Fatal(err)
		}
	}
}

func mustLogin(t *testing.T, k *Token, soft *softhsm.Token) {
	t.Helper()
	if err := k.Login(t.Context(), PIN{Digits: []byte(soft.PIN)}); err != nil {
		t.Fatal(err)
	}
}

func made(t *testing.T, soft *softhsm.Token, label string) jws.PublicKey {
	t.Helper()
	key, ok := soft.Key(label)
	if !ok {
		t.Fatalf("no key %q", label)
	}
	k, err := jws.FromSEC1(key.Curve, key.Public)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// negated is −P.
func negated(t *testing.T, k jws.PublicKey) jws.PublicKey {
	t.Helper()
	p := k.Compressed()
	p[0] ^= 1
	n, err := jws.FromSEC1(k.Curve(), p)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestAPublicKeyWithoutItsPrivateHalfIsIgnored(t *testing.T) {
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		t.Run(curve, func(t *testing.T) {
			soft := softhsm.New(t, softhsm.Spec{Label: "planted-" + curve, Keys: []softhsm.Key{
				{Label: "signs", Curve: curve, Sign: true}, {Label: "derives", Curve: curve, Derive: true}}})
			k := open(t, soft)
			p := plant(t, k)
			real := map[string]jws.PublicKey{"signs": made(t, soft, "signs"), "derives": made(t, soft, "derives")}
			for label, mine := range real {
				p.public(label, label, memory(t, curve).PublicKey())
				p.public(label, "another", memory(t, curve).PublicKey())
				p.public("another", label, memory(t, curve).PublicKey())
				p.public(label, label, negated(t, mine)) // which derives the same
				p.certificate(label, label, memory(t, curve).PublicKey())
			}
			ghost := memory(t, curve).PublicKey()
			p.public("ghost", "ghost", ghost)
			for label := range real {
				if _, err := k.Find(t.Context(), URI{Object: label}, jws.PublicKey{}); fault.CodeOf(err) != fault.PINRequired {
					t.Errorf("%s among others, while the token is locked: %v, want PIN_REQUIRED", label, err)
				}
			}
			candidate, err := k.Find(t.Context(), URI{Object: "ghost"}, jws.PublicKey{})
			if err != nil || candidate.Proven() {
				t.Fatalf("a public key that a locked token shows: %v", err)
			}
			mustLogin(t, k, soft)
			for label, want := range real {
				for _, u := range []URI{{Object: label}, {ID: label}, {Object: label, ID: label}, {ID: label, Type: "private"}} {
					key, err := k.Find(t.Context(), u, jws.PublicKey{})
					if err != nil || !key.PublicKey().Equal(want) || !key.Proven() {
						t.Errorf("%s: %v", u, err)
					}
				}
			}
			if _, err := k.Find(t.Context(), URI{Object: "ghost"}, jws.PublicKey{}); fault.CodeOf(err) != fault.KeyUnsuited && fault.CodeOf(err) != fault.KeyMissing {
				t.Errorf("a public key without its private half: %v", err)
			}
			if _, err := candidate.Sign(t.Context(), make([]byte, 32), nil); fault.CodeOf(err) != fault.KeyMissing {
				t.Errorf("use of one that was found before the PIN: %v, want KEY_NOT_FOUND", err)
			}
			list, err := k.Keys(t.Context())
			if err != nil || len(list.Keys) != 2 || len(list.Omitted) != 9 || !strings.Contains(fmt.Sprint(list.Omitted), "ghost") {
				t.Errorf("%d keys, left out %v, %v", len(list.Keys), list.Omitted, err)
			}
			for _, key := range list.Keys {
				if !key.PublicKey().Equal(real[key.label]) {
					t.Errorf("the list has a stranger's key as %q", key.label)
				}
			}
		})
	}
}

func TestAKeyThatThePINDoesNotProtectNeverStandsForOneThatItDoes(t *testing.T) {
	soft := softhsm.New(t, softhsm.Spec{Label: "unprotected", Keys: []softhsm.Key{{Label: "approval", Curve: jws.P256, Sign: true}}})
	k := open(t, soft)
	p := plant(t, k)
	p.pair("approval", "approval", jws.P256)
	p.pair("alone", "alone", jws.P256)
	mustLogin(t, k, soft)
	for _, u := range []URI{{Object: "approval"}, {ID: "approval"}} {
		key, err := k.Find(t.Context(), u, jws.PublicKey{})
		if err != nil || !key.PublicKey().Equal(made(t, soft, "approval")) || key.Info().Unprotected {
			t.Errorf("%s: %v", u, err)
		}
	}
	if key, err := k.Find(t.Context(), URI{Object: "alone"}, jws.PublicKey{}); err != nil || !key.Info().Unprotected {
		t.Errorf("a key that anybody may have made is not called one: %v", err)
	}
	if _, err := k.Generate(t.Context(), Template{Curve: jws.P256, Label: "alone", Sign: true}); err != nil {
		t.Errorf("it takes a name that nobody with the PIN uses: %v", err)
	}
}

func TestAPrivateKeyFindsItsPublicHalfWithoutAPublicKeyObject(t *testing.T) {
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		t.Run(curve, func(t *testing.T) {
			soft := softhsm.New(t, softhsm.Spec{Label: "halved-" + curve, Keys: []softhsm.Key{{Label: "signs", Curve: curve, Sign: true},
				{Label: "certified", ID: "\x01", Curve: curve, Derive: true}, {Label: "silent", Curve: curve, Derive: true}}})
			k := open(t, soft)
			p := plant(t, k)
			for _, label := range []string{"signs", "certified", "silent"} {
				p.removePublic(label)
			}
			p.public("signs", "signs", memory(t, curve).PublicKey())
			p.certificate("a certificate", "\x01", made(t, soft, "certified"))
			p.certificate("a stranger's", "\x01", memory(t, curve).PublicKey())
			mustLogin(t, k, soft)
			for u, label := range map[URI]string{{Object: "signs"}: "signs", {Object: "certified"}: "certified", {ID: "\x01"}: "certified",
				{Object: "a certificate"}: "certified", {Object: "a certificate", Type: "cert"}: "certified", {ID: "\x01", Type: "cert"}: "certified",
				{Object: "certified", ID: "\x01", Type: "private"}: "certified"} {
				key, err := k.Find(t.Context(), u, jws.PublicKey{})
				if err != nil || !key.Proven() || !key.PublicKey().Equal(made(t, soft, label)) {
					t.Errorf("%s: %v", u, err)
				}
			}
			for u, want := range map[URI]fault.Code{{Object: "silent"}: fault.KeyUnsuited, {Object: "certified", Type: "cert"}: fault.KeyMissing,
				{Object: "a certificate", Type: "private"}: fault.KeyMissing, {Object: "a certificate", Type: "public"}: fault.KeyMissing, {ID: "\x02"}: fault.KeyMissing,
				{Object: "signs", Type: "data"}: fault.KeyMissing, {Object: "signs", Type: "secret-key"}: fault.KeyMissing} {
				if _, err := k.Find(t.Context(), u, jws.PublicKey{}); fault.CodeOf(err) != want {
					t.Errorf("%s: %v, want %s", u, err, want)
				}
			}
		})
	}
}

func TestOneBadObjectCostsNoOther(t *testing.T) {
	soft := softhsm.New(t, softhsm.Spec{Label: "bad objects", Keys: []softhsm.Key{{Label: "good", Curve: jws.P256, Sign: true}}})
	k := open(t, soft)
	p := plant(t, k)
	foreign := memory(t, jws.P256).PublicKey()
	p.point("bits", "1", jws.P256, append([]byte{3, 66, 0}, foreign.Uncompressed()...))
	p.point("compressed", "2", jws.P256, foreign.Compressed())
	p.point("bare", "3", jws.P256, foreign.Uncompressed())
	p.point("garbage", "4", jws.P256, []byte("garbage"))
	p.point("empty", "5", jws.Secp256k1, nil)
	p.point("other curve", "6", "P-384", []byte{4, 1, 2})
	p.object(pkcs11.CKO_CERTIFICATE, "no certificate", "7", pkcs11.NewAttribute(pkcs11.CKA_CERTIFICATE_TYPE, pkcs11.CKC_X_509),
		pkcs11.NewAttribute(pkcs11.CKA_SUBJECT, []byte{0x30, 0}), pkcs11.NewAttribute(pkcs11.CKA_VALUE, []byte("garbage")))
	list, err := k.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, key := range list.Keys {
		names = append(names, key.Info().Label)
	}
	slices.Sort(names)
	if got := fmt.Sprint(names); got != "[bare bits compressed good]" || len(list.Omitted) != 3 {
		t.Errorf("listed %s, left out %v", got, list.Omitted)
	}
	for _, what := range []string{`"garbage": its point is not one of P-256`, `"empty": it does not tell its point`, `"other curve": its curve is not supported`} {
		if !slices.ContainsFunc(list.Omitted, func(o Omitted) bool { return strings.HasPrefix(o.Object+": "+o.Why, "public key "+what) }) {
			t.Errorf("%v does not say %s", list.Omitted, what)
		}
	}
	mustLogin(t, k, soft)
	if list, err = k.Keys(t.Context()); err != nil || len(list.Keys) != 1 {
		t.Errorf("unlocked: %d keys, %v", len(list.Keys), err)
	}
}
