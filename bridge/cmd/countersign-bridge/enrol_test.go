package main

import (
	"crypto/rand"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// issuer is a vault that gives certificates.
type issuer struct {
	t    *testing.T
	key  keys.Key
	file string // its signer.json
}

func newKey(t *testing.T) keys.Key {
	t.Helper()
	k, err := keys.NewMemory(jws.Secp256k1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	i := issuer{t, newKey(t), filepath.Join(t.TempDir(), "signer.json")}
	data, err := json.Marshal(vault.SignerFile{Entity: "ent_test", EntityName: "Test Ltd", StatementKey: i.key.PublicKey().JWK(), ChannelKeys: []jwk.Key{newKey(t).PublicKey().JWK()}})
	if err == nil {
		err = os.WriteFile(i.file, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// gives writes a certificate of Alice that ends after a time.
func (i issuer) gives(approval keys.Key, life time.Duration) (path string) {
	i.t.Helper()
	now := time.Now()
	payload, err := statement.Encode(statement.Member{V: 1, Type: "member", Entity: "ent_test", Member: "mem_alice", Name: "Alice", Role: statement.Operator,
		Approval: approval.PublicKey().JWK(), Channel: newKey(i.t).PublicKey().JWK(), ChannelIn: statement.InToken, IssuedAt: now.AddDate(-1, 0, 0).Unix(), Expires: now.Add(life).Unix()})
	if err != nil {
		i.t.Fatal(err)
	}
	token, err := jws.Sign(i.t.Context(), i.key, statement.TypMember, payload)
	if err != nil {
		i.t.Fatal(err)
	}
	path = filepath.Join(i.t.TempDir(), "mem_alice.jws")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		i.t.Fatal(err)
	}
	return path
}

func TestACertificateIsEnrolledRenewedAndReplaced(t *testing.T) {
	t.Parallel()
	const year = 365 * 24 * time.Hour
	v, key := newIssuer(t), newKey(t)
	path := config(t, nil)
	written := "{\n  \"origins\":   [\"" + origin + "\"], \"modules\": [],\n  \"identities\": [],\n  \"state_dir\": \"state\"\n}\n"
	if err := os.WriteFile(path, []byte(written), 0o600); err != nil {
		t.Fatal(err)
	}
	enrol := func(certificate string, more ...string) []string {
		return append([]string{"member", "enrol", "--config", path, certificate}, more...)
	}
	identity := func() (string, string) {
		t.Helper()
		cfg, err := approver.Load(path)
		if err != nil || len(cfg.Identities) != 1 {
			t.Fatalf("%+v, %v", cfg.Identities, err)
		}
		list, err := cfg.Members()
		if err != nil || len(list.All) != 1 {
			t.Fatalf("%+v, %v", list, err)
		}
		return cfg.Identities[0].ApprovalKey, list.All[0].Approval.Thumbprint()
	}
	refused(t, []string{string(fault.Invalid), "in which token"}, enrol(v.gives(key, year), "--signer-file", v.file)...)
	refused(t, []string{string(fault.Invalid), "names no signer.json"}, enrol(v.gives(key, year), "--token", "alice")...)
	refused(t, []string{string(fault.CertificateBad), "not from the pinned signer"}, enrol(newIssuer(t).gives(key, year), "--token", "alice", "--signer-file", v.file)...)
	refused(t, []string{string(fault.CertificateBad), "expired on"}, enrol(v.gives(key, -time.Hour), "--token", "alice", "--signer-file", v.file)...)
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(path), "mem_*")); err != nil || len(left) != 0 {
		t.Errorf("what was refused left %q, %v", left, err)
	}

	said := must(t, enrol(v.gives(key, 24*time.Hour), "--token", "al ice", "--signer-file", v.file)...)
	if uri, thumb := identity(); uri != "pkcs11:token=al%20ice;object=approval" || thumb != key.PublicKey().Thumbprint() || !strings.Contains(said, "you are Alice (mem_alice) of Test Ltd (ent_test) until") {
		t.Errorf("%s, %s: %s", uri, thumb, said)
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.HasPrefix(string(data), "{\n  \"origins\":   [\"") || !strings.Contains(string(data), `"certificate_file":"mem_alice.jws"`) {
		t.Errorf("%s, %v", data, err)
	}

	newer := v.gives(key, year)
	line, err := os.ReadFile(newer)
	if err == nil {
		err = os.WriteFile(newer, []byte(`{"certificate":"`+strings.TrimSpace(string(line))+`"}`), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	must(t, enrol(newer)...) // as the gateway answers
	if again, err := os.ReadFile(path); err != nil || string(again) != string(data) {
		t.Errorf("a newer certificate changed the configuration: %s, %v", again, err)
	}
	refused(t, []string{"not from the pinned signer"}, enrol(newIssuer(t).gives(key, year))...)
	if _, thumb := identity(); thumb != key.PublicKey().Thumbprint() {
		t.Error("what was refused took the place of what was there")
	}

	other := newKey(t)
	must(t, enrol(v.gives(other, year), "--token", "pkcs11:token=spare;serial=17", "--approval", "sign")...)
	if uri, thumb := identity(); uri != "pkcs11:token=spare;serial=17;object=sign" || thumb != other.PublicKey().Thumbprint() {
		t.Errorf("%s, %s", uri, thumb)
	}
}
