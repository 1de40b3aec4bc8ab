package projection

import (
	"context"
	"errors"
	"fmt"

	"countersign/shared/fault"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
	"countersign/web/internal/store"
)

// past finds what the state does not keep in the store: which lines are about a request
// or an address.
type past struct {
	entity string
	noted  map[string][]int64               // what the store does not have
	all    bool                             // noted has everything: the log was read from its genesis
	before int64                            // the entry that is applied: the store may know later ones
	read   func(func(store.Tx) error) error // of the store
}

// Note remembers that an entry is about name.
func (p *past) Note(name string, seq int64) { p.noted[name] = append(p.noted[name], seq) }

// Find returns the entries about name.
func (p *past) Find(name string) (all []int64, err error) {
	if p.all {
		return p.noted[name], nil
	}
	err = p.read(func(tx store.Tx) (err error) {
		all, err = tx.Noted(p.entity, name, p.before)
		return err
	})
	if err != nil { // which says nothing about the log
		err = fault.Wrap(err, fault.Unavailable, "what was read of the log cannot be looked up")
	}
	return all, err
}

// store keeps what was noted.
func (p *past) store(tx store.Tx) error {
	for name, lines := range p.noted {
		for _, seq := range lines {
			if err := tx.NoteLine(p.entity, name, seq); err != nil {
				return err
			}
		}
	}
	clear(p.noted)
	return nil
}

// checkpoint is the state before the line of a checkpoint.
type checkpoint struct {
	seq   int64
	state []byte
}

// begin goes on from the newest checkpoint, whose line the signer signed and says what
// the state was. One that does not fit counts for nothing: the log is verified from its
// genesis then.
func (p *Projection) begin(ctx context.Context, db store.Store) error {
	var c checkpoint
	var lines []store.Line
	err := db.Read(ctx, func(tx store.Tx) (err error) {
		if c.seq, c.state, err = tx.Snapshot(p.entity); err == nil {
			lines, err = tx.Lines(p.entity, c.seq, 1)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		p.begun = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("read what was verified of the log of %s: %w", p.entity, err)
	}
	if err := p.resume(c, lines); err != nil {
		p.forget()
		p.log.Warn("the log is verified from its genesis, which takes longer: what was kept of it cannot be used", "entity", p.entity, "error", err.Error())
	}
	p.begun = true
	return nil
}

// resume goes on from a checkpoint. It fails with LOG_CORRUPT when its parts do not fit.
func (p *Projection) resume(c checkpoint, lines []store.Line) error {
	bad := func(err error, why string) error {
		return fault.Wrap(err, fault.LogCorrupt, "the checkpoint does not fit: "+why).With("part", "checkpoint")
	}
	if len(lines) == 0 || lines[0].Seq != c.seq {
		return bad(nil, "its line is missing")
	}
	chain := signedlog.Chain{Key: p.key}
	e, err := chain.Begin(lines[0].Text)
	if err != nil {
		return bad(err, "its line is another one")
	}
	body, err := e.Checkpoint()
	if err != nil {
		return bad(err, "its line is another one")
	}
	if vault.Digest(c.state) != body.State {
		return bad(nil, "its state is not the one that its line says")
	}
	notes := &past{entity: p.entity, noted: map[string][]int64{}}
	state, err := vault.Restore(c.state, p.key, notes)
	if err != nil {
		return bad(err, "its state cannot be read")
	}
	_, err = state.Checkpoint(e, chain.Mark.Head)
	if err == nil && state.Genesis.Entity != p.entity {
		err = errors.New("it is of another entity")
	}
	if root, rerr := state.RootKey(); err == nil && (rerr != nil || !root.Equal(p.root)) {
		err = errors.New("it is of another vault")
	}
	if err != nil {
		return bad(err, "its state was not restored")
	}
	p.past = notes
	p.follow(state, chain)
	return nil
}

// keep stores what a reading of stored lines found out, so that the next start begins at
// the newest checkpoint.
func (p *Projection) keep(ctx context.Context, db store.Store) error {
	if !p.past.all { // whoever stored the lines did
		clear(p.past.noted)
		p.passed = nil
		return nil
	}
	if len(p.past.noted) > 0 || p.passed != nil {
		err := db.Write(ctx, func(tx store.Tx) error {
			if p.passed != nil {
				if err := tx.PutSnapshot(p.entity, p.passed.seq, p.passed.state); err != nil {
					return err
				}
			}
			return p.past.store(tx)
		})
		if err != nil {
			return fmt.Errorf("keep what was verified of the log of %s: %w", p.entity, err)
		}
	}
	p.past.all, p.passed = false, nil
	return nil
}
