package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"countersign/bridge/internal/control"
	"countersign/bridge/internal/instance"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/softhsm/e2e/page"
)

// running starts a bridge in this process and returns its lines, and how to stop
// it.
func running(t *testing.T, config string) (lines *bufio.Reader, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	read, write := io.Pipe()
	var errs bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- run(ctx, []string{"approver", "--config", config}, stdio{write, &errs})
		write.Close()
	}()
	stop = func() {
		go func() { _, _ = io.Copy(io.Discard, read) }() // what it still says
		cancel()
		if code := <-done; code != 0 {
			t.Errorf("exit %d: %s", code, &errs)
		}
	}
	return bufio.NewReader(read), stop
}

func line(t *testing.T, lines *bufio.Reader) string {
	t.Helper()
	l, err := lines.ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(l)
}

func TestASecondStartSaysWhereTheFirstListensAndLeaves(t *testing.T) {
	t.Parallel()
	path := config(t, nil)
	lines, stop := running(t, path)
	url, ok := strings.CutPrefix(line(t, lines), "listening on ")
	if !ok {
		t.Fatal(url)
	}
	code, out, errs := command(t, "approver", "--config", path)
	if want := fmt.Sprintf("a bridge of yours runs already: listening on %s, pid %d\n", url, os.Getpid()); code != 0 || out != want {
		t.Errorf("%d, %q, %q", code, out, errs)
	}
	stop()
	lines, stop = running(t, path) // there is none any more
	if l := line(t, lines); !strings.HasPrefix(l, "listening on ") {
		t.Error(l)
	}
	stop()
}

func TestWithoutListenTheBridgeTakesAPortThatPagesKnow(t *testing.T) {
	// Not parallel: there are four such ports.
	var last int
	for _, name := range []string{"the first bridge", "the bridge of another state directory"} {
		lines, stop := running(t, config(t, func(m map[string]any) { delete(m, "listen") }))
		defer stop()
		four := strings.TrimPrefix(line(t, lines), "listening on ws://")
		six := strings.TrimPrefix(line(t, lines), "listening on ws://")
		host, port, err := net.SplitHostPort(four)
		number, aerr := strconv.Atoi(port)
		if err != nil || aerr != nil || host != "127.0.0.1" || six != "[::1]:"+port || number == last {
			t.Fatalf("%s listens on %s and %s, after %d", name, four, six, last)
		}
		known := false
		for _, p := range frame.Ports {
			known = known || p == number
		}
		if !known {
			t.Errorf("%s: port %d", name, number)
		}
		last = number
	}
}

// foreign starts a bridge of another user, who may not see what is ours.
func foreign(t *testing.T, uid uint32) (url, config string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "countersign-foreign-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	program := filepath.Join(dir, "countersign-bridge")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	home := filepath.Join(dir, "home")
	config = filepath.Join(home, "bridge.json")
	err = errors.Join(os.Chmod(dir, 0o755), os.Mkdir(home, 0o700),
		os.WriteFile(config, []byte(`{"origins":["`+origin+`"],"modules":[],"identities":[],"state_dir":"state"}`), 0o600),
		os.Chown(config, int(uid), int(uid)), os.Chown(home, int(uid), int(uid)))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "approver", "--config", config)
	cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH")}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
		_ = cmd.Wait()
	})
	url, ok := strings.CutPrefix(line(t, bufio.NewReader(out)), "listening on ")
	if !ok {
		t.Fatal(url)
	}
	return url, config
}

func TestTheBridgeOfAnotherUserIsSkippedAndNotTalkedTo(t *testing.T) {
	// Not parallel: there are four ports that pages know.
	if os.Getuid() != 0 {
		t.Log("only root can start programs as somebody else")
		return
	}
	const nobody = 65534
	theirs, config := foreign(t, nobody)
	ours := newRunning(t, func(m map[string]any) { delete(m, "listen") })
	if ours == theirs {
		t.Errorf("both listen on %s", ours)
	}
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := page.Connect(t.Context(), page.BridgeConfig{URL: theirs, Origin: origin, Key: key}); err == nil || !strings.Contains(err.Error(), string(fault.OriginRefused)) {
		t.Errorf("a page of ours at their bridge: %v", err)
	}
	state := filepath.Join(filepath.Dir(config), "state")
	if b, ok, err := control.Ask(t.Context(), &control.Client{StateDir: state}, control.Who, control.WhoParams{}); ok || err == nil || !strings.Contains(err.Error(), "belongs to another user (65534)") {
		t.Errorf("found %+v: %v", b, err)
	}
	if code, out, errs := command(t, "approver", "--config", config); code != 1 || out != "" || !strings.Contains(errs, "belongs to the user nobody (65534)") {
		t.Errorf("a start with their state: %d, %q, %q", code, out, errs)
	}
	port, err := strconv.Atoi(theirs[strings.LastIndexByte(theirs, ':')+1:])
	if err != nil {
		t.Fatal(err)
	}
	if o, ok := instance.PortOwner(port); !ok || o.UID != nobody || !strings.HasSuffix(o.Exe, "/countersign-bridge") {
		t.Errorf("the owner of port %d: %+v", port, o)
	}
}

// newRunning starts a bridge that the test stops, and returns its first URL.
func newRunning(t *testing.T, change func(map[string]any)) string {
	t.Helper()
	lines, stop := running(t, config(t, change))
	t.Cleanup(stop)
	url, ok := strings.CutPrefix(line(t, lines), "listening on ")
	if !ok {
		t.Fatal(url)
	}
	return url
}

func TestABridgeWhoseStateDirectoryIsReplacedEndsWithTheReason(t *testing.T) {
	t.Parallel()
	path := config(t, nil)
	read, write := io.Pipe()
	var errs bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- run(t.Context(), []string{"approver", "--config", path}, stdio{write, &errs})
		write.Close()
	}()
	if l := line(t, bufio.NewReader(read)); !strings.HasPrefix(l, "listening on ") {
		t.Fatal(l)
	}
	within(t, "the bridge serves", func() bool { return events(t, path) == "started" })
	state := filepath.Join(filepath.Dir(path), "state")
	if err := errors.Join(os.Rename(state, state+".old"), os.Mkdir(state, 0o700)); err != nil {
		t.Fatal(err)
	}
	if code := <-done; code != 1 || !strings.Contains(errs.String(), "countersign-bridge: this bridge ended: the state directory "+state+" was removed, or is another one now") {
		t.Errorf("exit %d: %s", code, &errs)
	}
}

func TestWhatIsRevokedWhileTheLockFileIsMissingStaysRevoked(t *testing.T) {
	t.Parallel()
	path, _ := prompted(t, `{"pairing":["approve","decline"]}`, nil)
	lines, stop := running(t, path)
	defer stop()
	url := strings.TrimPrefix(line(t, lines), "listening on ")
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	connect := func() error {
		b, err := page.Connect(t.Context(), page.BridgeConfig{URL: url, Origin: origin, Key: key, Paired: func(string) {}})
		if err == nil {
			b.Close()
		}
		return err
	}
	if err := connect(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(path), "state", "bridge.lock")); err != nil {
		t.Fatal(err)
	}
	must(t, "pairings", "revoke", "--config", path, "all")
	if err := connect(); fault.CodeOf(err) != fault.PairingRefused {
		t.Errorf("the revoked page: %v", err)
	}
	if out := must(t, "pairings", "list", "--config", path); strings.Contains(out, origin) {
		t.Error(out)
	}
}
