package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/shared/fault"
)

// written is a folder with segments of five lines, each about two names: one of its own
// and one of three that come again and again. The last segment is open.
func written(t testing.TB, segments int) *Dir {
	t.Helper()
	d, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	for i := range segments {
		var lines []string
		for j := range 5 {
			seq := int64(i*5 + j)
			line := fmt.Sprintf("line %d %s", seq, strings.Repeat("x", j))
			lines = append(lines, line)
			d.Index.Note(own(seq), seq)
			d.Index.Note(shared(seq), seq)
			if j < 4 {
				d.Index.Line(len(line) + 1)
			}
		}
		if err := d.Append(int64(i*5), lines); err != nil {
			t.Fatal(err)
		}
		if i == segments-1 {
			d.Index.Line(len(lines[4]) + 1)
			break
		}
		promised, err := d.Index.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Index.Seal(); err != nil {
			t.Fatal(err)
		}
		if kept := d.digest(); kept != promised {
			t.Fatalf("the digest is %s, and was to be %s", kept, promised)
		}
	}
	return d
}

// digest is that of the closed segments.
func (d *Dir) digest() string { return digestOf(d.Index.sum, d.Index.runs) }

func own(seq int64) string    { return fmt.Sprint("own ", seq) }
func shared(seq int64) string { return fmt.Sprint("shared ", seq%3) }

func TestEntriesAndLinesAreFoundInClosedSegmentsAndInTheOpenOne(t *testing.T) {
	t.Parallel()
	for _, segments := range []int{1, 2, 9, 12, 76} {
		d := written(t, segments)
		found(t, d, int64(5*segments))
		if err := d.Index.Load(int64(5*segments-5), d.digest()); err != nil {
			t.Fatal(err)
		}
		if err := d.Check(); err != nil {
			t.Error(err)
		}
		found(t, d, int64(5*segments-5))
	}
}

// found looks for the first n entries.
func found(t *testing.T, d *Dir, n int64) {
	t.Helper()
	for seq := range n {
		if all, err := d.Index.Find(own(seq)); err != nil || !slices.Equal(all, []int64{seq}) {
			t.Errorf("%q: %v, %v", own(seq), all, err)
		}
	}
	var third []int64
	for seq := int64(1); seq < n; seq += 3 {
		third = append(third, seq)
	}
	if all, err := d.Index.Find(shared(1)); err != nil || !slices.Equal(all, third) {
		t.Errorf("%q: %v, %v", shared(1), all, err)
	}
	if all, err := d.Index.Find("nothing"); err != nil || all != nil {
		t.Errorf("what is not there: %v, %v", all, err)
	}
	for _, at := range []struct{ seq, n int64 }{{0, 1}, {4, 2}, {3, 14}, {n - 1, 1}, {0, n}} {
		if at.n == 0 || at.seq < 0 || at.seq+at.n > n {
			continue
		}
		lines, err := d.Lines(at.seq, int(at.n))
		if err != nil || len(lines) != int(at.n) || !strings.HasPrefix(lines[0], fmt.Sprintf("line %d ", at.seq)) ||
			!strings.HasPrefix(lines[at.n-1], fmt.Sprintf("line %d ", at.seq+at.n-1)) {
			t.Errorf("%d lines from %d: %q, %v", at.n, at.seq, lines, err)
		}
	}
	for _, seq := range []int64{-1, n, math.MaxInt64} {
		if lines, err := d.Lines(seq, 1); err == nil {
			t.Errorf("line %d is %q", seq, lines)
		}
	}
}

func TestAnIndexHasFewRunsHoweverLongTheLogIs(t *testing.T) {
	t.Parallel()
	for segments, want := range map[int][]int{0: nil, 1: {1}, 7: {1, 2, 3, 4, 5, 6, 7}, 8: {8}, 9: {8, 9}, 64: {64}, 75: {64, 72, 73, 74, 75}, 1025: {512, 1024, 1025}} {
		if got := places(segments); !slices.Equal(got, want) {
			t.Errorf("%d segments: %v, want %v", segments, got, want)
		}
	}
	d := written(t, 76)
	if err := d.SaveCheckpoint("eyJ", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(d.path, "*"+namesSuffix))
	if err != nil || len(files) != len(d.Index.runs) || len(files) != 5 {
		t.Errorf("%d runs, in %v, %v", len(d.Index.runs), files, err)
	}
}

// TestAnIndexIsLoadedUpToItsCheckpoint: what a crash left behind it is written again.
func TestAnIndexIsLoadedUpToItsCheckpoint(t *testing.T) {
	t.Parallel()
	three, four := written(t, 3), written(t, 4)
	if err := four.Index.Load(10, three.digest()); err != nil {
		t.Fatal(err)
	}
	found(t, four, 10)
	a, err := os.ReadFile(filepath.Join(three.path, linesName))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join(four.path, linesName)); err != nil || !bytes.Equal(a, b) {
		t.Errorf("%d bytes, want %d: %v", len(b), len(a), err)
	}
	for size, digest := range map[int64]string{5: three.digest(), 11: three.digest(), 10: "AAAA"} {
		d := written(t, 3)
		err := d.Index.Load(size, digest)
		if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["part"] != "index" {
			t.Errorf("up to %d: %v", size, err)
		}
		if all, err := d.Index.Find(own(1)); err != nil || all != nil {
			t.Errorf("an index that was refused finds %v, %v", all, err)
		}
	}
}

func TestALogHasOneWriter(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Held(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before there is a log: %v", err)
	}
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second one: %v", err)
	}
	if held, err := Held(dir); !held || err != nil {
		t.Errorf("while it is open: %v, %v", held, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if held, err := Held(dir); held || err != nil {
		t.Errorf("afterwards: %v, %v", held, err)
	}
	if d, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestSegmentsAreInOrderAndOtherFilesAreNone(t *testing.T) {
	t.Parallel()
	d := written(t, 3)
	for _, name := range []string{"log-5.jws", "log-000000000005.jws.new", "log--00000000005.jws", "x.jws"} {
		if err := os.WriteFile(filepath.Join(d.path, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if firsts, err := d.Segments(); err != nil || !slices.Equal(firsts, []int64{0, 5, 10}) {
		t.Errorf("%v, %v", firsts, err)
	}
}

func TestACheckpointReplacesTheOneBefore(t *testing.T) {
	t.Parallel()
	d := written(t, 1)
	if _, _, err := d.Checkpoint(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before the first: %v", err)
	}
	for _, state := range []string{`{"n":1}` + "\nand more", `{}`} {
		if err := d.SaveCheckpoint("eyJ", []byte(state)); err != nil {
			t.Fatal(err)
		}
		if line, got, err := d.Checkpoint(); err != nil || line != "eyJ" || string(got) != state {
			t.Errorf("%q, %q, %v", line, got, err)
		}
	}
}

// TestTheIndexIsReadWhileItIsWritten is for the race detector.
func TestTheIndexIsReadWhileItIsWritten(t *testing.T) {
	t.Parallel()
	d := written(t, 2)
	var all sync.WaitGroup
	for range 2 {
		all.Go(func() {
			for range 50 {
				if _, err := d.Index.Find(own(3)); err != nil {
					t.Error(err)
				}
				if _, err := d.Lines(2, 5); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for seq := int64(10); seq < 40; seq++ {
		d.Index.Note(own(seq), seq)
		d.Index.Line(8)
		if seq%7 == 0 {
			if err := d.Index.Seal(); err != nil {
				t.Error(err)
			}
		}
	}
	all.Wait()
}

// FuzzLoad reads an index of any bytes: one that has not the digest is refused, and the
// one that has is the one that was written.
func FuzzLoad(f *testing.F) {
	d := written(f, 2)
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(d.path, name))
		if err != nil {
			f.Fatal(err)
		}
		return data
	}
	lines, names, digest := read(linesName), read(namesName(0, 5)), d.digest()
	f.Add(lines, names, int64(5))
	f.Add(lines[:len(lines)-1], names, int64(5))
	f.Add(lines, names[:namesHead], int64(5))
	f.Add(lines, names, int64(4))
	f.Fuzz(func(t *testing.T, l, n []byte, size int64) {
		dir := t.TempDir()
		for name, data := range map[string][]byte{linesName: l, namesName(0, 5): n} {
			if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		x, err := OpenIndex(dir)
		if err != nil {
			t.Fatal(err)
		}
		err = x.Load(size, digest)
		if err != nil && fault.CodeOf(err) != fault.LogCorrupt {
			t.Errorf("got %v", err)
		}
		if err == nil && (size != 5 || !bytes.HasPrefix(l, lines) || !bytes.Equal(n, names)) {
			t.Error("an index that was never written has the digest")
		}
		if _, err := x.Find(own(3)); err != nil {
			t.Error(err)
		}
		if err := x.Close(); err != nil {
			t.Error(err)
		}
	})
}

// FuzzRun reads a run of any bytes: what is found in it is found without harm.
func FuzzRun(f *testing.F) {
	d := written(f, 2)
	data, err := os.ReadFile(filepath.Join(d.path, namesName(0, 5)))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, namesName(0, 5)), data, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := openRun(dir, 0, 5)
		if err != nil {
			return
		}
		defer r.f.Close()
		if all, err := r.find(keyOf(own(3)), nil); err == nil && len(all) > r.names {
			t.Errorf("%d entries of %d", len(all), r.names)
		}
		if !bytes.Equal(r.head(), data[:namesHead]) {
			t.Error("what was read is written in another way")
		}
	})
}

// The folder is locked, too.
func TestALogWhoseLockFileIsRemovedIsStillHeldByOneSigner(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, lockName)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a second signer: %v", err)
	}
	if held, err := Held(dir); !held || err != nil {
		t.Errorf("%v, %v", held, err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if d, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzCheckpoint reads a checkpoint of any bytes: a line and what is behind it, or nothing.
func FuzzCheckpoint(f *testing.F) {
	f.Add([]byte("eyJ\n{}"))
	f.Add([]byte("eyJ"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d := &Dir{path: t.TempDir()}
		if err := os.WriteFile(filepath.Join(d.path, checkpointName), data, 0o600); err != nil {
			t.Fatal(err)
		}
		line, state, err := d.Checkpoint()
		if err == nil && (line+"\n"+string(state) != string(data) || strings.Contains(line, "\n")) {
			t.Errorf("%q is %q and %q", data, line, state)
		}
		if err != nil && bytes.ContainsRune(data, '\n') {
			t.Errorf("%q: %v", data, err)
		}
	})
}
