package signer

import (
	"testing"

	"countersign/shared/signedlog"
	"countersign/shared/wire"
)

func TestTheNoteIsAboutAllEntriesAndSignedOnceForEachSize(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	read := func() (signedlog.Note, string) {
		t.Helper()
		var out wire.SignerNote
		if code := g.call("GET", "/v1/log/checkpoint", nil, &out); code != "" {
			t.Fatal(code)
		}
		n, err := signedlog.ReadNote(out.Note, g.service.state.Genesis.Entity, g.service.key.PublicKey(), g.service.key.PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		return n, out.Note
	}
	first, text := read()
	if n, again := read(); again != text || n.Size != 1 || n.Root != g.service.log.Tree().Root() {
		t.Errorf("%+v, then %q", first, again)
	}
	g.request(newRequestID(t))
	if n, _ := read(); n.Size != 2 || n.Root == first.Root || n.Root != g.service.log.Tree().Root() {
		t.Errorf("%+v", n)
	}
	g.stop()
	g.start()
	if n, _ := read(); n.Size != 2 || n.Root != g.service.log.Tree().Root() {
		t.Errorf("after a restart: %+v", n)
	}
}

// TestTheTreeOfALogThatBeginsAtACheckpointIsTheTreeOfAllOfIt starts from the newest
// checkpoint, whose entry has the edge.
func TestTheTreeOfALogThatBeginsAtACheckpointIsTheTreeOfAllOfIt(t *testing.T) {
	t.Parallel()
	g := newSegmentedRig(t)
	was := g.service.log.Tree()
	g.stop()
	g.start()
	if is := g.service.log.Tree(); is.Size() != was.Size() || is.Root() != was.Root() {
		t.Errorf("the tree was of %d entries and is of %d", was.Size(), is.Size())
	}
	lines, err := g.service.deps.Storage.Lines(0, int(was.Size()))
	if err != nil {
		t.Fatal(err)
	}
	var all signedlog.Tree
	for _, line := range lines {
		all, _ = all.Add(line)
	}
	if all.Root() != was.Root() {
		t.Error("the tree is not the one of the lines")
	}
}
