package hsm

import (
	"encoding/asn1"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/miekg/pkcs11"

	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/p11uri"
)

// The curves by the object identifiers that CKA_EC_PARAMS holds (SEC 2 §A.2.1,
// RFC 5480 §2.1.1.1).
var (
	oidSecp256k1   = asn1.ObjectIdentifier{1, 3, 132, 0, 10}
	oidP256        = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
)

// publicKeyInfo is CKA_PUBLIC_KEY_INFO of PKCS #11 v2.40.
const publicKeyInfo = 0x129

// half is one object of a token that says something of a key pair: a private key,
// a public key, or a certificate.
type half struct {
	handle pkcs11.ObjectHandle
	class  uint
	label  string // CKA_LABEL, as the token has it
	id     []byte // CKA_ID
	curve  string // empty: not one of ours, or the object does not say
	public jws.PublicKey
	why    string // why there is no public key, when there should be one
	local  bool   // CKA_LOCAL: the token made it
	// foreign: CKA_LOCAL is false. Not every module tells it.
	foreign bool

	hidden bool // CKA_PRIVATE: it shows after the PIN, and nobody puts it there without
	open   bool // CKA_PRIVATE is false

	// Of a private key.
	sign       bool
	derive     bool
	alwaysAuth bool
}

func (h half) name() string {
	what := map[uint]string{pkcs11.CKO_PRIVATE_KEY: "private key", pkcs11.CKO_PUBLIC_KEY: "public key", pkcs11.CKO_CERTIFICATE: "certificate"}[h.class]
	return what + " " + named(h.label, h.id)
}

// named is how people read the name of an object.
func named(label string, id []byte) string {
	if label == "" {
		return fmt.Sprintf("with id %x", id)
	}
	return name.Quote(name.Shown(label))
}

// maxName is how long the label and the id of a key may be together, in bytes, for a URI
// to name it.
const maxName = p11uri.MaxName

// attributes reads what an object tells of some attributes; nil is an attribute
// that it does not tell. Modules refuse a whole list for one that they do not know.
func (m *module) attributes(session pkcs11.SessionHandle, object pkcs11.ObjectHandle, types ...uint) (map[uint][]byte, error) {
	template := make([]*pkcs11.Attribute, len(types))
	for i, t := range types {
		template[i] = pkcs11.NewAttribute(t, nil)
	}
	values := map[uint][]byte{}
	if all, err := m.ctx.GetAttributeValue(session, object, template); err == nil && len(all) == len(types) {
		for _, a := range all {
			values[a.Type] = a.Value
		}
		return values, nil
	} else if effectOf(err)&(loginLost|handleLost) != 0 {
		return nil, err
	}
	told := false
	var last error
	for _, t := range types {
		a, err := m.ctx.GetAttributeValue(session, object, []*pkcs11.Attribute{pkcs11.NewAttribute(t, nil)})
		switch {
		case err == nil && len(a) == 1:
			values[t], told = a[0].Value, true
		case err != nil:
			last = err
		}
	}
	if !told && last != nil && !is(last, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID) && !is(last, pkcs11.CKR_ATTRIBUTE_SENSITIVE) {
		return nil, last
	}
	return values, nil
}

// halves reads objects of the three classes. One that cannot be read costs no
// other: it is in out. When none can be read, that is the error.
func (m *module) halves(session pkcs11.SessionHandle, objects []pkcs11.ObjectHandle) (all []half, out []Omitted, err error) {
	for _, o := range objects {
		h, herr := m.half(session, o)
		switch {
		case herr == nil && h.class != 0 && len(h.label)+len(h.id) > maxName:
			out = append(out, Omitted{h.name(), fmt.Sprintf("its label and id have more than %d bytes together", maxName)})
		case herr == nil && h.class != 0:
			all = append(all, h)
		case herr != nil && effectOf(herr)&(loginLost) != 0:
			return nil, nil, herr
		case is(herr, pkcs11.CKR_OBJECT_HANDLE_INVALID): // deleted since it was found
		case herr != nil:
			err = herr
			out = append(out, Omitted{"an object", "the token does not tell its attributes: " + herr.Error()})
		}
	}
	if len(all) > 0 || len(objects) == 0 {
		err = nil
	}
	return all, out, err
}

// half reads one object; its class is 0 when it is of no concern here.
func (m *module) half(session pkcs11.SessionHandle, object pkcs11.ObjectHandle) (half, error) {
	h := half{handle: object}
	a, err := m.attributes(session, object, pkcs11.CKA_CLASS, pkcs11.CKA_LABEL, pkcs11.CKA_ID)
	if err != nil {
		return h, err
	}
	h.label, h.id = string(a[pkcs11.CKA_LABEL]), a[pkcs11.CKA_ID]
	switch class := number(a[pkcs11.CKA_CLASS]); class {
	case pkcs11.CKO_PUBLIC_KEY, pkcs11.CKO_PRIVATE_KEY:
		h.class = class
		return h, m.readKey(session, &h)
	case pkcs11.CKO_CERTIFICATE:
		a, err := m.attributes(session, object, pkcs11.CKA_VALUE)
		if err != nil || len(a[pkcs11.CKA_VALUE]) > maxCertificate {
			return h, nil // not every certificate object has its value
		}
		if h.public, err = certified(a[pkcs11.CKA_VALUE]); err == nil { // one of another kind of key is of no concern
			h.class, h.curve = class, h.public.Curve()
		}
	}
	return h, nil
}

// readKey reads what a public or private key object tells.
func (m *module) readKey(session pkcs11.SessionHandle, h *half) error {
	types := []uint{pkcs11.CKA_KEY_TYPE, pkcs11.CKA_EC_PARAMS, pkcs11.CKA_EC_POINT, pkcs11.CKA_LOCAL, pkcs11.CKA_PRIVATE}
	if h.class == pkcs11.CKO_PRIVATE_KEY { // a list with an attribute that private keys lack would be read one by one each time
		types = []uint{pkcs11.CKA_KEY_TYPE, pkcs11.CKA_EC_PARAMS, pkcs11.CKA_LOCAL, pkcs11.CKA_PRIVATE, pkcs11.CKA_SIGN, pkcs11.CKA_DERIVE}
	}
	a, err := m.attributes(session, h.handle, types...)
	if err != nil {
		return err
	}
	if t := a[pkcs11.CKA_KEY_TYPE]; t != nil && number(t) != pkcs11.CKK_EC {
		h.class = 0
		return nil
	}
	local, told := a[pkcs11.CKA_LOCAL]
	h.local, h.foreign = truth(local), told && !truth(local)
	private, told := a[pkcs11.CKA_PRIVATE]
	h.hidden, h.open = truth(private), told && !truth(private)
	h.curve = curveOf(a[pkcs11.CKA_EC_PARAMS])
	if h.class == pkcs11.CKO_PUBLIC_KEY {
		h.public, h.why = pointOf(h.curve, a[pkcs11.CKA_EC_PARAMS], a[pkcs11.CKA_EC_POINT])
		return nil
	}
	h.sign, h.derive = truth(a[pkcs11.CKA_SIGN]), truth(a[pkcs11.CKA_DERIVE])
	h.alwaysAuth, err = m.flag(session, h.handle, pkcs11.CKA_ALWAYS_AUTHENTICATE)
	return err
}

// own is what a private key object tells of its public half, where it does.
func (m *module) own(session pkcs11.SessionHandle, private half) (all []jws.PublicKey, err error) {
	a, err := m.attributes(session, private.handle, pkcs11.CKA_EC_POINT, publicKeyInfo)
	if err != nil {
		return nil, err
	}
	if p, why := pointOf(private.curve, nil, a[pkcs11.CKA_EC_POINT]); why == "" {
		all = append(all, p)
	}
	if p, err := fromInfo(a[publicKeyInfo]); err == nil {
		all = append(all, p)
	}
	return all, nil
}

// number reads a CK_ULONG, which has the size of the machine's.
func number(value []byte) uint {
	if len(value) != 8 {
		return 0
	}
	return uint(binary.NativeEndian.Uint64(value))
}

func truth(value []byte) bool { return len(value) == 1 && value[0] != 0 }

// pointOf decodes CKA_EC_POINT. PKCS #11 wants an OCTET STRING with the point
// inside; modules also have the point in a BIT STRING, in a SubjectPublicKeyInfo,
// bare, or without its first byte. why says what is wrong with it.
func pointOf(curve string, params, value []byte) (k jws.PublicKey, why string) {
	if len(value) == 0 {
		return k, "it does not tell its point"
	}
	if p, err := fromInfo(value); err == nil && (curve == "" || p.Curve() == curve) {
		return p, ""
	}
	if curve == "" {
		if len(params) == 0 {
			return k, "it does not tell its curve"
		}
		return k, "its curve is not supported: the bridge uses secp256k1 and P-256"
	}
	for _, form := range points(value) {
		if p, err := jws.FromSEC1(curve, form); err == nil {
			return p, ""
		}
	}
	return k, "its point is not one of " + curve
}

// points are the readings of a CKA_EC_POINT, in the order in which they are tried.
func points(value []byte) (all [][]byte) {
	switch len(value) {
	case 33, 65: // bare: wrapped in DER it would be longer, whatever it starts with
		all = append(all, value)
		if value[0] == 6 || value[0] == 7 { // hybrid (X9.62 §4.3.6): the first byte repeats the parity of y
			all = append(all, append([]byte{4}, value[1:]...))
		}
		return all
	case 64:
		return append(all, append([]byte{4}, value...))
	}
	var inner []byte
	if rest, err := asn1.Unmarshal(value, &inner); err == nil && len(rest) == 0 && len(inner) < len(value) {
		return points(inner)
	}
	var bits asn1.BitString
	if rest, err := asn1.Unmarshal(value, &bits); err == nil && len(rest) == 0 && bits.BitLength == 8*len(bits.Bytes) {
		return points(bits.Bytes)
	}
	return nil
}

// info is a SubjectPublicKeyInfo (RFC 5480 §2).
type info struct {
	Algorithm struct {
		Algorithm  asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	Key asn1.BitString
}

var errOtherKey = errors.New("it is a key of another kind")

func (i info) key() (k jws.PublicKey, err error) {
	if !i.Algorithm.Algorithm.Equal(oidECPublicKey) {
		return k, errOtherKey
	}
	curve := curveOf(i.Algorithm.Parameters.FullBytes)
	if curve == "" {
		return k, errOtherKey
	}
	return jws.FromSEC1(curve, i.Key.RightAlign())
}

// fromInfo reads a SubjectPublicKeyInfo.
func fromInfo(der []byte) (k jws.PublicKey, err error) {
	var i info
	if rest, err := asn1.Unmarshal(der, &i); err != nil || len(rest) != 0 {
		return k, errOtherKey
	}
	return i.key()
}

// certified is the public key in an X.509 certificate (RFC 5280 §4.1):
// crypto/x509 reads none with a key on secp256k1.
func certified(der []byte) (k jws.PublicKey, err error) {
	var c struct {
		TBS struct {
			Version  int `asn1:"optional,explicit,default:0,tag:0"`
			Serial   asn1.RawValue
			Sig      asn1.RawValue
			Issuer   asn1.RawValue
			Validity asn1.RawValue
			Subject  asn1.RawValue
			Key      info
		}
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	if _, err := asn1.Unmarshal(der, &c); err != nil {
		return k, err
	}
	return c.TBS.Key.key()
}

// curveOf reads CKA_EC_PARAMS: an object identifier, or the curve's name, which
// PKCS #11 v3.0 allows too.
func curveOf(params []byte) string {
	var oid asn1.ObjectIdentifier
	if rest, err := asn1.Unmarshal(params, &oid); err == nil && len(rest) == 0 {
		switch {
		case oid.Equal(oidSecp256k1):
			return jws.Secp256k1
		case oid.Equal(oidP256):
			return jws.P256
		}
		return ""
	}
	var name string
	if rest, err := asn1.Unmarshal(params, &name); err != nil || len(rest) != 0 {
		return ""
	}
	switch {
	case name == "secp256k1":
		return jws.Secp256k1
	case slices.Contains([]string{"P-256", "secp256r1", "prime256v1"}, name):
		return jws.P256
	}
	return ""
}
