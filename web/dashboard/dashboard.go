// Package dashboard serves the page: one HTML document for every screen, the
// styles, the loader (wasm/js) and the core that `make wasm` built. Everything is
// embedded in the program. What may run in the page is decided by the security
// policy in headers.go. Used by the gateway and by the sandbox's dashboard.
package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"path"
	"strings"
)

//go:embed static
var pages embed.FS

// The bundle is built into dist, which git ignores but for a placeholder.
//
//go:embed all:dist
var built embed.FS

// Config configures [Handler]. The zero Config serves what is embedded.
type Config struct {
	// Bundle holds the built core and the loader's modules, as `go run
	// ./web/dashboard/bundle` leaves them. Nil is the embedded one.
	Bundle fs.FS
	// Bridges are further places, beside loopback, where the page may open a
	// WebSocket, as sources of a content security policy.
	Bridges []string
}

// core is the file without which there is nothing to serve.
const core = "countersign.wasm"

// screens are the addresses that the core knows; each also with what is below.
var screens = []string{"/requests", "/orders", "/accounts", "/buy", "/settings"}

type file struct {
	body, brotli []byte
	kind, tag    string
}

// Site is the dashboard, as a handler.
type Site struct {
	index   []byte
	base    string
	files   map[string]file
	policy  string
	missing bool
}

// Handler serves the dashboard at "/". Static files are under an address that
// contains a hash of all of them, so they are cached for good and a new build is
// never mixed with an old one.
func Handler(cfg Config) (*Site, error) {
	bundle := cfg.Bundle
	if bundle == nil {
		sub, err := fs.Sub(built, "dist")
		if err != nil {
			return nil, fmt.Errorf("open the bundle: %w", err)
		}
		bundle = sub
	}
	static, err := fs.Sub(pages, "static")
	if err != nil {
		return nil, fmt.Errorf("open the pages: %w", err)
	}
	s := &Site{files: map[string]file{}, policy: policy(cfg.Bridges)}
	if _, err := fs.Stat(bundle, core); errors.Is(err, fs.ErrNotExist) {
		s.missing = true
	} else if err != nil {
		return nil, fmt.Errorf("open the bundle: %w", err)
	}
	for _, from := range []fs.FS{bundle, static} {
		if err := s.read(from); err != nil {
			return nil, err
		}
	}
	s.seal()
	return s, nil
}

// read takes the files of one tree in. A file x.br beside x is x compressed.
func (s *Site) read(from fs.FS) error {
	return fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		plain, compressed := strings.CutSuffix(name, ".br")
		f := s.files[plain]
		if compressed {
			f.brotli = body
		} else {
			f.body, f.kind = body, kind(name)
		}
		s.files[plain] = f
		return nil
	})
}

// seal fixes the address of the files and writes it into the page.
func (s *Site) seal() {
	all := sha256.New()
	for _, name := range sortedNames(s.files) {
		f := s.files[name]
		sum := sha256.Sum256(f.body)
		f.tag = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		s.files[name] = f
		fmt.Fprintf(all, "%s %x\n", name, sum)
	}
	s.base = "/static/" + base64.RawURLEncoding.EncodeToString(all.Sum(nil)[:9]) + "/"
	s.index = bytes.ReplaceAll(s.files["index.html"].body, []byte("{{base}}"), []byte(s.base))
	delete(s.files, "index.html")
}

func kind(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".wasm":
		return "application/wasm" // without it browsers refuse to compile while loading
	case ".json":
		return "application/json"
	case ".ts", ".txt", "":
		return "text/plain; charset=utf-8"
	}
	if k := mime.TypeByExtension(path.Ext(name)); k != "" {
		return k
	}
	return "application/octet-stream"
}
