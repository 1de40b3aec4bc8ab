package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
)

// screen is an address that the core knows, with what is below it. The page shows
// title and purpose before the core is there, in the words of the core
// (wasm/internal/app), so that nothing moves when it comes.
type screen struct {
	Name, Title, Sub string
	Item             string // title of what is below
	Icon             string // as wasm/js/icons.js draws it; without one it is not in the navigation
}

var screens = []screen{
	{"buy", "Buy", "Compare what providers deliver, then request the purchase.", "", "M10 4v12M4 10h12"},
	{"send", "Send", "From an account of the vault to an address. Members decide on it before anything is sent.", "Send", "M5 15L15 5M7.5 5H15v7.5"},
	{"requests", "Requests", "What waits for a decision or a payment, and what was decided.", "Request",
		"M3 11l2.2-6.2A1.2 1.2 0 0 1 6.3 4h7.4a1.2 1.2 0 0 1 1.1.8L17 11v4a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1zM3 11h4l1 2h4l1-2h4"},
	{"orders", "Orders", "What providers promised, and what arrived.", "Order", "M5 3h10v14l-2.5-1.5L10 17l-2.5-1.5L5 17zM8 7h4M8 10.5h4"},
	{"accounts", "Accounts", "What the vault holds.", "Account",
		"M3 6.5A1.5 1.5 0 0 1 4.5 5h11A1.5 1.5 0 0 1 17 6.5v7a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 3 13.5zM3 8.5h14M13 12h1"},
	{"vault", "Vault", "Who decides what, and how it came to be.", "Vault",
		"M4.5 3.5h11a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1h-11a1 1 0 0 1-1-1v-10a1 1 0 0 1 1-1zM10 6.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM10 6.5v1.6M10 10.9v1.6M7 9.5h1.6M11.4 9.5H13M5.5 15.5V17M14.5 15.5V17"},
	{"providers", "Providers", "What each promised, and what arrived.", "Providers", ""},
	{Name: "settings", Title: "Countersign"},
}

// makePages fills the document in for each screen, and for what is below it.
func (s *Site) makePages(index string) error {
	t, err := template.New("index.html").Parse(index)
	if err != nil {
		return fmt.Errorf("read the page: %w", err)
	}
	s.pages = map[string]file{}
	make := func(name string, at screen) error {
		var b, z bytes.Buffer
		if err := t.Execute(&b, map[string]any{"Base": s.base, "Core": core, "Environment": s.environment, "Screens": screens, "At": at}); err != nil {
			return fmt.Errorf("make the page %s: %w", name, err)
		}
		w, _ := gzip.NewWriterLevel(&z, gzip.BestCompression) // a level that exists
		if _, err := w.Write(b.Bytes()); err != nil {
			return fmt.Errorf("compress the page %s: %w", name, err)
		}
		if err := w.Close(); err != nil {
			return fmt.Errorf("compress the page %s: %w", name, err)
		}
		sum := sha256.Sum256(append([]byte(s.policy), b.Bytes()...)) // a browser keeps the page with its policy
		s.pages[name] = file{body: b.Bytes(), forms: map[string][]byte{"gzip": z.Bytes()}, kind: "text/html; charset=utf-8",
			tag: base64.RawURLEncoding.EncodeToString(sum[:12])}
		return nil
	}
	for _, at := range screens {
		if err := make(at.Name, at); err != nil {
			return err
		}
		if at.Item != "" {
			if at.Title != at.Item { // else what is below has the same head
				at.Title, at.Sub = at.Item, ""
			}
		}
		if err := make(at.Name+"/", at); err != nil {
			return err
		}
	}
	return nil
}

// page is the document for an address that the site serves.
func (s *Site) page(at string) file {
	name, below, _ := strings.Cut(strings.Trim(at, "/"), "/")
	switch {
	case name == "" || name == "index.html":
		return s.pages[screens[0].Name]
	case below != "":
		return s.pages[name+"/"]
	}
	return s.pages[name]
}
