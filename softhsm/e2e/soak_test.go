package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/softhsm/e2e/soak"
	"countersign/softhsm/e2e/system"
)

// soakTime is how long the soak lasts at least: SOAK, or as long as a test may.
func soakTime(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("SOAK")
	if text == "" {
		return 60 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 10*time.Second {
		t.Fatalf("SOAK=%s: write a time such as 60m, at least 10s", text)
	}
	return d
}

// useModule has the bridge load another PKCS#11 module.
func (r *rig) useModule(module string) {
	r.Helper()
	path := filepath.Join(r.State.Dir, "config", "bridge.json")
	data, err := os.ReadFile(path)
	if err != nil {
		r.Fatal(err)
	}
	var cfg map[string]any
	if err := json.Unmarshal(data, &cfg); err != nil {
		r.Fatal(err)
	}
	cfg["modules"] = []string{module}
	if data, err = json.Marshal(cfg); err != nil {
		r.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		r.Fatal(err)
	}
	r.again(false, "bridge")
}

func TestABridgeInMixedUseStaysFlat(t *testing.T) {
	t.Parallel()
	d := soakTime(t)
	bin, err := programs()
	if err != nil {
		t.Fatal(err)
	}
	r := start(t)
	var cancel context.CancelFunc
	r.ctx, cancel = context.WithTimeout(t.Context(), d+5*time.Minute)
	defer cancel()
	counts := filepath.Join(r.State.Dir, "counts")
	if err := os.Mkdir(counts, 0o700); err != nil {
		t.Fatal(err)
	}
	module, err := soak.Count(r.ctx, counts, r.State.Approvers.Module)
	if err != nil {
		t.Fatal(err)
	}
	r.useModule(module)
	report, err := soak.Run(r.ctx, soak.Config{System: r.System, Bridge: filepath.Join(bin, "countersign-bridge"), Script: r.script, Counts: counts, Duration: d})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for _, what := range slices.Sorted(maps.Keys(report.Outcomes)) {
		fmt.Fprintf(&table, "%7d  %s\n", report.Outcomes[what], what)
	}
	fmt.Fprintf(&table, "%7d  ECDH in the module\n%7d  samples in %v\n\n", report.Derived, len(report.Bridge), d)
	noise := int64(soak.Noise)
	if raceFlag == "-race" {
		noise = soak.RaceNoise
	}
	trend := soak.Trend(report.Bridge, report.Module, report.Derived, noise)
	if err := soak.Print(&table, trend); err != nil {
		t.Fatal(err)
	}
	t.Logf("\n%s", &table)
	for _, u := range report.Unexpected {
		t.Error(u)
	}
	if len(report.Unexpected) > 0 {
		log, err := os.ReadFile(filepath.Join(r.State.Dir, "logs", "bridge.log"))
		t.Logf("what the bridge said (%v):\n%s", err, log)
	}
	for _, g := range trend {
		if g.Grows() {
			t.Errorf("%s: %s grow from %d to %d", g.Process, g.What, g.Second, g.Fourth)
		}
	}
	for _, what := range report.Missing() {
		t.Errorf("%q never happened", what)
	}
	r.answer(system.Answers{})
}
