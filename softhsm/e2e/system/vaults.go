package system

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/softhsm"
)

// Vault is the vault of an entity: with a token, a signer and a log of its own.
type Vault struct {
	Entity      string
	Name        string // the entity's
	Account     string
	AccountName string
	Members     []Person
	Rules       []governance.Rule
	Program     string // the name of its signer, for [System.StopProgram] and others

	suffix string // of the names of what it keeps
	socket string // of its signer; short, because paths of sockets may not be long
}

// Vaults are those of the sandbox, the main one first. In it a purchase needs two
// members; one of more than 1,000 EUR the member who signs and sends it, and the two
// others. A transfer of at most 5 ether, and a message, needs two. In the branch's either of two members decides, on transfers of at most 1 ether.
var Vaults = []Vault{
	{Entity: Entity, Name: EntityName, Account: Account, AccountName: "Treasury", Members: People, Program: "signer", socket: "signer.sock",
		Rules: []governance.Rule{
			{Name: "over-1000", When: []governance.Condition{{Amount: &governance.Amount{Currency: "EUR", Min: "1000.01"}}},
				Creation: &governance.Creation{Members: ids(People)}, Steps: []governance.Step{
					{Name: "others", Quorum: 2, Members: ids(People), ExcludeInitiator: true}}},
			{Name: "two-of-three", Steps: []governance.Step{{Name: "operators", Quorum: 2, Members: ids(People)}}},
			{Name: "transfers", When: sending("5"), Steps: []governance.Step{{Name: "operators", Quorum: 2, Members: ids(People)}}},
			{Name: "messages", When: []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindMessage}}}}, Steps: []governance.Step{{Name: "operators", Quorum: 2, Members: ids(People)}}}}},
	{Entity: "ent_branch", Name: "Sandbox Branch", Account: "acc_operating", AccountName: "Operating", Members: People[:2], Program: "signer-branch", suffix: "-branch", socket: "branch.sock",
		Rules: []governance.Rule{
			{Name: "one-of-two", Steps: []governance.Step{{Name: "operators", Quorum: 1, Members: ids(People[:2])}}},
			{Name: "transfers", When: sending("1"), Steps: []governance.Step{{Name: "operators", Quorum: 1, Members: ids(People[:2])}}}}},
}

// sending is the condition of a rule for transfers of at most so many ether, and for what
// replaces them.
func sending(ether string) []governance.Condition {
	return []governance.Condition{{Filter: &governance.Filter{Kinds: []string{intent.KindTransfer, intent.KindReplace}}}, {Amount: &governance.Amount{Currency: "ethereum", Max: ether}}}
}

func ids(people []Person) (all []string) {
	for _, p := range people {
		all = append(all, p.Member)
	}
	return all
}

func (v Vault) label() string                { return "vault" + v.suffix }
func (s *State) socket(v Vault) string       { return s.path(v.socket) }
func (s *State) identities(v Vault) string   { return s.path("identities" + v.suffix) }
func (s *State) signerFile(v Vault) string   { return filepath.Join(s.identities(v), "signer.json") }
func (s *State) vaultPIN(v Vault) string     { return s.path("secrets/" + v.label() + ".pin") }
func (s *State) vaultEnv(v Vault) []string   { return s.vaults[v.Entity].Env() }
func (s *State) signerConfig(v Vault) string { return s.config(v.Program) }

// vaultToken makes the token of a vault, once.
func (s *State) vaultToken(ctx context.Context, v Vault) error {
	if err := os.MkdirAll(s.path(v.label()), 0o700); err != nil {
		return fmt.Errorf("make the folder of a vault: %w", err)
	}
	store, err := tokens(ctx, s.path("softhsm/"+v.label()), []softhsm.Spec{{Label: v.label()}})
	if err != nil {
		return err
	}
	s.vaults[v.Entity] = store
	return writeOnce(s.vaultPIN(v), store.Tokens[0].PIN)
}

// initVault has the signer of a vault make its keys, the members sign its genesis, and the
// vault begin, once.
func (s *State) initVault(ctx context.Context, bin string, v Vault) error {
	config := map[string]any{
		"socket": s.socket(v), "module": s.vaults[v.Entity].Module, "token": "pkcs11:token=" + v.label(),
		"pin_file": s.vaultPIN(v), "state_dir": s.path(v.label()),
		"max_off": "8760h",                           // nobody confirms the clock of a sandbox
		"limits":  map[string]int{"per_minute": 600}, // tests ask fast
	}
	maps.Copy(config, s.link())
	if err := s.writeJSON(s.signerConfig(v), config); err != nil {
		return err
	}
	if _, err := os.Stat(s.signerFile(v)); err == nil {
		return nil
	}
	draft, err := s.draft(v)
	if err != nil {
		return err
	}
	genesis := s.config("genesis" + v.suffix)
	if err := s.writeJSON(genesis, draft); err != nil {
		return err
	}
	enrolment := s.identities(v)
	if err := s.signer(ctx, bin, v, "init", "--genesis="+genesis, "--out="+enrolment); err != nil {
		return err
	}
	signed, err := s.signGenesis(ctx, bin, v)
	if err != nil {
		return err
	}
	return s.signer(ctx, bin, v, "complete", append([]string{"--out=" + enrolment}, signed...)...)
}

// signer has the signer of a vault do something before it serves.
func (s *State) signer(ctx context.Context, bin string, v Vault, what string, args ...string) error {
	args = append([]string{"signer", what, "--config=" + s.signerConfig(v)}, args...)
	return s.begin(ctx, bin, v, s.vaultEnv(v), args...)
}

// begin runs a command of the bridge with which a vault begins.
func (s *State) begin(ctx context.Context, bin string, v Vault, env []string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(bin, "countersign-bridge"), args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("begin the vault of %s: %w\n%s(when an earlier start was interrupted here: %s, then again)", v.Entity, err, out, forgotten(s.Dir))
	}
	return nil
}

// signGenesis has each member of a vault read its genesis and sign it with their token, as
// they would at their own bridges. The sandbox answers for them.
func (s *State) signGenesis(ctx context.Context, bin string, v Vault) (signed []string, err error) {
	config, script := s.config("ceremony"), s.path("ceremony/script.json")
	if err := os.MkdirAll(s.path("ceremony"), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the ceremony: %w", err)
	}
	if err := s.Script(script, Answers{}); err != nil {
		return nil, err
	}
	if bin, err = filepath.Abs(bin); err != nil {
		return nil, err
	}
	err = s.writeJSON(config, map[string]any{"origins": []string{}, "modules": []string{s.Approvers.Module}, "identities": []any{},
		"state_dir": s.path("ceremony"), "prompt": "pinentry", "pinentry": filepath.Join(bin, "scripted-pinentry")})
	if err != nil {
		return nil, err
	}
	for _, p := range v.Members {
		out := s.path("ceremony/" + p.Member + v.suffix + ".genesis.jws")
		if err := s.begin(ctx, bin, v, append(s.approverEnv(), ScriptEnv(script)...), "vault", "sign-genesis", "--config="+config,
			filepath.Join(s.identities(v), "genesis-draft.json"), "--key=pkcs11:token="+p.Token+";object=approval", "--out="+out); err != nil {
			return nil, err
		}
		signed = append(signed, out)
	}
	return signed, nil
}

// draft is the genesis of a vault: who the members are, and what decides.
func (s *State) draft(v Vault) (map[string]any, error) {
	var members []statement.GenesisMember
	for _, p := range v.Members {
		token, _ := s.Approvers.Token(p.Token)
		approval, err := publicKey(token, "approval")
		if err != nil {
			return nil, err
		}
		channel, err := publicKey(token, "channel")
		if err != nil {
			return nil, err
		}
		members = append(members, statement.GenesisMember{Member: p.Member, Name: p.Name, Role: statement.Admin,
			Approval: approval, Channel: channel, ChannelIn: statement.InToken})
	}
	account := map[string]any{"account": v.Account, "name": v.AccountName, "chain": Chain, "rules": governance.Set{Version: 1, Rules: v.Rules}}
	if s.sweeps {
		account["sweep"] = intent.Sweep{MaxFee: "0.001", PerDay: "0.02"}
	}
	return map[string]any{
		"entity": v.Entity, "entity_name": v.Name, "sandbox": true, "admin_rule": statement.AdminRule{Quorum: 2}, "members": members,
		"accounts": []map[string]any{account},
	}, nil
}
