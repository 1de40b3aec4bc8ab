// Package loader gathers the modules that load the core into a page: those of wasm/js
// as they are, and three that are generated: wasm_exec.js from the Go release that builds
// the core (never a copy in this repository: the two must match), styles.js from the
// dashboard's styles, and first.js from the core's views (wasm/first). Used by the bundle, by the npm packages, and by the dashboard's tests.
package loader

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// wasmExec is the module that Go's wasm_exec.js is put into.
//
//go:embed wasm_exec.js.txt
var wasmExec string

// Files returns the modules and their types by name. top is the checkout, goroot the
// root of the Go release that builds the core.
func Files(top, goroot string) (map[string][]byte, error) {
	files, err := Read(filepath.Join(top, "wasm", "js", "*.js"), filepath.Join(top, "wasm", "js", "*.d.ts"))
	if err != nil {
		return nil, err
	}
	exec, err := os.ReadFile(filepath.Join(goroot, "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return nil, fmt.Errorf("read wasm_exec.js: %w", err)
	}
	files["wasm_exec.js"] = []byte(strings.Replace(wasmExec, "{{wasm_exec.js}}", string(exec), 1))
	css, err := os.ReadFile(filepath.Join(top, "web", "dashboard", "static", "app.css"))
	if err != nil {
		return nil, fmt.Errorf("read the styles: %w", err)
	}
	text, err := json.Marshal(string(css))
	if err != nil {
		return nil, fmt.Errorf("write the styles: %w", err)
	}
	if files["first.js"], err = first(top); err != nil {
		return nil, err
	}
	files["styles.js"] = fmt.Appendf(nil, "// Generated from app.css.\nexport const css = %s;\n", text)
	return files, nil
}

// first makes the module of what is shown before the core is there.
func first(top string) ([]byte, error) {
	cmd := exec.Command("go", "run", "-trimpath", "./wasm/first")
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "GOOS=", "GOARCH=")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("make the first pictures: %w\n%s", err, stderr.Bytes())
	}
	return out, nil
}

// Read returns the files that match the patterns by their names.
func Read(patterns ...string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, pattern := range patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", filepath.Base(pattern), err)
		}
		for _, f := range found {
			body, err := os.ReadFile(f)
			if err != nil {
				return nil, fmt.Errorf("read %s: %w", filepath.Base(f), err)
			}
			files[filepath.Base(f)] = body
		}
	}
	return files, nil
}
