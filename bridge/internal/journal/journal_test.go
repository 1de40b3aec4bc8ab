package journal

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/shared/fault"
)

func open(t *testing.T, path string) *Journal {
	t.Helper()
	j, err := Open(Config{Path: path, Now: func() time.Time { return time.Unix(1_800_000_000, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func fill(t *testing.T, path string, n int) []byte {
	t.Helper()
	j := open(t, path)
	for range n {
		if err := j.Append(Event{Kind: Signed, Origin: "https://a.example", Member: "mem_alice"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// read verifies a journal and returns its entries.
func read(t *testing.T, path string) (all []Entry) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Verify(f, func(e Entry) error { all = append(all, e); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

func kinds(all []Entry) string {
	var s []string
	for _, e := range all {
		s = append(s, e.Kind)
	}
	return strings.Join(s, " ")
}

func TestAChainGoesOnAfterARestart(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.log")
	fill(t, path, 3)
	j := open(t, path)
	if j.Head().Size != 3 {
		t.Errorf("head %+v", j.Head())
	}
	if err := j.Append(Event{Kind: Declined}); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, err := Verify(bytes.NewReader(data), nil)
	if got := kinds(read(t, path)); err != nil || head != j.Head() || got != "signed signed signed declined" {
		t.Errorf("%+v, %v, %v", head, got, err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestAChangedJournalIsNamedByItsEntry(t *testing.T) {
	t.Parallel()
	good := fill(t, filepath.Join(t.TempDir(), "journal.log"), 4)
	lines := bytes.SplitAfter(good, []byte("\n"))[:4]
	join := func(l ...[]byte) []byte { return bytes.Join(l, nil) }
	for name, r := range map[string]struct {
		data  []byte
		entry string
	}{
		"a letter changed":   {bytes.Replace(good, []byte("mem_alice"), []byte("mem_alicf"), 1), "0"},
		"the first removed":  {join(lines[1:]...), "0"},
		"one removed":        {join(lines[0], lines[2], lines[3]), "1"},
		"two exchanged":      {join(lines[0], lines[2], lines[1], lines[3]), "1"},
		"one twice":          {join(lines[0], lines[0], lines[1]), "1"},
		"a space more":       {bytes.Replace(good, []byte(`{"seq":2`), []byte(`{"seq": 2`), 1), "2"},
		"an unknown field":   {bytes.Replace(good, []byte(`{"seq":3`), []byte(`{"x":1,"seq":3`), 1), "3"},
		"an empty line":      {join(lines[0], []byte("\n"), lines[1]), "1"},
		"something else":     {[]byte("hello\n"), "0"},
		"a line without end": {bytes.Repeat([]byte("x"), 2*maxLine), "0"},
	} {
		_, err := Verify(bytes.NewReader(r.data), nil)
		f, _ := fault.As(err)
		if fault.CodeOf(err) != fault.LogCorrupt || f.Details["entry"] != r.entry {
			t.Errorf("%s: %v", name, err)
		}
		path := filepath.Join(t.TempDir(), "journal.log")
		if err := os.WriteFile(path, r.data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(Config{Path: path}); fault.CodeOf(err) != fault.LogCorrupt {
			t.Errorf("%s: Open: %v", name, err)
		}
	}
}

func TestATornLastLineIsDroppedAndSaid(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.log")
	data := fill(t, path, 3)
	start := bytes.LastIndexByte(data[:len(data)-1], '\n') + 1
	for cut := start + 1; cut < len(data); cut++ { // wherever the power went
		path := filepath.Join(t.TempDir(), "journal.log")
		if err := os.WriteFile(path, data[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(bytes.NewReader(data[:cut]), nil); fault.CodeOf(err) != fault.LogCorrupt {
			t.Fatalf("Verify of %d bytes: %v", cut, err)
		}
		j := open(t, path)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if got := kinds(read(t, path)); got != "signed signed recovered" || j.Head().Size != 3 {
			t.Fatalf("cut after %d bytes: %s, %+v", cut, got, j.Head())
		}
	}
}

func TestItIsForItsOwnerOnly(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.log")
	fill(t, path, 1)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Path: path}); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("readable by others: %v", err)
	}
}

func TestWhatCannotBeWrittenIsAnError(t *testing.T) {
	t.Parallel()
	j := open(t, filepath.Join(t.TempDir(), "journal.log"))
	if err := j.Append(Event{Kind: Signed, Request: strings.Repeat("x", maxLine)}); fault.CodeOf(err) != fault.JournalDown {
		t.Errorf("too long: %v", err)
	}
	if err := j.Append(Event{Kind: Signed}); err != nil || j.Head().Size != 1 {
		t.Errorf("after one that was too long: %v, %+v", err, j.Head())
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(Event{Kind: Signed}); fault.CodeOf(err) != fault.JournalDown || !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestAProgramsPathIsBounded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.log")
	j := open(t, path)
	if err := j.Append(Event{Kind: Paired, Process: strings.Repeat("\x01é\xff", 2000) + "/evil (pid 4711)"}); err != nil {
		t.Fatal(err)
	}
	for _, e := range read(t, path) {
		if len(e.Process) > maxProcess+len("…") || !strings.HasSuffix(e.Process, "/evil (pid 4711)") {
			t.Errorf("%d bytes: %q", len(e.Process), e.Process)
		}
	}
}

func TestManyWritersMakeOneChain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.log")
	j := open(t, path)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 50 {
				if err := j.Append(Event{Kind: Signed}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if head, err := Verify(f, nil); err != nil || head.Size != 400 {
		t.Errorf("%+v, %v", head, err)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"seq":0,"time":"2027-01-15T08:00:00.000Z","event":"signed","prev":"","hash":"00"}` + "\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := 0
		head, err := Verify(bytes.NewReader(data), func(Entry) error { n++; return nil })
		if err == nil && (uint64(n) != head.Size || n != bytes.Count(data, []byte("\n"))) {
			t.Fatalf("%d entries, head %+v", n, head)
		}
	})
}
