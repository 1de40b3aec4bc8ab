package signer

import (
	"errors"

	"countersign/bridge/internal/logfile"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
)

// book is what the entries of a log come to: a state, and the index by which is found what
// the state does not keep. A start, a signer that runs and a verification all write it
// with apply.
type book struct {
	state  *vault.State
	index  *logfile.Index
	from   int64       // the first entry of the segment that is written
	passed *checkpoint // the newest that was met, and is not kept yet
}

// checkpoint is a state and the line of the entry that vouches for it.
type checkpoint struct {
	line  string
	state []byte
}

// newBook is that of an empty log, and empties the index.
func newBook(key jws.PublicKey, index *logfile.Index) (book, error) {
	b := book{state: vault.New(key, index), index: index}
	b.state.Ahead = &jws.Ahead{}
	return b, index.Reset()
}

// apply takes an entry into the state and the index. A checkpoint closes the segment, and
// is refused when it is of another state or index than the entries before it give.
func (b *book) apply(e signedlog.Entry, line, hash string) error {
	if e.Type != signedlog.Checkpoint {
		b.index.Line(len(line) + 1)
		return b.state.Apply(e, hash)
	}
	body, err := e.Checkpoint()
	if err != nil {
		return err
	}
	switch digest, err := b.index.Digest(); {
	case err != nil:
		return err
	case digest != body.Index:
		return errors.New("the checkpoint is of another index than the entries before it give")
	}
	state, err := b.state.Checkpoint(e, hash)
	if err != nil {
		return err
	}
	if err := b.index.Seal(); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the index of the log cannot be written")
	}
	b.passed, b.from = &checkpoint{line, state}, e.Seq+1
	return nil
}

// next is the body of a checkpoint that comes now, behind the lines of a tree.
func (b *book) next(tree signedlog.Tree) (signedlog.CheckpointBody, error) {
	index, err := b.index.Digest()
	if err != nil {
		return signedlog.CheckpointBody{}, err
	}
	state, err := b.state.Snapshot()
	return signedlog.CheckpointBody{State: vault.Digest(state), Index: index, Edge: tree.Edge()}, err
}

// keep keeps the newest checkpoint that was met beside the log.
func (b *book) keep(dir *logfile.Dir) error {
	c := b.passed
	if c == nil {
		return nil
	}
	b.passed = nil
	return dir.SaveCheckpoint(c.line, c.state)
}
