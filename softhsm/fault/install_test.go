package fault_test

import (
	"context"
	"errors"
	"os"
	"testing"

	"countersign/softhsm"
	"countersign/softhsm/fault"
)

// installed is a module without a token of its own, for tests that call none.
func installed(t testing.TB) *fault.Module {
	t.Helper()
	real, err := softhsm.Module()
	if err != nil {
		t.Fatal(err)
	}
	m, err := fault.Install(t.Context(), t.TempDir(), fault.Config{Real: real})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func appendTo(path, before, more string) error {
	return os.WriteFile(path, []byte(before+more), 0o600)
}

func TestWaitingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	m := installed(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Entered(ctx, "C_Sign"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := m.Entered(t.Context(), "C_Sing"); err == nil {
		t.Error("a function that is none can be awaited")
	}
}

func TestInstallSaysWhatIsMissing(t *testing.T) {
	for name, c := range map[string]struct {
		cfg  fault.Config
		path string
		want error
	}{
		"no real module": {cfg: fault.Config{Real: "missing.so"}, path: os.Getenv("PATH"), want: os.ErrNotExist},
		"no compiler":    {cfg: fault.Config{Real: os.Args[0]}, path: "", want: fault.ErrNoCompiler},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", c.path)
			if _, err := fault.Install(t.Context(), t.TempDir(), c.cfg); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
