package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/keys"
	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/fingerprint"
	"countersign/shared/governance"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/softhsm"
)

// inviter is a gateway with one invitation, of Erin, and the vault behind it.
type inviter struct {
	t       *testing.T
	root    keys.Key
	channel keys.Key // the vault's
	http    *httptest.Server

	mu   sync.Mutex
	says wire.Invited
}

func newInviter(t *testing.T) *inviter {
	t.Helper()
	channel := newKey(t)
	g := &inviter{t: t, root: newKey(t), channel: channel, says: wire.Invited{ChannelKeys: []jwk.Key{channel.PublicKey().JWK()},
		Entity: "ent_test", EntityName: "Test Ltd", Member: "mem_erin", Name: "Erin", Role: statement.Operator, State: wire.InvitationOpen, ExpiresAt: time.Now().UTC().Add(time.Hour),
	}}
	g.http = httptest.NewServer(http.HandlerFunc(g.serve))
	t.Cleanup(g.http.Close)
	return g
}

func (g *inviter) url() string { return g.http.URL + "/v1/join/abcdef" }

func (g *inviter) set(f func(*wire.Invited)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	f(&g.says)
}

func (g *inviter) serve(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.URL.Path != "/v1/join/abcdef" || r.Header.Get("Authorization") != "" {
		g.t.Errorf("%s %s with %q", r.Method, r.URL.Path, r.Header.Get("Authorization"))
	}
	if r.Method == http.MethodPost {
		var in wire.RegistrationInput
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			g.t.Error(err)
		}
		m, err := ceremony.ForVault(in.Registration, "ent_test")
		if err != nil || m.Member != "mem_erin" || m.Name != "Erin" {
			g.t.Errorf("%+v, %v", m, err)
		}
		g.proven(in.Registration)
		if d := m.Keys.Driver; d.Approval != "LOCAL ALWAYS_SENSITIVE NEVER_EXTRACTABLE" || d.Channel != d.Approval || !strings.Contains(d.Token, "erin") {
			g.t.Errorf("the driver says %+v", d)
		}
		g.says.State = wire.InvitationRegistered
		g.says.Certificate = g.certificate(m.Keys.Approval, m.Keys.Channel) // which is shown later
		g.says.Genesis = g.genesis(m.Keys.Approval)
	}
	v := g.says
	if v.State != wire.InvitationJoined {
		v.Certificate, v.Genesis = "", ""
	}
	if err := json.NewEncoder(w).Encode(v); err != nil {
		g.t.Error(err)
	}
}

// proven verifies, as the vault does, that whoever registers holds the channel key.
func (g *inviter) proven(registration string) {
	r, _, err := ceremony.Registered(registration)
	if err != nil {
		g.t.Error(err)
		return
	}
	member, err := jws.FromJWK(r.Channel)
	if err != nil {
		g.t.Error(err)
		return
	}
	secret, err := g.channel.ECDH(g.t.Context(), member.Uncompressed())
	if err == nil {
		err = ceremony.Proved(r, g.channel.PublicKey(), secret)
	}
	if err != nil {
		g.t.Error(err)
	}
}

func (g *inviter) sign(typ string, payload []byte, err error) string {
	g.t.Helper()
	if err != nil {
		g.t.Fatal(err)
	}
	token, err := jws.Sign(g.t.Context(), g.root, typ, payload)
	if err != nil {
		g.t.Fatal(err)
	}
	return token
}

func (g *inviter) certificate(approval, channel jwk.Key) string {
	payload, err := statement.Encode(statement.Member{V: 1, Type: "member", Entity: "ent_test", Member: "mem_erin", Name: "Erin", Role: statement.Operator,
		Approval: approval, Channel: channel, ChannelIn: statement.InToken, IssuedAt: time.Now().Unix(), Expires: time.Now().AddDate(1, 0, 0).Unix()})
	return g.sign(statement.TypMember, payload, err)
}

// genesis is the first line of a vault with one administrator.
func (g *inviter) genesis(admin jwk.Key) string {
	genesis, err := statement.Encode(statement.Genesis{
		V: 3, Type: "genesis", Entity: "ent_test", EntityName: "Test Ltd", Sandbox: true, AdminRule: statement.AdminRule{Quorum: 1}, IssuedAt: 1_795_208_400,
		Signer:  statement.SignerKeys{Statement: g.root.PublicKey().JWK(), Channel: []jwk.Key{newKey(g.t).PublicKey().JWK()}},
		Members: []statement.GenesisMember{{Member: "mem_alice", Name: "Alice", Role: statement.Admin, Approval: admin, Channel: newKey(g.t).PublicKey().JWK(), ChannelIn: statement.InToken}},
		Accounts: []statement.GenesisAccount{{Account: "acc_treasury", Name: "Treasury", Chain: "eip155:31337", Address: "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
			Rules: governance.Set{Version: 1, Rules: []governance.Rule{{Name: "all", Steps: []governance.Step{{Name: "one", Quorum: 1, Members: []string{"mem_alice"}}}}}}}},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	body, err := strictjson.Canonical(signedlog.GenesisBody{Genesis: genesis, Approvals: []string{"a.b.c"}})
	if err != nil {
		g.t.Fatal(err)
	}
	entry, err := strictjson.Canonical(signedlog.Entry{Prev: strings.Repeat("A", 43), At: 1_795_208_400, Type: signedlog.Genesis, Body: body})
	return g.sign(statement.TypEntry, entry, err)
}

// words are those of the root key, as an administrator reads them.
func (g *inviter) words() string {
	print, err := fingerprint.Of(g.root.PublicKey().Thumbprint())
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.Join(print.Words(), " ")
}

func TestWhoeverIsInvitedRegistersAndEnrols(t *testing.T) {
	t.Parallel()
	token := softhsm.NewFaulty(t, softhsm.Spec{Label: "erin", Keys: []softhsm.Key{{Label: "spare", Curve: jws.P256, Derive: true}}})
	path, _ := prompted(t, `{"log":"log","pins":{"erin":["`+token.Token.PIN+`"]}}`, func(m map[string]any) { m["modules"] = []string{token.Module} })
	g := newInviter(t)
	register := []string{"member", "register", g.url(), "--config", path, "--token", "erin", "--out", path + ".registration"}
	enrol := func(root string) []string {
		return []string{"member", "enrol", g.url(), "--config", path, "--token", "erin", "--root", root}
	}
	refused(t, []string{string(fault.Invalid), "leave out --entity"}, append(register, "--name", "Eve")...)
	refused(t, []string{string(fault.Conflict), "you have not joined yet"}, enrol(g.words())...)
	said := must(t, register...)
	if !strings.Contains(said, "Test Ltd (ent_test) invites Erin (mem_erin) as OPERATOR\nyou are registered") || strings.Count(said, "In words") != 4 || !strings.Contains(said, "member enrol "+g.url()) {
		t.Error(said)
	}
	refused(t, []string{string(fault.Conflict), "you have not joined yet"}, enrol(g.words())...)
	g.set(func(v *wire.Invited) { v.State = wire.InvitationJoined })
	refused(t, []string{string(fault.SignatureInvalid), "another root key"}, enrol(newInviter(t).words())...)
	refused(t, []string{string(fault.Invalid), "named by its thumbprint"}, enrol("topmost istanbul")...)
	good := ""
	g.set(func(v *wire.Invited) { good, v.Genesis = v.Genesis, v.Genesis[:len(v.Genesis)-4]+"AAAA" })
	refused(t, []string{string(fault.SignatureInvalid), "not signed with the root key"}, enrol(g.words())...)
	g.set(func(v *wire.Invited) { v.Genesis = good })
	if said := must(t, enrol(g.words())...); !strings.Contains(said, "you are Erin (mem_erin) of Test Ltd (ent_test) until") {
		t.Error(said)
	}
	cfg, err := approver.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	list, err := cfg.Members()
	if err != nil || len(list.All) != 1 || list.All[0].ApprovalKey != "pkcs11:token=erin;object=approval" || !strings.HasSuffix(list.All[0].SignerFile, "ent_test.signer.json") {
		t.Errorf("%+v, %v", list, err)
	}
	must(t, "member", "enrol", g.url(), "--config", path) // again: what was pinned stays
	if got := events(t, path); got != "unlocked key-made key-made registered" {
		t.Errorf("the journal has %q", got)
	}
}

func TestWhatIsNoInvitationIsRefused(t *testing.T) {
	t.Parallel()
	path := config(t, nil)
	g := newInviter(t)
	for name, c := range map[string]struct{ address, says string }{
		"an address of something else":   {g.http.URL + "/v1/entity", "not the address of an invitation"},
		"an address with a query":        {g.url() + "?x=1", "not the address of an invitation"},
		"http to another computer":       {"http://gateway.example.com/v1/join/abc", "it must be https"},
		"a gateway that does not answer": {"http://127.0.0.1:1/v1/join/abc", string(fault.Unavailable)},
	} {
		code, _, errs := command(t, "member", "register", c.address, "--config", path, "--token", "erin")
		if code != 1 || !strings.Contains(errs, c.says) || strings.Contains(errs, "/v1/join/abc") {
			t.Errorf("%s: %d, %s", name, code, errs)
		}
	}
	g.set(func(v *wire.Invited) { v.EntityName = "Test\nLtd" })
	refused(t, []string{string(fault.Unavailable), "names or ids"}, "member", "register", g.url(), "--config", path, "--token", "erin")
	refused(t, []string{string(fault.Invalid), "give the address of your invitation"}, "member", "register", "--config", path, "--token", "erin", "--name", "Erin")
}
