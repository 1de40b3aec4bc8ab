package signer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// otherUser is a number without a name, in no group.
const otherUser = 64_321

// callVariable names the socket that this program calls instead of running tests:
// so that a test can call as another user.
const callVariable = "COUNTERSIGN_TEST_CALL"

// callAndPrint asks the signer for its status and prints the answer.
func callAndPrint(path string) int {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}}}
	res, err := client.Get("http://signer/v1/status")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer res.Body.Close()
	_, err = io.Copy(os.Stdout, res.Body)
	if err != nil {
		return 1
	}
	return 0
}

// callAs calls the signer as another user.
func callAs(t *testing.T, uid, gid uint32, path string) (wire.SignerStatus, *fault.Error, string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	dir := openFolder(t) // the test's own is closed to others
	copied := filepath.Join(dir, "call")
	if err := os.WriteFile(copied, program, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), copied)
	cmd.Env = []string{callVariable + "=" + path}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: gid}}
	out, _ := cmd.Output() // what it says is in out
	var status wire.SignerStatus
	if strictjson.Unmarshal(out, &status, 1<<20) == nil {
		return status, nil, string(out)
	}
	var p wire.Problem
	if strictjson.Unmarshal(out, &p, 1<<20) == nil {
		if f, ok := fault.As(p.Fault()); ok {
			return status, f, string(out)
		}
	}
	return status, nil, string(out)
}

// openFolder is a folder that every user can enter.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cs-open-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can call as another user")
	}
}

// TestOnlyAUserWhoCannotReadThePINIsServed calls a real signer as another user, and
// as its own.
func TestOnlyAUserWhoCannotReadThePINIsServed(t *testing.T) {
	needRoot(t)
	cfg := configOf(t, vaultIn(t))
	dir := openFolder(t)
	cfg.Socket, cfg.SameUser = filepath.Join(dir, "s.sock"), false
	cfg.SocketGroup, cfg.Peers = strconv.Itoa(otherUser), []string{"root", strconv.Itoa(otherUser)}
	initProgram(t, cfg)
	p := startProgram(t, cfg, openHSM)
	defer p.end()

	if status, refused, said := callAs(t, otherUser, otherUser, cfg.Socket); refused != nil || status.Entity == "" {
		t.Errorf("a user who is served: %s", said)
	}
	if _, refused, said := callAs(t, 0, 0, cfg.Socket); refused == nil || refused.Code != fault.Forbidden || refused.Details["reason"] != "peer" || !strings.Contains(refused.Message, "another user") {
		t.Errorf("the signer's own user: %s", said)
	}
	if _, refused, said := callAs(t, otherUser+1, otherUser, cfg.Socket); refused == nil || refused.Code != fault.Forbidden {
		t.Errorf("a user who is not in peers: %s", said)
	}
	if _, _, said := callAs(t, otherUser, otherUser+1, cfg.Socket); !strings.Contains(said, "permission denied") {
		t.Errorf("a user who is not in the group: %s", said)
	}
	if info, err := os.Stat(cfg.Socket); err != nil || info.Mode().Perm() != 0o660 || int(info.Sys().(*syscall.Stat_t).Gid) != otherUser {
		t.Errorf("the socket is %v, %v", info, err)
	}
}

// TestAPINOrAStoreThatAPeerCanReachEndsItsService: who could take the key asks for
// nothing.
func TestAPINOrAStoreThatAPeerCanReachEndsItsService(t *testing.T) {
	t.Parallel()
	dir := openFolder(t)
	pin, store := filepath.Join(dir, "pin"), filepath.Join(dir, "store")
	for _, err := range []error{os.WriteFile(pin, nil, 0o600), os.Mkdir(store, 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	own := os.Geteuid()
	var out bytes.Buffer
	at := time.Now()
	n, err := neighboursOf(Config{PINFile: pin, Private: []string{store, filepath.Join(dir, "not there")}}, socket{mode: groupMode}, "",
		slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	n.now = func() time.Time { return at }
	if err := n.admit(own+otherUser, true); err != nil {
		t.Errorf("another user: %v", err)
	}
	for name, err := range map[string]error{"the own user": n.admit(own, true), "root": n.admit(0, true), "nobody knows whom": n.admit(0, false)} {
		if fault.CodeOf(err) != fault.Forbidden || strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for path, mode := range map[string]fs.FileMode{pin: 0o604, store: 0o705} {
		sound, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := n.admit(own+otherUser, true); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("%s has mode %o: %v", filepath.Base(path), mode, err)
		}
		if _, err := neighboursOf(Config{PINFile: pin, Private: []string{store}}, socket{mode: groupMode}, "", n.log); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("a start with %s of mode %o: %v", filepath.Base(path), mode, err)
		}
		if err := os.Chmod(path, sound.Mode().Perm()); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Chmod(store, 0o770); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(store)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.admit(own+otherUser, true, int(info.Sys().(*syscall.Stat_t).Gid)); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("a program in the group of the store: %v", err)
	}
	if err := os.Chmod(store, 0o705); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil { // nobody gets as far as the store
		t.Fatal(err)
	}
	if err := n.admit(own+otherUser, true); err != nil {
		t.Errorf("a store in a closed folder: %v", err)
	}

	out.Reset()
	for range 6 {
		at = at.Add(20 * time.Second)
		_ = n.admit(own, true)
	}
	if c := strings.Count(out.String(), "was refused"); c != 2 {
		t.Errorf("in 120 seconds it was told %d times:\n%s", c, out.String())
	}
}

func TestSandboxesSayThatTheirGatewayMayBeTheSignersUser(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	n, err := neighboursOf(Config{SameUser: true, PINFile: filepath.Join(t.TempDir(), "pin")}, socket{mode: ownMode}, "", slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.admit(os.Geteuid(), true); err != nil {
		t.Error(err)
	}
	if !strings.Contains(out.String(), "for sandboxes only") {
		t.Errorf("it is not said: %s", &out)
	}
}

func TestTheSocketIsForWhomTheConfigurationSays(t *testing.T) {
	t.Parallel()
	open, closed, writable := openFolder(t), t.TempDir(), openFolder(t)
	if err := os.Chmod(writable, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	in := func(dir string) string { return filepath.Join(dir, "s") }
	for name, row := range map[string]struct {
		cfg   Config
		field string
		mode  fs.FileMode
	}{
		"nothing said":                         {Config{Socket: in(closed)}, "", 0o600},
		"a group":                              {Config{Socket: in(open), SocketGroup: "1234567"}, "", 0o660},
		"a group by its name, and the mode":    {Config{Socket: in(open), SocketGroup: "root", SocketMode: "0660"}, "", 0o660},
		"no path":                              {Config{}, "socket", 0},
		"a group that is not there":            {Config{Socket: in(open), SocketGroup: "no such group"}, "socket_group", 0},
		"a mode for everybody":                 {Config{Socket: in(open), SocketGroup: "root", SocketMode: "0666"}, "socket_mode", 0},
		"a mode that is not a number":          {Config{Socket: in(open), SocketMode: "rw-------"}, "socket_mode", 0},
		"a group's mode without a group":       {Config{Socket: in(open), SocketMode: "0660"}, "socket_mode", 0},
		"a group and a mode that closes it":    {Config{Socket: in(open), SocketGroup: "root", SocketMode: "0600"}, "socket_mode", 0},
		"a folder that everybody can change":   {Config{Socket: in(writable)}, "socket", 0},
		"a folder that the group cannot enter": {Config{Socket: in(closed), SocketGroup: "1234567"}, "socket", 0},
	} {
		s, err := socketOf(row.cfg)
		f, _ := fault.As(err)
		switch {
		case row.field == "" && (err != nil || s.mode != row.mode):
			t.Errorf("%s: %v, %v", name, s, err)
		case row.field != "" && (f == nil || f.Code != fault.Invalid || f.Details["field"] != row.field):
			t.Errorf("%s: %v, want the field %s", name, err, row.field)
		}
	}
	for name, cfg := range map[string]Config{
		"a user who is not there": {Peers: []string{"no such user"}}, "a user whom the socket keeps out": {Peers: []string{strconv.Itoa(os.Geteuid() + otherUser)}},
	} {
		if _, err := neighboursOf(cfg, socket{mode: ownMode}, "", slog.New(slog.DiscardHandler)); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatIsAtThePathOfTheSocket(t *testing.T) {
	t.Parallel()
	dir := openFolder(t)
	s := socket{path: filepath.Join(dir, "s"), mode: ownMode, gid: -1}
	l, err := s.listen(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.listen(t.Context()); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a socket on which a program listens: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if l, err = s.listen(t.Context()); err != nil {
		t.Fatalf("a socket that a crash left: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, put := range map[string]func() error{
		"a file":             func() error { return os.WriteFile(s.path, []byte("mine"), 0o600) },
		"a symbolic link":    func() error { return os.Symlink(filepath.Join(dir, "elsewhere"), s.path) },
		"a folder":           func() error { return os.Mkdir(s.path, 0o700) },
		"a link to a socket": func() error { return os.Symlink(filepath.Join(dir, "other"), s.path) },
	} {
		if err := os.Remove(s.path); err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := put(); err != nil {
			t.Fatal(err)
		}
		if _, err := s.listen(t.Context()); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Lstat(s.path); err != nil {
			t.Errorf("%s was removed: %v", name, err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
