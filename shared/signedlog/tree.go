package signedlog

import (
	"encoding/base64"
	"fmt"
	"math/bits"
	"slices"

	"golang.org/x/mod/sumdb/tlog"

	"countersign/shared/fault"
)

// Tree is the Merkle tree over the first lines of a log (RFC 6962 §2.1; a leaf is a line
// without its line feed), of which it keeps the right edge only: the roots of the largest
// full subtrees, from the left. The zero Tree is of no lines. It is a value.
type Tree struct {
	size int64
	edge []tlog.Hash
}

// Add is the tree with one more line, and the subtrees that the line completes: its own
// leaf, then those above it, in the order of [tlog.StoredHashes].
func (t Tree) Add(line string) (more Tree, completed []tlog.Hash) {
	h := tlog.RecordHash([]byte(line))
	edge, completed := slices.Clone(t.edge), []tlog.Hash{h}
	for n := t.size; n&1 == 1; n >>= 1 {
		h = tlog.NodeHash(edge[len(edge)-1], h)
		edge, completed = edge[:len(edge)-1], append(completed, h)
	}
	return Tree{t.size + 1, append(edge, h)}, completed
}

// Size is how many lines it is over.
func (t Tree) Size() int64 { return t.size }

// Root is its root hash; of no lines, the hash of nothing.
func (t Tree) Root() tlog.Hash {
	if t.size == 0 {
		h, _ := tlog.TreeHash(0, nil) // which reads nothing
		return h
	}
	h := t.edge[len(t.edge)-1]
	for _, left := range slices.Backward(t.edge[:len(t.edge)-1]) {
		h = tlog.NodeHash(left, h)
	}
	return h
}

// Edge is its right edge as a checkpoint says it: base64url.
func (t Tree) Edge() []string { return HashTexts(t.edge) }

// HashTexts are hashes of a tree, such as a proof of tlog, as JSON has them: base64url.
func HashTexts[P ~[]tlog.Hash](hashes P) []string {
	all := make([]string, len(hashes))
	for i, h := range hashes {
		all[i] = base64.RawURLEncoding.EncodeToString(h[:])
	}
	return all
}

// ReadHashes reads what [HashTexts] wrote. It fails with INVALID_REQUEST.
func ReadHashes(texts []string) ([]tlog.Hash, error) {
	all := make([]tlog.Hash, len(texts))
	for i, s := range texts {
		b, err := base64.RawURLEncoding.Strict().DecodeString(s)
		if err != nil || len(b) != tlog.HashSize {
			return nil, fault.New(fault.Invalid, fmt.Sprintf("hash %d is not 32 bytes of base64url", i))
		}
		all[i] = tlog.Hash(b)
	}
	return all, nil
}

// tree is the tree of size lines with this right edge; ok is false for one that there
// cannot be.
func tree(size int64, edge []string) (t Tree, ok bool) {
	if len(edge) != bits.OnesCount64(uint64(size)) {
		return Tree{}, false
	}
	hashes, err := ReadHashes(edge)
	return Tree{size, hashes}, err == nil
}
