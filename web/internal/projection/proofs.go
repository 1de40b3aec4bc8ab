package projection

import (
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/web/internal/store"
)

// tree reads the stored Merkle tree of an entity's log (shared/spec/signedlog.md, "Tree"),
// a node at a time.
type tree struct {
	tx     store.Tx
	entity string
}

// ReadHashes implements [tlog.HashReader].
func (t tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		level, n := tlog.SplitStoredHashIndex(index)
		last := (n+1)<<level - 1 // the line that completes it
		node, err := t.tx.Node(t.entity, last, level)
		if err != nil || len(node) != tlog.HashSize {
			return nil, fault.Wrap(err, fault.Unavailable, fmt.Sprintf("the gateway does not have the tree of its log at entry %d", last))
		}
		all[i] = tlog.Hash(node)
	}
	return all, nil
}

// Included proves that a line is in the tree over the first size lines: hashes, base64url.
func Included(tx store.Tx, entity string, size, seq int64) ([]string, error) {
	proof, err := tlog.ProveRecord(size, seq, tree{tx, entity})
	return signedlog.HashTexts(proof), err
}

// Follows proves that the tree over the first size lines has all of the first before:
// hashes, base64url.
func Follows(tx store.Tx, entity string, size, before int64) ([]string, error) {
	proof, err := tlog.ProveTree(size, before, tree{tx, entity})
	return signedlog.HashTexts(proof), err
}

// nodes are the nodes that a line completes, as the store keeps them.
func nodes(completed []tlog.Hash) (all []byte) {
	for _, h := range completed {
		all = append(all, h[:]...)
	}
	return all
}

// KeepNote reads the signer's note about the log, whose lines are stored, holds it against
// their tree, and keeps it. It returns how many entries it is about. It fails with
// LOG_CORRUPT, details part=note, when the signer did not sign it about this log.
func KeepNote(tx store.Tx, entity, text string) (int64, error) {
	n, err := readNote(tx, text, entity)
	if err != nil {
		return 0, err
	}
	root, err := tlog.TreeHash(n.Size, tree{tx, entity})
	if err != nil {
		return 0, err
	}
	if root != n.Root {
		return 0, fault.New(fault.LogCorrupt, "the signer's note is about another log than was read").With("part", "note")
	}
	return n.Size, tx.PutNote(entity, n.Size, text)
}

// KeptNote is the newest note that is kept, and how many entries it is about. It fails
// with [store.ErrNotFound] when there is none.
func KeptNote(tx store.Tx, entity string) (text string, size int64, err error) {
	if text, err = tx.Note(entity); err != nil {
		return "", 0, err
	}
	n, err := readNote(tx, text, entity)
	return text, n.Size, err
}

// readNote reads a note with the signer's signature only: by the statement key that the stored
// log, which was verified, leads to at its size.
func readNote(tx store.Tx, text, entity string) (n signedlog.Note, err error) {
	g, err := Governs(tx, entity)
	if err != nil {
		return n, err
	}
	root, err := g.RootKey()
	if err != nil {
		return n, err
	}
	size, err := signedlog.NoteSize(text, entity, root)
	if err != nil {
		return n, err
	}
	key, err := g.NoteKey(size)
	if err != nil {
		return n, err
	}
	if n, err = signedlog.ReadNote(text, entity, root, key); err == nil && n.Others > 0 {
		err = fault.New(fault.LogCorrupt, "the signer's note has signatures of others").With("part", "note")
	}
	return n, err
}

// Rests are the entries that a closed request rests on, ascending: the genesis, those of each
// request that changed the vault before it was closed, or before the vault's keys were rotated
// last, and its own, also about its transaction, as far as they are among the first size.
func Rests(tx store.Tx, r store.Request, size int64) ([]int64, error) {
	g, err := Governs(tx, r.Entity)
	if err != nil {
		return nil, err
	}
	end := r.CloseSeq
	for _, rotation := range g.Rotations {
		if rotation.Seq < size {
			end = max(end, rotation.Seq+1)
		}
	}
	all := []int64{0}
	add := func(request string, before int64) error {
		about, err := tx.Noted(r.Entity, request, before)
		all = append(all, about...)
		return err
	}
	for _, seq := range g.Changes { // their outcomes
		if seq >= end {
			break
		}
		if seq == r.CloseSeq { // its own
			continue
		}
		lines, err := tx.Lines(r.Entity, seq, 1)
		if err != nil {
			return nil, err
		}
		for _, l := range lines {
			id, err := concerns(l.Text)
			if err == nil {
				err = add(id, max(end, r.CloseSeq+1))
			}
			if err != nil {
				return nil, err
			}
		}
	}
	err = add(r.ID, size)
	slices.Sort(all)
	return all, err
}

// concerns is the request that a line is about, which was verified when it was stored.
func concerns(line string) (string, error) {
	payload, err := jws.Payload(line)
	if err != nil {
		return "", err
	}
	e, err := signedlog.Decode(payload)
	if err != nil {
		return "", err
	}
	return e.Concerns()
}
