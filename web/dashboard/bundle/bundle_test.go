package main

import (
	"encoding/json"
	"os"
	"testing"
)

// What the core may be: never more than limit, and at most most times the floor.
// The goal is 2.0; until it is reached, most only ever goes down.
const (
	most  = 2.25
	limit = 1_000_000 // bytes
)

// The page is what all wait for: the core does not grow unnoticed.
func TestTheCoreDoesNotGrow(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("../dist/manifest.json")
	if err != nil {
		t.Fatalf("the core is not built; run make wasm: %v", err)
	}
	var m manifest
	if err := json.Unmarshal(doc, &m); err != nil {
		t.Fatal(err)
	}
	if m.Brotli == 0 || m.Floor == 0 {
		t.Fatal("the core was built in a hurry, without being compressed; run make wasm")
	}
	ratio := float64(m.Brotli) / float64(m.Floor)
	t.Logf("%d bytes, %.2f times the floor of %d", m.Brotli, ratio, m.Floor)
	if ratio > most || m.Brotli > limit {
		t.Errorf("the core is %d bytes, %.2f times the floor; at most %d and %.2f", m.Brotli, ratio, limit, most)
	}
}
