package signer

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// Enrolment is what the vault hands to the approvers once it has begun.
type Enrolment struct {
	File         vault.SignerFile
	Certificates map[string]string // by member id: the JWS of the certificate
}

// Prepare makes the vault's keys where they do not exist yet, and returns the canonical
// bytes of the genesis that its administrators are to read and sign. It counts for nothing
// before [Begin]; the token remembers its digest. before is what an earlier attempt
// returned; nil: there was none. It fails with CONFLICT when the token or the state
// directory already holds a log, or before is of another draft, and with
// INVALID_REQUEST or STATEMENT_INVALID when the draft is not valid.
func Prepare(ctx context.Context, deps Deps, draft Draft, before []byte) ([]byte, error) {
	if err := draft.checkUnits(); err != nil {
		return nil, err
	}
	if err := unmarked(ctx, deps); err != nil {
		return nil, err
	}
	now := deps.Now()
	if err := checkApprovable(draft, now); err != nil { // before keys are made for nothing
		return nil, err
	}
	if before != nil {
		g, err := statement.Decode[statement.Genesis](before)
		if err != nil {
			return nil, errOtherDraft(err)
		}
		now = time.Unix(g.IssuedAt, 0)
	}
	key, err := keyOrNew(ctx, deps.Vault, statementKey())
	if err != nil {
		return nil, fmt.Errorf("make the statement key: %w", err)
	}
	if _, err := emptyLog(ctx, deps, key); err != nil {
		return nil, err
	}
	g := statement.Genesis{
		V: 3, Type: "genesis", Entity: draft.Entity, EntityName: draft.EntityName, Sandbox: draft.Sandbox,
		Signer: statement.SignerKeys{Statement: key.PublicKey().JWK()}, AdminRule: draft.AdminRule, Members: draft.Members,
		Groups: draft.Groups, Whitelists: draft.Whitelists, IssuedAt: now.Unix(),
	}
	for _, t := range channelKeys() {
		k, err := keyOrNew(ctx, deps.Vault, t)
		if err != nil {
			return nil, fmt.Errorf("make the channel key on %s: %w", t.Curve, err)
		}
		g.Signer.Channel = append(g.Signer.Channel, k.PublicKey().JWK())
	}
	var accounts []jwk.Key
	for _, a := range draft.Accounts {
		account, key, err := makeAccount(ctx, deps.Vault, a)
		if err != nil {
			return nil, err
		}
		g.Accounts = append(g.Accounts, account)
		accounts = append(accounts, key)
	}
	genesis, err := checkGenesis(g, accounts)
	if err != nil {
		return nil, err
	}
	if before != nil && !bytes.Equal(before, genesis) {
		return nil, errOtherDraft(nil)
	}
	return genesis, deps.Vault.PutData(ctx, draftLabel, []byte(ceremony.Digest(genesis)))
}

// Begin makes a genesis that [Prepare] returned and all its administrators signed the first
// entry of the log, and certifies the members; publish gets the certificates before the genesis is
// final, so that no crash loses them. It fails with CONFLICT when the log already has
// entries, or the genesis is not the one that the token remembers, and as
// [ceremony.Approvals] does.
func Begin(ctx context.Context, deps Deps, genesis []byte, signed []string, publish func(Enrolment) error) (Enrolment, error) {
	if err := unmarked(ctx, deps); err != nil {
		return Enrolment{}, err
	}
	approvals, err := ceremony.Approvals(genesis, signed)
	if err != nil {
		return Enrolment{}, err
	}
	if digest, err := deps.Vault.GetData(ctx, draftLabel); err != nil {
		return Enrolment{}, err
	} else if string(digest) != ceremony.Digest(genesis) {
		return Enrolment{}, fault.New(fault.Conflict, "the draft of the genesis is not the one that `signer init` wrote last: it was changed, or is of another vault")
	}
	g, err := statement.Decode[statement.Genesis](genesis)
	if err != nil {
		return Enrolment{}, err
	}
	key, err := knownKey(ctx, deps.Vault, statementKey())
	if err != nil {
		return Enrolment{}, fmt.Errorf("find the statement key: %w", err)
	}
	log, err := emptyLog(ctx, deps, key)
	if err != nil {
		return Enrolment{}, err
	}
	e := Enrolment{File: signerFile(g), Certificates: map[string]string{}}
	now := deps.Now().UTC().Truncate(time.Second)
	for _, m := range g.Members {
		if e.Certificates[m.Member], err = sign(ctx, key, statement.TypMember, certificate(g.Entity, m, now)); err != nil {
			return Enrolment{}, fmt.Errorf("certify %s: %w", m.Member, err)
		}
	}
	if err := publish(e); err != nil {
		return Enrolment{}, fmt.Errorf("write the certificates: %w", err)
	}
	if _, _, err = log.Append(ctx, signedlog.Genesis, signedlog.GenesisBody{Genesis: genesis, Approvals: approvals}); err != nil {
		return Enrolment{}, err
	}
	return e, log.Commit(ctx, 1)
}

// unmarked makes sure that the vault token belongs to no log.
func unmarked(ctx context.Context, deps Deps) error {
	mark, err := (watermark{deps.Vault}).Get(ctx)
	if err == nil && mark.Size > 0 {
		err = fault.New(fault.Conflict, "the vault token already belongs to a log")
	}
	return err
}

// emptyLog opens the log, which must be empty.
func emptyLog(ctx context.Context, deps Deps, key keys.Key) (*signedlog.Log, error) {
	log, err := signedlog.Open(ctx, signedlog.Config{Storage: deps.Storage, Watermark: watermark{deps.Vault}, Signer: key, Now: deps.Now}, nil)
	if err == nil && log.Mark().Size > 0 {
		err = fault.New(fault.Conflict, "the state directory already holds a log")
	}
	return log, err
}

func errOtherDraft(cause error) error {
	return fault.Wrap(cause, fault.Conflict, "an earlier attempt wrote another "+draftName+" than this draft gives: it was changed, or the draft was. Remove it to begin again")
}

func signerFile(g statement.Genesis) vault.SignerFile {
	return vault.SignerFile{Entity: g.Entity, EntityName: g.EntityName, StatementKey: g.Signer.Statement, ChannelKeys: g.Signer.Channel}
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
	return statement.GenesisAccount{Account: a.Account, Name: a.Name, Chain: a.Chain, Address: address, Tier: a.Tier, Parent: a.Parent, Sweep: a.Sweep, Rules: a.Rules}, k.PublicKey().JWK(), err
}

// checkGenesis finds in the draft what the log would refuse, and members who have
// the key of an account. It returns the bytes of the genesis.
func checkGenesis(g statement.Genesis, accounts []jwk.Key) ([]byte, error) {
	genesis, err := statement.Encode(g)
	if err != nil {
		return nil, err
	}
	if len(genesis)+len(ceremony.Administrators(g))*ceremony.MaxApproval > statement.MaxSize {
		return nil, fault.New(fault.StatementInvalid, "the genesis is too long for an entry of the log with the signatures of its administrators")
	}
	for _, m := range g.Members {
		for _, k := range []jwk.Key{m.Approval, m.Channel} {
			if _, err := jws.FromJWK(k); err != nil {
				return nil, fmt.Errorf("a key of %s: %w", m.Member, err)
			}
			if slices.ContainsFunc(accounts, func(a jwk.Key) bool { return a.Holder() == k.Holder() }) {
				return nil, fault.New(fault.Invalid, "a key of "+m.Member+" is the key of an account of the vault").With("field", "members."+m.Member)
			}
		}
	}
	return genesis, nil
}

// resume finds what signer.json must say when a completion broke off after its
// genesis was final and before the file was written.
func resume(ctx context.Context, deps Deps, genesis []byte, dir string, conflict error) (vault.SignerFile, error) {
	if _, err := os.Stat(filepath.Join(dir, fileName)); !os.IsNotExist(err) {
		return vault.SignerFile{}, conflict
	}
	s, err := Open(ctx, deps)
	if fault.CodeOf(err) == fault.EntityUnknown { // nothing has begun
		return vault.SignerFile{}, conflict
	}
	if err != nil {
		return vault.SignerFile{}, err
	}
	if now, err := statement.Encode(s.state.Genesis); err != nil || !bytes.Equal(now, genesis) {
		return vault.SignerFile{}, conflict
	}
	return s.state.FileOf(), nil
}
