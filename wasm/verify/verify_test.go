package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// begin runs the module in Node as a page does: what follows has verify(file, root).
const begin = `
import fs from 'node:fs';
const [, , exec, module, vectors] = process.argv;
await import(exec);
let verify;
globalThis.countersignVerifier = (f) => { verify = f; };
const go = new Go();
const { instance } = await WebAssembly.instantiate(fs.readFileSync(module), go.importObject);
go.run(instance);
const all = JSON.parse(fs.readFileSync(vectors));
`

// held prints what differs from the vectors.
const held = `
for (const v of all) {
  const a = JSON.parse(verify(new TextEncoder().encode(v.receipt), v.root));
  const lines = (a.lines ?? []).map((l) => l.value).join();
  if (v.part ? a.error?.details.part !== v.part : a.text !== v.text || !lines.includes(a.request)) console.log(v.name, JSON.stringify(a));
}
const long = JSON.parse(verify(new Uint8Array((16 << 20) + 1), all[0].root));
if (long.error?.details.part !== 'file') console.log('too long', JSON.stringify(long));
console.log(all.length, 'receipts');
process.exit(0);
`

// timed prints how many milliseconds the first receipt takes, and one later.
const timed = `
const good = all.find((v) => !v.part);
const file = new TextEncoder().encode(good.receipt);
const took = () => { const began = performance.now(); verify(file, good.root); return performance.now() - began; };
const cold = took();
const later = Array.from({ length: 21 }, took).sort((a, b) => a - b);
console.log(cold, later[10]);
process.exit(0);
`

// node builds the module, and runs a script on it.
func node(t testing.TB, script string) string {
	t.Helper()
	dir := t.TempDir()
	module := filepath.Join(dir, "verify.wasm")
	build := exec.CommandContext(t.Context(), "go", "build", "-tags=verify", "-trimpath", "-ldflags=-s -w", "-o", module, ".")
	build.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	goroot, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "run.mjs")
	if err := os.WriteFile(file, []byte(begin+script), 0o600); err != nil {
		t.Fatal(err)
	}
	vectors, err := filepath.Abs("../../shared/spec/vectors/receipt.json")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", file, filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"), module, vectors).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return string(out)
}

func TestTheModuleSaysOfEachReceiptWhatTheVectorsSay(t *testing.T) {
	t.Parallel()
	if out := node(t, held); !regexp.MustCompile(`^[1-9][0-9]* receipts\n$`).MatchString(out) {
		t.Error(out)
	}
}

// BenchmarkBrowser verifies a receipt in the module, in Node: the first one, and later ones.
func BenchmarkBrowser(b *testing.B) {
	var cold, warm float64
	for b.Loop() {
		out := node(b, timed)
		if _, err := fmt.Sscan(out, &cold, &warm); err != nil {
			b.Fatal(err, out)
		}
	}
	b.ReportMetric(cold, "cold-ms")
	b.ReportMetric(warm, "warm-ms")
}
