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

func (s *Site) secure(h http.Header) {
	h.Set("Content-Security-Policy", s.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=(), hid=(), serial=(), local-network=(), loopback-network=(self)")
}
