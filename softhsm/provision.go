package softhsm

import (
	"context"
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/miekg/pkcs11"

	"countersign/shared/secret"
)

// The curves, by their JOSE names.
const (
	Secp256k1 = "secp256k1"
	P256      = "P-256"
)

var curveOIDs = map[string]asn1.ObjectIdentifier{
	Secp256k1: {1, 3, 132, 0, 10},
	P256:      {1, 2, 840, 10045, 3, 1, 7},
}

// Key asks for a key pair on a token.
type Key struct {
	Label  string `json:"label"`
	ID     string `json:"id,omitempty"` // CKA_ID as text; empty: the label
	Curve  string `json:"curve"`        // Secp256k1 or P256
	Sign   bool   `json:"sign"`
	Derive bool   `json:"derive"`
	Public []byte `json:"public,omitempty"` // 04‖x‖y, filled in by [Provision]
}

// Spec asks for a token.
type Spec struct {
	Label string `json:"label"`
	PIN   string `json:"pin,omitempty"`    // empty: eight random digits
	SOPIN string `json:"so_pin,omitempty"` // empty: eight random digits
	Keys  []Key  `json:"keys"`
	// Base64 says that the labels and ids are coded so: they need not be text, and JSON
	// carries nothing else.
	Base64 bool `json:"base64,omitempty"`
}

// coded is the token with its labels and ids in base64.
func (s Spec) coded() Spec {
	again, _ := s.recoded(func(label string) (string, error) { return base64.StdEncoding.EncodeToString([]byte(label)), nil })
	again.Base64 = true
	return again
}

// plain is the token with its labels and ids as they are.
func (s Spec) plain() (Spec, error) {
	if !s.Base64 {
		return s, nil
	}
	again, err := s.recoded(func(coded string) (string, error) {
		label, err := base64.StdEncoding.DecodeString(coded)
		return string(label), err
	})
	again.Base64 = false
	return again, err
}

func (s Spec) recoded(code func(string) (string, error)) (Spec, error) {
	s.Keys = slices.Clone(s.Keys)
	all := []*string{&s.Label}
	for i := range s.Keys {
		all = append(all, &s.Keys[i].Label, &s.Keys[i].ID)
	}
	for _, text := range all {
		var err error
		if *text, err = code(*text); err != nil {
			return s, err
		}
	}
	return s, nil
}

// Store is a folder with a SoftHSM configuration and its tokens.
type Store struct {
	Module string `json:"module"` // the PKCS#11 module
	Conf   string `json:"conf"`   // what SOFTHSM2_CONF must name
	Dir    string `json:"dir"`
	Tokens []Spec `json:"tokens"` // with PINs and public keys filled in
}

// Env is what a program needs in its environment to find the tokens.
func (s Store) Env() []string { return []string{"SOFTHSM2_CONF=" + s.Conf} }

// Token finds a token by its label.
func (s Store) Token(label string) (Spec, bool) {
	for _, t := range s.Tokens {
		if t.Label == label {
			return t, true
		}
	}
	return Spec{}, false
}

// Key finds a key by its label.
func (s Spec) Key(label string) (Key, bool) {
	for _, k := range s.Keys {
		if k.Label == label {
			return k, true
		}
	}
	return Key{}, false
}

const conf = `directories.tokendir = %s
objectstore.backend = file
log.level = ERROR
slots.removable = false
slots.mechanisms = ALL
library.reset_on_fork = false
`

// provisioning guards the module: SoftHSM reads its configuration from the
// process's environment at C_Initialize.
var provisioning sync.Mutex

// Provision makes dir, a SoftHSM configuration in it, and the tokens that specs
// ask for. Tokens that dir has from an earlier call are kept. It loads the
// module into this process and finalises it again, so a program that is itself a
// user of the module (a test of PKCS#11 code) uses [New] instead.
func Provision(ctx context.Context, dir string, specs ...Spec) (Store, error) {
	module, err := Module()
	if err != nil {
		return Store{}, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return Store{}, err
	}
	s := Store{Module: module, Conf: filepath.Join(dir, "softhsm2.conf"), Dir: dir}
	if err := os.MkdirAll(s.tokens(), 0o700); err != nil {
		return Store{}, fmt.Errorf("make the token folder: %w", err)
	}
	if err := os.WriteFile(s.Conf, fmt.Appendf(nil, conf, s.tokens()), 0o600); err != nil {
		return Store{}, fmt.Errorf("write softhsm2.conf: %w", err)
	}
	err = s.with(func(m *pkcs11.Ctx) error {
		for _, spec := range specs {
			if err := ctx.Err(); err != nil {
				return err
			}
			plain, err := spec.plain()
			if err != nil {
				return err
			}
			made, err := makeToken(m, plain)
			if err != nil {
				return fmt.Errorf("make token %q: %w", plain.Label, err)
			}
			if spec.Base64 {
				made = made.coded()
			}
			s.Tokens = append(s.Tokens, made)
		}
		return nil
	})
	if err != nil {
		return Store{}, err
	}
	return s, nil
}

// with loads the module into this process for the tokens of the store.
func (s Store) with(do func(*pkcs11.Ctx) error) error {
	provisioning.Lock()
	defer provisioning.Unlock()
	before, had := os.LookupEnv("SOFTHSM2_CONF")
	if err := os.Setenv("SOFTHSM2_CONF", s.Conf); err != nil {
		return err
	}
	defer func() {
		if had {
			_ = os.Setenv("SOFTHSM2_CONF", before)
		} else {
			_ = os.Unsetenv("SOFTHSM2_CONF")
		}
	}()
	m := pkcs11.New(s.Module)
	if m == nil {
		return fmt.Errorf("softhsm: cannot load %s", s.Module)
	}
	if err := m.Initialize(); err != nil {
		return fmt.Errorf("softhsm: initialise the module: %w", err)
	}
	defer func() { _ = m.Finalize() }() // what was made is on the disk already
	return do(m)
}

func (s Store) tokens() string { return filepath.Join(s.Dir, "tokens") }

// makeToken initialises a free slot and generates the keys in it.
func makeToken(m *pkcs11.Ctx, spec Spec) (made Spec, err error) {
	if spec.Label == "" || len(spec.Label) > 32 {
		return Spec{}, errors.New("a label has 1 to 32 bytes")
	}
	if spec.PIN == "" {
		spec.PIN = digits()
	}
	if spec.SOPIN == "" {
		spec.SOPIN = digits()
	}
	slot, err := freeSlot(m, spec.Label)
	if err != nil {
		return Spec{}, err
	}
	if err := m.InitToken(slot, spec.SOPIN, spec.Label); err != nil {
		return Spec{}, fmt.Errorf("C_InitToken: %w", err)
	}
	session, err := m.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return Spec{}, fmt.Errorf("C_OpenSession: %w", err)
	}
	defer func() { err = errors.Join(err, m.CloseSession(session)) }()
	if err := m.Login(session, pkcs11.CKU_SO, spec.SOPIN); err != nil {
		return Spec{}, fmt.Errorf("C_Login as security officer: %w", err)
	}
	if err := errors.Join(m.InitPIN(session, spec.PIN), m.Logout(session)); err != nil {
		return Spec{}, fmt.Errorf("C_InitPIN: %w", err)
	}
	if err := m.Login(session, pkcs11.CKU_USER, spec.PIN); err != nil {
		return Spec{}, fmt.Errorf("C_Login: %w", err)
	}
	keys := make([]Key, 0, len(spec.Keys))
	for _, k := range spec.Keys {
		if k, err = makeKey(m, session, k); err != nil {
			return Spec{}, fmt.Errorf("make key %q: %w", k.Label, err)
		}
		keys = append(keys, k)
	}
	spec.Keys = keys
	return spec, m.Logout(session)
}

// freeSlot finds the slot that is not initialised, of which SoftHSM always has
// one, and refuses a label that is taken: two tokens that differ by nothing a
// person can see would be a trap.
func freeSlot(m *pkcs11.Ctx, label string) (uint, error) {
	slots, err := m.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("C_GetSlotList: %w", err)
	}
	free, found := uint(0), false
	for _, slot := range slots {
		info, err := m.GetTokenInfo(slot)
		if err != nil {
			return 0, fmt.Errorf("C_GetTokenInfo: %w", err)
		}
		if info.Flags&pkcs11.CKF_TOKEN_INITIALIZED == 0 {
			free, found = slot, true
		} else if info.Label == label {
			return 0, errors.New("a token with this label is there already")
		}
	}
	if !found {
		return 0, errors.New("no slot is free")
	}
	return free, nil
}

func makeKey(m *pkcs11.Ctx, session pkcs11.SessionHandle, k Key) (Key, error) {
	oid, ok := curveOIDs[k.Curve]
	if !ok {
		return k, fmt.Errorf("curve %q is not supported: use %s or %s", k.Curve, Secp256k1, P256)
	}
	params, err := asn1.Marshal(oid)
	if err != nil {
		return k, err
	}
	if k.ID == "" {
		k.ID = k.Label
	}
	public := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_EC_PARAMS, params), pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true),
		pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, false), pkcs11.NewAttribute(pkcs11.CKA_VERIFY, k.Sign),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.Label), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(k.ID)),
	}
	private := []*pkcs11.Attribute{
		pkcs11.NewAttribute(pkcs11.CKA_TOKEN, true), pkcs11.NewAttribute(pkcs11.CKA_PRIVATE, true),
		pkcs11.NewAttribute(pkcs11.CKA_SENSITIVE, true), pkcs11.NewAttribute(pkcs11.CKA_EXTRACTABLE, false),
		pkcs11.NewAttribute(pkcs11.CKA_SIGN, k.Sign), pkcs11.NewAttribute(pkcs11.CKA_DERIVE, k.Derive),
		pkcs11.NewAttribute(pkcs11.CKA_LABEL, k.Label), pkcs11.NewAttribute(pkcs11.CKA_ID, []byte(k.ID)),
	}
	mechanism := []*pkcs11.Mechanism{pkcs11.NewMechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil)}
	pub, _, err := m.GenerateKeyPair(session, mechanism, public, private)
	if err != nil {
		return k, fmt.Errorf("C_GenerateKeyPair: %w", err)
	}
	attrs, err := m.GetAttributeValue(session, pub, []*pkcs11.Attribute{pkcs11.NewAttribute(pkcs11.CKA_EC_POINT, nil)})
	if err != nil {
		return k, fmt.Errorf("C_GetAttributeValue: %w", err)
	}
	if _, err := asn1.Unmarshal(attrs[0].Value, &k.Public); err != nil {
		return k, fmt.Errorf("read CKA_EC_POINT: %w", err)
	}
	return k, nil
}

// digits is a random PIN of eight digits.
func digits() string {
	n, err := rand.Int(rand.Reader, big.NewInt(100_000_000))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return fmt.Sprintf("%08d", n)
}

// Save writes the store, PINs and all, to a file that only its owner reads.
func (s Store) Save(path string) error {
	b, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}

// Load reads what [Store.Save] wrote.
func Load(path string) (Store, error) {
	b, _, err := secret.Read(path, secret.MaxFile)
	if err != nil {
		return Store{}, err
	}
	var s Store
	if err := json.Unmarshal(b, &s); err != nil {
		return Store{}, fmt.Errorf("read %s: %w", path, err)
	}
	return s, nil
}
