package main

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"countersign/bridge/internal/approver"
)

// policyCommand prints what an administrator deploys so that a browser lets the
// dashboards reach the bridge without asking each person. Sources: the lists of
// enterprise policies of Chrome and Edge (LoopbackNetworkAllowedForUrls since
// version 146, LocalNetworkAccessAllowedForUrls since 140) and of Firefox
// (LocalNetworkAccess since version 150).
type policyCommand struct {
	configFlag
	Browser string `arg:"" enum:"chrome,edge,firefox" help:"chrome, edge or firefox."`
}

// Help is shown by `countersign-bridge browser-policy --help`.
func (policyCommand) Help() string {
	return `Browsers of today ask before a page may reach a program on this computer ("local
network access"). A company that manages its browsers can answer for everybody, for
exactly the dashboards in the configuration:

  countersign-bridge browser-policy chrome  > /etc/opt/chrome/policies/managed/countersign.json
  countersign-bridge browser-policy edge    > /etc/opt/edge/policies/managed/countersign.json
  countersign-bridge browser-policy firefox > /etc/firefox/policies/policies.json

Chromium reads /etc/chromium/policies/managed. On Windows and macOS the same names
go into the registry or a configuration profile. It changes nothing by itself, and
pairing and prompts stay as they are.`
}

func (c *policyCommand) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	origins, leftOut := cfg.Dashboards()
	for _, o := range leftOut {
		fmt.Fprintln(std.err, "left out:", o.Err)
	}
	policy, err := browserPolicy(c.Browser, origins)
	if err != nil {
		return err
	}
	return writeJSON(std.out, policy)
}

func browserPolicy(browser string, origins []string) (any, error) {
	if browser != "firefox" {
		return map[string][]string{"LoopbackNetworkAllowedForUrls": origins, "LocalNetworkAccessAllowedForUrls": origins}, nil
	}
	var hosts []string // Firefox knows hosts of pages, not origins
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil {
			return nil, fmt.Errorf("origin %q: %w", o, err)
		}
		if host := strings.ToLower(u.Hostname()); !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return map[string]any{"policies": map[string]any{"LocalNetworkAccess": map[string]any{"SkipDomains": hosts}}}, nil
}
