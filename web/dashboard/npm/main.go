// Command npm builds the npm packages of wasm/js into dist/npm: @countersign/core, with
// the core that `make wasm` built, and @countersign/react. The modules are bundled and
// minified, with source maps that hold the sources; the tarballs are npm's own, and the
// same from whatever folder they are built in. `make npm` runs it.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"countersign/web/dashboard/loader"
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
	top, err := loader.GoEnv("GOMOD")
	if err != nil {
		return err
	}
	goroot, err := loader.GoEnv("GOROOT")
	if err != nil {
		return err
	}
	made, err := build(source{top: filepath.Dir(top), goroot: goroot}, out)
	for _, m := range made {
		fmt.Printf("%s: %d bytes, SHA-256 %s\n", filepath.Join(out, m.name), m.size, m.sum)
	}
	return err
}
