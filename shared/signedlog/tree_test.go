package signedlog

import (
	"fmt"
	"slices"
	"testing"

	"golang.org/x/mod/sumdb/tlog"
)

func TestTheEdgeGivesTheRootAndTheHashesThatTlogGives(t *testing.T) {
	t.Parallel()
	var lines []string
	var at Tree
	for n := range 130 {
		lines = append(lines, fmt.Sprint("line ", n))
		read := stored(t, lines)
		more, completed := at.Add(lines[n])
		first := tlog.StoredHashIndex(0, int64(n))
		for i, h := range completed {
			if want, _ := read([]int64{first + int64(i)}); want[0] != h {
				t.Fatalf("hash %d of line %d differs", i, n)
			}
		}
		if first+int64(len(completed)) != tlog.StoredHashCount(int64(n)+1) {
			t.Fatalf("line %d completes %d subtrees", n, len(completed))
		}
		root, err := tlog.TreeHash(int64(n)+1, read)
		if err != nil || more.Root() != root || more.Size() != int64(n)+1 {
			t.Fatalf("the root of %d lines differs: %v", n+1, err)
		}
		if again, ok := tree(more.Size(), more.Edge()); !ok || again.Root() != root {
			t.Fatalf("the edge of %d lines does not give them back", n+1)
		}
		if other, _ := at.Add("another"); other.Root() == root || at.Size() != int64(n) {
			t.Fatal("a tree that was added to has changed")
		}
		at = more
	}
}

func TestAnEdgeOfNoTreeIsRefused(t *testing.T) {
	t.Parallel()
	for _, edge := range [][]string{nil, {none, none}, {none, none, none, none}, {none, "AA", none}, {none, none + "=", none}} {
		if _, ok := tree(7, edge); ok {
			t.Errorf("%q was taken", edge)
		}
	}
	var empty Tree
	if root, _ := tlog.TreeHash(0, nil); empty.Root() != root || !slices.Equal(empty.Edge(), []string{}) {
		t.Error("the tree of no lines differs")
	}
}
