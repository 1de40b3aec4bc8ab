// Command npm builds the npm packages of wasm/js into dist/npm: @countersign/core, with
// the core that `make wasm` built, and @countersign/react. The modules are bundled and
// minified, with source maps that hold the sources; the tarballs are npm's own, and the
// same from whatever folder they are built in. `make npm` runs it.
package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	out := flag.String("o", filepath.Join("dist", "npm"), "where the tarballs go")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "npm:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	top, err := goEnv("GOMOD")
	if err != nil {
		return err
	}
	goroot, err := goEnv("GOROOT")
	if err != nil {
		return err
	}
	made, err := build(source{top: filepath.Dir(top), goroot: goroot}, out)
	for _, m := range made {
		fmt.Printf("%s: %d bytes, SHA-256 %s\n", filepath.Join(out, m.name), m.size, m.sum)
	}
	return err
}

func goEnv(name string) (string, error) {
	b, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("go env %s: %w", name, err)
	}
	return strings.TrimSpace(string(b)), nil
}
