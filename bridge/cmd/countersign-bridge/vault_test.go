package main

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"countersign/bridge/internal/keys"
	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
)

func TestAnAdministratorReadsAGenesisBeforeTheirTokenSignsIt(t *testing.T) {
	t.Parallel()
	token := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{{Label: "approval", Curve: jws.Secp256k1, Sign: true}, {Label: "other", Curve: jws.P256, Sign: true}}})
	path, log := prompted(t, `{"log":"log","pins":{"alice":["`+token.Token.PIN+`"]},"confirm":["decline","approve"]}`,
		func(m map[string]any) { m["modules"] = []string{token.Module} })
	k, _ := token.Token.Key("approval")
	public, err := jws.FromSEC1(k.Curve, k.Public)
	if err != nil {
		t.Fatal(err)
	}
	genesis := genesisOf(t, public.JWK())
	dir := t.TempDir()
	draft, out := filepath.Join(dir, "genesis-draft.json"), filepath.Join(dir, "out.jws")
	if err := os.WriteFile(draft, append(genesis, '\n'), 0o600); err != nil { // an editor's line feed
		t.Fatal(err)
	}
	sign := func(uri string) []string {
		return []string{"vault", "sign-genesis", "--config", path, draft, "--key", "pkcs11:token=alice;object=" + uri, "--out", out}
	}
	refused(t, []string{string(fault.KeyUnsuited), "Its administrators are Alice (mem_alice)"}, sign("other")...)
	refused(t, []string{string(fault.Declined)}, sign("approval")...)
	if _, err := os.Stat(out); !os.IsNotExist(err) {
		t.Errorf("something was signed: %v", err)
	}
	if said := must(t, sign("approval")...); !strings.Contains(said, "signed as Alice (mem_alice): send "+out) || !strings.Contains(said, "In words") {
		t.Error(said)
	}
	signed, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ceremony.Approvals(genesis, []string{strings.TrimSpace(string(signed))}); err != nil {
		t.Error(err)
	}
	shown, err := os.ReadFile(log)
	for _, line := range []string{"Begin the vault of Test Ltd", "SANDBOX", "Alice (mem_alice), ADMIN", "Root key", "Step 1, one: 1 of Alice (mem_alice)"} {
		if err != nil || !strings.Contains(string(shown), line) {
			t.Errorf("the prompt showed %s, without %q, %v", shown, line, err)
		}
	}
	if got := events(t, path); got != "unlocked genesis-signed" {
		t.Errorf("the journal has %q", got)
	}
	if err := os.WriteFile(draft, []byte(strings.Replace(string(genesis), ",", ", ", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, []string{string(fault.StatementInvalid), "as the draft of a genesis"}, sign("approval")...)
}

// genesisOf is the genesis of a sandbox's vault with one administrator.
func genesisOf(t *testing.T, approval jwk.Key) []byte {
	t.Helper()
	var others []jwk.Key
	for range 3 {
		k, err := keys.NewMemory(jws.Secp256k1, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		others = append(others, k.PublicKey().JWK())
	}
	b, err := statement.Encode(statement.Genesis{
		V: 3, Type: "genesis", Entity: "ent_test", EntityName: "Test Ltd", Sandbox: true, AdminRule: statement.AdminRule{Quorum: 1}, IssuedAt: 1_795_208_400,
		Signer: statement.SignerKeys{Statement: others[0], Channel: others[1:2]},
		Members: []statement.GenesisMember{{Member: "mem_alice", Name: "Alice", Role: statement.Admin, Approval: approval, Channel: others[2],
			ChannelIn: statement.InToken}},
		Accounts: []statement.GenesisAccount{{Account: "acc_treasury", Name: "Treasury", Chain: "eip155:31337", Address: "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
			Rules: governance.Set{Version: 1, Rules: []governance.Rule{{Name: "all", Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_alice"}}}}}}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestAMemberRegistersWithKeysOfTheirTokenOnceAndAgain(t *testing.T) {
	t.Parallel()
	token := softhsm.NewFaulty(t, softhsm.Spec{Label: "bob", Keys: []softhsm.Key{{Label: "spare", Curve: jws.P256, Derive: true}}})
	path, _ := prompted(t, `{"log":"log","pins":{"bob":["`+token.Token.PIN+`"]}}`, func(m map[string]any) { m["modules"] = []string{token.Module} })
	out := filepath.Join(t.TempDir(), "bob.jws")
	register := []string{"member", "register", "--config", path, "--token", "bob", "--entity", "ent_test", "--member", "mem_bob", "--name", "Bob", "--curve", "P-256", "--out", out}
	var before statement.Registration
	for n := range 2 { // the second time with the keys that the first made
		said := must(t, register...)
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		r, _, err := ceremony.Registered(strings.TrimSpace(string(data)))
		if err != nil || r.Name != "Bob" || r.Entity != "ent_test" || r.Approval.Crv != jws.P256 || !strings.Contains(said, "In words") {
			t.Errorf("%+v, %v: %s", r, err, said)
		}
		if n > 0 && (r.Approval != before.Approval || r.Channel != before.Channel) {
			t.Error("it made other keys")
		}
		before = r
	}
	refused(t, []string{string(fault.KeyUnsuited), "is for something else"}, append(register, "--approval", "spare")...)
	refused(t, []string{string(fault.StatementInvalid), "member"}, append(register, "--member", "bob")...)
	if got := events(t, path); !strings.HasPrefix(got, "unlocked key-made key-made registered unlocked registered unlocked") {
		t.Errorf("the journal has %q", got)
	}
}
