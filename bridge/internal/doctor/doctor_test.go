package doctor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/site"
	"countersign/shared/fault"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/shell"
	"countersign/shared/statement"
	"countersign/shared/weborigin"
)

func TestMain(m *testing.M) {
	if device.Child() { // a test binary runs the modules that it opens, too
		return
	}
	os.Exit(m.Run())
}

// patient is a computer that is well: a configuration with a free port, and
// nothing in it that could be wrong but what the test puts there.
func patient(t *testing.T) Config {
	t.Helper()
	dir := t.TempDir()
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "bridge.json")
	write(t, file, "{}")
	pinentry := filepath.Join(dir, "pinentry")
	if err := os.WriteFile(pinentry, []byte("#!/bin/sh\necho OK\nwhile read -r line; do echo OK; done\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return Config{
		Bridge: approver.Config{Listen: []string{"127.0.0.1:0"}, Origins: []string{"https://a.example"}, StateDir: state, Pinentry: pinentry},
		File:   file, Root: t.TempDir(), Timeout: 20 * time.Second,
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// diagnose runs a visit and makes sure that nothing bad comes without a remedy.
func diagnose(t *testing.T, cfg Config) map[string]Finding {
	t.Helper()
	all := map[string]Finding{}
	for _, f := range Diagnose(t.Context(), cfg) {
		if f.Level != OK && f.Remedy == "" {
			t.Errorf("no remedy for %+v", f)
		}
		if f.ID == "" || f.What == "" {
			t.Errorf("it says nothing: %+v", f)
		}
		all[f.ID] = f
	}
	return all
}

func expect(t *testing.T, all map[string]Finding, id string, level Level, says string) {
	t.Helper()
	if f, ok := all[id]; !ok || f.Level != level || !strings.Contains(f.What, says) {
		t.Errorf("%s: %+v, not %s with %q; all: %v", id, f, level, says, all)
	}
}

func TestAHealthyComputerHasNothingBad(t *testing.T) {
	t.Parallel()
	for id, f := range diagnose(t, patient(t)) {
		if f.Level == Bad {
			t.Errorf("%s: %+v", id, f)
		}
	}
}

func TestFilesThatOthersCanReachAreNamed(t *testing.T) {
	t.Parallel()
	cfg := patient(t)
	for _, name := range []string{"link.key", "journal.log"} {
		write(t, filepath.Join(cfg.Bridge.StateDir, name), "")
		if err := os.Chmod(filepath.Join(cfg.Bridge.StateDir, name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{cfg.File: 0o666, cfg.Bridge.StateDir: 0o755} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	all := diagnose(t, cfg)
	expect(t, all, "config", Bad, "the bridge does not start: every user of this computer can change "+cfg.File)
	expect(t, all, "state", Bad, "others can enter")
	expect(t, all, "state:link.key", Bad, "not yours alone")
	expect(t, all, "state:journal.log", Bad, "not yours alone")
	cfg.Bridge.StateDir = cfg.File
	expect(t, diagnose(t, cfg), "state", Bad, "not a directory")
	cfg.Bridge.StateDir += ".none"
	expect(t, diagnose(t, cfg), "state", OK, "made at the first start")
}

func TestACommandInARemedyCanBePastedWhateverTheFolderIsCalled(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "my $HOME's bridge")
	cfg := patient(t)
	cfg.File, cfg.Bridge.StateDir = filepath.Join(dir, "bridge.json"), filepath.Join(dir, "state")
	cfg.Bridge.Origins = nil
	journal := filepath.Join(cfg.Bridge.StateDir, "journal.log")
	write(t, cfg.File, "{}")
	write(t, journal, "")
	for path, mode := range map[string]os.FileMode{cfg.File: 0o666, cfg.Bridge.StateDir: 0o755, journal: 0o644} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	all := diagnose(t, cfg)
	for id, path := range map[string]string{"config": cfg.File, "state": cfg.Bridge.StateDir, "state:journal.log": journal, "bridge": cfg.File, "origins": cfg.File} {
		if said := all[id].What + all[id].Remedy; !strings.Contains(said, shell.Word(path)) {
			t.Errorf("%s: %q has the path otherwise than %s", id, said, shell.Word(path))
		}
	}
}

func TestTheJournalIsVerifiedAndDatesTheClock(t *testing.T) {
	t.Parallel()
	cfg := patient(t)
	expect(t, diagnose(t, cfg), "journal", OK, "no journal yet")
	path := filepath.Join(cfg.Bridge.StateDir, "journal.log")
	later := time.Now().Add(time.Hour)
	j, err := journal.Open(journal.Config{Path: path, Now: func() time.Time { return later }})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(j.Append(journal.Event{Kind: journal.Started, Member: "mem_alice"}), j.Close()); err != nil {
		t.Fatal(err)
	}
	all := diagnose(t, cfg)
	expect(t, all, "journal", OK, "1 entry")
	expect(t, all, "clock:journal", Bad, "the clock went back")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, strings.Replace(string(data), "alice", "bobby", 1))
	expect(t, diagnose(t, cfg), "journal", Bad, "journal entry 0 was changed")
}

func TestAWrongClockIsNoticed(t *testing.T) {
	t.Parallel()
	offset := time.Duration(0)
	gateway := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", time.Now().Add(offset).UTC().Format(http.TimeFormat))
	}))
	defer gateway.Close()
	cfg := patient(t)
	cfg.Bridge.Relay.Gateway = gateway.URL
	expect(t, diagnose(t, cfg), "clock", OK, "agrees with the gateway's")
	offset = 2 * time.Minute
	expect(t, diagnose(t, cfg), "clock", Bad, "off the gateway's")
	gateway.Close()
	all := diagnose(t, cfg)
	expect(t, all, "gateway", Warn, "does not answer")
	for _, f := range all {
		if f.ID == "relay" {
			t.Errorf("the same is said twice: %+v", f)
		}
	}
	cfg.Now = func() time.Time { return time.Unix(0, 0) }
	expect(t, diagnose(t, cfg), "clock", Bad, "1970")
}

func TestAPromptThatIsNotThereIsBad(t *testing.T) {
	t.Parallel()
	cfg := patient(t)
	cfg.Bridge.Prompt, cfg.Bridge.Pinentry = "pinentry", "/nonexistent/pinentry"
	expect(t, diagnose(t, cfg), "prompt", Bad, "pinentry")
}

func TestSitesAreCheckedAndBlockedOnesNamed(t *testing.T) {
	t.Parallel()
	cfg := patient(t)
	cfg.Bridge.Origins = []string{"https://a.example", "https://b.example", "https://c.example/"}
	if err := site.OpenBlocks(cfg.Bridge.StateDir).Add("https://b.example", time.Now()); err != nil {
		t.Fatal(err)
	}
	all := diagnose(t, cfg)
	expect(t, all, "origin:https://a.example", OK, "may connect")
	expect(t, all, "origin:https://b.example", Warn, "is blocked")
	expect(t, all, "origin:https://c.example/", Bad, "without a path")
	cfg.Bridge.Origins = nil
	expect(t, diagnose(t, cfg), "origins", Bad, "no dashboard may connect")
}

func TestWhoHasAPortIsSaid(t *testing.T) {
	t.Parallel()
	cfg := patient(t)
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	address := other.Addr().String()
	cfg.Bridge.Listen = []string{address}
	all := diagnose(t, cfg)
	expect(t, all, "port:"+address, Warn, "doctor.test (pid ") // this program
	expect(t, all, "ports", Bad, "all ports")
	expect(t, all, "bridge", OK, "no bridge of yours runs")

	serve(t, cfg, address)
	all = diagnose(t, cfg)
	expect(t, all, "port:"+address, OK, "your bridge listens")
	expect(t, all, "bridge", OK, "the bridge runs: listening on ws://"+address)

	cfg.Bridge.Listen = []string{"0.0.0.0:0"}
	expect(t, diagnose(t, cfg), "port:0.0.0.0:0", Bad, "127.0.0.1")
}

// enrol writes the files of an identity whose keys are these.
func enrol(t *testing.T, cfg *Config, token string, approval, channel jws.PublicKey, expires time.Time) {
	t.Helper()
	key := memory(t)
	dir := filepath.Dir(cfg.File)
	pinned, err := json.Marshal(map[string]any{"entity": "ent_test", "entity_name": "Test", "statement_key": key.PublicKey().JWK(),
		"channel_keys": []jwk.Key{key.PublicKey().JWK()}})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := statement.Encode(statement.Member{V: 1, Type: "member", Entity: "ent_test", Member: "mem_alice", Name: "Alice", Role: statement.Operator,
		Approval: approval.JWK(), Channel: channel.JWK(), ChannelIn: statement.InToken, IssuedAt: time.Now().Add(-time.Hour).Unix(), Expires: expires.Unix()})
	if err != nil {
		t.Fatal(err)
	}
	signed, err := jws.Sign(t.Context(), key, statement.TypMember, cert)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Bridge.SignerFile = filepath.Join(dir, "signer.json")
	write(t, cfg.Bridge.SignerFile, string(pinned))
	write(t, filepath.Join(dir, "alice.jws"), signed)
	cfg.Bridge.Identities = []member.Config{{Entity: "ent_test", Member: "mem_alice", CertificateFile: filepath.Join(dir, "alice.jws"),
		ApprovalKey: "pkcs11:token=" + token + ";object=approval", ChannelKey: "pkcs11:token=" + token + ";object=channel"}}
}

func memory(t *testing.T) keys.Key {
	t.Helper()
	k, err := keys.NewMemory(jws.Secp256k1, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestACertificateThatEndsIsNamedInTime(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]struct {
		left  time.Duration
		level Level
		says  string
	}{
		"for a year":    {365 * 24 * time.Hour, OK, "is good until"},
		"for a week":    {7 * 24 * time.Hour, Warn, "expires on"},
		"no more":       {-time.Minute, Bad, "expired on"},
		"of a stranger": {0, Bad, "not from the pinned signer"},
	} {
		cfg := patient(t)
		enrol(t, &cfg, "alice", memory(t).PublicKey(), memory(t).PublicKey(), time.Now().Add(r.left))
		if r.left == 0 {
			mine := cfg.Bridge.Identities[0].CertificateFile
			stolen := patient(t)
			enrol(t, &stolen, "alice", memory(t).PublicKey(), memory(t).PublicKey(), time.Now().Add(time.Hour))
			data, err := os.ReadFile(stolen.Bridge.Identities[0].CertificateFile)
			if err != nil {
				t.Fatal(err)
			}
			write(t, mine, string(data))
		}
		all := diagnose(t, cfg)
		t.Run(name, func(t *testing.T) { expect(t, all, "certificate:mem_alice", r.level, r.says) })
		if r.level != Bad || r.left < 0 {
			expect(t, all, "key:mem_alice:approval", Warn, `"alice" is not plugged in`)
		}
	}
}

func TestWhatABrowserDoesWithADashboardIsSaid(t *testing.T) {
	t.Parallel()
	const site = "https://a.example"
	const chrome, chromium, edge, firefox = "/usr/bin/google-chrome", "/usr/bin/chromium", "/usr/bin/microsoft-edge", "/usr/bin/firefox"
	chromePolicy := "/etc/opt/chrome/policies/managed/countersign.json"
	for name, r := range map[string]struct {
		program, version string
		policies         map[string]string
		id               string
		level            Level
		says             string
	}{
		"an old Chrome":     {chrome, "Google Chrome 146.0.1", nil, "browser:chrome", OK, "without asking"},
		"a new Chrome":      {chrome, "Google Chrome 147.0.1 ", nil, "browser:chrome", OK, "asks when you connect to " + site},
		"allowed by policy": {chrome, "Google Chrome 150.0", map[string]string{chromePolicy: `{"LocalNetworkAccessAllowedForUrls":["https://a.example"]}`}, "browser:chrome:" + site, OK, "a policy lets"},
		"blocked by policy": {chrome, "Google Chrome 150.0", map[string]string{chromePolicy: `{"LoopbackNetworkBlockedForUrls":["*"]}`}, "browser:chrome:" + site, Bad, "a policy forbids"},
		"the narrower wins": {chrome, "Google Chrome 150.0", map[string]string{chromePolicy: `{"LocalNetworkAccessBlockedForUrls":["*"]}`,
			"/etc/opt/chrome/policies/managed/more.json": `{"LoopbackNetworkAllowedForUrls":["[*.]example"]}`}, "browser:chrome:" + site, OK, "a policy lets"},
		"another site's":      {chrome, "Google Chrome 150.0", map[string]string{chromePolicy: `{"LoopbackNetworkAllowedForUrls":["https://b.example"]}`}, "browser:chrome", OK, "asks when"},
		"a broken policy":     {chrome, "Google Chrome 150.0", map[string]string{chromePolicy: `{`}, "browser:chrome:" + site, Warn, "cannot be read"},
		"Chromium":            {chromium, "Chromium 156.0 built on Debian", map[string]string{"/etc/chromium/policies/managed/x.json": `{"LoopbackNetworkAllowedForUrls":["a.example"]}`}, "browser:chromium:" + site, OK, "a policy lets"},
		"Edge":                {edge, "Microsoft Edge 148.0", map[string]string{"/etc/opt/edge/policies/managed/x.json": `{"LoopbackNetworkBlockedForUrls":["https://a.example:443"]}`}, "browser:edge:" + site, Bad, "forbids"},
		"an old Firefox":      {firefox, "Mozilla Firefox 140.11.0esr", nil, "browser:firefox", OK, "without asking"},
		"a new Firefox":       {firefox, "Mozilla Firefox 154.0", nil, "browser:firefox", OK, "asks when"},
		"Firefox that skips":  {firefox, "Mozilla Firefox 154.0", map[string]string{"/etc/firefox/policies/policies.json": `{"policies":{"LocalNetworkAccess":{"SkipDomains":["a.example"]}}}`}, "browser:firefox:" + site, OK, "a policy lets"},
		"Firefox that is off": {firefox, "Mozilla Firefox 154.0", map[string]string{"/etc/firefox/policies/policies.json": `{"policies":{"LocalNetworkAccess":{"Enabled":false},"More":1}}`}, "browser:firefox:" + site, OK, "a policy lets"},
		"Firefox that blocks": {firefox, "Mozilla Firefox 154.0", map[string]string{"/usr/lib/firefox/distribution/policies.json": `{"policies":{"LocalNetworkAccess":{"EnablePrompting":false}}}`}, "browser:firefox:" + site, Bad, "forbids"},
		"no version":          {firefox, "???", nil, "browser:firefox", Warn, "does not say"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := patient(t)
			write(t, filepath.Join(cfg.Root, r.program), "")
			for path, text := range r.policies {
				write(t, filepath.Join(cfg.Root, path), text)
			}
			cfg.Version = func(_ context.Context, path string) (string, error) {
				if path != filepath.Join(cfg.Root, r.program) {
					t.Errorf("asked %s", path)
				}
				return r.version, nil
			}
			expect(t, diagnose(t, cfg), r.id, r.level, r.says)
		})
	}
	cfg := patient(t)
	expect(t, diagnose(t, cfg), "browsers", OK, "no browser was found")
	write(t, filepath.Join(cfg.Root, chromium), "")
	cfg.Version = func(context.Context, string) (string, error) { return "Chromium 156.0", nil }
	cfg.Bridge.Origins = []string{"http://localhost:8080"}
	expect(t, diagnose(t, cfg), "browser:chromium", OK, "does not ask: the dashboards in the configuration are of this computer")
}

func TestPolicyPatternsMeanWhatTheBrowserMeans(t *testing.T) {
	t.Parallel()
	for _, r := range []struct {
		pattern, origin string
		want            bool
	}{
		{"*", "https://a.example", true},
		{"a.example", "https://a.example", true},
		{"https://a.example", "https://a.example", true},
		{"https://a.example/*", "https://a.example", true},
		{"http://a.example", "https://a.example", false},
		{"https://a.example:443", "https://a.example", true},
		{"https://a.example:8443", "https://a.example", false},
		{"https://a.example:8443", "https://a.example:8443", true},
		{"https://a.example:*", "https://a.example:8443", true},
		{"[*.]a.example", "https://a.example", true},
		{"[*.]a.example", "https://b.a.example", true},
		{"[*.]a.example", "https://ba.example", false},
		{"example", "https://a.example", false},
		{"http://[::1]:8080", "http://[::1]:8080", true},
		{"http://[::1]", "http://[::1]:8080", true},
	} {
		if got := matches([]string{r.pattern}, r.origin); got != r.want {
			t.Errorf("%s and %s: %t", r.pattern, r.origin, got)
		}
	}
}

func TestEachErrorOfTheBridgeHasARemedyThatTheReadmeHasToo(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	all := fault.Codes()
	bridge := all[slices.Index(all, fault.NotPaired):]
	others := []fault.Code{fault.Denied} // the vault's answer says it all
	for _, code := range bridge {
		if Remedy(code) == "" && !slices.Contains(others, code) {
			t.Errorf("no remedy for %s", code)
		}
	}
	for code, a := range catalogue {
		if !slices.Contains(all, code) {
			t.Errorf("%s is not a code", code)
		}
		again := map[bool]string{true: "yes", false: "no"}[a.Retriable]
		if row := "| `" + string(code) + "` | " + string(a.Class) + " | " + again + " | "; !strings.Contains(string(readme), row) {
			t.Errorf("the README does not have %s", row)
		}
	}
}

func TestEachReturnValueThatPeopleMeetHasARemedyThatTheReadmeHasToo(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	told := device.Meanings()
	for number, remedy := range returns {
		if told[number] == "" {
			t.Errorf("0x%x has a remedy, and the message does not say what it means", number)
		}
		row := fmt.Sprintf("| %s |\n", strings.ReplaceAll(remedy, makersTool, "its maker's tool"))
		at := strings.Index(string(readme), fmt.Sprintf("| `0x%x` | `CKR_", number))
		if at < 0 || !strings.Contains(string(readme)[at:at+strings.Index(string(readme)[at:], "\n")+1], row) {
			t.Errorf("the README does not have 0x%x with %s", number, row)
		}
		if pulls := number != 0x30; pulls && strings.Contains(strings.ToLower(remedy), "pull") {
			t.Errorf("0x%x sends people to the socket: %s", number, remedy)
		}
	}
	for number := range told {
		if returns[number] == "" {
			t.Errorf("0x%x is explained, and has no remedy", number)
		}
	}
	for err, want := range map[error]string{
		fault.New(fault.DeviceFailed, "x").With("ckr", "0xa3"):                          "Set a new PIN",
		fault.New(fault.DeviceFailed, "x").With("ckr", "0x102"):                         "Set its PIN",
		fault.New(fault.DeviceFailed, "x").With("module", "/none.so"):                   "Install the token's PKCS#11 module",
		fault.New(fault.DeviceFailed, "x").With("module", "/a.so").With("ckr", "0x191"): "List each module once",
		fault.New(fault.DeviceFailed, "x").With("ckr", "0x80000001"):                    "the maker's own",
		fault.New(fault.PINLocked, "x"):                                                 "SO PIN",
	} {
		if got := RemedyFor(err); !strings.Contains(got, want) {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func FuzzPolicyPattern(f *testing.F) {
	for _, p := range []string{"*", "[*.]a.example", "https://a.example:443/*", "://", "[:", "https://[::1]:80"} {
		f.Add(p, "https://a.example")
	}
	f.Fuzz(func(t *testing.T, pattern, origin string) {
		matches([]string{pattern}, origin)
		if err := weborigin.Check(origin); err == nil && !matches([]string{origin}, origin) {
			t.Errorf("%q does not mean itself", origin)
		}
	})
}
