package signer

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/rehearsal"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
)

// ReadVault reads what is to be rehearsed: a vault (shared/spec/rehearsal.md), the draft
// of a genesis, or one rule set. Of a rule set, everybody whom it names by id is taken to
// be a member. It fails with INVALID_REQUEST, naming the line or the field.
func ReadVault(path string) (v rehearsal.Vault, err error) {
	data, err := readSmall(path, rehearsal.MaxSize)
	if err != nil {
		return v, fmt.Errorf("read the rules: %w", err)
	}
	var has map[string]any
	switch err = strictjson.UnmarshalFile(data, &has, rehearsal.MaxSize); {
	case err != nil:
	case has["entity"] != nil:
		var d Draft
		if err = strictjson.UnmarshalFile(data, &d, rehearsal.MaxSize); err == nil {
			err = d.enrol(io.Discard)
		}
		v = d.vault()
	case has["rules"] != nil:
		var s governance.Set
		err = strictjson.UnmarshalFile(data, &s, governance.MaxSize)
		v = alone(s)
	default:
		err = strictjson.UnmarshalFile(data, &v, rehearsal.MaxSize)
	}
	if err == nil {
		err = v.Check()
	}
	if err != nil {
		return v, fmt.Errorf("read %s as rules: %w", path, err)
	}
	return v, nil
}

// vault is what a draft lets be approved.
func (d Draft) vault() (v rehearsal.Vault) {
	v.Admin = &rehearsal.Admin{Quorum: d.AdminRule.Quorum}
	for _, m := range d.Members {
		v.Members = append(v.Members, rehearsal.Member{Member: m.Member, Name: m.Name, Role: m.Role})
	}
	v.Groups, v.Whitelists = d.Groups, d.Whitelists
	for _, a := range d.Accounts {
		v.Accounts = append(v.Accounts, rehearsal.Account{Account: a.Account, Name: a.Name, Chain: a.Chain, Parent: a.Parent, Rules: a.Rules})
	}
	return v
}

// alone is a vault of one account with a rule set and the members whom it names.
func alone(s governance.Set) rehearsal.Vault {
	v := rehearsal.Vault{Accounts: []rehearsal.Account{{Account: "acc_one", Name: "Main", Rules: s}}}
	add := func(ids []string) {
		for _, id := range ids {
			if !slices.ContainsFunc(v.Members, func(m rehearsal.Member) bool { return m.Member == id }) {
				v.Members = append(v.Members, rehearsal.Member{Member: id, Name: strings.TrimPrefix(id, "mem_"), Role: statement.Operator})
			}
		}
	}
	if s.RateSource != "" {
		add([]string{s.RateSource})
	}
	for _, r := range s.Rules {
		if r.Creation != nil {
			add(r.Creation.Members)
		}
		for _, step := range r.Steps {
			add(step.Members)
		}
	}
	return v
}

// Now is what governs a vault at the end of its log, which is verified as [History] does.
func Now(ctx context.Context, dir, signerFile string, stdio Stdio) (v rehearsal.Vault, err error) {
	key, err := statementKeyOf(ctx, dir, signerFile)
	if err != nil {
		return v, err
	}
	state, _, err := walk(ctx, dir, key, "verified", stdio, func(_ *vault.State, _ signedlog.Entry, apply func() error) error { return apply() })
	if err != nil {
		return v, err
	}
	return rehearsed(state.Governance), nil
}

// rehearsed is what governs a vault, as it is rehearsed.
func rehearsed(g *vault.Governance) rehearsal.Vault {
	now := g.Current()
	v := Draft{AdminRule: now.AdminRule, Groups: now.Groups, Whitelists: now.Whitelists}.vault()
	for _, m := range now.Members {
		one := rehearsal.Member{Member: m.Member, Name: m.Name, Role: m.Role}
		if p, _ := g.Person(m.Member); p.State != intent.Active {
			one.State = p.State
		}
		v.Members = append(v.Members, one)
	}
	for _, a := range now.Accounts {
		v.Accounts = append(v.Accounts, rehearsal.Account{Account: a.Account, Name: a.Name, Chain: a.Chain, Address: a.Address, Parent: a.Parent, Rules: a.Rules})
	}
	return v
}

// statementKeyOf is the key that a log must be signed with.
func statementKeyOf(ctx context.Context, dir, signerFile string) (key jws.PublicKey, err error) {
	if signerFile != "" {
		pinned, err := readSigner(signerFile)
		return pinned.Root, err
	}
	line, err := genesisLine(ctx, dir)
	if err != nil {
		return key, err
	}
	payload, err := jws.Payload(line)
	if err != nil {
		return key, fault.Wrap(err, fault.LogCorrupt, "the log is corrupt: entry 0 is not signed").With("entry", "0")
	}
	e, err := signedlog.Decode(payload)
	if err != nil {
		return key, fault.Wrap(err, fault.LogCorrupt, "the log is corrupt: entry 0 has another form than an entry").With("entry", "0")
	}
	b, err := e.Genesis()
	if err != nil {
		return key, fmt.Errorf("read the genesis of the log: %w", err)
	}
	g, err := statement.Decode[statement.Genesis](b.Genesis)
	if err != nil {
		return key, fmt.Errorf("read the genesis of the log: %w", err)
	}
	return jws.FromJWK(g.Signer.Statement)
}
