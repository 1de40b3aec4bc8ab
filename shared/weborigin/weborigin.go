// Package weborigin checks the names of web origins in configurations: one that no
// browser writes so would match no page, and nothing would say why. Used by the bridge
// and by the gateway.
package weborigin

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/secret"
)

// maxOrigin is the longest origin that is read, in bytes: a host name has at
// most 253.
const maxOrigin = 300

// Check reports whether s is an origin in the one form that a browser sends
// (RFC 6454 §6.2, the ASCII serialisation): scheme://host[:port], lower case,
// without the scheme's default port, user information, path, or trailing dot. A
// plain-http origin must be on loopback, because anybody on the way could pose
// as another. Errors are INVALID_REQUEST and say what to write instead.
func Check(s string) error {
	refuse := func(why string) error {
		return fault.New(fault.Invalid, fmt.Sprintf("origin %q: %s", clip(secret.Text(s)), why))
	}
	if s == "" || len(s) > maxOrigin {
		return refuse("it must be like https://dashboard.example.com")
	}
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme != "https" && scheme != "http" {
		return refuse("it must start with https://, or http:// on loopback")
	}
	if strings.Contains(rest, "@") {
		return refuse("it must not name a user")
	}
	if strings.ContainsAny(rest, "/?#\\") {
		return refuse("it must end after host and port, without a path or slash")
	}
	host, port, err := splitHost(rest)
	if err != nil {
		return refuse(err.Error())
	}
	if scheme == "https" && port == "443" || scheme == "http" && port == "80" {
		return refuse("leave out the default port, as browsers do")
	}
	if scheme == "http" && !loopbackName(host) {
		return refuse("plain http is allowed for 127.0.0.1, [::1] and localhost only")
	}
	return nil
}

// splitHost separates host and port and checks both. The port is "" when there
// is none.
func splitHost(s string) (host, port string, err error) {
	host = s
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return "", "", fmt.Errorf("the bracket is not closed")
		}
		addr, err := netip.ParseAddr(s[1:end])
		if err != nil || !addr.Is6() || addr.Is4In6() || addr.Zone() != "" || addr.String() != s[1:end] {
			return "", "", fmt.Errorf("the IPv6 address is not in its shortest form")
		}
		host, s = s[:end+1], s[end+1:]
		if s == "" {
			return host, "", nil
		}
		if !strings.HasPrefix(s, ":") {
			return "", "", fmt.Errorf("there is something after the bracket")
		}
		port = s[1:]
	} else if i := strings.IndexByte(s, ':'); i >= 0 {
		host, port = s[:i], s[i+1:]
	} else {
		return host, "", checkName(host)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return "", "", fmt.Errorf("the port must be a number from 1 to 65535")
	}
	if strings.HasPrefix(host, "[") {
		return host, port, nil
	}
	return host, port, checkName(host)
}

// checkName accepts a DNS name or an IPv4 address as a browser serialises it: the URL
// Standard's domain to ASCII (https://url.spec.whatwg.org/#concept-domain-to-ascii)
// does not ask for letters, digits and hyphens only (UseSTD3ASCIIRules is false), and
// hosts with an underscore exist, in companies' own domains above all. None of the
// other characters that it leaves is in the name of a host.
func checkName(host string) error {
	if host == "" || len(host) > 253 {
		return fmt.Errorf("the host is missing or too long")
	}
	if strings.HasSuffix(host, ".") {
		return fmt.Errorf("the host must not end in a dot")
	}
	labels := strings.Split(host, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return fmt.Errorf("the host is not a domain name")
		}
		for _, c := range []byte(label) {
			if c >= 'A' && c <= 'Z' {
				return fmt.Errorf("the host must be in lower case")
			}
			if c >= 0x80 {
				return fmt.Errorf("write an international host in its xn-- form")
			}
			if c != '-' && c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') {
				return fmt.Errorf("the host is not a domain name")
			}
		}
	}
	if isNumber(labels[len(labels)-1]) {
		addr, err := netip.ParseAddr(host)
		if err != nil || !addr.Is4() {
			return fmt.Errorf("the IPv4 address is not in dotted form")
		}
	}
	return nil
}

// isNumber reports whether a browser reads a host with this last label as an IPv4
// address (https://url.spec.whatwg.org/#ends-in-a-number-checker): it is of digits, or
// 0x and hexadecimal ones.
func isNumber(label string) bool {
	digits := "0123456789"
	if hex, ok := strings.CutPrefix(label, "0x"); ok {
		label, digits = hex, "0123456789abcdef"
	}
	return strings.Trim(label, digits) == ""
}

// loopbackName reports whether host is one of the three names of this computer
// that a browser never asks a name server for.
func loopbackName(host string) bool {
	return host == "127.0.0.1" || host == "[::1]" || host == "localhost"
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "…"
	}
	return s
}
