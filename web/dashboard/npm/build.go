package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"

	"countersign/web/dashboard/loader"
)

// source is what packages are built of: a checkout in which `make wasm` was run, and
// the Go release that it was run with.
type source struct{ top, goroot string }

// tarball is a package that was built.
type tarball struct {
	name string // of the file
	size int
	sum  string // SHA-256, in hexadecimal
}

// manifest is what `make wasm` says of the core, and of the module that verifies receipts.
type manifest struct {
	module
	Verify module `json:"verify"`
}

type module struct {
	SHA256    string `json:"sha256"`
	Integrity string `json:"integrity"`
}

// The names of the core and the module that verifies receipts in the dashboard's bundle.
const (
	wasm     = "countersign.wasm"
	verifier = "verify.wasm"
)

// build makes the packages and puts their tarballs into out.
func build(from source, out string) ([]tarball, error) {
	dir, err := os.MkdirTemp("", "countersign-npm-")
	if err != nil {
		return nil, fmt.Errorf("make a folder to work in: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.MkdirAll(out, 0o755); err != nil {
		return nil, fmt.Errorf("make the output folder: %w", err)
	}
	modules, err := loader.Files(from.top, from.goroot)
	if err != nil {
		return nil, err
	}
	js := filepath.Join(from.top, "wasm", "js")
	core, err := coreFiles(from)
	if err != nil {
		return nil, err
	}
	if modules["build.js"], err = pin(modules["build.js"], core); err != nil {
		return nil, err
	}
	react, err := loader.Read(filepath.Join(js, "react", "*.js"), filepath.Join(js, "react", "*.d.ts"))
	if err != nil {
		return nil, err
	}
	var made []tarball
	for _, p := range []pack{
		{dir: filepath.Join(dir, "core"), from: js, sources: modules, files: core},
		{dir: filepath.Join(dir, "react"), from: filepath.Join(js, "react"), sources: react, files: map[string][]byte{"LICENSE": core["LICENSE"]},
			external: []string{"react", "@countersign/core", "@countersign/core/*"}, banner: "'use client';"},
	} {
		t, err := p.build(out)
		if err != nil {
			return made, fmt.Errorf("%s: %w", filepath.Base(p.dir), err)
		}
		made = append(made, t)
	}
	return made, nil
}

// coreFiles are the core, as it is and with gzip, the module that verifies receipts, with
// gzip alone, and the licences of what is in them.
func coreFiles(from source) (map[string][]byte, error) {
	dist := filepath.Join(from.top, "web", "dashboard", "dist")
	files := map[string][]byte{}
	for name, path := range map[string]string{
		"core.wasm": filepath.Join(dist, wasm), "core.wasm.gz": filepath.Join(dist, wasm+".gz"), "verify.wasm.gz": filepath.Join(dist, verifier+".gz"), "manifest.json": filepath.Join(dist, "manifest.json"),
		"LICENSE": filepath.Join(from.top, "LICENSE"), "LICENSE.Go": filepath.Join(from.goroot, "LICENSE"),
	} {
		body, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) && strings.HasPrefix(path, dist) {
			return nil, fmt.Errorf("%s is missing: run make wasm", path)
		}
		if err != nil {
			return nil, fmt.Errorf("read a part of the package: %w", err)
		}
		files[name] = body
	}
	if whole, err := unpacked(files["core.wasm.gz"]); err != nil || !bytes.Equal(whole, files["core.wasm"]) {
		return nil, fmt.Errorf("%s.gz is of another build: run make wasm: %w", wasm, err)
	}
	return files, nil
}

func unpacked(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

// unpinned is what build.js says of each module before it is in a package.
const unpinned = "{ hash: '', integrity: '' }"

// pin writes into build.js which modules belong to the package, and takes the manifest,
// which says so, from its files.
func pin(js []byte, core map[string][]byte) ([]byte, error) {
	var m manifest
	if err := json.Unmarshal(core["manifest.json"], &m); err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	delete(core, "manifest.json")
	verify, err := unpacked(core["verify.wasm.gz"])
	if err != nil {
		return nil, fmt.Errorf("%s.gz: %w: run make wasm", verifier, err)
	}
	for _, one := range []struct {
		name, in string
		body     []byte
		is       module
	}{{"core", wasm, core["core.wasm"], m.module}, {"verify", verifier, verify, m.Verify}} {
		if sum := sha256.Sum256(one.body); one.is.SHA256 != hex.EncodeToString(sum[:]) {
			return nil, fmt.Errorf("the manifest is of another %s: run make wasm", one.in)
		}
		place := []byte("export const " + one.name + " = " + unpinned)
		if bytes.Count(js, place) != 1 {
			return nil, fmt.Errorf("build.js has no place for %s", one.in)
		}
		js = bytes.Replace(js, place, fmt.Appendf(nil, "export const %s = { hash: '%s', integrity: '%s' }", one.name, one.is.SHA256, one.is.Integrity), 1)
	}
	return js, nil
}

// pack is one package.
type pack struct {
	dir      string            // where it is put together; its last part is the package's short name
	from     string            // the folder with its package.json and README.md
	sources  map[string][]byte // modules, and types
	files    map[string][]byte // which are in the package as they are
	external []string          // packages that the host has
	banner   string            // of every module
}

// description is what package.json says that matters here.
type description struct {
	Name    string                     `json:"name"`
	Version string                     `json:"version"`
	Exports map[string]json.RawMessage `json:"exports"`
}

// entries are the modules that hosts import.
func (d description) entries() (all []string) {
	for _, name := range slices.Sorted(maps.Keys(d.Exports)) {
		var conditions struct {
			Default string `json:"default"`
		}
		if json.Unmarshal(d.Exports[name], &conditions) == nil && strings.HasSuffix(conditions.Default, ".js") {
			all = append(all, conditions.Default)
		}
	}
	return all
}

func (p pack) build(out string) (tarball, error) {
	files := maps.Clone(p.files)
	for _, name := range []string{"package.json", "README.md"} {
		body, err := os.ReadFile(filepath.Join(p.from, name))
		if err != nil {
			return tarball{}, fmt.Errorf("read its description: %w", err)
		}
		files[name] = body
	}
	var d description
	if err := json.Unmarshal(files["package.json"], &d); err != nil {
		return tarball{}, fmt.Errorf("read package.json: %w", err)
	}
	bundled, err := p.bundle(d.entries())
	if err != nil {
		return tarball{}, err
	}
	maps.Copy(files, bundled)
	for name, body := range p.sources {
		if strings.HasSuffix(name, ".d.ts") {
			files[name] = body
		}
	}
	target := filepath.Join(p.dir, "package")
	if err := os.MkdirAll(target, 0o755); err != nil {
		return tarball{}, fmt.Errorf("make a folder: %w", err)
	}
	for name, body := range files {
		path := filepath.Join(target, name)
		if err := os.WriteFile(path, body, 0o644); err != nil {
			return tarball{}, fmt.Errorf("write %s: %w", name, err)
		}
		if err := os.Chmod(path, 0o644); err != nil { // whatever the umask: modes are part of the tarball
			return tarball{}, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return npmPack(target, out, strings.ReplaceAll(strings.TrimPrefix(d.Name, "@"), "/", "-")+"-"+d.Version+".tgz")
}

// bundle makes the modules of the package from its sources.
func (p pack) bundle(entries []string) (map[string][]byte, error) {
	src := filepath.Join(p.dir, "src")
	if err := os.MkdirAll(src, 0o755); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	for name, body := range p.sources {
		if err := os.WriteFile(filepath.Join(src, name), body, 0o644); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	result := api.Build(api.BuildOptions{
		AbsWorkingDir: src, EntryPoints: entries, Outdir: p.dir, Outbase: src, External: p.external,
		Bundle: true, Splitting: true, Format: api.FormatESModule, Platform: api.PlatformBrowser, Target: api.ES2022,
		MinifyWhitespace: true, MinifySyntax: true, MinifyIdentifiers: true,
		Sourcemap: api.SourceMapLinked, SourcesContent: api.SourcesContentInclude, Banner: map[string]string{"js": p.banner}, LogLevel: api.LogLevelSilent,
	})
	if len(result.Errors) > 0 {
		return nil, fmt.Errorf("bundle: %s", strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{}), "\n"))
	}
	files := map[string][]byte{}
	for _, f := range result.OutputFiles {
		files[filepath.Base(f.Path)] = f.Contents
	}
	return files, nil
}

// npmPack has npm make the tarball of a name: it gives every file the same time.
func npmPack(dir, out, name string) (tarball, error) {
	out, err := filepath.Abs(out)
	if err != nil {
		return tarball{}, err
	}
	cmd := exec.Command("npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", out)
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		return tarball{}, fmt.Errorf("npm pack: %w\n%s", err, said)
	}
	body, err := os.ReadFile(filepath.Join(out, name))
	if err != nil {
		return tarball{}, fmt.Errorf("read what npm packed: %w", err)
	}
	sum := sha256.Sum256(body)
	return tarball{name: name, size: len(body), sum: hex.EncodeToString(sum[:])}, nil
}
