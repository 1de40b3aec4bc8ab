package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkBundle reports the sizes of the core and of the module that verifies receipts, as they were built, brotli at its
// best, beside the smallest Go program that uses syscall/js, built now by the
// same Go. `make bench` prints it.
func BenchmarkBundle(b *testing.B) {
	doc, err := os.ReadFile("../dist/manifest.json")
	if err != nil {
		b.Fatalf("the core is not built; run make wasm: %v", err)
	}
	var m manifest
	if err := json.Unmarshal(doc, &m); err != nil {
		b.Fatal(err)
	}
	if m.Brotli == 0 {
		b.Fatal("the core was built with -quick; run make wasm")
	}
	var floor []byte
	for b.Loop() {
		target := filepath.Join(b.TempDir(), "floor.wasm")
		if err := goBuild(".", "./testdata/floor", target); err != nil {
			b.Fatal(err)
		}
		wasm, err := os.ReadFile(target)
		if err != nil {
			b.Fatal(err)
		}
		if floor, err = pack(wasm); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(m.Brotli)/float64(len(floor)), "of-floor")
	b.ReportMetric(float64(m.Brotli), "module-bytes")
	b.ReportMetric(float64(m.Verify.Brotli), "verifier-bytes")
	b.ReportMetric(float64(len(floor)), "floor-bytes")
}
