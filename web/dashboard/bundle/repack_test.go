package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign/web/dashboard/loader"
)

// runModule runs a module of Go's in Node.js and returns what it printed.
func runModule(t *testing.T, module []byte) string {
	t.Helper()
	goroot, err := loader.GoEnv("GOROOT")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "module.wasm")
	if err := os.WriteFile(path, module, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", "--stack-size=8192", filepath.Join(goroot, "lib", "wasm", "wasm_exec_node.js"), path).CombinedOutput()
	if _, exited := err.(*exec.ExitError); !exited {
		t.Fatalf("the module did not end in a panic: %v\n%s", err, out)
	}
	return string(out)
}

func built(t *testing.T, pkg string) []byte {
	t.Helper()
	target := filepath.Join(t.TempDir(), "built.wasm")
	if err := goBuild(".", pkg, target, small...); err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	return wasm
}

func TestARepackedProgramDoesTheSameAndNamesItsFunctions(t *testing.T) {
	t.Parallel()
	before := built(t, "./testdata/unwinds")
	after, err := repack(before)
	if err != nil {
		t.Fatal(err)
	}
	said, want := runModule(t, after), runModule(t, before)
	facts := func(out string) string { head, _, _ := strings.Cut(out, "goroutine "); return head }
	if facts(said) != facts(want) || !strings.Contains(facts(said), "depth 20000") {
		t.Errorf("the repacked program printed\n%s\nwant\n%s", said, want)
	}
	if !strings.Contains(said, "main.worst(") || strings.Contains(said, "main.go:") {
		t.Errorf("its traceback should name main.worst and no line:\n%s", said)
	}
}

func TestRepackingKeepsAllMemoryButTheLines(t *testing.T) {
	t.Parallel()
	before := built(t, "./testdata/unwinds")
	after, err := repack(before)
	if err != nil {
		t.Fatal(err)
	}
	want := memoryOf(t, before)
	if err := dropLines(want); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(bytes.TrimRight(memoryOf(t, after), "\x00"), bytes.TrimRight(want, "\x00")) {
		t.Error("the memory of the repacked program differs")
	}
	for _, gap := range []int{1, 2, 8, 1000} {
		again, err := unpackData(packData(want, gap))
		if err != nil || !bytes.Equal(bytes.TrimRight(again, "\x00"), bytes.TrimRight(want, "\x00")) {
			t.Errorf("a gap of %d: the memory differs, %v", gap, err)
		}
	}
}

func memoryOf(t *testing.T, module []byte) []byte {
	t.Helper()
	sections, err := split(module)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sections {
		if s.id == dataSection {
			memory, err := unpackData(s.body)
			if err != nil {
				t.Fatal(err)
			}
			return memory
		}
	}
	t.Fatal("there is no data section")
	return nil
}

func TestWhatIsNotOfThisGoReleaseIsNotRepacked(t *testing.T) {
	t.Parallel()
	whole := built(t, "./testdata/unwinds")
	other := bytes.Clone(whole)
	copy(other[bytes.Index(other, []byte{0xf1, 0xff, 0xff, 0xff, 0, 0, 1, 8}):], []byte{0xf0})
	for name, module := range map[string][]byte{
		"nothing":                   nil,
		"a picture":                 []byte("\x89PNG\r\n\x1a\n"),
		"half a module":             whole[:len(whole)/2],
		"a module of another Go":    other,
		"a segment that is passive": append([]byte("\x00asm\x01\x00\x00\x00"), dataSection, 3, 1, 1, 0),
		"a segment past all memory": append([]byte("\x00asm\x01\x00\x00\x00"), dataSection, 9, 1, 0, i32Const, 0xff, 0xff, 0xff, 0xff, 0x07, end, 0),
	} {
		if _, err := repack(module); err == nil {
			t.Errorf("%s was repacked", name)
		}
	}
}
