package spec

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestTheIndexNamesEachPageAndEachFileOfVectors(t *testing.T) {
	t.Parallel()
	index := read(t, "README.md")
	for _, pattern := range []string{"*.md", "vectors/*.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, f := range files {
			if f != "README.md" && !strings.Contains(index, "("+f+")") {
				t.Errorf("the index does not name %s", f)
			}
		}
	}
	for rest, link := index, ""; ; {
		var found bool
		if _, rest, found = strings.Cut(rest, "]("); !found {
			break
		}
		link, _, _ = strings.Cut(rest, ")")
		if _, err := os.Stat(link); err != nil {
			t.Errorf("the index leads nowhere: %v", err)
		}
	}
}

// A field that no page explains is one whose meaning a reader has to guess.
func TestEveryFieldOfEachFileOfVectorsIsExplained(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("vectors/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%v: %v", files, err)
	}
	for _, f := range files {
		var v any
		if err := json.Unmarshal([]byte(read(t, f)), &v); err != nil {
			t.Fatal(err)
		}
		explained := false
		for _, p := range pages {
			_, section, found := strings.Cut(read(t, p), "\n## Vectors\n")
			if section, _, _ = strings.Cut(section, "\n## "); !found || !strings.Contains(section, "`"+f+"`") {
				continue
			}
			explained = true
			near, far := map[string]bool{}, map[string]bool{}
			for _, w := range Words(section) {
				near[w] = true
			}
			text := append(Words(fence.ReplaceAllString(read(t, p), "")), codeBlocks(read(t, p))...)
			for _, w := range regexp.MustCompile(`[a-z_]+`).FindAllString(strings.Join(text, " "), -1) {
				far[w] = true
			}
			cases := 1 // how deep the fields of a case are
			if _, object := v.(map[string]any); object {
				cases = 2
			}
			unexplained(v, 0, func(name string, depth int) {
				if !near[name] && !near[name+"[]"] && (depth <= cases || !far[name]) {
					t.Errorf("%s does not say what %q is in %s", p, name, f)
				}
			})
		}
		if !explained {
			t.Errorf("no page has a section Vectors with %s", f)
		}
	}
}

// unexplained visits the names of all objects, with how many they are inside of.
// What is keyed by data, as codes by provider, has no names of its own.
func unexplained(v any, depth int, visit func(name string, depth int)) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			unexplained(e, depth, visit)
		}
	case map[string]any:
		for name, e := range v {
			visit(name, depth+1)
			if name != "codes" && name != "rows" {
				unexplained(e, depth+1, visit)
			}
		}
	}
}

func codeBlocks(page string) []string {
	var blocks []string
	for _, m := range fence.FindAllStringSubmatch(page, -1) {
		blocks = append(blocks, m[2])
	}
	return blocks
}

// The example is run where there is a Python, which is not part of the toolchain;
// its assertions are those of the Go packages.
func TestTheExampleOfTheIndexRuns(t *testing.T) {
	t.Parallel()
	_, code, found := strings.Cut(read(t, "README.md"), "```python\n")
	code, _, closed := strings.Cut(code, "```")
	if !found || !closed {
		t.Fatal("the index has no example")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Log("there is no python3: the example was not run")
		return
	}
	if out, err := exec.Command(python, "-c", code).CombinedOutput(); err != nil {
		t.Errorf("the example: %v\n%s", err, out)
	}
}
