// Command first prints what the page and the elements show before the core is there: the
// pictures that the core's own views (wasm/internal/app) make of a page that knows
// nothing yet, as a module for the loader. `make wasm` runs it and puts first.js beside the
// loader, so that the form is on screen, and takes what is typed, while the core is
// on its way; the core's first picture then changes nothing but what it knows more.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"countersign/wasm/internal/app"
	"countersign/wasm/internal/view"
)

// paths are the addresses whose pictures are made; one with "*" is for all that is
// below it.
var paths = []struct{ name, path string }{
	{"/buy", "/buy"},
	{"/requests", "/requests"}, {"/requests/*", "/requests/req_first"},
	{"/orders", "/orders"}, {"/orders/*", "/orders/ord_first"},
	{"/accounts", "/accounts"}, {"/accounts/*", "/accounts/acc_first"},
	{"/vault", "/vault"}, {"/vault/*", "/vault/log"},
	{"/send", "/send"}, {"/send/*", "/send/acc_first"},
	{"/providers", "/providers"}, {"/providers/*", "/providers/first"},
}

// parts are the elements whose pictures are made.
var parts = []struct {
	name string
	cfg  app.Config
	path string
}{
	{"quotes", app.Config{Kind: app.Quotes}, "/buy"}, {"requests", app.Config{Kind: app.Inbox}, "/requests"}, {"bridge-status", app.Config{Kind: app.BridgeStatus}, "/bridge-status"},
	{"approve", app.Config{Kind: app.Approve}, "/requests/req_first"}, {"order", app.Config{Kind: app.Purchase}, "/requests/req_first"},
	{"app", app.Config{Kind: app.Whole, Inside: true}, "/buy"}, {"app bare", app.Config{Kind: app.Whole, Inside: true, Bare: true}, "/buy"},
}

func main() {
	var b strings.Builder
	b.WriteString("// Made by wasm/first from the core's views: what is shown before the core is there.\nexport const FIRST = {\n")
	for _, environment := range []string{"sandbox", "production"} {
		fmt.Fprintf(&b, "  %s: {\n", environment)
		for _, p := range paths {
			picture(&b, environment, p.name, app.Config{}, p.path)
		}
		b.WriteString("  },\n")
	}
	b.WriteString("};\n\n// Of elements in somebody else's page, by their kinds.\nexport const PARTS = {\n")
	for _, environment := range []string{"sandbox", "production"} {
		fmt.Fprintf(&b, "  %s: {\n", environment)
		for _, p := range parts {
			picture(&b, environment, p.name, p.cfg, p.path)
		}
		b.WriteString("  },\n")
	}
	b.WriteString("};\n")
	if _, err := os.Stdout.WriteString(b.String()); err != nil {
		fmt.Fprintln(os.Stderr, "first:", err)
		os.Exit(1)
	}
}

// picture writes what a surface shows that has just begun.
func picture(b *strings.Builder, environment, name string, cfg app.Config, path string) {
	cfg.Environment, cfg.NewKey = environment, func() string { return "" }
	m := app.New(cfg, time.Time{})
	m.Update(app.Started{Path: path})
	whole := m.View()
	fmt.Fprintf(b, "    %q: %s,\n", name, view.Page{Tree: whole.Tree, Keys: whole.Keys}.JSON())
}
