package signer

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
)

// certificateLife is how long a member's certificate is valid.
const certificateLife = 366 * 24 * time.Hour

// Enrolment is what init hands to the approvers.
type Enrolment struct {
	File         vault.SignerFile
	Certificates map[string]string // by member id: the JWS of the certificate
}

// Create makes the vault's keys where they do not exist yet, writes the genesis
// as the first entry of the log, and certifies the members; publish gets the
// certificates before the genesis is final, so that no crash loses them. It
// fails with CONFLICT when the log already has entries, and with INVALID_REQUEST or
// STATEMENT_INVALID when the draft is not valid. An attempt that broke off is
// taken up again.
func Create(ctx context.Context, deps Deps, draft Draft, publish func(Enrolment) error) (Enrolment, error) {
	if err := draft.checkUnits(); err != nil {
		return Enrolment{}, err
	}
	if mark, err := (watermark{deps.Vault}).Get(ctx); err != nil {
		return Enrolment{}, err
	} else if mark.Size > 0 {
		return Enrolment{}, fault.New(fault.Conflict, "the vault token already belongs to a log")
	}
	if err := checkApprovable(draft, deps.Now()); err != nil { // before keys are made for nothing
		return Enrolment{}, err
	}
	key, err := keyOrNew(ctx, deps.Vault, statementKey())
	if err != nil {
		return Enrolment{}, fmt.Errorf("make the statement key: %w", err)
	}
	now := deps.Now().UTC().Truncate(time.Second)
	g := statement.Genesis{
		V: 3, Type: "genesis", Entity: draft.Entity, EntityName: draft.EntityName, Sandbox: draft.Sandbox,
		Signer: statement.SignerKeys{Statement: key.PublicKey().JWK()}, AdminRule: draft.AdminRule, Members: draft.Members,
		Groups: draft.Groups, Whitelists: draft.Whitelists, IssuedAt: now.Unix(),
	}
	for _, t := range channelKeys() {
		k, err := keyOrNew(ctx, deps.Vault, t)
		if err != nil {
			return Enrolment{}, fmt.Errorf("make the channel key on %s: %w", t.Curve, err)
		}
		g.Signer.Channel = append(g.Signer.Channel, k.PublicKey().JWK())
	}
	var accounts []jwk.Key
	for _, a := range draft.Accounts {
		account, key, err := makeAccount(ctx, deps.Vault, a)
		if err != nil {
			return Enrolment{}, err
		}
		g.Accounts = append(g.Accounts, account)
		accounts = append(accounts, key)
	}
	if err := checkGenesis(g, accounts); err != nil {
		return Enrolment{}, err
	}
	log, err := signedlog.Open(ctx, signedlog.Config{
		Storage: deps.Storage, Watermark: watermark{deps.Vault}, Signer: key, Now: func() time.Time { return now },
	}, nil)
	if err != nil {
		return Enrolment{}, err
	}
	if log.Mark().Size > 0 {
		return Enrolment{}, fault.New(fault.Conflict, "the state directory already holds a log")
	}
	e := Enrolment{
		File:         vault.SignerFile{Entity: g.Entity, EntityName: g.EntityName, StatementKey: g.Signer.Statement, ChannelKeys: g.Signer.Channel},
		Certificates: map[string]string{},
	}
	for _, m := range g.Members {
		e.Certificates[m.Member], err = sign(ctx, key, statement.TypMember, statement.Member{
			V: 1, Type: "member", Entity: g.Entity, Member: m.Member, Name: m.Name, Role: m.Role, Approval: m.Approval,
			Channel: m.Channel, ChannelIn: m.ChannelIn, IssuedAt: now.Unix(), Expires: now.Add(certificateLife).Unix(),
		})
		if err != nil {
			return Enrolment{}, fmt.Errorf("certify %s: %w", m.Member, err)
		}
	}
	if err := publish(e); err != nil {
		return Enrolment{}, fmt.Errorf("write the certificates: %w", err)
	}
	if _, _, err = log.Append(ctx, signedlog.Genesis, g); err != nil {
		return Enrolment{}, err
	}
	return e, log.Commit(ctx, 1)
}

func makeAccount(ctx context.Context, v Vault, a DraftAccount) (statement.GenesisAccount, jwk.Key, error) {
	t, err := addressKey(a.Chain, labelAccount+a.Account)
	if err != nil {
		return statement.GenesisAccount{}, jwk.Key{}, err
	}
	k, err := keyOrNew(ctx, v, t)
	if err != nil {
		return statement.GenesisAccount{}, jwk.Key{}, fmt.Errorf("make the key of account %s: %w", a.Account, err)
	}
	address, err := vault.AddressOn(a.Chain, k.PublicKey())
	return statement.GenesisAccount{Account: a.Account, Name: a.Name, Chain: a.Chain, Address: address, Rules: a.Rules}, k.PublicKey().JWK(), err
}

// checkGenesis finds in the draft what the log would refuse, and members who have
// the key of an account.
func checkGenesis(g statement.Genesis, accounts []jwk.Key) error {
	if _, err := statement.Encode(g); err != nil {
		return err
	}
	for _, m := range g.Members {
		for _, k := range []jwk.Key{m.Approval, m.Channel} {
			if _, err := jws.FromJWK(k); err != nil {
				return fmt.Errorf("a key of %s: %w", m.Member, err)
			}
			if slices.ContainsFunc(accounts, func(a jwk.Key) bool { return a.Holder() == k.Holder() }) {
				return fault.New(fault.Invalid, "a key of "+m.Member+" is the key of an account of the vault").With("field", "members."+m.Member)
			}
		}
	}
	return nil
}

// warn names, before anything is made, the rules of a draft that hold but cannot
// be met. A genesis is for good.
func warn(to io.Writer, d Draft) error {
	for _, a := range d.Accounts {
		for _, r := range a.Rules.Rules {
			if r.Creation != nil || !slices.ContainsFunc(r.Steps, func(s governance.Step) bool { return s.ExcludeInitiator }) {
				continue
			}
			if _, err := fmt.Fprintf(to, "warning: %s, rule %q: exclude_initiator excludes whoever asked, and nothing proves who asked. "+
				"Every request under this rule will be denied: name in creation who may ask, or leave exclude_initiator out.\n", a.Account, r.Name); err != nil {
				return err
			}
		}
	}
	return nil
}

// readDraft reads DRAFT.
func readDraft(path string) (Draft, error) {
	var d Draft
	data, err := readSmall(path, statement.MaxSize)
	if err != nil {
		return d, fmt.Errorf("read the genesis draft: %w", err)
	}
	if err := strictjson.UnmarshalFile(data, &d, statement.MaxSize); err != nil {
		return d, fmt.Errorf("read the genesis draft %s: %w", path, err)
	}
	return d, nil
}

// saveCertificates writes DIR/mem_….jws. Nothing in them is secret.
func (e Enrolment) saveCertificates(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for id, token := range e.Certificates {
		if err := os.WriteFile(filepath.Join(dir, id+".jws"), []byte(token+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// fileName is what an approver pins; it is written last, so that its presence
// says that the vault is ready.
const fileName = "signer.json"

func saveSigner(f vault.SignerFile, dir string) error {
	data, err := strictjson.Canonical(f)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, fileName), append(data, '\n'), 0o644)
}

// resume finds what signer.json must say when an init broke off after its
// genesis was final and before the file was written.
func resume(ctx context.Context, deps Deps, draft Draft, dir string, conflict error) (vault.SignerFile, error) {
	if _, err := os.Stat(filepath.Join(dir, fileName)); !os.IsNotExist(err) {
		return vault.SignerFile{}, conflict
	}
	s, err := Open(ctx, deps)
	if err != nil {
		return vault.SignerFile{}, err
	}
	g := s.state.Genesis
	if g.Entity != draft.Entity {
		return vault.SignerFile{}, conflict
	}
	return vault.SignerFile{Entity: g.Entity, EntityName: g.EntityName, StatementKey: g.Signer.Statement, ChannelKeys: g.Signer.Channel}, nil
}
