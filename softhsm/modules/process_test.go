package modules

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/softhsm/ports"
)

func TestADaemonThatEndsEarlyIsToldWithWhatItSaid(t *testing.T) {
	t.Parallel()
	var m Module
	d, err := m.launch([]string{"WHY=no socket"}, nil, "sh", "-c", `echo "broken: $WHY"; exit 3`)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.await(t.Context(), func() bool { return false }); err == nil || !strings.Contains(err.Error(), "sh ended: broken: no socket") {
		t.Errorf("awaited: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestADaemonIsAwaitedForAsLongAsTheContextLasts(t *testing.T) {
	t.Parallel()
	var m Module
	d, err := m.launch(nil, nil, "sleep", "1000")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := d.await(ctx, func() bool { return false }); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("awaited: %v", err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}

func TestADaemonGetsItsFileAndIsStoppedWithItsModule(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "given"))
	if err != nil {
		t.Fatal(err)
	}
	var m Module
	d, err := m.launch(nil, file, "sh", "-c", `echo hello >&3; trap 'echo ended >&3; exit' TERM; while :; do sleep 0.01; done`)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	said := func() string { b, _ := os.ReadFile(filepath.Join(dir, "given")); return string(b) }
	if err := d.await(t.Context(), func() bool { return said() == "hello\n" }); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if said() != "hello\nended\n" {
		t.Errorf("it said %q", said())
	}
	if err := m.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
}

func TestWhatIsMissingIsNamedWithItsPackage(t *testing.T) {
	t.Parallel()
	err := needs("sh", "dash", "no-such-daemon", "such-daemons", "no-such-tool", "such-daemons")
	if !errors.Is(err, ErrMissing) || !strings.HasSuffix(err.Error(), "apt-get install such-daemons") {
		t.Errorf("programs: %v", err)
	}
	if _, err := library("no-such-module.so", "such-modules"); !errors.Is(err, ErrMissing) || !strings.HasSuffix(err.Error(), "apt-get install such-modules") {
		t.Errorf("module: %v", err)
	}
	if _, err := run(t.Context(), nil, "sh", "-c", "echo why; exit 1"); err == nil || !strings.Contains(err.Error(), "why") {
		t.Errorf("a program that fails: %v", err)
	}
}

func TestTwoPortsAreHeldUntilTheModuleIsClosed(t *testing.T) {
	t.Parallel()
	var m Module
	port, err := m.twoPorts()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []int{port, port + 1} {
		address := fmt.Sprintf("0.0.0.0:%d", p)
		if _, err := ports.Hold(address); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("somebody else got %s: %v", address, err)
		}
		l, err := net.Listen("tcp", address) // as the daemon does
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
	}
	if err := m.Close(); err != nil {
		t.Error(err)
	}
}
