package control

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/instance"
)

// patience is how long a test waits for what a bridge does within a second.
const patience = 20 * time.Second

func lost(t *testing.T, s *Server) error {
	t.Helper()
	select {
	case err := <-s.Lost():
		return err
	case <-time.After(patience):
		t.Fatal("the bridge does not notice")
		return nil
	}
}

func TestABridgeWhoseLockFileIsRemovedIsStillAskedAndTheOnlyOne(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir})
	s.Serve([]string{"ws://127.0.0.1:1"}, handlers("bridge"))
	for _, what := range []string{"once", "and again"} {
		if err := os.Remove(filepath.Join(dir, "bridge.lock")); err != nil {
			t.Fatal(err)
		}
		if got := connected(t, client(dir)); got != "bridge" {
			t.Errorf("%s: a command asks the %s", what, got)
		}
		if err := os.Remove(filepath.Join(dir, "bridge.lock")); err != nil {
			t.Fatal(err)
		}
		var running *Running
		if _, err := Claim(t.Context(), Config{StateDir: dir}); !errors.As(err, &running) {
			t.Errorf("%s: a second start: %v", what, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if got := connected(t, client(dir)); got != "files" {
		t.Errorf("after its end: %s", got)
	}
}

func TestABridgeWhoseSocketIsRemovedOpensItAgain(t *testing.T) {
	for name, remove := range map[string]func(path string) error{
		"the socket": os.Remove, "its folder": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			run, err := os.MkdirTemp("", "cs-run-") // that of a test is too long for a socket
			if err != nil {
				t.Fatal(err)
			}
			defer os.RemoveAll(run)
			t.Setenv("XDG_RUNTIME_DIR", run)
			dir := stateDir(t)
			s := claim(t, Config{StateDir: dir})
			s.Serve(nil, handlers("bridge"))
			held, err := instance.Look(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := remove(held.Who.Socket); err != nil {
				t.Fatal(err)
			}
			if got := connected(t, client(dir)); got != "bridge" {
				t.Errorf("a command asks the %s", got)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			if _, err := os.Lstat(held.Who.Socket); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("it left its socket: %v", err)
			}
		})
	}
}

func TestABridgeWhoseSocketIsNotThereIsNotTakenForNone(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	lock, err := instance.Take(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Release()
	if err := lock.Say(instance.Holder{PID: 4711, Socket: filepath.Join(dir, "swept.sock"), Protocol: Protocol}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r, err := Call(ctx, client(dir), ListPairings, None{}); err == nil || !strings.Contains(err.Error(), "the bridge of process 4711 does not answer") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestABridgeWhoseLockOrSocketIsAnothersSaysSo(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(dir, socket string) error{
		"the lock":   func(dir, _ string) error { return replaceBy(filepath.Join(dir, "bridge.lock"), nil) },
		"the folder": func(dir, _ string) error { return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700)) },
		"the socket": func(_, socket string) error { return replaceBy(socket, nil) },
	} {
		dir := stateDir(t)
		s := claim(t, Config{StateDir: dir})
		held, err := instance.Look(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := take(dir, held.Who.Socket); err != nil {
			t.Fatal(err)
		}
		var is *instance.Lost
		if err := lost(t, s); !errors.As(err, &is) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func replaceBy(path string, data []byte) error {
	return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, data, 0o600))
}

func TestABridgeThatEndsRemovesItsOwnSocketOnly(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	s := claim(t, Config{StateDir: dir})
	path := s.socket.path
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatalf("another's socket is gone: %v", err)
	}
	c.Close()
}
