package signer

import (
	"context"
	"errors"
	"fmt"

	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/logfile"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
)

// Backup brings the copy of the log of a configuration in the folder to up to date, and
// verifies the copy from its genesis as [VerifyLog] does. A signer may run meanwhile. It
// fails with CONFLICT, and replaces nothing, when the copy has entries that the log has not.
func Backup(ctx context.Context, cfg Config, to, signerFile string, stdio Stdio) error {
	files, err := readOnce(ctx, cfg.StateDir)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	if err := logfile.Copy(files.segments, to); err != nil {
		return err
	}
	return VerifyLog(ctx, Config{StateDir: to}, signerFile, stdio)
}

// Restore makes the log in the folder from that of a configuration, whose own may be lost or
// end earlier, and holds it against the vault's token, which remembers how far the log was;
// from may be empty: then it is the log that is there. A token that is an older copy
// remembers less than the log has; it takes the log's end only with head, the hash of the
// last entry, which the operator knows from elsewhere. A head that is given must be that of the log, also
// when the token is new and remembers nothing. Addresses whose keys such a token
// does not have are written to out.
//
// It fails with LOG_CORRUPT when the log does not hold, ends before what the token
// remembers or is another one, and with CONFLICT while a signer runs, when the configuration's log has
// other entries, and without the head that it needs. Then nothing has changed.
func Restore(ctx context.Context, cfg Config, from, signerFile, head string, stdio Stdio) error {
	return RestoreWith(ctx, cfg, from, signerFile, head, stdio, openHSM)
}

// RestoreWith is [Restore] with a vault of the caller's.
func RestoreWith(ctx context.Context, cfg Config, from, signerFile, head string, stdio Stdio, open OpenVault) (err error) {
	if from == "" {
		from = cfg.StateDir
	}
	pinned, err := readSigner(signerFile)
	if err != nil {
		return err
	}
	deps, done, err := prepare(ctx, cfg, stdio, open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	key, err := knownKey(ctx, deps.Vault, statementKey())
	if err != nil {
		return fmt.Errorf("find the statement key: %w", err)
	}
	mark := watermark{deps.Vault}
	seen, err := mark.Get(ctx)
	if err != nil {
		return err
	}
	r := restoring{seen: seen, next: map[string]int{}}
	state, end, err := walk(ctx, from, pinned.Root, "verified", stdio, r.visit)
	if err == nil && !state.Key().Equal(key.PublicKey()) {
		err = fault.New(fault.KeyUnsuited, "the vault token has the keys of another vault than "+signerFile+", or those that the vault had before they were rotated")
	}
	first := err == nil && r.seen.Size == 0 && adopts(state, key.PublicKey(), end)
	if err == nil && head != "" && head != end.Head { // also when the token is new, and remembers nothing
		err = fault.New(fault.Conflict, fmt.Sprintf("the log has %d entries and another head than --head says: it is not the newest, or not the one that was meant", end.Size)).With("field", "head")
	}
	if err == nil && !first {
		err = r.check(end, head)
	}
	if err != nil {
		return err
	}
	files, err := readOnce(ctx, from)
	if err == nil && from != cfg.StateDir {
		err = logfile.Copy(files.segments, cfg.StateDir)
	}
	if err != nil {
		return err
	}
	if first || end.Size > seen.Size+signedlog.MaxBatch {
		if err := mark.Set(ctx, end); err != nil {
			return fmt.Errorf("have the token remember the log: %w", err)
		}
	}
	if !first { // else they are all in the old token
		if err := r.tellLost(ctx, deps.Vault, stdio); err != nil {
			return err
		}
	}
	agrees := "the vault's token agrees"
	if !first && head == "" && end.Size > seen.Size {
		agrees += fmt.Sprintf(": it remembers %d of them, and a write that broke off leaves up to %d more.\n"+
			"If the token is an older copy, it cannot tell whether the log ends there: confirm the head, from an auditor, a witness or the gateway, with --head", seen.Size, signedlog.MaxBatch)
	}
	_, err = fmt.Fprintf(stdio.Out, "%s: the log in %s has %s, and %s\nhead %s\n", state.Genesis.Entity, cfg.StateDir, fold.Count(int(end.Size), "entry", "entries"), agrees, end.Head)
	return err
}

// restoring compares a log with what the vault's token remembers of it.
type restoring struct {
	seen  signedlog.Mark // what the token remembers
	head  string         // of the log where that ends
	next  map[string]int // by the label of the first: the number of the next key
	later []laterKey     // made after it
}

// laterKey is the key of an address that was made after what the token remembers.
type laterKey struct {
	request, label string
	intent.Deposit
}

func (r *restoring) visit(s *vault.State, e signedlog.Entry, apply func() error) error {
	if err := apply(); err != nil {
		return err
	}
	if s.Mark().Size == r.seen.Size {
		r.head = s.Mark().Head
	}
	if e.Type != signedlog.Request {
		return nil
	}
	id, err := e.Concerns()
	if err != nil {
		return err
	}
	wants, ok := s.Request(id).Wants.(intent.Receiver)
	if !ok {
		return nil
	}
	label := labels(wants)
	if n := s.Pool(wants).Next(); n > r.next[label(0)] {
		if r.next[label(0)] = n; e.Seq >= r.seen.Size {
			r.later = append(r.later, laterKey{id, label(n - 1), wants.Receives()})
		}
	}
	return nil
}

// check says whether the token and a log that ends at end belong together.
func (r *restoring) check(end signedlog.Mark, head string) error {
	switch {
	case r.seen.Size == 0:
		return fault.New(fault.Conflict, "the vault token belongs to no log: it is another token, or `signer complete` was never run")
	case end.Size < r.seen.Size:
		return fault.New(fault.LogCorrupt, fmt.Sprintf("the log has %d entries, and the vault's token remembers %d: restore a newer copy. "+
			"The gateway has one too: `countersign-bridge audit --keep DIR` writes it", end.Size, r.seen.Size)).With("entry", fmt.Sprint(end.Size))
	case r.head != r.seen.Head:
		return fault.New(fault.LogCorrupt, fmt.Sprintf("entry %d is not the one that the vault's token remembers: it is a copy of another log", r.seen.Size-1)).With("entry", fmt.Sprint(r.seen.Size-1))
	case head == "" && end.Size > r.seen.Size+signedlog.MaxBatch:
		return fault.New(fault.Conflict, fmt.Sprintf("the log has %d entries, and the vault's token remembers %d of them: the token is an older copy, and cannot tell whether the log ends there. "+
			"Ask an auditor, a witness or the gateway for the head of the log, and confirm it with --head", end.Size, r.seen.Size))
	}
	return nil
}

// tellLost names the addresses whose keys the token does not have.
func (r *restoring) tellLost(ctx context.Context, v Vault, stdio Stdio) error {
	for _, k := range r.later {
		t, err := addressKey(k.Chain, k.label)
		if err != nil {
			return err
		}
		if _, err = v.Key(ctx, t); err == nil {
			continue
		}
		if fault.CodeOf(err) != fault.KeyMissing {
			return err
		}
		_, err = fmt.Fprintf(stdio.Out, "LOST: the vault's token has no key of %s on %s (%s): what arrives there cannot be moved any more. Stop its order\n", k.Address, k.Chain, k.request)
		if err != nil {
			return err
		}
	}
	return nil
}
