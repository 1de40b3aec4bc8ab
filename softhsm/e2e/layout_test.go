// Package e2e holds the tests of the whole: the story in a real browser, the
// programs as a user starts them, and the rules that the repository keeps.
package e2e

import (
	"bytes"
	"encoding/json"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// top is the root of the checkout, seen from this package.
const top = "../.."

// topLevel is what may stand at the root; anything else is a mistake.
var topLevel = []string{
	"wasm", "bridge", "shared", "softhsm", "web", "go.mod", "go.sum", "Makefile", "README.md",
	"LICENSE", "SECURITY.md", ".gitignore", ".ci",
}

type importRule struct {
	packages  string
	forbidden string
	except    []string // packages that the rule spares
	wasm      bool     // judged as the browser's build
	deep      bool
	reason    string
}

// rooms are what an approval goes through on a member's computer, in this order: each
// knows those behind it only.
var rooms = []string{"bridge/internal/approver", "bridge/internal/page", "bridge/internal/site", "bridge/internal/approval", "bridge/internal/unlock", "bridge/internal/member"}

// forwardOnly forbids every package to import one that stands before it.
func forwardOnly(path []string) (rules []importRule) {
	for i, later := range path {
		for _, earlier := range path[:i] {
			rules = append(rules, importRule{packages: later, forbidden: "countersign/" + earlier, deep: true, reason: "the way of an approval goes forward: no room imports back"})
		}
	}
	return rules
}

// importRules say who must not import whom, and why. A package is named by its
// path below the module; a trailing "/..." includes what is below it. Rules with
// deep set look at everything that the package pulls in, not only at what it
// names itself.
var importRules = append(forwardOnly(rooms), []importRule{
	{packages: "shared/...", forbidden: "countersign/bridge/...", reason: "shared is the language, not a party"},
	{packages: "shared/...", forbidden: "countersign/web/...", reason: "shared is the language, not a party"},
	{packages: "shared/...", forbidden: "countersign/wasm/...", reason: "shared is the language, not a party"},
	{packages: "shared/...", forbidden: "countersign/softhsm/...", reason: "shared is the language, not a party"},
	{packages: "bridge/...", forbidden: "countersign/web/...", reason: "parties meet in protocols only"},
	{packages: "bridge/...", forbidden: "countersign/wasm/...", reason: "parties meet in protocols only"},
	{packages: "bridge/...", forbidden: "countersign/softhsm/...", reason: "the test kit is for tests"},
	{packages: "web/...", forbidden: "countersign/bridge/...", deep: true, except: []string{"web/internal/gateway/gatewaytest"}, reason: "parties meet in protocols only; " +
		"gatewaytest, which tests alone import, starts the real signer, so that no second one is written for the gateway's tests"},
	{packages: "bridge/cmd/...", forbidden: "countersign/bridge/signertest", deep: true, reason: "a signer with keys in memory is for tests"},
	{packages: "web/...", forbidden: "countersign/wasm/...", reason: "parties meet in protocols only"},
	{packages: "web/...", forbidden: "countersign/softhsm/...", reason: "the test kit is for tests"},
	{packages: "wasm/...", forbidden: "countersign/bridge/...", reason: "parties meet in protocols only"},
	{packages: "wasm/...", forbidden: "countersign/web/...", reason: "parties meet in protocols only"},
	{packages: "wasm/...", forbidden: "countersign/softhsm/...", reason: "the test kit is for tests"},
	{packages: "shared/...", forbidden: "countersign/shared/spec", reason: "the pages are for tests"},
	{packages: "bridge/...", forbidden: "countersign/shared/spec", reason: "the pages are for tests"},
	{packages: "web/...", forbidden: "countersign/shared/spec", reason: "the pages are for tests"},
	{packages: "wasm/...", forbidden: "countersign/shared/spec", reason: "the pages are for tests"},
	{packages: "shared/...", forbidden: "github.com/c2sp/wycheproof", deep: true, except: []string{"shared/jws/jwstest"}, reason: "107 MB of vectors are for tests"},
	{packages: "bridge/...", forbidden: "github.com/c2sp/wycheproof", deep: true, reason: "107 MB of vectors are for tests"},
	{packages: "web/...", forbidden: "github.com/c2sp/wycheproof", deep: true, reason: "107 MB of vectors are for tests"},
	{packages: "softhsm/...", forbidden: "github.com/c2sp/wycheproof", deep: true, reason: "107 MB of vectors are for tests"},
	{packages: "shared/...", forbidden: "net", deep: true, wasm: true, reason: "shared does no I/O"},
	{packages: "shared/...", forbidden: "syscall/js", reason: "shared compiles for every target"},
	{packages: "shared/...", forbidden: "countersign/shared/secret", except: []string{"shared/weborigin"}, reason: "shared does no I/O; these two packages are for programs"},
	{packages: "wasm/...", forbidden: "countersign/shared/secret", deep: true, wasm: true, reason: "a page has no files and no memory of its own"},
	{packages: "shared/...", forbidden: "database/sql", deep: true, except: []string{"shared/eip1559", "shared/effects", "shared/vault", "shared/vault/vaulttest", "shared/receipt"},
		reason: "shared does no I/O; go-ethereum's rlp has a type of numbers (holiman/uint256) that a database could store, and those who read transactions come with it"},
	{packages: "shared/...", forbidden: "database/sql", reason: "shared does no I/O"},
	{packages: "wasm", forbidden: "net/http", deep: true, wasm: true, reason: "1,535 KB of the bundle for what fetch does"},
	{packages: "wasm", forbidden: "github.com/golang-jwt/jwt/v5", deep: true, wasm: true, reason: "600 KB; the page is trusted to verify nothing"},
	{packages: "wasm", forbidden: "github.com/decred/dcrd/dcrec/secp256k1/v4", deep: true, wasm: true, reason: "960 KB; the page is trusted to verify nothing"},
	{packages: "wasm", forbidden: "github.com/flynn/noise", deep: true, wasm: true, reason: "159 KB for suites that are never used"},
	{packages: "shared/link/...", forbidden: "github.com/flynn/noise", reason: "both ends of the link have one handshake, shared/link/xx"},
	{packages: "wasm", forbidden: "github.com/ethereum/go-ethereum/...", deep: true, wasm: true, reason: "a chain is the gateway's and the signer's"},
	{packages: "wasm", forbidden: "countersign/shared/rehearsal", deep: true, wasm: true, reason: "a page shows what a change does; it does not compute it"},
	{packages: "wasm/...", forbidden: "syscall/js", except: []string{"wasm", "wasm/verify", "wasm/internal/browser"}, wasm: true, reason: "the logic is tested without a browser"},
	{packages: "web/internal/api", forbidden: "countersign/web/internal/store/...", reason: "api → gateway → store"},
	{packages: "web/internal/store/...", forbidden: "countersign/web/internal/gateway", reason: "api → gateway → store"},
	{packages: "web/internal/gateway", forbidden: "countersign/web/internal/api", reason: "api → gateway → store"},
	{packages: "web/internal/charter", forbidden: "countersign/web/internal/store", deep: true, reason: "it says what shared/vault folded, and reads nothing itself"},
	{packages: "web/internal/projection", forbidden: "countersign/web/internal/gateway", reason: "rows follow from the log alone, not from a use case"},
	{packages: "web/internal/gateway", forbidden: "countersign/shared/signedlog", reason: "what a log means is for shared/vault, and for web/internal/projection to write down"},
	{packages: "web/internal/store/...", forbidden: "countersign/shared/signedlog", reason: "rows are the store's own"},
	{packages: "web/internal/store/...", forbidden: "countersign/shared/statement", reason: "rows are the store's own"},
	{packages: "web/internal/store/...", forbidden: "countersign/shared/intent", reason: "rows are the store's own"},
	{packages: "web/internal/gateway", forbidden: "net/http", reason: "a use case does not know how it was asked"},
	{packages: "bridge/...", forbidden: "countersign/bridge/internal/hsm", except: []string{"bridge/internal/device"}, reason: "a module runs in a process of its own"},
	{packages: "bridge/internal/unlock", forbidden: "countersign/shared/frame", deep: true, reason: "who may use a key does not depend on how it was asked"},
	{packages: "bridge/internal/unlock", forbidden: "countersign/shared/link", deep: true, reason: "who may use a key does not depend on how it was asked"},
	{packages: "bridge/internal/approval", forbidden: "countersign/shared/frame", deep: true, reason: "an approval does not depend on who brings its records"},
	{packages: "bridge/internal/approval", forbidden: "countersign/shared/link", deep: true, reason: "an approval does not depend on who brings its records"},
	{packages: "bridge/...", forbidden: "github.com/miekg/pkcs11", except: []string{"bridge/internal/hsm"}, reason: "one owner of each PKCS#11 module"},
	{packages: "bridge/...", forbidden: "github.com/ThalesGroup/crypto11", reason: "it would initialise a module that the bridge owns"},
	{packages: "web/...", forbidden: "github.com/miekg/pkcs11", reason: "the gateway's key in an HSM goes through crypto11"},
}...)

// clockless packages decide from the time that they are given.
var clockless = []string{"shared/governance", "shared/intent", "shared/vault", "shared/statement", "shared/quote", "shared/preset", "shared/rehearsal"}

// sharedThirdParty is all that the languages of two parties may be built on.
var sharedThirdParty = []string{"github.com/flynn/noise", "github.com/decred/dcrd/dcrec/secp256k1/v4", libsecp256k1, "golang.org/x/crypto", "golang.org/x/mod/sumdb", "github.com/ethereum/go-ethereum/rlp"}

// libsecp256k1 is the one library of C that is used where cgo is and done without
// elsewhere.
const libsecp256k1 = "github.com/ethereum/go-ethereum/crypto/secp256k1"

// cgoOwners are the libraries of C and the packages that may import them.
var cgoOwners = map[string][]string{
	"github.com/miekg/pkcs11":         {"bridge/internal/hsm", "softhsm/..."},
	"github.com/ThalesGroup/crypto11": {"web/internal/token", "softhsm/..."},
	libsecp256k1:                      {"shared/jws"},
}

type pkg struct {
	ImportPath string
	Dir        string
	Name       string
	GoFiles    []string
	CgoFiles   []string
	Imports    []string
	Deps       []string
	Tests      []string `json:"TestImports"`
	XTests     []string `json:"XTestImports"`
	Doc        string
}

func (p pkg) path() string {
	if p.ImportPath == "countersign" {
		return ""
	}
	return strings.TrimPrefix(p.ImportPath, "countersign/")
}

func list(t *testing.T, wasm bool, patterns ...string) []pkg {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Name,GoFiles,CgoFiles,Imports,TestImports,XTestImports,Deps,Doc"}, patterns...)...)
	cmd.Dir = top
	if wasm {
		cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var all []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func matches(pattern, path string) bool {
	if base, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == base || strings.HasPrefix(path, base+"/")
	}
	return path == pattern || strings.HasPrefix(path, pattern+"/") && strings.Contains(pattern, ".")
}

func TestPackagesImportOnlyWhatTheyMay(t *testing.T) {
	t.Parallel()
	native := list(t, false, "./...")
	browser := list(t, true, "./wasm/...", "./shared/...")
	for _, rule := range importRules {
		from, checked := native, 0
		if rule.wasm {
			from = browser
		}
		for _, p := range from {
			if !matches(rule.packages, p.path()) || slices.Contains(rule.except, p.path()) {
				continue
			}
			checked++
			imports := p.Imports
			if rule.deep {
				imports = p.Deps
			}
			for _, i := range imports {
				if matches(rule.forbidden, i) {
					t.Errorf("%s imports %s: %s", p.path(), i, rule.reason)
				}
			}
		}
		if checked == 0 {
			t.Errorf("the rule for %s matches no package", rule.packages)
		}
	}
}

// The exception of importRules is for one package, and for one that it may import.
func TestPackagesImportTheRealSignerThroughOneDoor(t *testing.T) {
	t.Parallel()
	const signer, door = "countersign/bridge/signertest", "web/internal/gateway/gatewaytest"
	found := false
	for _, p := range list(t, false, "./...") {
		for _, i := range slices.Concat(p.Imports, p.Tests, p.XTests) {
			party := strings.HasPrefix(p.path(), "web/") || strings.HasPrefix(p.path(), "wasm/")
			switch {
			case p.path() == door && i == signer:
				found = true
			case i == signer || party && strings.HasPrefix(i, "countersign/bridge/"):
				t.Errorf("%s imports %s: gateway tests reach the signer through %s", p.path(), i, door)
			case i == "countersign/"+door && slices.Contains(p.Imports, i):
				t.Errorf("%s imports %s, which is for tests", p.path(), i)
			}
		}
	}
	if !found {
		t.Errorf("%s does not import %s any more: remove its exception", door, signer)
	}
}

func TestSharedIsBuiltOnFiveLibraries(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, false, "./shared/...") {
		if p.path() == "shared/jws/jwstest" {
			continue // vectors, for tests
		}
		for _, i := range p.Imports {
			if !strings.Contains(i, ".") {
				continue // the standard library
			}
			if !slices.ContainsFunc(sharedThirdParty, func(m string) bool { return i == m || strings.HasPrefix(i, m+"/") }) {
				t.Errorf("%s imports %s", p.path(), i)
			}
		}
	}
}

func TestCgoStaysWithItsOwners(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, false, "./...") {
		if len(p.CgoFiles) > 0 {
			t.Errorf("%s has cgo files of its own: %v", p.path(), p.CgoFiles)
		}
		for _, i := range p.Imports {
			owners, isC := cgoOwners[i]
			if isC && !slices.ContainsFunc(owners, func(o string) bool { return matches(o, p.path()) }) {
				t.Errorf("%s imports %s, which is cgo: that belongs to %v", p.path(), i, owners)
			}
		}
	}
}

func TestTheGatewayBuildsWithoutCgo(t *testing.T) {
	t.Parallel()
	cmd := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", filepath.Join(t.TempDir(), "gateway"), "./web/cmd/countersign-gateway")
	cmd.Dir, cmd.Env = top, append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

func TestDecisionsDoNotReadTheClock(t *testing.T) {
	t.Parallel()
	for _, dir := range clockless {
		files, err := filepath.Glob(filepath.Join(top, dir, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no files in %s: %v", dir, err)
		}
		for _, f := range files {
			src, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(f, "_test.go") && bytes.Contains(src, []byte("time.Now")) {
				t.Errorf("%s reads the clock", f)
			}
		}
	}
}

func tracked(t *testing.T) []string {
	t.Helper()
	cmd := exec.Command("git", "ls-files", "-z")
	cmd.Dir = top
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git ls-files: %v", err)
	}
	return strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
}

func TestTheTopLevelIsFixed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, f := range tracked(t) {
		name, _, _ := strings.Cut(f, "/")
		seen[name] = true
		if !slices.Contains(topLevel, name) {
			t.Errorf("%s stands at the top level", name)
		}
	}
	for _, name := range topLevel {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range append(list(t, false, "./..."), list(t, true, "./wasm/...")...) {
		if seen[p.ImportPath] || len(p.GoFiles)+len(p.CgoFiles) == 0 {
			continue
		}
		seen[p.ImportPath] = true
		if len(p.Doc) < 20 {
			t.Errorf("%s has no package comment", p.path())
		}
		documented := 0
		for _, f := range append(p.GoFiles, p.CgoFiles...) {
			parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			if parsed.Doc != nil {
				documented++
			}
		}
		if documented > 1 {
			t.Errorf("%s has %d package comments", p.path(), documented)
		}
	}
}

func TestFilesStayReadable(t *testing.T) {
	t.Parallel()
	for _, f := range tracked(t) {
		if !strings.HasSuffix(f, ".go") || strings.HasSuffix(f, "_test.go") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(top, f))
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(src, []byte("\n")); n > 600 {
			t.Errorf("%s has %d lines: more than 600 is more than one thing", f, n)
		}
	}
}
