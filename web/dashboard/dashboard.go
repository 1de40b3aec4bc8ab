// Package dashboard serves the page: one HTML document for every screen, the
// styles, the loader (wasm/js), the core and the verifier of receipts that `make wasm` built. Everything is
// embedded in the program. What may run in the page is decided by the security
// policy in headers.go. Used by the gateway and by the sandbox's dashboard.
package dashboard

import (
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"mime"
	"path"
	"slices"
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
	// Environment is what the page shows before it has asked: "sandbox" unmistakably.
	Environment string
}

// core is the file without which there is nothing to serve; verifier is what verifies
// receipts.
const (
	core     = "countersign.wasm"
	verifier = "verify.wasm"
)

// file is what is served at one address.
type file struct {
	body      []byte
	forms     map[string][]byte // compressed, by the name of the coding
	kind, tag string
}

// Site is the dashboard, as a handler.
type Site struct {
	pages       map[string]file // by the first part of the address
	base        string
	environment string
	files       map[string]file
	policy      string
	hashes      map[string]string // SHA-256 of each module of WebAssembly, in hexadecimal
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
	s := &Site{files: map[string]file{}, hashes: map[string]string{}, environment: cmp.Or(cfg.Environment, "production"), policy: policy(cfg.Bridges)}
	for _, from := range []fs.FS{bundle, static} {
		if err := s.read(from); err != nil {
			return nil, err
		}
	}
	if err := s.compress(bundle); err != nil {
		return nil, err
	}
	if err := s.seal(); err != nil {
		return nil, err
	}
	return s, nil
}

// read takes the files of one tree in, without the compressed forms.
func (s *Site) read(from fs.FS) error {
	return fs.WalkDir(from, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(path.Base(name), ".") || compressed(name) {
			return err
		}
		body, err := fs.ReadFile(from, name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		sum := sha256.Sum256(body)
		s.files[name] = file{body: body, kind: kind(name), tag: base64.RawURLEncoding.EncodeToString(sum[:12])}
		return nil
	})
}

func compressed(name string) bool {
	return slices.ContainsFunc(codings, func(c struct{ name, ext string }) bool { return strings.HasSuffix(name, c.ext) })
}

// compress takes the compressed forms in that the bundle holds of files as they
// are now: its manifest says of which contents they were made. A style that was
// changed after `make wasm` is served as it is, never as it was.
func (s *Site) compress(bundle fs.FS) error {
	doc, err := fs.ReadFile(bundle, "manifest.json")
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	var made struct {
		Compressed map[string]string `json:"compressed"` // name → SHA-256 of the contents
	}
	if err == nil {
		err = json.Unmarshal(doc, &made)
	}
	if err != nil {
		return fmt.Errorf("read the bundle's manifest: %w", err)
	}
	for name, sum := range made.Compressed {
		f, ok := s.files[name]
		if now := sha256.Sum256(f.body); !ok || hex.EncodeToString(now[:]) != sum {
			continue
		}
		f.forms = map[string][]byte{}
		for _, c := range codings {
			body, err := fs.ReadFile(bundle, name+c.ext)
			if err != nil {
				return fmt.Errorf("read %s: %w", name+c.ext, err)
			}
			f.forms[c.name] = body
		}
		s.files[name] = f
	}
	return nil
}

// seal fixes the address of the files and makes the pages, which name it.
func (s *Site) seal() error {
	all := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(s.files)) {
		fmt.Fprintf(all, "%s %s\n", name, s.files[name].tag)
	}
	s.base = "/static/" + base64.RawURLEncoding.EncodeToString(all.Sum(nil)[:9]) + "/"
	for _, name := range []string{core, verifier} {
		if f, ok := s.files[name]; ok {
			sum := sha256.Sum256(f.body)
			s.hashes[name] = hex.EncodeToString(sum[:])
		}
	}
	index := s.files["index.html"].body
	delete(s.files, "index.html")
	return s.makePages(string(index))
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
