// Package loader gathers the modules that load the core into a page: those of wasm/js
// as they are, and those that are generated: wasm_exec.js from the Go release that builds
// the core (never a copy in this repository: the two must match), styles.js from the
// dashboard's styles, first.js from the core's views (wasm/first), boot.js, which is
// the dashboard's own start with all that it needs in one file, and vaultscreen.js,
// sendscreen.js and recordscreen.js, which boot.js loads when somebody opens the vault, sends or receives something, or looks at providers. Used by the bundle, by the npm packages, and by the dashboard's tests.
package loader

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// wasmExec is the module that Go's wasm_exec.js is put into.
//
//go:embed wasm_exec.js.txt
var wasmExec string

//go:embed boot.js
var boot string

// What boot.js loads later, each in one file.
const (
	vaultScreen  = `export { VaultPart } from './vaultpart.js';`
	recordScreen = `export { RecordPart } from './recordpart.js';`
	sendScreen   = `export { SendPart } from './sendpart.js'; export { SendingPart } from './sendingpart.js'; export { ReceivePart } from './receivepart.js'; export { BooksPart } from './bookspart.js';`
)

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
	for name, start := range map[string]string{"boot.js": boot, "vaultscreen.js": vaultScreen, "sendscreen.js": sendScreen, "recordscreen.js": recordScreen} {
		if files[name], err = bundle(files, name, start); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// bundle puts a start and the modules that it names into one file: over a
// slow line twenty small ones are four round trips. What it loads later stays outside.
func bundle(files map[string][]byte, name, start string) ([]byte, error) {
	module := func(args api.OnResolveArgs) (api.OnResolveResult, error) {
		if args.Kind == api.ResolveJSDynamicImport {
			return api.OnResolveResult{Path: args.Path, External: true}, nil
		}
		return api.OnResolveResult{Path: path.Base(args.Path), Namespace: "module"}, nil
	}
	load := func(args api.OnLoadArgs) (api.OnLoadResult, error) {
		body, ok := files[args.Path]
		if !ok {
			return api.OnLoadResult{}, fmt.Errorf("there is no module %s", args.Path)
		}
		text := string(body)
		return api.OnLoadResult{Contents: &text, Loader: api.LoaderJS}, nil
	}
	result := api.Build(api.BuildOptions{
		Stdin:  &api.StdinOptions{Contents: start, Sourcefile: name},
		Bundle: true, Format: api.FormatESModule, Platform: api.PlatformBrowser, Target: api.ES2022, LogLevel: api.LogLevelSilent,
		MinifyWhitespace: true, MinifySyntax: true, MinifyIdentifiers: true,
		Plugins: []api.Plugin{{Name: "modules", Setup: func(b api.PluginBuild) {
			b.OnResolve(api.OnResolveOptions{Filter: `^\./`}, module)
			b.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: "module"}, load)
		}}},
	})
	if len(result.Errors) > 0 {
		return nil, fmt.Errorf("bundle %s: %s", name, strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{}), "\n"))
	}
	return result.OutputFiles[0].Contents, nil
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

// GoEnv returns a variable of the toolchain: GOROOT, or GOMOD, the go.mod at the top of the checkout.
func GoEnv(name string) (string, error) {
	b, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return "", fmt.Errorf("go env %s: %w", name, err)
	}
	return strings.TrimSpace(string(b)), nil
}
