package dashboard

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

var pictures = flag.String("pictures", "", "write the gallery's screenshots into this folder")

// The gallery is sample pictures of every screen and state. Each is painted by
// the real painter with the real styles and checked as a person would meet it:
// nothing refused, nothing wider than the window, nothing that an accessibility
// checker calls serious. With -pictures DIR it leaves screenshots to look at.
func TestGallery(t *testing.T) {
	t.Parallel()
	stage := newStage(t)
	axe := axeCore(t)
	found, err := filepath.Glob("testdata/gallery/*.json")
	if err != nil || len(found) == 0 {
		t.Fatalf("no gallery: %v", err)
	}
	for _, f := range found {
		name := strings.TrimSuffix(filepath.Base(f), ".json")
		t.Run(name, func(t *testing.T) {
			picture, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			p := stage.open(t)
			p.run(axe)
			for _, v := range []struct {
				scheme string
				width  int64
			}{{"light", 1280}, {"light", 320}, {"dark", 1280}, {"dark", 320}} {
				p.media(v.scheme, "reduce")
				p.do(chromedp.EmulateViewport(v.width, 900))
				p.run("await show({}); await show(" + string(picture) + ")")
				p.want("refused", []string{})
				if w := js[int64](p, "document.documentElement.scrollWidth"); w > v.width {
					t.Errorf("%s at %d px: the page is %d px wide: %s", v.scheme, v.width, w, js[string](p, widest))
				}
				checkAccessible(p, v.scheme)
				if *pictures != "" {
					shot(p, filepath.Join(*pictures, name+"-"+v.scheme+"-"+map[int64]string{1280: "wide", 320: "320"}[v.width]+".png"))
				}
			}
		})
	}
}

// widest names the elements that stick out.
const widest = `[...root.querySelectorAll('*')].filter((e) => e.getBoundingClientRect().right > innerWidth + 1 && !e.closest('.table-wrap, .visually-hidden'))
	.slice(0, 5).map((e) => e.tagName + '.' + e.getAttribute('class')).join(', ')`

func axeCore(t *testing.T) string {
	t.Helper()
	src, err := os.ReadFile("../../softhsm/e2e/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("axe-core is not installed; run softhsm/e2e/install.sh test: %v", err)
	}
	return string(src)
}

func checkAccessible(p tab, scheme string) {
	p.Helper()
	raw := js[string](p, `axe.run(document, {resultTypes: ['violations']}).then((r) => JSON.stringify(r.violations
		.filter((v) => ['serious', 'critical'].includes(v.impact))
		.map((v) => ({id: v.id, nodes: v.nodes.map((n) => n.html.slice(0, 160) + ' | ' + n.failureSummary.slice(0, 260))}))))`)
	var violations []struct {
		ID    string
		Nodes []string
	}
	if err := json.Unmarshal([]byte(raw), &violations); err != nil {
		p.Fatal(err)
	}
	for _, v := range violations {
		p.Errorf("%s: %s:\n%s", scheme, v.ID, strings.Join(v.Nodes, "\n"))
	}
}

func shot(p tab, path string) {
	p.Helper()
	png, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(path, png, 0o644); err != nil {
		p.Fatal(err)
	}
}
