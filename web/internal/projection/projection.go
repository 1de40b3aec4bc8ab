// Package projection brings what the signers' logs say into the store: it verifies
// each line, applies its entry to the one state that a log has (shared/vault), and
// writes the rows that the use cases read. It decides nothing and knows no use case.
// Spec: shared/spec/signedlog.md. web/internal/gateway is its user.
package projection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
	"countersign/web/internal/store"
)

// Projection follows the log of the signer of one entity. Several may follow the same
// log into one store, also in several processes: which line is next is asked within the
// transaction that keeps it. It is not safe for concurrent use.
type Projection struct {
	entity string
	root   jws.PublicKey // with which the log begins
	key    jws.PublicKey // the newest that is known to sign it
	log    *slog.Logger
	chain  signedlog.Chain
	state  *vault.State
	past   *past
	passed *checkpoint // the newest that Replay met
	begun  bool        // from what the store keeps
}

// New follows nothing yet. The log begins with the root key; key is the newest statement key
// that is known to sign it, without which a log whose keys were rotated is verified from its
// genesis at each start.
func New(entity string, root, key jws.PublicKey, log *slog.Logger) *Projection {
	p := &Projection{entity: entity, root: root, key: key, log: log}
	p.forget()
	return p
}

// forget goes back to before the genesis, until the next Replay.
func (p *Projection) forget() {
	p.past = &past{entity: p.entity, noted: map[string][]int64{}, all: true}
	p.follow(vault.New(p.root, p.past), signedlog.Chain{Key: p.root})
	p.passed, p.begun = nil, false
}

// follow goes on from a state, and where the log is there.
func (p *Projection) follow(state *vault.State, chain signedlog.Chain) {
	state.Ahead = &jws.Ahead{}
	chain.Inner = state.Look
	p.state, p.chain = state, chain
}

// Mark is how far it is.
func (p *Projection) Mark() store.Mark { return store.Mark(p.chain.Mark) }

// Keys are the statement keys that the vault had so far, the root key first.
func (p *Projection) Keys() (all []jws.PublicKey, err error) {
	for _, k := range p.state.StatementKeys() {
		key, err := jws.FromJWK(k)
		if err != nil {
			return nil, err
		}
		all = append(all, key)
	}
	return all, nil
}

// replayed is how many stored lines are read at once.
const replayed = 500

// Replay applies the lines that are stored and were not applied here: at a start those
// from the newest checkpoint on, or all, and what another process stored since.
// Signatures are verified on all cores. It begins again when fewer are stored than were
// applied: the database is an older copy. It fails with LOG_CORRUPT when the lines do
// not hold.
func (p *Projection) Replay(ctx context.Context, db store.Store) error {
	var kept store.Mark
	err := db.Read(ctx, func(tx store.Tx) (err error) { kept, err = tx.Mark(p.entity); return err })
	if err != nil {
		return fmt.Errorf("read how far the log of %s is: %w", p.entity, err)
	}
	if at := p.Mark(); kept.Size < at.Size || kept.Size == at.Size && kept.Head != at.Head {
		p.forget()
	}
	if !p.begun {
		if err := p.begin(ctx, db); err != nil {
			return err
		}
	}
	p.past.read = func(f func(store.Tx) error) error { return db.Read(ctx, f) }
	r, w := io.Pipe()
	go func() {
		w.CloseWithError(p.stored(ctx, db, p.chain.Mark.Size, w))
	}()
	_, err = p.chain.Verify(r, func(e signedlog.Entry, _, hash string) error {
		snapshot, err := p.apply(e, hash)
		if snapshot != nil {
			p.passed = &checkpoint{e.Seq, snapshot}
		}
		return err
	})
	_ = r.CloseWithError(err) // ends the writer
	if err != nil {
		if corrupt(err) { // the entry was refused, and counted
			p.forget()
		}
		return fmt.Errorf("verify the stored log of %s: %w", p.entity, err)
	}
	return p.keep(ctx, db)
}

// stored writes the stored lines from one on.
func (p *Projection) stored(ctx context.Context, db store.Store, from int64, w io.Writer) error {
	for {
		var lines []store.Line
		err := db.Read(ctx, func(tx store.Tx) (err error) {
			lines, err = tx.Lines(p.entity, from, replayed)
			return err
		})
		if err != nil || len(lines) == 0 {
			return err
		}
		for _, l := range lines {
			if _, err := io.WriteString(w, l.Text+"\n"); err != nil {
				return err
			}
		}
		from += int64(len(lines))
	}
}

// errBehind says that another process kept lines that are not applied here.
var errBehind = errors.New("another process kept more of the log")

// Append keeps the next lines of the log, with the rows that follow from them. It fails
// with LOG_CORRUPT at one that is refused, and keeps those before it. It keeps none,
// without an error, when another process was first: [Projection.Replay] then goes on
// from there.
func (p *Projection) Append(ctx context.Context, db store.Store, lines []string) error {
	var refused error
	before := p.chain.Mark
	err := db.Write(ctx, func(tx store.Tx) error {
		switch at, err := tx.Mark(p.entity); {
		case err != nil:
			return err
		case at != p.Mark():
			return errBehind
		}
		p.past.read = func(f func(store.Tx) error) error { return f(tx) }
		for _, line := range lines {
			err := p.next(tx, line)
			if corrupt(err) {
				refused = err
				return nil
			}
			if err != nil { // the store's: nothing is kept
				return err
			}
		}
		return nil
	})
	switch {
	case err == nil:
		return refused
	case errors.Is(err, errBehind):
		return nil
	case p.chain.Mark != before:
		p.forget() // what was applied is not kept
	}
	return err
}

// corrupt reports whether an error is the log's own.
func corrupt(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.LogCorrupt || code == fault.Version
}

// next verifies a line, applies its entry and keeps both.
func (p *Projection) next(tx store.Tx, line string) error {
	chain := p.chain
	e, hash, err := chain.Next(line)
	if err != nil {
		return err
	}
	if err := p.own(tx, e); err != nil {
		return err
	}
	snapshot, err := p.apply(e, hash)
	if err != nil {
		if e.Type == signedlog.Genesis {
			p.forget() // which may have been applied in part
		}
		if !corrupt(err) && fault.CodeOf(err) != fault.Unavailable {
			err = fault.Wrap(err, fault.LogCorrupt, fmt.Sprintf("the log is corrupt: entry %d does not fit what was before it", e.Seq)).With("entry", fmt.Sprint(e.Seq))
		}
		return err
	}
	_, completed := p.chain.Tree.Add(line)
	p.chain = chain
	if err := tx.AppendLine(store.Line{Entity: p.entity, Seq: e.Seq, Text: line, Hash: hash, Nodes: nodes(completed)}); err != nil {
		return err
	}
	if snapshot != nil {
		if err := tx.PutSnapshot(p.entity, e.Seq, snapshot); err != nil {
			return err
		}
	}
	if err := p.past.store(tx); err != nil {
		return err
	}
	return p.rows(tx, e)
}

// apply brings an entry into the state. Of a checkpoint it returns the snapshot.
func (p *Projection) apply(e signedlog.Entry, hash string) (snapshot []byte, err error) {
	p.past.before = e.Seq
	if e.Type == signedlog.Checkpoint {
		return p.state.Checkpoint(e, hash)
	}
	if err := p.state.Apply(e, hash); err != nil {
		return nil, err
	}
	if e.Type == signedlog.Genesis && p.state.Genesis.Entity != p.entity {
		return nil, fault.New(fault.LogCorrupt, "the genesis is of another entity than the signer file names").With("entry", "0")
	}
	return nil, nil
}
