package dashboard

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

const missing = `Countersign: the browser module is not part of this program.

Run "make wasm" in the checkout, then build and start this program again.
The API is not affected.
`

// ServeHTTP answers for the page and its files; other addresses are not found.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, static := strings.CutPrefix(r.URL.Path, "/static/")
	f, current := s.file(name)
	if static && current && isPart(f.kind) {
		part(w.Header())
	} else {
		s.secure(w.Header())
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if static && !current {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if static {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		f.serve(w, r)
		return
	}
	if r.URL.Path == "/favicon.ico" {
		http.Redirect(w, r, s.base+"favicon.svg", http.StatusFound)
		return
	}
	if !s.Serves(r.URL.Path) {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	if s.hashes[core] == "" {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, missing, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Cache-Control", "no-cache") // kept, and asked about each time: it names the files of this build
	s.page(r.URL.Path).serve(w, r)
}

// Serves reports whether the page or one of its files is at a path.
func (s *Site) Serves(path string) bool {
	if path == "/" || path == "/index.html" || path == "/favicon.ico" || strings.HasPrefix(path, "/static/") {
		return true
	}
	return slices.ContainsFunc(screens, func(s screen) bool { return path == "/"+s.Name || strings.HasPrefix(path, "/"+s.Name+"/") })
}

// Module is a module of WebAssembly, "countersign.wasm" or "verify.wasm", and the SHA-256 of
// its contents in hexadecimal, as the manifest and the npm package name it; "" when none was
// built.
func (s *Site) Module(name string) (hash string, file http.Handler) {
	return s.hashes[name], http.HandlerFunc(s.files[name].serve)
}

// file finds HASH/NAME. A page of another build asks under another hash and is told
// that this does not exist, never given files that do not fit together.
func (s *Site) file(name string) (file, bool) {
	name, current := strings.CutPrefix("/static/"+name, s.base)
	f, ok := s.files[name]
	if of, packed := strings.CutSuffix(name, ".gz"); !ok && packed { // as the npm package has the modules
		f = file{body: s.files[of].forms["gzip"], kind: "application/gzip", tag: s.files[of].tag + "-gz"}
		ok = f.body != nil
	}
	return f, current && ok
}

// serve answers with the form of the file that the client prefers. What it has
// already is not sent again, and a part of it (RFC 9110 §14) is one of the form.
func (f file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	body, tag := f.body, f.tag
	if len(f.forms) > 0 {
		h.Add("Vary", "Accept-Encoding")
		if c := coding(r.Header.Values("Accept-Encoding"), f.forms); c != "" {
			h.Set("Content-Encoding", c)
			body, tag = f.forms[c], tag+"-"+c
		}
	}
	h.Set("ETag", `"`+tag+`"`)
	h.Set("Content-Type", f.kind)
	if r.Header.Get("Range") == "" && r.Header.Get("If-Match") == "" { // ServeContent leaves it out of what is compressed
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}
