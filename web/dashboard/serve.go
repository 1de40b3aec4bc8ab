package dashboard

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const missing = `Countersign: the browser module is not part of this program.

Run "make wasm" in the checkout, then build and start this program again.
The API is not affected.
`

func sortedNames(files map[string]file) []string { return slices.Sorted(maps.Keys(files)) }

// ServeHTTP answers for the page and its files; other addresses are not found.
func (s *Site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.secure(w.Header())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if name, ok := strings.CutPrefix(r.URL.Path, "/static/"); ok {
		s.static(w, r, name)
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
	w.Header().Set("Cache-Control", "no-store")
	if s.missing {
		http.Error(w, missing, http.StatusServiceUnavailable)
		return
	}
	write(w, r, "text/html; charset=utf-8", s.index)
}

// Serves reports whether the page or one of its files is at a path.
func (s *Site) Serves(path string) bool {
	if path == "/" || path == "/index.html" || path == "/favicon.ico" || strings.HasPrefix(path, "/static/") {
		return true
	}
	return slices.ContainsFunc(screens, func(s string) bool { return path == s || strings.HasPrefix(path, s+"/") })
}

// static serves HASH/NAME. A page of another build asks under another hash and
// is told that this is gone, never given files that do not fit together.
func (s *Site) static(w http.ResponseWriter, r *http.Request, name string) {
	name, current := strings.CutPrefix("/static/"+name, s.base)
	f, ok := s.files[name]
	if !current || !ok || f.body == nil {
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	if f.brotli != nil {
		h.Set("Vary", "Accept-Encoding")
	}
	body, tag := f.body, f.tag
	if f.brotli != nil && acceptsBrotli(r.Header.Values("Accept-Encoding")) {
		h.Set("Content-Encoding", "br")
		body, tag = f.brotli, strings.TrimSuffix(tag, `"`)+`-br"`
	}
	h.Set("ETag", tag)
	if slices.ContainsFunc(strings.Split(r.Header.Get("If-None-Match"), ","), func(t string) bool {
		return strings.TrimPrefix(strings.TrimSpace(t), "W/") == tag
	}) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	write(w, r, f.kind, body)
}

func write(w http.ResponseWriter, r *http.Request, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the client went away: nothing to do about it
	}
}

// acceptsBrotli reads Accept-Encoding: br that is not refused by q=0.
func acceptsBrotli(values []string) bool {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			coding, params, _ := strings.Cut(part, ";")
			if !strings.EqualFold(strings.TrimSpace(coding), "br") {
				continue
			}
			q := strings.ReplaceAll(strings.ToLower(params), " ", "")
			value, hasQ := strings.CutPrefix(q, "q=")
			if !hasQ {
				return true
			}
			weight, err := strconv.ParseFloat(value, 64)
			return err == nil && weight > 0
		}
	}
	return false
}
