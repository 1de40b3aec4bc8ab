package member

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// farEnd is a signer that gives certificates.
type farEnd struct {
	t      *testing.T
	dir    string
	key    keys.Key
	entity string
}

func memory(t *testing.T) keys.Key {
	t.Helper()
	k, err := keys.NewMemory(jws.P256, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newVault(t *testing.T) *farEnd {
	t.Helper()
	return newVaultOf(t, "ent_test")
}

func newVaultOf(t *testing.T, entity string) *farEnd {
	t.Helper()
	v := &farEnd{t: t, dir: t.TempDir(), key: memory(t), entity: entity}
	data, err := json.Marshal(vault.SignerFile{Entity: entity, EntityName: "Test", StatementKey: v.key.PublicKey().JWK(), ChannelKeys: []jwk.Key{v.key.PublicKey().JWK()}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(v.signer(), data, 0o600); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *farEnd) signer() string { return filepath.Join(v.dir, "signer.json") }

// certify gives a member a certificate.
func (v *farEnd) certify(name string, expires time.Time) Config {
	v.t.Helper()
	id := "mem_" + name
	payload, err := statement.Encode(statement.Member{V: 1, Type: "member", Entity: v.entity, Member: id, Name: name, Role: statement.Operator,
		Approval: memory(v.t).PublicKey().JWK(), Channel: memory(v.t).PublicKey().JWK(), ChannelIn: statement.InToken,
		IssuedAt: expires.AddDate(-1, 0, 0).Unix(), Expires: expires.Unix()})
	if err != nil {
		v.t.Fatal(err)
	}
	token, err := jws.Sign(v.t.Context(), v.key, statement.TypMember, payload)
	if err != nil {
		v.t.Fatal(err)
	}
	file := filepath.Join(v.dir, id+".jws")
	if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
		v.t.Fatal(err)
	}
	return Config{Entity: v.entity, Member: id, CertificateFile: file,
		ApprovalKey: fmt.Sprintf("pkcs11:token=%s;object=approval", name), ChannelKey: fmt.Sprintf("pkcs11:token=%s;object=channel", name)}
}

func TestACertificateSaysWhoseKeysAreWhich(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	alice, bob := v.certify("alice", time.Now().AddDate(0, 6, 0)), v.certify("bob", time.Now().AddDate(0, 6, 0))
	bob.ChannelKey = ""
	list, err := Read(v.signer(), []Config{alice, bob}, 8)
	if err != nil || len(list.All) != 2 || len(list.Out) != 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	id, err := list.Find("ent_test", "mem_alice")
	if err != nil || id.Name != "alice" || id.EntityName != "Test" || !bytes.Equal(id.Remote, v.key.PublicKey().Compressed()) {
		t.Errorf("%+v, %v", id, err)
	}
	if k := id.Keys(); len(k) != 2 || k[0].Purpose != PurposeApproval || !k[0].Public.Equal(id.Approval) || k[1].Purpose != PurposeChannel || !k[1].Public.Equal(id.Channel) || k[1].Device() != "alice" {
		t.Errorf("keys %+v", k)
	}
	if k := list.All[1].Keys(); len(k) != 1 || k[0].URI != bob.ApprovalKey {
		t.Errorf("keys with a channel key in software: %+v", k)
	}
	if err := id.Valid(id.Expires.Add(-time.Second)); err != nil {
		t.Error(err)
	}
	if err := id.Valid(id.Expires); fault.CodeOf(err) != fault.CertificateBad {
		t.Errorf("when it expires: %v", err)
	}
}

func TestAnIdentityThatIsLeftOutCostsNoOtherAndIsFoundWithItsReason(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]struct {
		spoil func(*farEnd, *Config)
		code  fault.Code
		says  string
	}{
		"a certificate that is gone":     {func(_ *farEnd, c *Config) { c.CertificateFile += ".gone" }, fault.CertificateBad, "no such file"},
		"a certificate of another vault": {func(v *farEnd, c *Config) { *c = newVault(v.t).certify("alice", time.Now().AddDate(1, 0, 0)) }, fault.CertificateBad, "not from the pinned signer"},
		"a certificate of another member": {func(v *farEnd, c *Config) {
			c.CertificateFile = v.certify("carol", time.Now().AddDate(1, 0, 0)).CertificateFile
		}, fault.CertificateBad, "mem_carol"},
		"a PIN in the URI":                {func(_ *farEnd, c *Config) { c.ApprovalKey += "?pin-value=4711" }, fault.Invalid, "approval_key: "},
		"a channel key that is not a URI": {func(_ *farEnd, c *Config) { c.ChannelKey = "4711" }, fault.Invalid, "channel_key: "},
		"a PIN's file in the URI":         {func(_ *farEnd, c *Config) { c.ApprovalKey += "?pin-source=file:/4711" }, fault.Invalid, "the bridge asks for the PIN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newVault(t)
			alice, bob := v.certify("alice", time.Now().AddDate(1, 0, 0)), v.certify("bob", time.Now().AddDate(1, 0, 0))
			r.spoil(v, &alice)
			list, err := Read(v.signer(), []Config{alice, bob}, 8)
			if err != nil || len(list.All) != 1 || list.All[0].Member != "mem_bob" || len(list.Out) != 1 || list.Out[0].Code != r.code {
				t.Fatalf("%+v, %v", list, err)
			}
			if why := list.Out[0].Err.Error(); !strings.Contains(why, r.says) || strings.Contains(why, "4711") {
				t.Errorf("why: %s", why)
			}
			if _, err := list.Find("ent_test", "mem_alice"); fault.CodeOf(err) != r.code || strings.Contains(err.Error(), v.dir) {
				t.Errorf("a page is told %v", err)
			}
			if _, err := list.Find("ent_test", "mem_mallory"); fault.CodeOf(err) != fault.NotFound {
				t.Errorf("nobody's identity: %v", err)
			}
		})
	}
}

func TestIdentitiesBeyondTheMostAreLeftOutAndOneThatIsListedTwiceIsAnError(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	alice, bob := v.certify("alice", time.Now().AddDate(1, 0, 0)), v.certify("bob", time.Now().AddDate(1, 0, 0))
	if list, err := Read(v.signer(), []Config{alice, bob}, 1); err != nil || len(list.All) != 1 || len(list.Out) != 1 || list.Out[0].Code != fault.Invalid {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := Read(v.signer(), []Config{alice, bob, alice}, 8); err == nil || !strings.Contains(err.Error(), "mem_alice of ent_test is listed twice") || len(list.All) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := Read(v.signer()+".gone", []Config{alice}, 8); err == nil || len(list.All) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestWhatIsLeftOutIsReportedOnceAndAgainWhenAnotherExpires(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	now := time.Now()
	alice, bob := v.certify("alice", now.Add(time.Hour)), v.certify("bob", now.AddDate(1, 0, 0))
	bob.CertificateFile += ".gone"
	list, err := Read(v.signer(), []Config{alice, bob}, 8)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	for _, r := range []struct {
		at    time.Time
		lines int
	}{{now, 1}, {now, 1}, {now.Add(2 * time.Hour), 3}, {now.Add(3 * time.Hour), 3}} { // with the last one comes a line that none is left
		list.Report(log, r.at)
		if n := strings.Count(said.String(), "\n"); n != r.lines {
			t.Errorf("%d lines, want %d: %s", n, r.lines, said.String())
		}
	}
}

// One person may approve for several entities, each with a vault of its own.
func TestAnIdentityOfAnotherVaultHasASignersFileOfItsOwn(t *testing.T) {
	t.Parallel()
	own, other := newVault(t), newVaultOf(t, "ent_other")
	alice, there := own.certify("alice", time.Now().AddDate(1, 0, 0)), other.certify("alice", time.Now().AddDate(1, 0, 0))
	there.SignerFile = other.signer()
	list, err := Read(own.signer(), []Config{alice, there}, 8)
	if err != nil || len(list.All) != 2 {
		t.Fatalf("%+v, %v", list, err)
	}
	for entity, v := range map[string]*farEnd{"ent_test": own, "ent_other": other} {
		id, err := list.Find(entity, "mem_alice")
		if err != nil || id.Entity != entity || !bytes.Equal(id.Remote, v.key.PublicKey().Compressed()) {
			t.Errorf("%s: %+v, %v", entity, id, err)
		}
	}
	if list, err := Read("", []Config{there}, 8); err != nil || len(list.All) != 1 {
		t.Errorf("where no identity is of the bridge's own vault: %+v, %v", list, err)
	}

	mixed := alice
	mixed.SignerFile = other.signer()
	gone := there
	gone.SignerFile += ".gone"
	list, err = Read(own.signer(), []Config{mixed, gone}, 8)
	if err != nil || len(list.Out) != 2 || !strings.Contains(list.Out[0].Err.Error(), "not from the pinned signer") || !strings.Contains(list.Out[1].Err.Error(), "no such file") {
		t.Errorf("%+v, %v", list, err)
	}
}
