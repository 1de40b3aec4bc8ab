package main

import (
	"encoding/json"
	"os"
	"testing"
)

// What the core may be (1 KB = 1000 bytes): never more than limit, and at most most
// times the floor, so that the test judges this code and not the release of Go.
// encoding/json, fmt, flynn/noise and crypto/rand are left out of the core for its
// sake: one import brings each of them back.
const (
	most  = 2.0
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
