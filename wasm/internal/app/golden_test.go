package app

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/wasm/internal/view"
)

var (
	update   = flag.Bool("update", false, "write the golden screens again")
	pictures = flag.String("pictures", "", "write each scene, whole and as an element, as a picture for the painter into this folder")
)

// insides are the scenes that are shown as the whole inside another page too.
var insides = []string{"account", "bridge-asking", "buy-quotes", "buy-several-entities", "request-reading", "requests-by-next"}

// Each scene is compared, as text, with what a person looked at. With -pictures
// DIR it leaves what the painter reads, for the gallery (web/dashboard/gallery).
func TestScreens(t *testing.T) {
	t.Parallel()
	for name := range scenes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := scene(t, name)
			p := m.View()
			got := "title " + p.Title + "\npath " + p.Path + "\nsays " + p.Announce + "\n" + p.Tree.Outline()
			file := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if *pictures != "" {
				write := func(kind, how string) {
					m.cfg.Kind = kind
					if err := os.WriteFile(filepath.Join(*pictures, kind+how+"--"+name+".json"), []byte(m.View().JSON()), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				write(Whole, "")
				if kind := elementOf(name); kind != "" {
					write(kind, "")
				}
				if slices.Contains(insides, name) {
					m.cfg.Inside = true
					write(Whole, "-inside")
					m.cfg.Bare = true
					write(Whole, "-bare")
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(string(want), got); d != "" {
				t.Errorf("the screen changed (-golden +now); look at it, then run with -update:\n%s", d)
			}
		})
	}
}

// elementOf is the element that shows a scene too; empty for none.
func elementOf(scene string) string {
	about, _, _ := strings.Cut(scene, "-")
	return map[string]string{"buy": Quotes, "request": Approve, "requests": Inbox, "order": Purchase, "bridge": BridgeStatus}[about]
}

// The design system lists its classes at the top of app.css; a class that is not
// there has no style.
func TestEveryClassIsInTheDesignSystem(t *testing.T) {
	t.Parallel()
	css, err := os.ReadFile("../../../web/dashboard/static/app.css")
	if err != nil {
		t.Fatal(err)
	}
	sheet := string(css)
	missing := map[string]string{}
	for name := range scenes() {
		scene(t, name).View().Tree.Walk(func(n view.Node) {
			for _, c := range strings.Fields(n.Get("class")) {
				if !strings.Contains(sheet, "."+c) {
					missing[c] = name
				}
			}
		})
	}
	for c, where := range missing {
		t.Errorf("the class %q (scene %s) is not in app.css", c, where)
	}
}

// The painter refuses tags and attributes that are not on its lists.
func TestThePainterKnowsEveryTag(t *testing.T) {
	t.Parallel()
	painter, err := os.ReadFile("../../js/painter.js")
	if err != nil {
		t.Fatal(err)
	}
	tags, attrs := listed(t, string(painter), "TAGS"), listed(t, string(painter), "ATTRS")
	for name := range scenes() {
		scene(t, name).View().Tree.Walk(func(n view.Node) {
			if n.Tag != "" && !tags[n.Tag] {
				t.Errorf("%s: the painter refuses <%s>", name, n.Tag)
			}
			for _, a := range n.Attrs {
				if _, grouped := a.Value.([]view.Attr); grouped || a.Name == "key" || a.Name == "copy" || a.Name == "reveal" || a.Name == "focus" || strings.HasPrefix(a.Name, "aria-") || strings.HasPrefix(a.Name, "data-") || n.Tag == "icon" || n.Tag == "lent" {
					continue
				}
				if !attrs[a.Name] {
					t.Errorf("%s: the painter refuses the attribute %s", name, a.Name)
				}
			}
		})
	}
}

func listed(t *testing.T, source, name string) map[string]bool {
	t.Helper()
	_, rest, ok := strings.Cut(source, "const "+name+" = words(`")
	if !ok {
		t.Fatalf("painter.js has no list %s", name)
	}
	words, _, _ := strings.Cut(rest, "`")
	set := map[string]bool{}
	for _, w := range strings.Fields(words) {
		set[w] = true
	}
	return set
}
