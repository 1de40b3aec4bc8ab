// Command first prints what the page shows before the core is there: the pictures
// that the core's own views (wasm/internal/app) make of a page that knows nothing
// yet, as a module for the loader. `make wasm` runs it and puts first.js beside the
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

func main() {
	var b strings.Builder
	b.WriteString("// Made by wasm/first from the core's views: what is shown before the core is there.\nexport const FIRST = {\n")
	for _, environment := range []string{"sandbox", "production"} {
		fmt.Fprintf(&b, "  %s: {\n", environment)
		for _, p := range paths {
			m := app.New(app.Config{Environment: environment, NewKey: func() string { return "" }}, time.Time{})
			m.Update(app.Started{Path: p.path})
			whole := m.View()
			fmt.Fprintf(&b, "    %q: %s,\n", p.name, view.Page{Tree: whole.Tree, Keys: whole.Keys}.JSON())
		}
		b.WriteString("  },\n")
	}
	b.WriteString("};\n")
	if _, err := os.Stdout.WriteString(b.String()); err != nil {
		fmt.Fprintln(os.Stderr, "first:", err)
		os.Exit(1)
	}
}
