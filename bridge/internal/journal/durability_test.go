package journal

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"countersign/shared/fault"
)

// childEnv makes this test program a bridge whose disk is full.
const childEnv = "COUNTERSIGN_TEST_FULL_DISK"

// killedEnv makes it a bridge that writes until it is killed, and says of each
// line that it is written.
const killedEnv = "COUNTERSIGN_TEST_KILLED"

func TestMain(m *testing.M) {
	if path := os.Getenv(killedEnv); path != "" {
		fmt.Fprintln(os.Stderr, writeForever(path))
		os.Exit(1)
	}
	if path := os.Getenv(childEnv); path != "" {
		if err := fullDisk(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// limit sets how large a file of this process may become: the kernel then writes
// what fits and refuses the rest, as on a disk that is full.
func limit(size uint64) error {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		return err
	}
	l.Cur = size
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l)
}

// fullDisk runs in a process of its own. It fails when a key could be used that
// no line accounts for, or when the journal does not go on after there is space.
func fullDisk(path string) error {
	j, err := Open(Config{Path: path})
	if err != nil {
		return err
	}
	if err := j.Append(Event{Kind: Started}); err != nil {
		return err
	}
	if err := limit(uint64(j.size) + 100); err != nil { // the middle of a line
		return err
	}
	for range 3 {
		if err := j.Append(Event{Kind: Approved, Request: "req_full"}); fault.CodeOf(err) != fault.JournalDown || !strings.Contains(err.Error(), "the disk is full") {
			return fmt.Errorf("on a full disk: %w", err)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Size() != j.size {
		return fmt.Errorf("a refused line was left in the file: %v, %w", info, err)
	}
	if err := limit(1 << 30); err != nil {
		return err
	}
	for range 2 {
		if err := j.Append(Event{Kind: Approved, Request: "req_space"}); err != nil {
			return fmt.Errorf("with space again: %w", err)
		}
	}
	return j.Close()
}

func writeForever(path string) error {
	j, err := Open(Config{Path: path})
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		kind := Approved
		if n%2 == 1 {
			kind = Signed
		}
		if err := j.Append(Event{Kind: kind, Request: fmt.Sprint(n)}); err != nil {
			return err
		}
		fmt.Println(j.Head().Size)
	}
}

func TestWhatWasAcknowledgedIsThereAfterKill9(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.log")
	for round := range 5 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), killedEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged, lines := 0, bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			if acknowledged, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
			if n == 20+7*round {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = cmd.Wait() // it was killed
		j := open(t, path)
		if err := j.Close(); err != nil {
			t.Fatal(err)
		}
		if n := len(read(t, path)); n < acknowledged || acknowledged == 0 {
			t.Errorf("round %d: %d lines, %d were acknowledged", round, n, acknowledged)
		}
	}
}

func TestAFullDiskStopsTheKeysAndSpaceBringsThemBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.log")
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	all := read(t, path)
	if got := kinds(all); got != "started recovered approved approved" {
		t.Fatal(got)
	}
	if r := all[1]; r.Code != string(fault.JournalDown) || r.Count != 3 || all[2].Request != "req_space" {
		t.Errorf("%+v", all)
	}
}

func TestALineThatPermitsAKeyIsOnTheDiskBeforeTheKeyIsUsed(t *testing.T) {
	t.Parallel()
	j := open(t, filepath.Join(t.TempDir(), "journal.log"))
	var synced atomic.Int64
	j.datasync = func(f *os.File) error { synced.Add(1); return datasync(f) }
	for kind, want := range map[string]int64{Approved: 1, Derived: 1, HeadSigned: 1, GenesisSigned: 1, Registered: 1, KeyMade: 1, KeyDeleted: 1, Declined: 0, Paired: 0, Signed: 0} {
		before := synced.Load()
		if err := j.Append(Event{Kind: kind}); err != nil {
			t.Fatal(err)
		}
		if got := synced.Load() - before; got < want {
			t.Errorf("%s: %d syncs", kind, got)
		}
		j.mu.Lock()
		if on := j.synced == j.size; want == 1 && !on {
			t.Errorf("%s: %d of %d bytes are on the disk", kind, j.synced, j.size)
		}
		j.mu.Unlock()
	}
}

func TestManyWhoWaitShareOneSync(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.log")
	j := open(t, path)
	const writers = 16
	enter, leave := make(chan struct{}, writers), make(chan struct{})
	var syncs atomic.Int64
	j.datasync = func(f *os.File) error { // slow: nobody's sync ends before all have written
		syncs.Add(1)
		enter <- struct{}{}
		<-leave
		return datasync(f)
	}
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			if err := j.Append(Event{Kind: Approved}); err != nil {
				t.Error(err)
			}
		})
	}
	<-enter
	for j.Head().Size < writers {
		runtime.Gosched() // the others write while the first sync is running
	}
	close(leave)
	all.Wait()
	if n := syncs.Load(); n > 3 {
		t.Errorf("%d syncs for %d lines", n, writers)
	}
	if n := len(read(t, path)); n != writers {
		t.Errorf("%d lines", n)
	}
}

func TestAFailedSyncIsNotForgotten(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.log")
	j := open(t, path)
	if err := j.Append(Event{Kind: Started}); err != nil {
		t.Fatal(err)
	}
	broken := atomic.Bool{}
	broken.Store(true)
	j.datasync = func(f *os.File) error {
		if broken.Load() {
			return syscall.EIO
		}
		return datasync(f)
	}
	for range 2 {
		if err := j.Append(Event{Kind: Approved}); fault.CodeOf(err) != fault.JournalDown || !errors.Is(err, syscall.EIO) {
			t.Fatalf("the disk fails: %v", err)
		}
	}
	// The kernel may have dropped what it could not write.
	if err := os.Truncate(path, j.size); err != nil {
		t.Fatal(err)
	}
	j.mu.Lock()
	zero := make([]byte, j.size-j.synced)
	_, err := j.file.WriteAt(zero, j.synced)
	j.mu.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	broken.Store(false)
	if err := j.Append(Event{Kind: Approved}); err != nil {
		t.Fatal(err)
	}
	all := read(t, path)
	if got := kinds(all); got != "started approved recovered approved" || all[2].Count != 2 {
		t.Errorf("%s, %+v", got, all)
	}
}

func TestAJournalThatWasReplacedIsNotWritten(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(t *testing.T, path string) (undo func()){
		"removed": func(t *testing.T, path string) func() {
			return moved(t, path)
		},
		"another in its place": func(t *testing.T, path string) func() {
			back := moved(t, path)
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return back
		},
		"cut off": func(t *testing.T, path string) func() {
			return changed(t, path, func(data []byte) []byte { return data[:len(data)/2] })
		},
		"a line of another program": func(t *testing.T, path string) func() {
			return changed(t, path, func(data []byte) []byte { return append(data, "{}\n"...) })
		},
		"half a line of another program": func(t *testing.T, path string) func() {
			return changed(t, path, func(data []byte) []byte { return append(data, data[:20]...) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "journal.log")
			j := open(t, path)
			for range 4 {
				if err := j.Append(Event{Kind: Signed}); err != nil {
					t.Fatal(err)
				}
			}
			undo := harm(t, path)
			if err := j.Append(Event{Kind: Approved}); fault.CodeOf(err) != fault.JournalDown {
				t.Fatalf("it was written: %v", err)
			}
			undo()
			if err := j.Append(Event{Kind: Approved}); err != nil {
				t.Fatalf("put back: %v", err)
			}
			if got := kinds(read(t, path)); got != "signed signed signed signed recovered approved" {
				t.Error(got)
			}
		})
	}
}

func moved(t *testing.T, path string) func() {
	t.Helper()
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Rename(path+".away", path); err != nil {
			t.Fatal(err)
		}
	}
}

// changed writes into the file that is there.
func changed(t *testing.T, path string, change func([]byte) []byte) func() {
	t.Helper()
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	put := func(data []byte) {
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(change(append([]byte(nil), good...)))
	return func() { put(good) }
}

func BenchmarkAppend(b *testing.B) {
	for _, kind := range []string{Signed, Approved} {
		for _, parallel := range []int{1, 16} {
			b.Run(fmt.Sprintf("%s/%d", kind, parallel), func(b *testing.B) {
				j, err := Open(Config{Path: filepath.Join(b.TempDir(), "journal.log")})
				if err != nil {
					b.Fatal(err)
				}
				defer j.Close()
				b.SetParallelism(parallel)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := j.Append(Event{Kind: kind, Origin: "https://a.example", Member: "mem_alice", Digest: strings.Repeat("0", 64)}); err != nil {
							b.Error(err)
						}
					}
				})
			})
		}
	}
}

func BenchmarkOpen100000Entries(b *testing.B) {
	path := filepath.Join(b.TempDir(), "journal.log")
	j, err := Open(Config{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	for range 100_000 {
		if err := j.Append(Event{Kind: Signed, Origin: "https://a.example", Member: "mem_alice", Digest: strings.Repeat("0", 64)}); err != nil {
			b.Fatal(err)
		}
	}
	j.Close()
	for b.Loop() {
		j, err := Open(Config{Path: path})
		if err != nil {
			b.Fatal(err)
		}
		j.Close()
	}
}
