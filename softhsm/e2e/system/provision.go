package system

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/softhsm"
)

// What the sandbox is made of.
const (
	Entity     = "ent_sandbox"
	EntityName = "Sandbox Treasury"
	Account    = "acc_treasury"
	Developer  = "dev_sandbox"
	Chain      = "eip155:31337"
)

// Person is a member with a token of their own.
type Person struct {
	Member string // mem_alice
	Name   string // Alice
	Token  string // alice, the token's label
	Curve  string // of both keys
}

// People are the members of the sandbox. Bob's token has no secp256k1.
var People = []Person{
	{"mem_alice", "Alice", "alice", softhsm.Secp256k1},
	{"mem_bob", "Bob", "bob", softhsm.P256},
	{"mem_carol", "Carol", "carol", softhsm.Secp256k1},
}

// State is what a system keeps in its folder.
type State struct {
	Dir       string
	Approvers softhsm.Store // one token for each of People
	OneUser   string        // why signers and gateway run as one user; empty: they run as two

	vaults map[string]softhsm.Store // by entity: one token each
	sweeps bool                     // the vaults begin with a standing rule that sweeps deposits
}

func (s *State) path(name string) string   { return filepath.Join(s.Dir, name) }
func (s *State) config(name string) string { return s.path("config/" + name + ".json") }
func (s *State) logs() string              { return s.path("logs") }
func (s *State) approverEnv() []string     { return s.Approvers.Env() }

// provision makes the tokens, once.
func (s *State) provision(ctx context.Context) (err error) {
	for _, sub := range []string{"", "logs", "config", "bridge", "gateway", "sandbox", "secrets"} {
		if err := os.MkdirAll(s.path(sub), 0o700); err != nil {
			return fmt.Errorf("make the state folder: %w", err)
		}
	}
	for _, v := range Vaults {
		if err := s.vaultToken(ctx, v); err != nil {
			return err
		}
	}
	var approvers []softhsm.Spec
	for _, p := range People {
		approvers = append(approvers, softhsm.Spec{Label: p.Token, Keys: []softhsm.Key{
			{Label: "approval", Curve: p.Curve, Sign: true}, {Label: "channel", Curve: p.Curve, Derive: true}}})
	}
	if s.Approvers, err = tokens(ctx, s.path("softhsm/approvers"), approvers); err != nil {
		return err
	}
	if err := writeOnce(s.path("secrets/developer.key"), "cs_test_"+rand.Text()); err != nil {
		return err
	}
	if err := writeOnce(s.path("secrets/notices.key"), rand.Text()); err != nil {
		return err
	}
	return writeOnce(s.path("secrets/provider.key"), rand.Text())
}

// tokens resumes the tokens in dir, or makes them.
func tokens(ctx context.Context, dir string, specs []softhsm.Spec) (softhsm.Store, error) {
	file := filepath.Join(dir, "store.json")
	store, err := softhsm.Load(file)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return store, err
	}
	if err := os.RemoveAll(dir); err != nil { // what an interrupted run left
		return softhsm.Store{}, err
	}
	if store, err = softhsm.Provision(ctx, dir, specs...); err != nil {
		return softhsm.Store{}, err
	}
	return store, store.Save(file)
}

func writeOnce(path, text string) error {
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return os.WriteFile(path, []byte(text), 0o600)
}

// PIN is the PIN of a person's token.
func (s *State) PIN(token string) string {
	t, _ := s.Approvers.Token(token)
	return t.PIN
}

func publicKey(token softhsm.Spec, label string) (jwk.Key, error) {
	k, ok := token.Key(label)
	if !ok {
		return jwk.Key{}, fmt.Errorf("token %s has no key %s", token.Label, label)
	}
	public, err := jws.FromSEC1(k.Curve, k.Public)
	if err != nil {
		return jwk.Key{}, err
	}
	return public.JWK(), nil
}

// providers are the pretend providers, by the path that each is served at.
var providers = [][2]string{{"northpay", "NorthPay"}, {"coinharbor", "Coin Harbor"}, {"meridian", "Meridian"}}

// writeConfigs writes the configuration of each program.
func (s *State) writeConfigs(p addresses, cfg Config) error {
	var desks []map[string]any
	for _, d := range providers {
		desk := map[string]any{"id": d[0], "name": d[1], "url": "http://" + p.providers + "/" + d[0],
			"api_key_file": s.path("secrets/provider.key")}
		switch d[0] { // one tells by itself, one when it is asked, one neither
		case "northpay":
			desk["notice_secret_file"] = s.path("secrets/notices.key")
		case "coinharbor":
			desk["orders_path"] = "/orders"
		}
		desks = append(desks, desk)
	}
	var identities, signers, entities []map[string]any
	var ids []string
	for _, v := range Vaults {
		ids = append(ids, v.Entity)
		entities = append(entities, map[string]any{"id": v.Entity, "name": v.Name})
		signers = append(signers, map[string]any{"socket": s.socket(v), "file": s.signerFile(v)})
		for _, who := range v.Members {
			id := map[string]any{"entity": v.Entity, "member": who.Member,
				"certificate_file": filepath.Join(s.identities(v), who.Member+".jws"),
				"approval_key":     "pkcs11:token=" + who.Token + ";object=approval",
				"channel_key":      "pkcs11:token=" + who.Token + ";object=channel"}
			if v.Entity != Entity {
				id["signer_file"] = s.signerFile(v)
			}
			identities = append(identities, id)
		}
	}
	funded, err := s.funded(cfg)
	if err != nil {
		return err
	}
	prompt := "auto"
	if cfg.Pinentry != "" {
		prompt = "pinentry"
	}
	_, bridgePort, _ := strings.Cut(p.bridge, ":")
	configs := map[string]any{
		"sandbox": map[string]any{
			"providers_listen": p.providers, "chain_listen": p.chain, "dashboard_listen": p.dashboard,
			"gateway_url": "http://" + p.gateway, "developer_id": Developer, "entities": entities,
			"api_key_file": s.path("secrets/developer.key"), "bridge_urls": []string{"ws://127.0.0.1:" + bridgePort},
			"state_dir": s.path("sandbox"), "notice_secret_files": map[string]string{"northpay": s.path("secrets/notices.key")},
			"funded": funded,
		},
		"gateway": map[string]any{
			"listen": p.gateway, "database": s.path("gateway/gateway.db"),
			"signers": signers, "token_key": s.path("gateway/token.pem"),
			"public_url": "http://" + p.dashboard, "dashboards": cfg.Origins, "environment": "sandbox",
			"trusted_proxies": []string{"127.0.0.1", "::1"},
			"developers": []map[string]any{{"id": Developer, "name": "Sandbox dashboard",
				"api_key_file": s.path("secrets/developer.key"), "entities": ids}},
			"providers": desks,
			"chains":    []map[string]any{{"chain": Chain, "rpc": "http://" + p.chain, "confirmations": 1}},
		},
		"bridge": map[string]any{
			"listen": []string{p.bridge}, "origins": append([]string{"http://" + p.dashboard}, cfg.Origins...),
			"modules": []string{s.Approvers.Module}, "identities": identities,
			"signer_file": s.signerFile(Vaults[0]), "state_dir": s.path("bridge"),
			"prompt": prompt, "pinentry": cfg.Pinentry, "relay": map[string]any{"gateway": "http://" + p.dashboard},
		},
	}
	for name, c := range configs {
		if err := s.writeJSON(s.config(name), c); err != nil {
			return err
		}
	}
	return nil
}

// Root is the thumbprint of the root key of a vault, which its people compare by voice.
func (s *State) Root(v Vault) (string, error) {
	data, err := os.ReadFile(s.signerFile(v))
	if err != nil {
		return "", err
	}
	f, err := vault.ReadSigner(data)
	if err != nil {
		return "", err
	}
	return f.Statement.Thumbprint(), nil
}

// funded are the addresses of the vaults' accounts that begin with some ether.
func (s *State) funded(cfg Config) ([]string, error) {
	all := []string{}
	if !cfg.Fund {
		return all, nil
	}
	for _, v := range Vaults {
		data, err := os.ReadFile(filepath.Join(s.identities(v), "genesis-draft.json"))
		if err != nil {
			return nil, fmt.Errorf("read the genesis of %s: %w", v.Entity, err)
		}
		g, err := statement.Decode[statement.Genesis](data)
		if err != nil {
			return nil, fmt.Errorf("read the genesis of %s: %w", v.Entity, err)
		}
		for _, a := range g.Accounts {
			all = append(all, a.Address)
		}
	}
	return all, nil
}

func (s *State) writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}

// writeBeside writes the configuration of a second gateway: that of the first, on
// another port.
func (s *State) writeBeside() error {
	text, err := os.ReadFile(s.config("gateway"))
	if err != nil {
		return err
	}
	var config map[string]any
	if err := json.Unmarshal(text, &config); err != nil {
		return err
	}
	config["listen"] = "127.0.0.1:0"
	if err := s.writeJSON(s.config(beside), config); err != nil {
		return err
	}
	return s.give(s.config(beside))
}
