package control

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/bridge/internal/instance"
	"countersign/shared/fault"
)

// childVariable makes this test program a bridge, or a command.
const childVariable = "COUNTERSIGN_TEST_CHILD"

func TestMain(m *testing.M) {
	if role := os.Getenv(childVariable); role != "" {
		child(role, os.Args[1])
		return
	}
	os.Exit(m.Run())
}

// child does its part, says "ready" and how it went, and stays until its input ends.
func child(role, arg string) {
	switch role {
	case "claim":
		s, err := Claim(context.Background(), Config{StateDir: arg})
		if err != nil {
			fmt.Println(err)
			return
		}
		s.Serve([]string{"ws://127.0.0.1:1"}, nil)
	case "ask":
		c, err := net.Dial("unix", arg)
		if err == nil {
			c.Close()
		}
		fmt.Println(err)
		return
	}
	fmt.Println("ready")
	bufio.NewReader(os.Stdin).ReadByte()
}

// spawn starts this test program in a role, as another user when uid is not 0,
// and returns its first line.
func spawn(t *testing.T, role, arg string, uid uint32) (*exec.Cmd, string) {
	t.Helper()
	cmd := exec.Command("/proc/self/exe", arg)
	cmd.Env = append(os.Environ(), childVariable+"="+role)
	if uid != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		cmd.Dir = "/"
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Process.Kill() // it may have ended
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return cmd, strings.TrimSpace(line)
}

func claim(t *testing.T, cfg Config) *Server {
	t.Helper()
	s, err := Claim(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() }) // the test may have closed it
	return s
}

// stateDir is a state directory as the bridge makes it.
func stateDir(t testing.TB) string {
	dir := filepath.Join(t.TempDir(), "state")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The handlers of a bridge or of a command, which say which it is.
func handlers(whose string) Handlers {
	h := Handlers{}
	Handle(h, AddOrigin, func(_ context.Context, p OriginParams) (AddResult, error) {
		return AddResult{Added: p.Origin == whose}, nil
	})
	Handle(h, ListPairings, func(context.Context, None) (PairingsResult, error) {
		return PairingsResult{Connected: []string{whose}}, nil
	})
	return h
}

// client is a command that works on the files when no bridge runs.
func client(dir string) *Client {
	return &Client{StateDir: dir, Files: func() (Handlers, func() error, error) {
		return handlers("files"), func() error { return nil }, nil
	}}
}

func connected(t *testing.T, c *Client) string {
	t.Helper()
	r, err := Call(t.Context(), c, ListPairings, None{})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(r.Connected, " ")
}

func TestASecondStartHandsOverToTheFirst(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	dir := stateDir(t)
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	first := claim(t, Config{StateDir: dir, Version: "9", Now: func() time.Time { return at }, Log: slog.New(slog.NewTextHandler(&log, nil))})
	second := make(chan error, 1)
	go func() {
		_, err := Claim(t.Context(), Config{StateDir: dir})
		second <- err
	}()
	first.Serve([]string{"ws://127.0.0.1:18427", "ws://[::1]:18427"}, nil) // before or after the question
	err := <-second
	var running *Running
	if !errors.As(err, &running) {
		t.Fatalf("the second start: %v", err)
	}
	want := Bridge{PID: os.Getpid(), Listen: []string{"ws://127.0.0.1:18427", "ws://[::1]:18427"}, Started: "2026-11-20T12:00:00Z", Version: "9"}
	if diff := cmp.Diff(want, running.Bridge); diff != "" {
		t.Error(diff)
	}
	text := fmt.Sprintf("a bridge of yours runs already: listening on ws://127.0.0.1:18427 ws://[::1]:18427, pid %d", os.Getpid())
	if err.Error() != text {
		t.Errorf("said %q", err)
	}
	if err := first.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "a second start found this bridge running") {
		t.Errorf("the first did not notice: %q", log.String())
	}
	claim(t, Config{StateDir: dir}) // the place is free again
}

func TestOfManyStartsAtOnceOneRuns(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	results := make(chan error, 8)
	for range cap(results) {
		go func() {
			i, err := Claim(t.Context(), Config{StateDir: dir})
			if err == nil {
				i.Serve([]string{"ws://127.0.0.1:1"}, nil)
				t.Cleanup(func() { i.Close() })
			}
			results <- err
		}()
	}
	won := 0
	for range cap(results) {
		err := <-results
		if running, ok := errors.AsType[*Running](err); err == nil {
			won++
		} else if !ok || len(running.Bridge.Listen) != 1 {
			t.Error(err)
		}
	}
	if won != 1 {
		t.Errorf("%d bridges run", won)
	}
}

func TestTwoStateDirectoriesAreTwoBridges(t *testing.T) {
	t.Parallel()
	a := claim(t, Config{StateDir: stateDir(t)})
	b := claim(t, Config{StateDir: stateDir(t)})
	if a.socket.path == b.socket.path {
		t.Errorf("both answer on %s", a.socket.path)
	}
}

func TestACommandAsksTheBridgeThatRunsAndElseWorksOnTheFiles(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	c := client(dir)
	if got := connected(t, c); got != "files" {
		t.Errorf("before any start: %s", got)
	}
	if _, running, err := Ask(t.Context(), c, Who, WhoParams{}); running || err != nil {
		t.Errorf("before any start: %v, %v", running, err)
	}
	s := claim(t, Config{StateDir: dir})
	s.Serve([]string{"ws://127.0.0.1:1"}, handlers("bridge"))
	if got := connected(t, c); got != "bridge" {
		t.Errorf("while it runs: %s", got)
	}
	b, running, err := Ask(t.Context(), c, Who, WhoParams{})
	if !running || err != nil || b.PID != os.Getpid() || b.Listen[0] != "ws://127.0.0.1:1" {
		t.Errorf("while it runs: %+v, %v, %v", b, running, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := connected(t, c); got != "files" {
		t.Errorf("after its end: %s", got)
	}
}

func TestOnlyACommandThatChangesSomethingMakesTheStateDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "state")
	if got := connected(t, client(dir)); got != "files" {
		t.Error(got)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading made it: %v", err)
	}
	if r, err := Call(t.Context(), client(dir), AddOrigin, OriginParams{Origin: "files"}); err != nil || !r.Added {
		t.Errorf("%+v, %v", r, err)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestCommandsThatWorkOnTheFilesWaitForEachOtherAndABridgeForThem(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	entered, leave := make(chan struct{}, 8), make(chan struct{})
	var inside, most int
	var mu sync.Mutex
	c := &Client{StateDir: dir, Files: func() (Handlers, func() error, error) {
		mu.Lock()
		inside++
		most = max(most, inside)
		mu.Unlock()
		entered <- struct{}{}
		<-leave
		return handlers("files"), func() error { mu.Lock(); defer mu.Unlock(); inside--; return nil }, nil
	}}
	done := make(chan error, 4)
	for range 3 {
		go func() { _, err := Call(t.Context(), c, AddOrigin, OriginParams{}); done <- err }()
	}
	<-entered
	go func() {
		s, err := Claim(t.Context(), Config{StateDir: dir})
		if err == nil {
			s.Serve(nil, handlers("bridge"))
			t.Cleanup(func() { s.Close() })
		}
		done <- err
	}()
	if _, running, err := Ask(t.Context(), c, Who, WhoParams{}); running || err != nil {
		t.Errorf("a command is taken for a bridge: %v, %v", running, err)
	}
	close(leave)
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if most != 1 {
		t.Errorf("%d worked on the files at once", most)
	}
}

// While bridges come and go, each command is done once, by whoever has the lock.
func TestCommandsMeetBridgesThatBeginAndEnd(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	var mu sync.Mutex
	count := map[string]int{}
	counting := func() Handlers {
		h := Handlers{}
		Handle(h, AddOrigin, func(_ context.Context, p OriginParams) (AddResult, error) {
			mu.Lock()
			defer mu.Unlock()
			count[p.Origin]++
			return AddResult{Added: true}, nil
		})
		return h
	}
	c := &Client{StateDir: dir, Files: func() (Handlers, func() error, error) {
		return counting(), func() error { return nil }, nil
	}}
	ctx, stop := context.WithCancel(t.Context())
	var bridges, commands sync.WaitGroup
	bridges.Go(func() {
		for ctx.Err() == nil {
			s, err := Claim(ctx, Config{StateDir: dir})
			if err != nil {
				if ctx.Err() == nil {
					t.Error(err)
				}
				continue
			}
			s.Serve(nil, counting())
			if _, err := Call(t.Context(), c, AddOrigin, OriginParams{Origin: "the bridge's own"}); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	const each, all = 25, 4
	for n := range all {
		commands.Go(func() {
			for i := range each {
				if r, err := Call(t.Context(), c, AddOrigin, OriginParams{Origin: fmt.Sprint(n, " ", i)}); err != nil || !r.Added {
					t.Errorf("%d %d: %+v, %v", n, i, r, err)
				}
			}
		})
	}
	commands.Wait()
	stop()
	bridges.Wait()
	delete(count, "the bridge's own")
	if len(count) != each*all {
		t.Errorf("%d of %d were done", len(count), each*all)
	}
	for which, n := range count {
		if n != 1 {
			t.Errorf("%s was done %d times", which, n)
		}
	}
}

func TestASocketOfAKilledBridgeIsReplaced(t *testing.T) {
	t.Parallel()
	for name, dir := range map[string]string{
		"in its state directory": stateDir(t),
		// The path of the socket would be too long for a socket.
		"in a folder for temporary files": filepath.Join(stateDir(t), strings.Repeat("d", maxSocketPath)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			cmd, said := spawn(t, "claim", dir, 0)
			if said != "ready" {
				t.Fatal(said)
			}
			held, err := instance.Look(dir)
			if err != nil || held.Who.PID != cmd.Process.Pid {
				t.Fatalf("%+v, %v", held, err)
			}
			socket := held.Who.Socket
			if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
			var running *Running
			if _, err := Claim(t.Context(), Config{StateDir: dir}); !errors.As(err, &running) || running.Bridge.PID != cmd.Process.Pid {
				t.Fatalf("while it runs: %v", err)
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if _, err := os.Lstat(socket); err != nil {
				t.Fatalf("the killed bridge left no socket: %v", err)
			}
			if got := connected(t, client(dir)); got != "files" {
				t.Errorf("a command: %s", got)
			}
			next := claim(t, Config{StateDir: dir})
			if next.socket.path != socket {
				if _, err := os.Lstat(filepath.Dir(socket)); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("its folder is still there: %v", err)
				}
			}
		})
	}
}

func TestASocketPathThatIsTooLongEverywhereIsExplained(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	dir := filepath.Join(stateDir(t), strings.Repeat("d", maxSocketPath))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TMPDIR", dir)
	_, err := Claim(t.Context(), Config{StateDir: dir})
	if err == nil || !strings.Contains(err.Error(), "choose a shorter state_dir") || !strings.Contains(err.Error(), "bytes long, and a unix socket takes 100") {
		t.Errorf("%v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "countersign-*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	if lock, err := instance.Take(dir); err != nil {
		t.Errorf("the lock is left: %v", err)
	} else if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

func TestABridgeThatDoesNotAnswerIsNamed(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	claim(t, Config{StateDir: dir}) // it hangs before its ports are open
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := Claim(ctx, Config{StateDir: dir})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d does not answer", os.Getpid())) {
		t.Errorf("said %v", err)
	}
	if _, running, err := Ask(ctx, client(dir), Who, WhoParams{}); !running || err == nil {
		t.Errorf("a command: %v, %v", running, err)
	}
}

func TestAnotherUsersBridgeCannotBeTalkedTo(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	first := claim(t, Config{StateDir: dir, user: func() int { return os.Getuid() + 1 }}) // we are strangers to it
	first.Serve([]string{"ws://127.0.0.1:1"}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if b, _, err := Ask(ctx, client(dir), Who, WhoParams{}); err == nil {
		t.Errorf("answered %+v", b)
	}
	if os.Getuid() != 0 {
		return // only root can start programs as somebody else
	}
	const nobody = 65534
	if _, said := spawn(t, "claim", dir, nobody); !strings.Contains(said, "permission denied") {
		t.Errorf("another user's claim: %s", said)
	}
	// Even a state directory whose owner opened it shows nothing.
	for _, d := range []string{filepath.Dir(filepath.Dir(dir)), filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if _, said := spawn(t, "claim", dir, nobody); !strings.Contains(said, "belongs to another user (0)") || !strings.Contains(said, "sudo chown -R 65534") {
		t.Errorf("another user's claim: %s", said)
	}
	if _, said := spawn(t, "ask", first.socket.path, nobody); !strings.Contains(said, "permission denied") {
		t.Errorf("another user's request: %s", said)
	}
}

func TestCommandAndBridgeOfTwoVersionsSaySo(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir})
	s.Serve(nil, handlers("bridge"))
	for _, protocol := range []int{0, Protocol + 1} {
		if err := s.lock.Say(instance.Holder{PID: 7, Socket: s.socket.path, Protocol: protocol}); err != nil {
			t.Fatal(err)
		}
		_, err := Call(t.Context(), client(dir), AddOrigin, OriginParams{})
		if fault.CodeOf(err) != fault.Version || !strings.Contains(err.Error(), fmt.Sprintf("process 7) is of another version than this command: it speaks version %d ", protocol)) {
			t.Errorf("a bridge that speaks %d: %v", protocol, err)
		}
	}
	got := say(t, s.socket.path, fmt.Sprintf(`{"v":%d,"method":"who","params":{}}`+"\n", Protocol+1))
	if !strings.Contains(got, `"VERSION_UNSUPPORTED"`) {
		t.Errorf("a command that speaks another: %s", got)
	}
	if got := say(t, s.socket.path, "seen\n"); !strings.Contains(got, `"INVALID_REQUEST"`) {
		t.Errorf("a command of an older version: %s", got)
	}
	var none Method[None, None]
	none.Name = "signer.sign"
	if _, err := Call(t.Context(), client(stateDir(t)), none, None{}); fault.CodeOf(err) != fault.Method {
		t.Errorf("a method that nobody has: %v", err)
	}
}

func TestACommandForAnotherConfigurationIsRefused(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	ours, theirs, link := filepath.Join(dir, "bridge.json"), filepath.Join(dir, "other.json"), filepath.Join(dir, "link.json")
	if err := errors.Join(os.WriteFile(ours, nil, 0o600), os.WriteFile(theirs, nil, 0o600), os.Symlink(ours, link)); err != nil {
		t.Fatal(err)
	}
	s := claim(t, Config{StateDir: dir, File: ours})
	s.Serve(nil, handlers("bridge"))
	c := client(dir)
	for _, c.File = range []string{"", ours, link} {
		if got := connected(t, c); got != "bridge" {
			t.Errorf("%s: %s", c.File, got)
		}
	}
	for _, c.File = range []string{theirs, ours + ".gone"} {
		if _, err := Call(t.Context(), c, ListPairings, None{}); fault.CodeOf(err) != fault.Conflict || !strings.Contains(err.Error(), "was started with the configuration "+ours) {
			t.Errorf("%s: %v", c.File, err)
		}
	}
}

// say sends bytes to a socket and returns what comes back.
func say(t *testing.T, socket, text string) string {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte(text)) // it may not read all
	back, _ := bufio.NewReader(c).ReadString('\n')
	return back
}

func TestNonsenseOnTheSocketIsRefusedAndCostsNoOtherAnswer(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir})
	s.Serve(nil, handlers("bridge"))
	for text, code := range map[string]fault.Code{
		"\n": fault.Invalid, "[]\n": fault.Invalid, `{"v":1,"method":"who"}` + "\n": fault.Invalid, `{"v":1,"method":"who","params":[]}` + "\n": fault.Invalid,
		`{"v":1,"method":"who","params":{"x":1}}` + "\n":                    fault.Invalid,
		`{"v":1,"method":"who","params":{},"more":1}` + "\n":                fault.Invalid,
		`{"v":1,"method":"who","params":{}}` + "\n\n":                       fault.Invalid,
		`{"v":1,"method":"pairings.steal","params":{}}` + "\n":              fault.Method,
		strings.Repeat("x", MaxRequest+1):                                   fault.TooLarge,
		`{"v":1,"method":"` + strings.Repeat("x", MaxRequest) + `"}` + "\n": fault.TooLarge,
	} {
		if got := say(t, s.socket.path, text); !strings.Contains(got, `"code":"`+string(code)+`"`) {
			t.Errorf("%.60q: %s, want %s", text, got, code)
		}
	}
	var silent []net.Conn // who says nothing has some of the places for a while
	for range maxConnections - 1 {
		c, err := net.Dial("unix", s.socket.path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		silent = append(silent, c)
	}
	if got := connected(t, client(dir)); got != "bridge" {
		t.Error(got)
	}
	for _, c := range silent {
		c.Close()
	}
}

func TestAnAnswerThatIsTooLongIsAnError(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir})
	h := Handlers{}
	Handle(h, ListPairings, func(context.Context, None) (PairingsResult, error) {
		return PairingsResult{Connected: []string{strings.Repeat("x", MaxAnswer)}}, nil
	})
	s.Serve(nil, h)
	if _, err := Call(t.Context(), client(dir), ListPairings, None{}); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("%v", err)
	}
}

func TestWhatABridgeHasBegunIsAnsweredBeforeItEnds(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir})
	began, stopped := make(chan struct{}), make(chan struct{})
	h := Handlers{}
	Handle(h, AddOrigin, func(ctx context.Context, _ OriginParams) (AddResult, error) {
		close(began)
		<-ctx.Done() // the bridge ends
		close(stopped)
		return AddResult{Added: true}, nil
	})
	s.Serve(nil, h)
	done := make(chan error, 1)
	go func() {
		r, err := Call(t.Context(), client(dir), AddOrigin, OriginParams{})
		if err == nil && !r.Added {
			err = errors.New("another answer")
		}
		done <- err
	}()
	<-began
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-stopped
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestACommandThatLeavesIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir})
	began, ended := make(chan struct{}), make(chan struct{})
	h := Handlers{}
	Handle(h, ListPairings, func(ctx context.Context, _ None) (PairingsResult, error) {
		close(began)
		<-ctx.Done()
		close(ended)
		return PairingsResult{}, nil
	})
	s.Serve(nil, h)
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := Call(ctx, client(dir), ListPairings, None{}); done <- err }()
	<-began
	leave()
	<-ended
	if err := <-done; err == nil {
		t.Error("a command that left has an answer")
	}
}

func TestAForeignSocketIsNotBelieved(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"no JSON": "ready\n", "an unknown field": `{"v":1,"result":{"pid":1,"listen":[],"started":"","version":"","key":"x"}}` + "\n", "a result and an error": `{"v":1,"result":{},"error":{"code":"BUSY","message":""}}` + "\n",
		"no result": `{"v":1}` + "\n", "two lines": `{"v":1,"result":{}}` + "\n\n", "no end": strings.Repeat("x", MaxAnswer+1), "nothing": "",
	} {
		dir := stateDir(t)
		l, err := net.Listen("unix", filepath.Join(dir, "x"))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() {
			c, err := l.Accept()
			if err == nil {
				_, _ = c.Write([]byte(answer)) // it may not read all
				err = c.Close()
			}
			done <- err
		}()
		if b, err := ask(t.Context(), &instance.Held{StateDir: dir, Who: &instance.Holder{PID: 1, Socket: l.Addr().String(), Protocol: Protocol}}, Who, "", WhoParams{}); err == nil {
			t.Errorf("%s: %+v", name, b)
		}
		if err := errors.Join(<-done, l.Close()); err != nil {
			t.Error(err)
		}
	}
}

func TestTheRuntimeDirectoryMustBeTheUsersOwn(t *testing.T) {
	run := t.TempDir()
	t.Setenv("XDG_RUNTIME_DIR", run)
	dir := stateDir(t)
	in := func() string {
		path, temp, err := socketPath(dir)
		if err != nil || temp != "" {
			t.Fatal(path, temp, err)
		}
		return filepath.Dir(path)
	}
	if got := in(); got != filepath.Join(run, "countersign") {
		t.Errorf("the socket is in %s", got)
	}
	if err := os.Chmod(filepath.Join(run, "countersign"), 0o755); err != nil {
		t.Fatal(err)
	}
	if got := in(); got != dir {
		t.Errorf("open to others: the socket is in %s", got)
	}
	t.Setenv("XDG_RUNTIME_DIR", "relative")
	if got := in(); got != dir {
		t.Errorf("a relative path: the socket is in %s", got)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"v":1,"method":"who","params":{}}`))
	f.Add([]byte(`{"v":1,"method":"origins.add","config":"/a","params":{"origin":"https://a.example"}}`))
	f.Add([]byte(`{"v":1,"method":"journal.append","params":{"events":[{"event":"unlocked"}]}}`))
	f.Add([]byte(`{"v":1e0}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeRequest(data)
		if err != nil {
			if _, ok := fault.As(err); !ok {
				t.Errorf("an error without a code: %v", err)
			}
			return
		}
		line, err := encodeLine(r, 2*MaxRequest)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeRequest(bytes.TrimSuffix(line, []byte{'\n'}))
		if err != nil || again.Method != r.Method || again.Config != r.Config || !bytes.Equal(again.Params, r.Params) && len(line) <= MaxRequest {
			t.Errorf("%s: %+v, %v", line, again, err)
		}
		_, _ = handlers("fuzz").call(t.Context(), r.Method, r.Params)
	})
}

func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"v":1,"result":{"notes":[]}}`))
	f.Add([]byte(`{"v":1,"error":{"code":"BUSY","message":"later","details":{"a":"b"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		raw, err := decodeAnswer(data)
		if err != nil && fault.CodeOf(err) == "" || err == nil && !object(raw) {
			t.Errorf("%s, %v", raw, err)
		}
	})
}
