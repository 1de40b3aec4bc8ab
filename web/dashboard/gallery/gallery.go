// Package gallery shows every element in every state: pictures that the core's views
// make of sample data (wasm/internal/app), and those of the vault's screens (wasm/js), painted by the real painter with the real
// styles. Used by `make gallery`, for people, and by the dashboard's tests, which take
// their screenshots of it.
package gallery

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"countersign/web/dashboard/loader"
)

//go:embed page
var page embed.FS

// Pictures has the core's views make their pictures in dir: one file for each element
// and scene, ELEMENT--SCENE.json. top is the checkout.
func Pictures(ctx context.Context, top, dir string) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-count=1", "-run", "^TestScreens$", "./wasm/internal/app", "-pictures", dir)
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make the pictures: %w\n%s", err, out)
	}
	return nil
}

// policy is that of a host: nothing inline, nothing from elsewhere.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Handler serves the pictures in dir: all on one page, or alone at /?only=NAME.
func Handler(top, goroot, dir string) (http.Handler, error) {
	files, err := loader.Files(top, goroot)
	if err != nil {
		return nil, err
	}
	own, err := fs.Sub(page, "page")
	if err != nil {
		return nil, fmt.Errorf("open the gallery's page: %w", err)
	}
	for _, name := range []string{"index.html", "gallery.js", "galleryforms.js", "gallerysend.js", "gallery.css", "vault.json"} {
		if files[name], err = fs.ReadFile(own, name); err != nil {
			return nil, fmt.Errorf("read the gallery's page: %w", err)
		}
	}
	if files["app.css"], err = os.ReadFile(filepath.Join(top, "web", "dashboard", "static", "app.css")); err != nil {
		return nil, fmt.Errorf("read the styles: %w", err)
	}
	names, err := Names(dir)
	if err != nil {
		return nil, err
	}
	if files["names.json"], err = json.Marshal(names); err != nil {
		return nil, fmt.Errorf("list the pictures: %w", err)
	}
	for _, name := range names {
		if files[name+".json"], err = os.ReadFile(filepath.Join(dir, name+".json")); err != nil {
			return nil, fmt.Errorf("read a picture: %w", err)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = "index.html"
		}
		body, ok := files[name]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("Content-Type", mime.TypeByExtension(filepath.Ext(name)))
		_, _ = w.Write(body) // the page may be gone
	}), nil
}

// Vault are the names of the pictures of the vault's screens, which the page makes itself.
var Vault = []string{
	"vault--accounts", "vault--members", "vault--groups", "vault--whitelists", "vault--reporting", "vault--reporting-key", "vault--reporting-none", "vault--log", "vault--versions", "vault--member", "vault--loading", "vault--failed", "vault--empty",
	"vault--receipt-none", "vault--receipt-busy", "vault--receipt", "vault--receipt-untrusted", "vault--receipt-refused", "vault--receipt-key-wrong",
}

// Sends are the names of the pictures of what sends and receives, which the page makes too.
var Sends = []string{
	"send--start", "send--loading", "send--unknown-cost", "send--filled", "send--pasted", "send--wrong", "send--two-ways", "send--dust", "send--refused", "send--not-watched", "send--asked",
	"sending--pending", "sending--unnamed", "sending--approved", "sending--stuck", "sending--speed-up", "sending--cancel", "sending--included", "sending--confirmed", "sending--failed", "sending--lapsed", "sending--signature", "sending--signature-waits", "sending--signature-lapsed", "receive--account", "receive--damaged", "record--provider", "record--providers", "record--none", "record--failed",
	"books--month", "books--none", "books--loading", "books--own", "books--refused",
}

// Names are those of the pictures in dir, in order.
func Names(dir string) ([]string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*--*.json"))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("there are no pictures in %s", dir)
	}
	for i, f := range found {
		found[i] = strings.TrimSuffix(filepath.Base(f), ".json")
	}
	slices.Sort(found)
	return found, nil
}

// Forms are those of the forms that change the vault.
var Forms = []string{
	"vault--members-invited", "vault--form-group", "vault--form-group-new", "vault--form-group-removed", "vault--form-whitelist", "vault--form-admin", "vault--form-account", "vault--form-rules",
	"vault--form-rules-open", "vault--form-rules-wrong", "vault--form-refused", "vault--form-gone", "vault--form-invite", "vault--form-replace", "vault--form-join", "vault--form-invited", "vault--form-asked",
	"vault--form-sweep", "vault--form-reporting", "vault--form-reporting-wrong", "vault--form-reporting-made", "vault--form-reporting-asked", "vault--form-reporting-revoke",
	"vault--form-message", "vault--form-message-text", "vault--form-message-wrong",
}
