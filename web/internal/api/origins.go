package api

import (
	"net/http"
	"slices"
	"strings"

	"countersign/shared/fault"
)

// What pages of other origins may do (Fetch, 3.2): those that are listed send the
// headers below, read the exposed ones, and ask before they do so once in two hours
// (browsers keep an answer no longer). Nothing here reads cookies, so no credentials
// are allowed; a page that is not listed is answered, and cannot read the answer.
const (
	sent    = "Authorization, Content-Type, DPoP, Dry-Run, Idempotency-Key"
	exposed = "X-Request-Id, Retry-After, Idempotency-Replayed, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
	kept    = "7200" // seconds
)

// share lets the page that asks read the answer, when it is of a listed origin.
func (a *api) share(h http.Header, r *http.Request) (listed bool) {
	h.Add("Vary", "Origin") // also of an answer to a page that is not listed: it may be kept
	origins := r.Header.Values("Origin")
	if len(origins) != 1 || !slices.Contains(a.Origins, origins[0]) {
		return false
	}
	h.Set("Access-Control-Allow-Origin", origins[0])
	h.Set("Access-Control-Expose-Headers", exposed)
	return true
}

// preflight reports whether a browser asks if a page may ask.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// permit answers a preflight for an address that takes methods.
func permit(w http.ResponseWriter, methods []string, listed bool) error {
	if !listed {
		return fault.New(fault.OriginRefused, "this page is not of one of the gateway's dashboards: its origin must stand in the configuration of the gateway, under dashboards")
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	h.Set("Access-Control-Allow-Headers", sent)
	h.Set("Access-Control-Max-Age", kept)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
