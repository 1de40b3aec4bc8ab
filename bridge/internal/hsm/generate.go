package hsm

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
	"countersign/shared/name"
)

// Template describes a key pair to be made. A key serves one purpose: Sign or
// Derive, and both only where a person wants it so.
type Template struct {
	Curve  string `json:"curve"` // jws.Secp256k1 or jws.P256
	Label  string `json:"label"`
	Sign   bool   `json:"sign"`
	Derive bool   `json:"derive"`
	Hidden bool   `json:"hidden"` // the public half is behind the PIN too, so that it cannot be seen, changed or removed without, and every other use is denied by name
}

// idLength is the length of the random CKA_ID of a key pair, in bytes. Nobody can
// guess it, to plant an object with the same one beforehand.
const idLength = 20

// Generate makes a key pair in the token; the private half never leaves it. It
// fails with CONFLICT when the label is taken, KEY_UNSUITED, PIN_REQUIRED,
// DEVICE_REMOVED and DEVICE_ERROR. Objects that anybody could have planted do not
// take a label, and neither does a pair that an earlier call made and could not read,
// because the token forgot the login: the next call returns that one.
func (k *Token) Generate(ctx context.Context, t Template) (*Key, error) {
	if t.Label == "" || len(t.Label) > 128 {
		return nil, fault.New(fault.Invalid, "a key needs a label of at most 128 bytes")
	}
	if t.Derive && !t.Sign { // with both, the half that works is of use
		if err := k.can(LacksECDH); err != nil {
			return nil, err
		}
	}
	params, err := paramsOf(t.Curve)
	if err != nil {
		return nil, err
	}
	id := make([]byte, idLength)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	var key *Key
	err = k.administer(ctx, "make a key", func(session pkcs11.SessionHandle) error {
		var same []half
		err := k.visible(session, func() (found bool, err error) {
			same, _, err = k.module.of(session, pkcs11.CKO_PRIVATE_KEY, URI{Object: t.Label})
			return len(same) > 0, err
		})
		if err != nil {
			return err
		}
		same = protected(same)
		if u, ok := k.unread[t.Label]; ok && len(same) == 1 && u.template == t && bytes.Equal(u.id, same[0].id) {
			key, err = k.readMade(session, t, func() ([]half, error) {
				beside, err := k.beside(session, same[0])
				return append(beside, same[0]), err
			})
			return err
		}
		if len(same) > 0 {
			return fault.New(fault.Conflict, fmt.Sprintf("the token has a key %s already: choose another name, or delete that one first", name.Quote(name.Shown(t.Label))))
		}
		public, private, err := k.generate(session, t, params, id)
		switch {
		case isCurveMissing(err):
			k.lack(t.Curve)
			return fault.New(fault.KeyUnsuited, fmt.Sprintf("the token %s has no %s", k.id.Quoted(), t.Curve)).With("device", k.id.Shown()).With("lacks", t.Curve)
		case is(err, pkcs11.CKR_FUNCTION_NOT_SUPPORTED), is(err, pkcs11.CKR_MECHANISM_INVALID):
			return fault.New(fault.KeyUnsuited, fmt.Sprintf("the token %s makes no keys for other programs: use the program of its maker", k.id.Quoted())).With("device", k.id.Shown())
		case err != nil:
			return worked(err)
		}
		k.unread[t.Label] = unread{t, id}
		key, err = k.readMade(session, t, func() ([]half, error) {
			made, _, err := k.module.halves(session, []pkcs11.ObjectHandle{public, private})
			return made, err
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	return key, nil
}

// unread is a pair that was made and not read yet: what for, and its CKA_ID.
type unread struct {
	template Template
	id       []byte
}

// readMade is the Key of a pair that was made from t. read reads its halves, the private
// one last.
func (k *Token) readMade(session pkcs11.SessionHandle, t Template, read func() ([]half, error)) (key *Key, err error) {
	err = k.visible(session, func() (bool, error) {
		made, err := read()
		if err == nil && len(made) < 2 {
			err = fault.New(fault.DeviceFailed, "the token does not show the key that it made")
		}
		if err == nil {
			last := len(made) - 1
			key, err = k.pair(session, made[last], made[:last])
		}
		return true, err
	})
	if err == nil {
		delete(k.unread, t.Label)
	}
	return key, err
}

// generate makes a hidden pair with every use stated, because tokens allow what is
// not denied; a token that says that it does not take such a template gets the one
// that all know, as other pairs do: TPMs fail at more without saying why.
func (k *Token) generate(session pkcs11.SessionHandle, t Template, params, id []byte) (public, private pkcs11.ObjectHandle, err error) {
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)}
	for _, complete := range []bool{true, false} {
		if complete && !t.Hidden {
			continue
		}
		ofPublic, ofPrivate := t.attributes(params, id, complete)
		public, private, err = k.module.ctx.GenerateKeyPair(session, mechanism, ofPublic, ofPrivate)
		if !is(err, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) && !is(err, pkcs11.CKR_ATTRIBUTE_VALUE_INVALID) &&
			!is(err, pkcs11.CKR_ATTRIBUTE_READ_ONLY) && !is(err, pkcs11.CKR_TEMPLATE_INCONSISTENT) && !k.refusesSo(session, err, id) {
			break
		}
	}
	return public, private, err
}

// refusesSo reports that a token refuses a template without saying so, as tpm2-pkcs11
// does, and that it made nothing all the same.
func (k *Token) refusesSo(session pkcs11.SessionHandle, err error, id []byte) bool {
	if !is(err, pkcs11.CKR_GENERAL_ERROR) && !is(err, pkcs11.CKR_FUNCTION_FAILED) {
		return false
	}
	var made []pkcs11.ObjectHandle
	err = k.visible(session, func() (found bool, err error) {
		made, err = k.module.search(session, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_ID, id)})
		return len(made) > 0, err
	})
	return err == nil && len(made) == 0
}

// attributes are the templates of the two halves. They always say that the private
// half is sensitive, private, and never leaves.
func (t Template) attributes(params, id []byte, complete bool) (public, private []*pkcs11.Attribute) {
	half := func(more ...*pkcs11.Attribute) []*pkcs11.Attribute {
		return append(more, pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
			pkcs11.NewAttribute(pkcs11.CKA_LABEL, t.Label), pkcs11.NewAttribute(pkcs11.CKA_ID, id))
	}
	public = half(pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, complete),
		pkcs11.NewAttribute(pkcs11.CKA_VERIFY, t.Sign))
	private = half(pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false), pkcs11.NewAttribute(pkcs11.CKA_SIGN, t.Sign),
		pkcs11.NewAttribute(pkcs11.CKA_DERIVE, t.Derive))
	if complete {
		for _, other := range []uint{pkcs11.CKA_SIGN_RECOVER, pkcs11.CKA_DECRYPT, pkcs11.CKA_UNWRAP} {
			private = append(private, pkcs11.NewAttribute(other, false))
		}
		for _, other := range []uint{pkcs11.CKA_VERIFY_RECOVER, pkcs11.CKA_ENCRYPT, pkcs11.CKA_WRAP} {
			public = append(public, pkcs11.NewAttribute(other, false))
		}
	}
	return public, private
}
