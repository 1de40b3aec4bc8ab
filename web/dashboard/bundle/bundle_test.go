package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

const (
	limit  = 1_000_000 // bytes with brotli, whatever else grows
	budget = 2.0       // times the floor of the same Go release
)

// The page is what everybody waits for: the core keeps its size.
func TestTheCoreKeepsItsBudget(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../dist/manifest.json")
	if err != nil {
		t.Fatalf("the core is not built; run make wasm: %v", err)
	}
	var m manifest
	if err := json.Unmarshal(doc, &m); err != nil {
		t.Fatal(err)
	}
	if m.Brotli == 0 {
		t.Fatal("the core was built with -quick; run make wasm")
	}
	target := filepath.Join(t.TempDir(), "floor.wasm")
	if err := goBuild(".", "./testdata/floor", target); err != nil {
		t.Fatal(err)
	}
	wasm, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	floor, err := pack(wasm)
	if err != nil {
		t.Fatal(err)
	}
	ratio := float64(m.Brotli) / float64(len(floor))
	t.Logf("%d bytes, %.2f times the floor of %d", m.Brotli, ratio, len(floor))
	if m.Brotli > limit || ratio > budget {
		t.Errorf("the core is %d bytes, %.2f times the floor; at most %d and %.1f", m.Brotli, ratio, limit, budget)
	}
}
