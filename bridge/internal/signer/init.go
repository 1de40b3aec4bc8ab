package signer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"countersign/bridge/internal/fold"
	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
)

// The names of the files that administrators get of the operator: what they are to
// sign, and what an approver pins. The second is written last, so that its presence says
// that the vault is ready.
const (
	draftName = "genesis-draft.json"
	fileName  = "signer.json"
)

// Init makes the vault's keys and writes dir/genesis-draft.json, which the vault's
// administrators read and sign before [Complete]. It refuses with CONFLICT when the
// token or the state directory already holds a vault; an attempt that broke off is taken
// up again.
func Init(ctx context.Context, cfg Config, draft, dir string, stdio Stdio) error {
	return InitWith(ctx, cfg, draft, dir, stdio, openHSM)
}

// InitWith is [Init] with a vault of the caller's.
func InitWith(ctx context.Context, cfg Config, draft, dir string, stdio Stdio, open OpenVault) (err error) {
	d, err := readDraft(draft)
	if err != nil {
		return err
	}
	if err := d.enrol(stdio.Out); err != nil {
		return err
	}
	if err := warn(stdio.Err, d); err != nil {
		return err
	}
	path := filepath.Join(dir, draftName)
	before, err := readGenesis(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	deps, done, err := prepare(ctx, cfg, stdio, open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	genesis, err := Prepare(ctx, deps, d, before)
	if err != nil {
		return err
	}
	if before == nil {
		if err := writeGenesis(path, genesis); err != nil {
			return err
		}
	}
	g, err := statement.Decode[statement.Genesis](genesis)
	if err != nil {
		return err
	}
	var names []string
	for _, m := range ceremony.Administrators(g) {
		names = append(names, name.WithID(m.Name, m.Member))
	}
	_, err = fmt.Fprintf(stdio.Out, "%s is the draft of %s: %s, %s. It is not a vault yet.\n%s\n%s"+
		"To sign, at the bridge of each of them: %s\n  countersign-bridge vault sign-genesis %s --key URI\n"+
		"Then, with what they signed:\n  countersign-bridge signer complete --config FILE --out %s mem_….genesis.jws …\n",
		path, g.Entity, fold.Count(len(g.Members), "member", "members"), fold.Count(len(g.Accounts), "account", "accounts"),
		rootKey(g), sandbox(g), strings.Join(names, ", "), draftName, dir)
	return err
}

// Complete begins the vault whose draft [Init] wrote into dir, with the files of what its
// administrators signed, and writes the members' certificates dir/mem_….jws and, last,
// dir/signer.json. Nothing is written unless each of them signed, and nobody else: it fails as
// [Begin] does. One that broke off is completed when it is run again.
func Complete(ctx context.Context, cfg Config, dir string, signed []string, stdio Stdio) error {
	return CompleteWith(ctx, cfg, dir, signed, stdio, openHSM)
}

// CompleteWith is [Complete] with a vault of the caller's.
func CompleteWith(ctx context.Context, cfg Config, dir string, signed []string, stdio Stdio, open OpenVault) (err error) {
	genesis, err := readGenesis(filepath.Join(dir, draftName))
	if err != nil {
		return fmt.Errorf("read the draft of the genesis, which `signer init` writes: %w", err)
	}
	var tokens []string
	for _, path := range signed {
		data, err := readSmall(path, ceremony.MaxApproval)
		if err != nil {
			return fmt.Errorf("read what an administrator signed: %w", err)
		}
		tokens = append(tokens, strings.TrimSpace(string(data)))
	}
	deps, done, err := prepare(ctx, cfg, stdio, open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	e, err := Begin(ctx, deps, genesis, tokens, func(e Enrolment) error { return e.saveCertificates(dir) })
	if fault.CodeOf(err) == fault.Conflict {
		e.File, err = resume(ctx, deps, genesis, dir, err)
	}
	if err != nil {
		return err
	}
	if err := saveSigner(e.File, dir); err != nil {
		return fmt.Errorf("write %s: %w", fileName, err)
	}
	g, err := statement.Decode[statement.Genesis](genesis)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdio.Out, "%s has begun: %s, %s, signed by %s; pin %s\n%s\n%s", g.Entity, fold.Count(len(g.Members), "member", "members"),
		fold.Count(len(g.Accounts), "account", "accounts"), fold.Count(len(tokens), "administrator", "administrators"), filepath.Join(dir, fileName), rootKey(g), sandbox(g))
	return err
}

// rootKey says the root key of a vault as people read it to each other.
func rootKey(g statement.Genesis) string { return statement.Align(ceremony.RootKey(g)) }

// sandbox says that a vault is a sandbox's; nothing of another.
func sandbox(g statement.Genesis) string {
	if !g.Sandbox {
		return ""
	}
	return "SANDBOX: " + ceremony.SandboxNote + "\n"
}

// readGenesis reads the bytes that are signed; a line feed at the end is none of them.
func readGenesis(path string) ([]byte, error) {
	data, err := readSmall(path, statement.MaxSize+1)
	return bytes.TrimSuffix(data, []byte("\n")), err
}

// writeGenesis writes them whole or not at all.
func writeGenesis(path string, genesis []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	err := os.WriteFile(path+".new", genesis, 0o644)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("write the draft of the genesis: %w", err)
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

// enrol makes those members who registered themselves, and says to what is to be compared
// with what they read.
func (d *Draft) enrol(to io.Writer) error {
	for i, one := range d.Registered {
		r, _, err := ceremony.Registered(one.Registration)
		if err != nil {
			return fmt.Errorf("registration %d of the draft: %w", i+1, err)
		}
		if r.Entity != d.Entity {
			return fault.New(fault.Invalid, fmt.Sprintf("%s registered for %s, and the draft is of %s", name.WithID(r.Name, r.Member), r.Entity, d.Entity)).With("field", "registered")
		}
		said, err := ceremony.Registrant(one.Registration)
		if err == nil {
			_, err = fmt.Fprintf(to, "%s\n\n", said)
		}
		if err != nil {
			return err
		}
		d.Members = append(d.Members, statement.GenesisMember{Member: r.Member, Name: r.Name, Role: one.Role, Approval: r.Approval, Channel: r.Channel, ChannelIn: r.ChannelIn})
	}
	d.Registered = nil
	return nil
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

func saveSigner(f vault.SignerFile, dir string) error {
	data, err := strictjson.Canonical(f)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, fileName), append(data, '\n'), 0o644)
}
