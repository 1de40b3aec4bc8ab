package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"countersign/softhsm/e2e/system"
)

// programs builds the programs once for all tests of this package, from the
// sources as they are now.
var programs = sync.OnceValues(func() (string, error) {
	bin, err := os.MkdirTemp("", "countersign-bin-")
	if err != nil {
		return "", err
	}
	for name, path := range map[string]string{
		"countersign-gateway": "./web/cmd/countersign-gateway", "countersign-bridge": "./bridge/cmd/countersign-bridge",
		"scripted-pinentry": "./softhsm/e2e/cmd/scripted-pinentry", "softhsm-token": "./softhsm/cmd/softhsm-token",
		"countersign-sandbox": "./softhsm/e2e/cmd/countersign-sandbox",
	} {
		cmd := exec.Command("go", "build", raceFlag, "-o", filepath.Join(bin, name), path)
		cmd.Dir = top
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return bin, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if bin, err := programs(); err == nil {
		_ = os.RemoveAll(bin) // a temporary folder
	}
	os.Exit(code)
}

// rig is a running system with a scripted person at the bridge.
type rig struct {
	*testing.T
	*system.System
	ctx    context.Context
	script string
}

// start runs everything on free ports; it is stopped, and must stop cleanly,
// when t ends. The bridge also admits pages of the given origins.
func start(t *testing.T, origins ...string) *rig {
	t.Helper()
	return startWith(t, system.Config{Origins: origins})
}

// startWith is [start] with a configuration, which it completes.
func startWith(t *testing.T, cfg system.Config) *rig {
	t.Helper()
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	t.Cleanup(cancel)
	r := &rig{T: t, ctx: ctx, script: filepath.Join(dir, "script.json")}
	cfg.Dir, cfg.Bin, cfg.Pinentry, cfg.BridgeEnv = filepath.Join(dir, "state"), bin, filepath.Join(bin, "scripted-pinentry"), system.ScriptEnv(r.script)
	r.System, err = system.Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	r.answer(system.Answers{})
	return r
}

// answer says what the person will do from now on.
func (r *rig) answer(a system.Answers) {
	r.Helper()
	if err := r.State.Script(r.script, a); err != nil {
		r.Fatal(err)
	}
}

// prompts is what the person was shown so far, as JSON lines.
func (r *rig) prompts() string {
	r.Helper()
	b, err := os.ReadFile(system.PromptLog(r.script))
	if err != nil {
		r.Fatal(err)
	}
	return string(b)
}
