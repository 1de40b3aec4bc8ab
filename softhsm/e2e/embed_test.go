package e2e

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

// page is the host's own script, with what it imports by name at a path.
func (h *host) page(dir, core string) {
	h.T.Helper()
	path := filepath.Join(dir, "page.js")
	script, err := os.ReadFile(path)
	if err != nil {
		h.T.Fatal(err)
	}
	h.typed(path, strings.Replace(string(script), "'@countersign/core'", "'"+core+"'", 1))
}

// The package in a page without a build: as npm left it, under the strictest policy.
func TestThePackagePlaysInAPageOfPlainHTML(t *testing.T) {
	h := newHost(t)
	dir := project(t, "plain")
	h.page(dir, "./node_modules/@countersign/core/client.js")
	h.serves(policyOfREADME, pagesIn(dir))
	h.plays()
}

// The package in one file, as esbuild makes it.
func TestThePackagePlaysWhenEsbuildBundlesIt(t *testing.T) {
	h := newHost(t)
	dir := project(t, "plain")
	h.page(dir, "@countersign/core")
	result := api.Build(api.BuildOptions{AbsWorkingDir: dir, EntryPoints: []string{"page.js"}, Bundle: true, Format: api.FormatESModule, Outdir: "out", Write: true, MinifySyntax: true, MinifyWhitespace: true})
	if len(result.Errors) > 0 {
		t.Fatal(strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{}), "\n"))
	}
	mux := http.NewServeMux()
	mux.Handle("/", pagesIn(dir))
	mux.Handle("/page.js", pagesIn(filepath.Join(dir, "out")))
	h.serves(policyOfREADME, mux)
	h.plays()
}
