package main

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/andybalholm/brotli"
)

// The budget of the module, brotli at its best level. The ratio is to the
// smallest Go program that uses syscall/js, built in the same run, so that it
// judges this code and not the release of Go.
//
// The goal is a ratio of 2.0; 1,000 KB (1 KB = 1000 bytes) is the hard limit. The
// ratio below leaves room for what the page does besides showing and asking: it
// finds the bridge as browsers allow it, goes through the relay where they do not,
// has several statements decided at once, and reads intents of any kind. encoding/json, fmt, flynn/noise and
// crypto/rand are left out of this module for its sake: one import brings each of
// them back.
const (
	maxRatio = 2.25
	maxSize  = 1_000_000
)

// shipped are the flags that web/dashboard/bundle builds the module with.
var shipped = []string{"-gcflags=all=-l", "-gcflags=golang.org/x/crypto/...="}

// floor is the smallest program that uses syscall/js.
const floor = `package main

import "syscall/js"

func main() {
	js.Global().Set("f", js.FuncOf(func(_ js.Value, args []js.Value) any { return args[0].String() }))
	select {}
}
`

func TestTheModuleStaysInItsBudget(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	src := filepath.Join(dir, "floor.go")
	if err := os.WriteFile(src, []byte(floor), 0o600); err != nil {
		t.Fatal(err)
	}
	least, size := compressed(t, dir, "floor.wasm", src), compressed(t, dir, "core.wasm", ".", shipped...)
	ratio := float64(size) / float64(least)
	t.Logf("bundle %d bytes of brotli, floor %d, ratio %.2f (goal 2.00)", size, least, ratio)
	if ratio > maxRatio || size > maxSize {
		t.Errorf("the module has %d bytes of brotli, %.2f times the floor: more than %d or %.2f", size, ratio, maxSize, maxRatio)
	}
}

func compressed(t *testing.T, dir, name, what string, flags ...string) int {
	t.Helper()
	out := filepath.Join(dir, name)
	args := append([]string{"build", "-trimpath", "-ldflags=-s -w", "-o", out}, flags...)
	cmd := exec.Command("go", append(args, what)...)
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go build %s: %v\n%s", what, err, text)
	}
	code, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := brotli.NewWriterOptions(&b, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: 24})
	if _, err := io.Copy(w, bytes.NewReader(code)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Len()
}
