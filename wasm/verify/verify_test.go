package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// script runs the module on each vector, as a page does, and prints what differs.
const script = `
import fs from 'node:fs';
const [, , exec, module, vectors] = process.argv;
await import(exec);
let verify;
globalThis.countersignVerifier = (f) => { verify = f; };
const go = new Go();
const { instance } = await WebAssembly.instantiate(fs.readFileSync(module), go.importObject);
go.run(instance);
const all = JSON.parse(fs.readFileSync(vectors));
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

func TestTheModuleSaysOfEachReceiptWhatTheVectorsSay(t *testing.T) {
	t.Parallel()
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
	if err := os.WriteFile(file, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	vectors, err := filepath.Abs("../../shared/spec/vectors/receipt.json")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "node", file, filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"), module, vectors).CombinedOutput()
	if err != nil || !regexp.MustCompile(`^[1-9][0-9]* receipts\n$`).Match(out) {
		t.Errorf("%v\n%s", err, out)
	}
}
