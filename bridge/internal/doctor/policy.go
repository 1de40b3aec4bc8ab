package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// maxPolicy is the largest policy file that is read, in bytes.
const maxPolicy = 1 << 20

// answer is what a policy says of one site.
type answer int

const (
	silent answer = iota // the browser asks the person
	allowed
	blocked
	unreadable
)

// verdict is an answer and where it comes from.
type verdict struct {
	answer answer
	policy string
	file   string
	err    error
}

// chromeOrder is which policy wins where several name a site, from the first.
var chromeOrder = []struct {
	name   string
	answer answer
}{
	{"LoopbackNetworkBlockedForUrls", blocked},
	{"LoopbackNetworkAllowedForUrls", allowed},
	{"LocalNetworkAccessBlockedForUrls", blocked},
	{"LocalNetworkAccessAllowedForUrls", allowed},
}

// chromePolicy reads the managed policies of Chrome, Chromium and Edge.
func (c *checks) chromePolicy(files []string, origin string) verdict {
	merged := map[string]string{} // policy → file that names the site
	for _, f := range files {
		var policy map[string]json.RawMessage
		if err := readPolicy(f, &policy); err != nil {
			return verdict{unreadable, "", f, err}
		}
		for _, p := range chromeOrder {
			var patterns []string
			if raw, ok := policy[p.name]; ok && json.Unmarshal(raw, &patterns) == nil && matches(patterns, origin) {
				merged[p.name] = f
			}
		}
	}
	for _, p := range chromeOrder {
		if f, ok := merged[p.name]; ok {
			return verdict{answer: p.answer, policy: p.name, file: f}
		}
	}
	return verdict{}
}

// matches reports whether one of the URL patterns of Chrome's policies means an
// origin: "*", "[*.]example.com", "example.com", "https://example.com:8443".
func matches(patterns []string, origin string) bool {
	scheme, host, _ := strings.Cut(origin, "://")
	return slices.ContainsFunc(patterns, func(p string) bool {
		if p == "*" {
			return true
		}
		s, rest, ok := strings.Cut(p, "://")
		if !ok {
			s, rest = "*", p
		}
		rest = strings.TrimSuffix(strings.TrimSuffix(rest, "/*"), "/")
		if s != "*" && s != scheme {
			return false
		}
		return matchesHost(rest, scheme, host)
	})
}

func matchesHost(pattern, scheme, host string) bool {
	name, port := parts(host)
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[scheme]
	}
	wantName, wantPort := parts(pattern)
	if wantPort != "" && wantPort != "*" && wantPort != port {
		return false
	}
	if domain, ok := strings.CutPrefix(wantName, "[*.]"); ok {
		return name == domain || strings.HasSuffix(name, "."+domain)
	}
	return wantName == "*" || wantName == name
}

// parts separates host and port. "[*.]" and IPv6 addresses have brackets.
func parts(s string) (name, port string) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.IndexByte(s[i:], ']') >= 0 {
		return s, ""
	}
	return s[:i], s[i+1:]
}

// firefoxPolicies are the parts of policies.json that matter here.
type firefoxPolicies struct {
	Policies struct {
		LocalNetworkAccess *struct {
			Enabled         *bool    `json:"Enabled"`
			EnablePrompting *bool    `json:"EnablePrompting"`
			SkipDomains     []string `json:"SkipDomains"`
		} `json:"LocalNetworkAccess"`
	} `json:"policies"`
}

// firefoxPolicy reads Firefox's policies.json. It is switched off as a whole, or
// for domains; with prompting off, what is not skipped is blocked.
func (c *checks) firefoxPolicy(files []string, origin string) verdict {
	for _, f := range files {
		var p firefoxPolicies
		if err := readPolicy(f, &p); err != nil {
			return verdict{unreadable, "", f, err}
		}
		lna := p.Policies.LocalNetworkAccess
		if lna == nil {
			continue
		}
		_, host, _ := strings.Cut(origin, "://")
		name, _ := parts(host)
		switch {
		case lna.Enabled != nil && !*lna.Enabled:
			return verdict{answer: allowed, policy: "LocalNetworkAccess", file: f}
		case slices.ContainsFunc(lna.SkipDomains, func(d string) bool { return skips(d, name) }):
			return verdict{answer: allowed, policy: "LocalNetworkAccess.SkipDomains", file: f}
		case lna.EnablePrompting != nil && !*lna.EnablePrompting:
			return verdict{answer: blocked, policy: "LocalNetworkAccess.EnablePrompting", file: f}
		}
	}
	return verdict{}
}

// skips reports whether a domain of SkipDomains means a host: itself, or with "*."
// those below it.
func skips(domain, host string) bool {
	if below, ok := strings.CutPrefix(domain, "*."); ok {
		return strings.HasSuffix(host, "."+below)
	}
	return domain == host
}

// readPolicy decodes a policy file. Browsers add policies with each version, so
// what is not known is not looked at.
func readPolicy(path string, v any) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxPolicy+1))
	if err != nil {
		return err
	}
	if len(data) > maxPolicy {
		return fmt.Errorf("it is larger than %d bytes", maxPolicy)
	}
	return json.Unmarshal(data, v)
}
