package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"countersign/shared/fault"
	"countersign/shared/link"
	"countersign/softhsm/e2e/page"
)

const origin = "http://127.0.0.1:8080"

// command runs the program in this process and returns its exit code and output.
func command(t *testing.T, args ...string) (code int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	code = run(t.Context(), args, stdio{&o, &e})
	return code, o.String(), e.String()
}

func config(t *testing.T, change func(map[string]any)) string {
	t.Helper()
	dir := t.TempDir()
	cfg := map[string]any{"listen": []string{"127.0.0.1:0"}, "origins": []string{origin}, "modules": []string{}, "identities": []string{}, "state_dir": "state"}
	if change != nil {
		change(cfg)
	}
	data, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "bridge.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHelpTeaches(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(new(grammar), kong.Vars{"config": "bridge.json"})
	if err != nil {
		t.Fatal(err)
	}
	all := [][]string{nil, {"--help"}}
	examples := 0
	for _, leaf := range parser.Model.Leaves(false) {
		all = append(all, append(strings.Fields(leaf.Path()), "--help"))
	}
	for _, args := range all {
		code, out, errs := command(t, args...)
		if code != 0 || !strings.HasPrefix(out, "Usage: countersign-bridge") || errs != "" {
			t.Errorf("%q: %d, %q, %q", args, code, out, errs)
		}
		if strings.Contains(out, "Example") {
			examples++
		}
		switch first := strings.Join(args, " "); {
		case strings.HasPrefix(first, "keys"), strings.HasPrefix(first, "origins"), strings.HasPrefix(first, "pairings"), strings.HasPrefix(first, "journal"), strings.HasPrefix(first, "doctor"):
			if !strings.Contains(out, "Example") {
				t.Errorf("%q has no example", args)
			}
		}
	}
	if examples < 15 {
		t.Errorf("%d commands have examples", examples)
	}
	if code, out, _ := command(t, "version", "-c", "/nonexistent.json"); code != 0 || !strings.HasPrefix(out, "countersign-bridge ") {
		t.Errorf("version with a configuration: %d, %q", code, out)
	}
	if code, out, _ := command(t, "--version"); code != 0 || !strings.HasPrefix(out, "countersign-bridge ") {
		t.Errorf("--version: %d, %q", code, out)
	}
	if _, out, _ := command(t, "--help"); !strings.Contains(out, "countersign-bridge approver\n") {
		t.Errorf("no example in %q", out)
	}
}

func TestMistakesAreExplained(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]struct {
		args []string
		code int
		says string
	}{
		"an unknown command":  {[]string{"sign"}, 2, "unexpected argument sign"},
		"no configuration":    {[]string{"signer", "serve"}, 2, "--config"},
		"a missing file":      {[]string{"approver", "--config", "/nonexistent.json"}, 1, "examples/bridge.json"},
		"an unknown field":    {[]string{"approver", "--config", config(t, func(m map[string]any) { m["port"] = 1 })}, 1, `unknown field "port"`},
		"no good origin":      {[]string{"approver", "--config", config(t, func(m map[string]any) { m["origins"] = []string{"https://a.example/"} })}, 1, "without a path"},
		"no origin":           {[]string{"approver", "--config", config(t, func(m map[string]any) { m["origins"] = []string{} })}, 1, "no origin"},
		"a public address":    {[]string{"approver", "--config", config(t, func(m map[string]any) { m["listen"] = []string{"0.0.0.0:0"} })}, 1, "127.0.0.1 and [::1] only"},
		"an unknown prompt":   {[]string{"approver", "--config", config(t, func(m map[string]any) { m["prompt"] = "email" })}, 1, "use auto, pinentry or terminal"},
		"no journal yet":      {[]string{"journal", "verify", "--config", config(t, nil)}, 1, "there is no journal yet: the first start of the bridge makes it\n"},
		"nothing to revoke":   {[]string{"pairings", "revoke", "--config", config(t, nil), "all"}, 1, "NOT_FOUND: no page is paired\n"},
		"no journal to show":  {[]string{"journal", "show", "--config", config(t, nil)}, 1, "countersign-bridge: there is no journal yet"},
		"nothing to unblock":  {[]string{"origins", "unblock", "--config", config(t, nil), "all"}, 1, "NOT_FOUND: no site is blocked\n"},
		"a wrong flag":        {[]string{"keys", "generate", "--tokn", "x"}, 2, "Try: countersign-bridge keys generate --help\n"},
		"a flag too early":    {[]string{"pairings", "-c", "x"}, 2, "Say what to do before any flags: countersign-bridge pairings list|revoke\nTry: countersign-bridge pairings --help\n"},
		"a signer's mistake":  {[]string{"signer", "serve", "--config", config(t, nil)}, 1, "it is the configuration of an approver"},
		"a doctor's patient":  {[]string{"doctor", "--config", config(t, func(m map[string]any) { m["modules"] = []string{"/nonexistent.so"} })}, 1, "of the checks failed"},
		"no state directory":  {[]string{"approver", "--config", config(t, func(m map[string]any) { delete(m, "state_dir") })}, 1, "state_dir is missing"},
		"an argument missing": {[]string{"signer", "init", "--config", "x"}, 2, "--genesis"},
	} {
		code, _, errs := command(t, r.args...)
		if code != r.code || !strings.Contains(errs, r.says) {
			t.Errorf("%s: %d, %q", name, code, errs)
		}
	}
}

// The program as `make demo` runs it: a scripted pinentry in place of the person,
// a page that pairs, comes again, and is revoked.
func TestABridgeFromStartToStop(t *testing.T) {
	t.Parallel()
	path, shown := prompted(t, `{"log":"log","pairing":["approve","reject"]}`, nil)

	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	var errs bytes.Buffer
	done := make(chan int, 1)
	go func() { done <- run(ctx, []string{"approver", "--config", path}, stdio{write, &errs}) }()
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	url, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		t.Fatalf("it says %q", line)
	}
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	visit := func() (code string, err error) {
		b, err := page.Connect(t.Context(), page.BridgeConfig{URL: url, Origin: origin, Key: key, Paired: func(c string) { code = c }})
		if err == nil {
			err = b.Close()
		}
		return code, err
	}
	code, err := visit()
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.ReadFile(shown)
	if err != nil || !strings.Contains(string(log), code[:3]+" "+code[3:]) || !strings.Contains(string(log), `"kind":"pairing"`) {
		t.Errorf("the prompt showed %s, the page %s: %v", log, code, err)
	}
	if again, err := visit(); again != "" || err != nil {
		t.Errorf("a second visit: %q, %v", again, err)
	}
	if exit, out, _ := command(t, "pairings", "list", "--config", path); exit != 0 || !strings.Contains(out, origin) || !strings.Contains(out, fmt.Sprintf("pid %d", os.Getpid())) {
		t.Errorf("list: %d, %q", exit, out)
	}
	if exit, out, _ := command(t, "pairings", "revoke", "--config", path, origin); exit != 0 || !strings.Contains(out, "revoked ") {
		t.Errorf("revoke: %d, %q", exit, out)
	}
	if _, err := visit(); fault.CodeOf(err) != fault.PairingRefused {
		t.Errorf("after revoking: %v", err)
	}
	stop()
	if exit := <-done; exit != 0 {
		t.Errorf("exit %d: %s", exit, errs.String())
	}
	if exit, out, _ := command(t, "journal", "verify", "--config", path); exit != 0 || !strings.HasPrefix(out, "4 entries, head ") {
		t.Errorf("verify: %d, %q", exit, out)
	}
	if exit, out, _ := command(t, "journal", "show", "--config", path); exit != 0 || !strings.Contains(out, "pairing-failed") || !strings.Contains(out, "revoked") {
		t.Errorf("show: %d, %q", exit, out)
	}
	if exit, out, es := command(t, "doctor", "--config", path); exit != 0 || !strings.Contains(out, "prompt: pinentry") {
		t.Errorf("doctor: %d, %q, %q", exit, out, es)
	}
}
