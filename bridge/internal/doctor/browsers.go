package doctor

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// browser is a browser that the person may have. Since a certain version it asks
// before a page reaches this computer by WebSocket (Local Network Access), unless
// a policy answers for the person.
type browser struct {
	name     string
	programs []string // the first that is there
	asks     int      // the first version that asks about WebSockets
	policies []string // where administrators put policies: globs of files
	read     func(c *checks, files []string, origin string) verdict
}

var browserList = []browser{
	{name: "Chrome", programs: []string{"/usr/bin/google-chrome-stable", "/usr/bin/google-chrome", "/opt/google/chrome/chrome"}, asks: 147,
		policies: []string{"/etc/opt/chrome/policies/managed/*.json"}, read: (*checks).chromePolicy},
	{name: "Chromium", programs: []string{"/usr/bin/chromium", "/usr/bin/chromium-browser", "/snap/bin/chromium"}, asks: 147,
		policies: []string{"/etc/chromium/policies/managed/*.json", "/etc/chromium-browser/policies/managed/*.json"}, read: (*checks).chromePolicy},
	{name: "Edge", programs: []string{"/usr/bin/microsoft-edge-stable", "/usr/bin/microsoft-edge"}, asks: 147,
		policies: []string{"/etc/opt/edge/policies/managed/*.json"}, read: (*checks).chromePolicy},
	{name: "Firefox", programs: []string{"/usr/bin/firefox", "/usr/bin/firefox-esr", "/snap/bin/firefox"}, asks: 154,
		policies: []string{"/etc/firefox/policies/policies.json", "/usr/lib/firefox/distribution/policies.json",
			"/usr/lib/firefox-esr/distribution/policies.json", "/opt/firefox/distribution/policies.json"}, read: (*checks).firefoxPolicy},
}

// browsers says what each installed browser does when a dashboard connects.
func (c *checks) browsers(ctx context.Context) {
	found := 0
	for _, b := range browserList {
		for _, p := range b.programs {
			if info, err := os.Stat(c.at(p)); err == nil && !info.IsDir() {
				found++
				c.browser(ctx, b, c.at(p))
				break
			}
		}
	}
	if found == 0 {
		c.note("browsers", OK, "no browser was found where browsers are", "Chrome and Edge since 147 and Firefox since 154 ask when you connect: choose Allow.")
	}
}

var digits = regexp.MustCompile(`(\d{1,5})\.\d`)

func (c *checks) browser(ctx context.Context, b browser, path string) {
	id := "browser:" + strings.ToLower(b.name)
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	text, err := c.Version(ctx, path)
	m := digits.FindStringSubmatch(text)
	if err != nil && m == nil || m == nil {
		c.note(id, Warn, b.name+" does not say which version it is", fmt.Sprintf("Since %d it asks when you connect: choose Allow.", b.asks))
		return
	}
	version, _ := strconv.Atoi(m[1]) // at most five digits
	name := fmt.Sprintf("%s %d", b.name, version)
	if version < b.asks {
		c.note(id, OK, fmt.Sprintf("%s lets dashboards reach this computer without asking (it asks since %d)", name, b.asks), "")
		return
	}
	sites := slices.DeleteFunc(slices.Clone(c.Bridge.Origins), onLoopback) // a page of this computer may reach it
	if len(sites) == 0 {
		c.note(id, OK, name+" does not ask: the dashboards in the configuration are of this computer", "")
		return
	}
	var files []string
	for _, pattern := range b.policies {
		more, _ := filepath.Glob(c.at(pattern)) // the patterns are constants
		files = append(files, more...)
	}
	var ask []string
	for _, origin := range sites {
		switch v := b.read(c, files, origin); v.answer {
		case blocked:
			c.note(id+":"+origin, Bad, fmt.Sprintf("a policy forbids %s in %s to reach this computer: %s in %s", origin, name, v.policy, v.file),
				"Ask the administrator to allow it: countersign-bridge browser-policy prints what is needed. Or use the relay.")
		case allowed:
			c.note(id+":"+origin, OK, fmt.Sprintf("a policy lets %s in %s reach this computer", origin, name), "")
		case unreadable:
			c.note(id+":"+origin, Warn, fmt.Sprintf("the policy %s of %s cannot be read: %v", v.file, name, v.err), "The browser ignores it too, or shows why at about:policies or chrome://policy.")
		default:
			ask = append(ask, origin)
		}
	}
	if len(ask) > 0 {
		c.note(id, OK, fmt.Sprintf("%s asks when you connect to %s", name, strings.Join(ask, ", ")),
			"Choose Allow. If you refused once: the site's settings, beside the address, have it again. For many computers: countersign-bridge browser-policy.")
	}
}

// onLoopback reports whether a page is served by this computer: browsers do not
// ask about it.
func onLoopback(origin string) bool {
	_, host, _ := strings.Cut(origin, "://")
	name, _ := parts(host)
	return name == "127.0.0.1" || name == "[::1]" || name == "localhost"
}
