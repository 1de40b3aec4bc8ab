package spec

import (
	"os"
	"os/exec"
	"path/filepath"
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

func TestEachFileOfVectorsIsExplainedOnAPage(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, p := range pages {
		if p != "README.md" {
			all.WriteString(read(t, p))
		}
	}
	files, err := filepath.Glob("vectors/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if !strings.Contains(all.String(), "`"+f+"`") {
			t.Errorf("no page says what %s is", f)
		}
	}
}

// The example is run where there is a Python, which is no part of the toolchain;
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
