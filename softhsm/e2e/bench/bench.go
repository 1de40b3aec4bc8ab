// Package bench is `make bench`: it runs the Go benchmarks that measure the
// promises of the project, and prints one line for each promise:
//
//	NAME VALUE UNIT goal OP N ok|short
//
// What is measured lives beside the code that it measures, as ordinary
// benchmarks that anybody can run alone with `go test -bench`; this package only
// knows which of their metrics was promised. Lines that start with # say where a
// figure comes from. Machines differ and are shared, so a promise is a ratio to a
// floor of the same run where there is one, and each benchmark alternates and
// reports medians. softhsm/e2e/cmd/countersign-sandbox uses it.
package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// suite is one benchmark of one package.
type suite struct {
	pkg    string // below the module's root
	name   string // of the benchmark, without Benchmark
	rounds int    // -benchtime
	lines  []line
}

// line is what is printed of one metric.
type line struct {
	name   string  // NAME
	bench  string  // the sub-benchmark; empty when there is none
	metric string  // as the benchmark reports it
	scale  float64 // of the metric, to be VALUE
	unit   string  // UNIT
	op     string  // OP; empty: a line of commentary
	goal   float64 // N
	note   string  // of a line of commentary
}

var suites = []suite{
	{"bridge/internal/approver", "ApproverSign", 25, []line{
		{name: "sign_bridge_16", metric: "ratio-16", scale: 1, unit: "of-direct", op: ">=", goal: 0.6},
		{name: "sign_bridge_added", metric: "added-µs", scale: 1, unit: "us", op: "<=", goal: 400},
		{name: "sign_bridge_16 through the bridge", metric: "sign-16/s", scale: 1, unit: "signatures/s"},
		{name: "sign_bridge_16 direct calls", metric: "direct-16/s", scale: 1, unit: "signatures/s"},
		{name: "sign_bridge_added through the bridge", metric: "sign-1-µs", scale: 1, unit: "us"},
		{name: "sign_bridge_added direct calls", metric: "direct-1-µs", scale: 1, unit: "us", note: "with the verification, which the bridge must do"},
		{name: "sign_bridge_added the journal's sync", metric: "sync-µs", scale: 1, unit: "us", note: "not in what is added: it is the disk's"},
	}},
	{"bridge/internal/approver", "Pages", 15, []line{
		{name: "prompt_to_signature", metric: "prompt-µs", scale: 1e-3, unit: "ms", op: "<=", goal: 10},
		{name: "pages_16 frames", metric: "frames/s", scale: 1, unit: "frames/s"},
		{name: "pages_16 memory of each", metric: "page-KB", scale: 1, unit: "KB"},
	}},
	{"bridge/internal/device", "Isolation", 15, isolation()},
	{"bridge/internal/device", "SlowToken", 3, []line{
		{name: "isolated_5ms", bench: "5ms", metric: "ratio", scale: 1, unit: "of-direct", op: ">=", goal: 0.95},
		{name: "isolated_20ms", bench: "20ms", metric: "ratio", scale: 1, unit: "of-direct", op: ">=", goal: 0.98},
		{name: "slow_token_p99_5ms", bench: "5ms", metric: "p99-ratio", scale: 1, unit: "of-raw-sessions", op: "<=", goal: 0.6},
		{name: "slow_token_p99_20ms", bench: "20ms", metric: "p99-ratio", scale: 1, unit: "of-raw-sessions", op: "<=", goal: 0.6},
	}},
	{"bridge/internal/device", "Recovery", 5, []line{
		{name: "crash_to_signature", metric: "crash-ms", scale: 1, unit: "ms", op: "<=", goal: 50},
		{name: "pull_to_event", metric: "event-ms", scale: 1, unit: "ms", op: "<=", goal: 1000},
		{name: "replug_to_signature", metric: "replug-ms", scale: 1, unit: "ms", op: "<=", goal: 1000},
	}},
	{"bridge/internal/device", "ManyObjects", 25, []line{
		{name: "objects_10000", metric: "ratio", scale: 1, unit: "of-10-objects", op: "<=", goal: 1.05},
	}},
	{"bridge/internal/device", "Peer", 25, []line{
		{name: "p11kit_sequential", metric: "1-ratio", scale: 1, unit: "of-p11-kit", op: ">=", goal: 1},
		{name: "p11kit_concurrent", metric: "16-ratio", scale: 1, unit: "of-p11-kit", op: ">=", goal: 1.5},
	}},
	{"shared/jws", "VerifySecp256k1", 3000, []line{
		{name: "verify secp256k1 with libsecp256k1", bench: "libsecp256k1", metric: "ns/op", scale: 1e-3, unit: "us"},
		{name: "verify secp256k1 in Go", bench: "decred", metric: "ns/op", scale: 1e-3, unit: "us", note: "decred: where there is no cgo"},
	}},
	{"bridge/internal/signer", "Approval", 160, []line{
		{name: "approval_per_second", metric: "approvals/s", scale: 1, unit: "approvals/s", op: ">=", goal: 100},
		{name: "approval_of_memory", metric: "of-memory", scale: 1, unit: "of-keys-in-memory", op: ">=", goal: 0.4},
		{name: "approval_per_second_16", metric: "ratio-16", scale: 1, unit: "of-one-after-the-other", op: ">=", goal: 2},
		{name: "approval_handshake", metric: "handshake-µs", scale: 1e-3, unit: "ms", op: "<=", goal: 5},
		{name: "approval_statement", metric: "statement-µs", scale: 1e-3, unit: "ms", op: "<=", goal: 0.5},
		{name: "approval_sign", metric: "sign-µs", scale: 1e-3, unit: "ms", op: "<=", goal: 1},
		{name: "approval_verify_append", metric: "submit-µs", scale: 1e-3, unit: "ms", op: "<=", goal: 6},
		{name: "approval_per_second with all keys in memory", metric: "memory-approvals/s", scale: 1, unit: "approvals/s"},
		{name: "approval_per_second 16 at once", metric: "at-once/s", scale: 1, unit: "approvals/s"},
	}},
	{"bridge/internal/signer", "Vault", 100, []line{
		{name: "approval_verify_append of it a signature in the vault", bench: "sign", metric: "ns/op", scale: 1e-6, unit: "ms"},
		{name: "approval_verify_append of it the watermark", bench: "watermark", metric: "ns/op", scale: 1e-6, unit: "ms"},
		{name: "approval_verify_append of it the disk", bench: "append_to_the_file", metric: "ns/op", scale: 1e-6, unit: "ms"},
	}},
	{"bridge/internal/signer", "Verify", 10, []line{
		{name: "log_verify", metric: "ratio", scale: 1, unit: "of-bare-signatures", op: ">=", goal: 0.5},
		{name: "log_verify an entry", metric: "entry-µs", scale: 1, unit: "us"},
	}},
	{"bridge/internal/signer", "Start", 7, []line{
		{name: "start_1000000", metric: "long-ms", scale: 1e-3, unit: "s", op: "<=", goal: 3},
		{name: "start_ratio", metric: "ratio", scale: 1, unit: "of-10000-entries", op: "<=", goal: 2},
		{name: "start_ratio 10,000 entries", metric: "short-ms", scale: 1e-3, unit: "s"},
		{name: "start_1000000 with a full segment behind the checkpoint", metric: "full-ms", scale: 1e-3, unit: "s"},
	}},
	{"bridge/internal/signer", "Closed", 1, []line{
		{name: "memory_1000000", metric: "ratio", scale: 1, unit: "of-10000-closed", op: "<=", goal: 1.5},
		{name: "memory_1000000 closed requests", metric: "many-MB", scale: 1, unit: "MB"},
		{name: "memory_1000000 with 10,000", metric: "few-MB", scale: 1, unit: "MB"},
	}},
	{"bridge/internal/signer", "Velocity", 300, []line{
		{name: "velocity_100000", metric: "ratio", scale: 1, unit: "of-100-earlier", op: "<=", goal: 1.2},
		{name: "velocity_100000 a request", metric: "many-ms", scale: 1, unit: "ms"},
	}},
	{"shared/rehearsal", "BackTest", 3, []line{
		{name: "backtest_100000", metric: "s", scale: 1, unit: "s", op: "<=", goal: 5},
	}},
	{"bridge/internal/signer", "Impact", 3, []line{
		{name: "impact_100000", metric: "s", scale: 1, unit: "s", op: "<=", goal: 5},
	}},
	{"shared/vault", "Decide", 2000, []line{
		{name: "decisions_32_rules", metric: "decisions/s", scale: 1, unit: "decisions/s"},
	}},
	{"shared/receipt", "Verify", 20, []line{
		{name: "receipt_verify", metric: "ns/op", scale: 1e-6, unit: "ms", op: "<=", goal: 50},
	}},
	{"wasm/verify", "Browser", 1, []line{
		{name: "receipt_verify_browser", metric: "warm-ms", scale: 1, unit: "ms", op: "<=", goal: 300},
		{name: "receipt_verify_browser the first", metric: "cold-ms", scale: 1, unit: "ms", note: "in Node: V8 without a page"},
	}},
	{"bridge/internal/audit", "Audit", 2, []line{
		{name: "audit_100000", metric: "s", scale: 1, unit: "s"},
	}},
	{"shared/vault", "Spent", 2000, []line{
		{name: "velocity_100000 the rules alone", metric: "ratio", scale: 1, unit: "of-100-earlier"},
	}},
	{"web/internal/reconcile", "Reconcile", 3, []line{
		{name: "reconcile_100000", metric: "ratio", scale: 1, unit: "of-reading-the-rows", op: "<=", goal: 5},
		{name: "reconcile_100000 entries", metric: "s", scale: 1, unit: "s"},
		{name: "reconcile_100000 reading the rows alone", metric: "floor-s", scale: 1, unit: "s"},
	}},
	{"web/internal/buy", "Overhead", 60, []line{
		{name: "quotes_added_3", bench: "providers=3", metric: "overhead-ms", scale: 1, unit: "ms", op: "<=", goal: 3},
		{name: "quotes_added_30", bench: "providers=30", metric: "overhead-ms", scale: 1, unit: "ms", op: "<=", goal: 10},
	}},
	{"web/internal/buy", "LongestAddress", 5, []line{
		{name: "handoff_longest_address", metric: "worst-ms", scale: 1, unit: "ms", op: "<=", goal: 15},
	}},
	{"web/dashboard/bundle", "Bundle", 1, []line{
		{name: "bundle_ratio", metric: "of-floor", scale: 1, unit: "of-floor", op: "<=", goal: 2},
		{name: "bundle_ratio the module", metric: "module-bytes", scale: 1, unit: "bytes"},
		{name: "bundle_ratio the verifier of receipts", metric: "verifier-bytes", scale: 1, unit: "bytes"},
		{name: "bundle_ratio the floor", metric: "floor-bytes", scale: 1, unit: "bytes"},
	}},
	{"softhsm/e2e/bench", "PageUsable", 7, []line{
		{name: "page_usable", metric: "usable-ms", scale: 1, unit: "ms", op: "<=", goal: 500},
		{name: "page_usable first paint", metric: "paint-ms", scale: 1, unit: "ms"},
		{name: "page_usable a second visit", metric: "again-ms", scale: 1, unit: "ms"},
	}},
	{"softhsm/e2e/bench", "ColdLoad", 5, []line{
		{name: "cold_load", metric: "cold-ms", scale: 1e-3, unit: "s", op: "<=", goal: 5.5},
		{name: "cold_ratio", metric: "ratio", scale: 1, unit: "of-the-module-alone", op: "<=", goal: 1.1},
		{name: "cold_first_useful", metric: "useful-ms", scale: 1e-3, unit: "s", op: "<=", goal: 1.5},
		{name: "cold_price", metric: "price-ms", scale: 1e-3, unit: "s-after-the-core", op: "<=", goal: 0.5},
		{name: "cold_form", metric: "form-ms", scale: 1e-3, unit: "s", op: "<=", goal: 0.8},
		{name: "cold_load the module alone over the same line", metric: "floor-ms", scale: 1e-3, unit: "s"},
		{name: "cold_load the module has arrived", metric: "core-ms", scale: 1e-3, unit: "s"},
		{name: "cold_load the first picture of the core", metric: "picture-ms", scale: 1e-3, unit: "s"},
		{name: "cold_load bytes of the module", metric: "core-bytes", scale: 1, unit: "bytes"},
		{name: "cold_load bytes in all", metric: "all-bytes", scale: 1, unit: "bytes"},
		{name: "cold_moved", metric: "moved", scale: 1, unit: "layout-shift", op: "<=", goal: 0.001},
	}},
	{"softhsm/e2e/bench", "FirstPrice", 7, []line{
		{name: "first_price", metric: "of-plain", scale: 1, unit: "of-plain-javascript", op: "<=", goal: 1.2},
		{name: "longest_task", metric: "longest-ms", scale: 1, unit: "ms", op: "<=", goal: 100},
		{name: "stream_moved", metric: "moved", scale: 1, unit: "layout-shift", op: "<=", goal: 0.001},
		{name: "first_price after a press", metric: "page-ms", scale: 1, unit: "ms"},
		{name: "first_price in plain JavaScript", metric: "plain-ms", scale: 1, unit: "ms"},
		{name: "first_price from navigation", metric: "early-ms", scale: 1, unit: "ms"},
	}},
	{"softhsm/e2e/bench", "Idle", 3, []line{
		{name: "idle_cpu", metric: "idle-s", scale: 1, unit: "s-per-minute", op: "<=", goal: 0.1},
		{name: "idle_requests", metric: "requests", scale: 1, unit: "a-minute", op: "<=", goal: 0},
		{name: "idle_memory", metric: "memory", scale: 1, unit: "of-before", op: "<=", goal: 1.05},
		{name: "idle_cpu the page", metric: "page-s", scale: 1, unit: "s"},
		{name: "idle_cpu an empty page of the same browser", metric: "blank-s", scale: 1, unit: "s"},
		{name: "idle_cpu the bridge", metric: "bridge-s", scale: 1, unit: "s"},
		{name: "idle_cpu the bridge's modules", metric: "modules-s", scale: 1, unit: "s"},
	}},
}

// isolation are the lines for signing and ECDH with each module in a process of
// its own.
func isolation() []line {
	lines := []line{
		{name: "isolated_added", bench: "secp256k1", metric: "added-µs", scale: 1e-3, unit: "ms", op: "<=", goal: 0.15},
		{name: "isolated_sign_16", bench: "secp256k1", metric: "sign-16-ratio", scale: 1, unit: "of-direct", op: ">=", goal: 0.85},
	}
	for _, curve := range []string{"secp256k1", "P-256"} {
		for _, n := range []string{"1", "2", "4", "8", "16"} {
			lines = append(lines,
				line{name: "isolated " + curve + " sign, " + n + " at once", bench: curve, metric: "sign-" + n + "-ratio", scale: 1, unit: "of-direct"},
				line{name: "isolated " + curve + " ECDH, " + n + " at once", bench: curve, metric: "ecdh-" + n + "-ratio", scale: 1, unit: "of-direct"})
		}
	}
	return lines
}

// Run measures and prints. Only limits it to the suites with a line whose name
// starts so. A promise that is not kept is not an error; a benchmark that fails is: the
// others are measured nevertheless, what it reported before is printed, and the
// last lines say which failed.
func Run(ctx context.Context, out io.Writer, only string) error {
	root, err := root(ctx)
	if err != nil {
		return err
	}
	return runAll(out, suites, only, func(s suite) (map[string]float64, error) { return s.run(ctx, root) })
}

func runAll(out io.Writer, suites []suite, only string, measure func(suite) (map[string]float64, error)) error {
	var failures []error
	measured := 0
	for _, s := range suites {
		if !s.wanted(only) {
			continue
		}
		measured++
		got, err := measure(s)
		if err != nil {
			fmt.Fprintf(out, "# %s of %s failed; going on with the next\n", s.name, s.pkg)
		}
		for _, l := range s.lines {
			if perr := l.print(out, s, got); perr != nil && err == nil {
				err = perr
			}
		}
		if err != nil {
			failures = append(failures, err)
		}
	}
	switch {
	case measured == 0:
		return fmt.Errorf("no line has a name that starts with %q", only)
	case len(failures) > 0:
		fmt.Fprintf(out, "# %d of %d benchmarks failed\n", len(failures), measured)
		return fmt.Errorf("%d of %d benchmarks failed: %w", len(failures), measured, errors.Join(failures...))
	}
	return nil
}

// root is the folder of the module.
func root(ctx context.Context) (string, error) {
	b, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the checkout: %w", err)
	}
	mod := strings.TrimSpace(string(b))
	if mod == "" || mod == os.DevNull {
		return "", errors.New("run it inside the checkout: it measures with go test")
	}
	return filepath.Dir(mod), nil
}

func (s suite) wanted(prefix string) bool {
	for _, l := range s.lines {
		if strings.HasPrefix(l.name, prefix) {
			return true
		}
	}
	return false
}

// suiteTime is how long one benchmark may take.
const suiteTime = 10 * time.Minute

// run returns the metrics by "sub-benchmark metric", also those that were reported
// before it failed.
func (s suite) run(ctx context.Context, root string) (map[string]float64, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run=^$", "-bench=^Benchmark"+s.name+"$",
		"-benchtime="+strconv.Itoa(s.rounds)+"x", "-timeout="+suiteTime.String(), "./"+s.pkg)
	cmd.Dir = root
	var all bytes.Buffer
	cmd.Stdout, cmd.Stderr = &all, &all
	err := cmd.Run()
	got := parse(all.String())
	if err != nil {
		return got, fmt.Errorf("measure %s in %s: %w\n%s", s.name, s.pkg, err, all.Bytes())
	}
	if len(got) == 0 {
		return nil, fmt.Errorf("measure %s in %s: there is no such benchmark\n%s", s.name, s.pkg, all.Bytes())
	}
	return got, nil
}

// parse reads the format of the standard benchmarks: name-P N VALUE UNIT …
func parse(output string) map[string]float64 {
	got := map[string]float64{}
	for row := range strings.Lines(output) {
		f := strings.Fields(row)
		if len(f) < 4 || !strings.HasPrefix(f[0], "Benchmark") {
			continue
		}
		_, sub, _ := strings.Cut(f[0], "/")
		if i := strings.LastIndexByte(sub, '-'); i >= 0 { // the number of processors
			sub = sub[:i]
		}
		for i := 2; i+1 < len(f); i += 2 {
			if v, err := strconv.ParseFloat(f[i], 64); err == nil {
				got[sub+" "+f[i+1]] = v
			}
		}
	}
	return got
}

func (l line) print(out io.Writer, s suite, got map[string]float64) error {
	v, ok := got[l.bench+" "+l.metric]
	if !ok {
		return fmt.Errorf("the benchmark %s of %s does not report %q", s.name, s.pkg, l.metric)
	}
	v *= l.scale
	value := strconv.FormatFloat(v, 'f', digits(v), 64)
	if l.op == "" {
		note := ""
		if l.note != "" {
			note = " (" + l.note + ")"
		}
		_, err := fmt.Fprintf(out, "# %s: %s %s%s\n", l.name, value, l.unit, note)
		return err
	}
	verdict := "short"
	if l.op == ">=" && v >= l.goal || l.op == "<=" && v <= l.goal {
		verdict = "ok"
	}
	_, err := fmt.Fprintf(out, "%s %s %s goal %s %s %s\n", l.name, value, l.unit, l.op, strconv.FormatFloat(l.goal, 'f', -1, 64), verdict)
	return err
}

// digits are as many as mean something.
func digits(v float64) int {
	switch {
	case v >= 100:
		return 0
	case v >= 10:
		return 1
	}
	return 2
}
