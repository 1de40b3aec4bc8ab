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

func TestCloseLetsGoWhatHangs(t *testing.T) {
	t.Parallel()
	token := softhsm.NewFaulty(t, spec("end")).Token
	m, err := fault.Install(t.Context(), t.TempDir(), fault.Config{Real: token.Store.Module, InPlace: true, Token: token.Label, Env: token.Env()})
	if err != nil {
		t.Fatal(err)
	}
	d := load(t, m.Path)
	d.open()
	if err := m.Set(fault.Hang("C_Login")); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- d.login(token.PIN) }()
	if err := m.Entered(t.Context(), "C_Login"); err != nil {
		t.Fatal(err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	d.is(<-result, deviceRemoved)
	if err := m.Entered(t.Context(), "C_Login"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("waiting after Close: %v", err)
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
