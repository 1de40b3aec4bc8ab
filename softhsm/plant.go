package softhsm

import (
	"bytes"
	"context"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"testing"

	"github.com/miekg/pkcs11"
)

// What a program that can open a token without its PIN can do to it.
const (
	PlantPublic  = "public"  // make a public key object
	PlantPrivate = "private" // make a private key object of a known value, with CKA_PRIVATE false
	PlantPair    = "pair"    // have the token make a key pair that works without the PIN
	PlantData    = "data"    // make a data object
	RemoveAll    = "remove"  // remove every object that shows
)

// Planted is one act without the PIN.
type Planted struct {
	Act         string `json:"act"` // one of the constants
	Label       string `json:"label,omitempty"`
	ID          []byte `json:"id,omitempty"`          // CKA_ID, or CKA_OBJECT_ID of a data object
	Curve       string `json:"curve,omitempty"`       // Secp256k1 or P256; of a pair also empty: RSA of 2048 bits
	Point       []byte `json:"point,omitempty"`       // 04‖x‖y of a public key
	Value       []byte `json:"value,omitempty"`       // of a data object, or the scalar of a private key
	Application string `json:"application,omitempty"` // of a data object
}

// Plant acts on a token of the store in a session without a PIN. It loads the
// module into this process: a user of the module calls [Token.Plant].
func (s Store) Plant(ctx context.Context, label string, acts ...Planted) (err error) {
	return s.with(func(m *pkcs11.Ctx) error {
		slot, err := slotOf(m, label)
		if err != nil {
			return err
		}
		session, err := m.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
		if err != nil {
			return fmt.Errorf("C_OpenSession: %w", err)
		}
		for _, p := range acts {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := p.do(m, session); err != nil {
				return fmt.Errorf("%s %q: %w", p.Act, p.Label, err)
			}
		}
		return m.CloseSession(session)
	})
}

func slotOf(m *pkcs11.Ctx, label string) (uint, error) {
	slots, err := m.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("C_GetSlotList: %w", err)
	}
	for _, slot := range slots {
		if info, err := m.GetTokenInfo(slot); err == nil && info.Label == label {
			return slot, nil
		}
	}
	return 0, fmt.Errorf("no token %q", label)
}

func (p Planted) do(m *pkcs11.Ctx, session pkcs11.SessionHandle) error {
	attributes := []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, p.Label)}
	add := func(attribute uint, value any) {
		attributes = append(attributes, pkcs11.NewAttribute(attribute, value))
	}
	switch p.Act {
	case RemoveAll:
		return removeAll(m, session)
	case PlantData:
		add(pkcs11.CKA_CLASS, pkcs11.CKO_DATA)
		add(pkcs11.CKA_APPLICATION, p.Application)
		add(pkcs11.CKA_OBJECT_ID, p.ID)
		add(pkcs11.CKA_VALUE, p.Value)
		_, err := m.CreateObject(session, attributes)
		return err
	}
	add(pkcs11.CKA_ID, p.ID)
	if p.Act == PlantPair && p.Curve == "" {
		return p.pair(m, session, attributes, pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, pkcs11.NewAttribute(pkcs11.CKA_MODULUS_BITS, 2048),
			pkcs11.NewAttribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, true))
	}
	oid, ok := curveOIDs[p.Curve]
	if !ok {
		return fmt.Errorf("curve %q is not supported: use %s or %s", p.Curve, Secp256k1, P256)
	}
	params, err := asn1.Marshal(oid)
	if err != nil {
		return err
	}
	switch p.Act {
	case PlantPublic:
		point, err := asn1.Marshal(p.Point)
		if err != nil {
			return err
		}
		add(pkcs11.CKA_EC_PARAMS, params)
		add(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY)
		add(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC)
		add(pkcs11.CKA_EC_POINT, point)
		add(pkcs11.CKA_VERIFY, true)
		_, err = m.CreateObject(session, attributes)
		return err
	case PlantPrivate:
		add(pkcs11.CKA_EC_PARAMS, params)
		add(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)
		add(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC)
		add(pkcs11.CKA_VALUE, p.Value)
		add(pkcs11.CKA_SENSITIVE, true)
		add(pkcs11.CKA_EXTRACTABLE, false)
		add(pkcs11.CKA_SIGN, true)
		add(pkcs11.CKA_DERIVE, true)
		_, err = m.CreateObject(session, attributes)
		return err
	case PlantPair:
		return p.pair(m, session, attributes, pkcs11.CKM_EC_KEY_PAIR_GEN, pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params))
	}
	return errors.New("an act is public, private, pair, data or remove")
}

// pair has the token make a key pair whose two halves have attributes, and the
// public one more.
func (p Planted) pair(m *pkcs11.Ctx, session pkcs11.SessionHandle, attributes []*pkcs11.Attribute, mechanism uint, more ...*pkcs11.Attribute) error {
	private := append(slices.Clone(attributes), pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true),
		pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false), pkcs11.NewAttribute(pkcs11.CKA_SIGN, true), pkcs11.NewAttribute(pkcs11.CKA_DERIVE, true))
	_, _, err := m.GenerateKeyPair(session, []*pkcs11.Mechanism{pkcs11.NewMechanism(mechanism, nil)}, append(slices.Clone(attributes), more...), private)
	return err
}

func removeAll(m *pkcs11.Ctx, session pkcs11.SessionHandle) error {
	if err := m.FindObjectsInit(session, nil); err != nil {
		return err
	}
	found, _, err := m.FindObjects(session, 1<<16)
	if err := errors.Join(err, m.FindObjectsFinal(session)); err != nil {
		return err
	}
	for _, o := range found {
		if err := m.DestroyObject(session, o); err != nil {
			return err
		}
	}
	return nil
}

// Plant acts on the token without its PIN, in a process of its own.
func (k *Token) Plant(t testing.TB, acts ...Planted) {
	t.Helper()
	body, err := json.Marshal(acts)
	if err != nil {
		t.Fatal(err)
	}
	program, err := tool()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--dir", k.Dir, "--label", k.Label, "--plant", "-")
	cmd.Stdin = bytes.NewReader(body)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("softhsm: plant objects in %q: %v\n%s", k.Label, err, out)
	}
}
