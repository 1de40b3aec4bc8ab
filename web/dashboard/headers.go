package dashboard

import (
	"net/http"
	"strings"
)

// policy is the content security policy. Scripts come from this origin only and
// no string ever becomes one; the page talks to this origin and to the bridge on
// loopback, first with GET /health to learn what is there (shared/spec/link.md).
// The grammar of sources has no IPv6 addresses (browsers ignore ws://[::1]:* with a
// warning), so a bridge is reached at 127.0.0.1.
func policy(bridges []string) string {
	connect := append([]string{"'self'", "http://127.0.0.1:*", "ws://127.0.0.1:*"}, bridges...)
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self' 'wasm-unsafe-eval'",
		"style-src 'self'",
		"connect-src " + strings.Join(connect, " "),
		"img-src 'self' data:",
		"font-src 'self'",
		"base-uri 'none'",
		"frame-ancestors 'none'",
		"form-action 'self'",
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; ")
}

// secure sets what every answer carries that may be opened as a document.
func (s *Site) secure(h http.Header) {
	part(h)
	h.Set("Content-Security-Policy", s.policy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), hid=(), serial=(), local-network=(), loopback-network=(self)")
}

// part sets what a file carries that is only ever part of a document: the document's
// policies are of no use there, and over a slow line twelve files with them take 50 ms more.
func part(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// isPart reports whether browsers show nothing of a kind as a document that could do
// anything: script, styles and modules, and unlike a picture in SVG.
func isPart(kind string) bool {
	switch kind, _, _ := strings.Cut(kind, ";"); kind {
	case "text/javascript", "text/css", "application/wasm":
		return true
	}
	return false
}
