package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/web/dashboard/loader"
)

func here(t *testing.T) source {
	t.Helper()
	top, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	goroot, err := loader.GoEnv("GOROOT")
	if err != nil {
		t.Fatal(err)
	}
	return source{top, goroot}
}

// elsewhere is a copy of what packages are built of, with other modes.
func elsewhere(t *testing.T, from source) source {
	t.Helper()
	to := filepath.Join(t.TempDir(), "another checkout")
	for _, part := range []string{"wasm", "shared", "web/dashboard/static", "web/dashboard/dist", "LICENSE", "go.mod", "go.sum"} {
		err := filepath.WalkDir(filepath.Join(from.top, part), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(from.top, path)
			if err != nil {
				return err
			}
			body, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			target := filepath.Join(to, name)
			return errors.Join(os.MkdirAll(filepath.Dir(target), 0o700), os.WriteFile(target, body, 0o700))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return source{to, from.goroot}
}

type entry struct {
	mode int64
	body []byte
}

func unpack(t *testing.T, path string) map[string]entry {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]entry{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(h.Name, "package/")] = entry{h.Mode, body}
	}
}

// A package is built twice, from two folders, and looked at.
func TestThePackagesAreTheSameFromTwoFoldersAndComplete(t *testing.T) {
	t.Parallel()
	one, two := t.TempDir(), t.TempDir()
	from := here(t)
	made, err := build(from, one)
	if err != nil {
		t.Fatal(err)
	}
	again, err := build(elsewhere(t, from), two)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(made, again) || len(made) != 2 {
		t.Errorf("built in two folders: %v and %v", made, again)
	}
	core, react := unpack(t, filepath.Join(one, made[0].name)), unpack(t, filepath.Join(one, made[1].name))
	for _, files := range []map[string]entry{core, react} {
		look(t, files)
	}
	for _, name := range []string{"core.wasm", "core.wasm.gz", "LICENSE.Go"} {
		if len(core[name].body) == 0 {
			t.Errorf("@countersign/core has no %s", name)
		}
	}
	if !bytes.Contains(core["LICENSE.Go"].body, []byte("The Go Authors")) {
		t.Error("@countersign/core has no licence of Go")
	}
	var m manifest
	doc, err := os.ReadFile(filepath.Join(from.top, "web", "dashboard", "dist", "manifest.json"))
	if err != nil || json.Unmarshal(doc, &m) != nil {
		t.Fatalf("read the manifest: %v", err)
	}
	pinned := false
	for name, f := range core {
		pinned = pinned || strings.HasSuffix(name, ".js") && bytes.Contains(f.body, []byte(m.SHA256)) && bytes.Contains(f.body, []byte(m.Integrity))
	}
	if !pinned {
		t.Error("@countersign/core does not pin its core")
	}
	if !bytes.HasPrefix(react["index.js"].body, []byte("'use client';")) && !bytes.HasPrefix(react["index.js"].body, []byte(`"use client";`)) {
		t.Errorf("@countersign/react does not begin with 'use client': %.40s", react["index.js"].body)
	}
	if d := describe(t, react); d.Dependencies["@countersign/core"] != describe(t, core).Version || len(d.Dependencies) != 1 || len(d.Peers) != 1 || d.Peers["react"] != ">=18" {
		t.Errorf("@countersign/react depends on %v, and on its host's %v", d.Dependencies, d.Peers)
	}
	if d := describe(t, core); len(d.Dependencies)+len(d.Peers) != 0 {
		t.Errorf("@countersign/core depends on %v and %v", d.Dependencies, d.Peers)
	}
	build, err := os.ReadFile(filepath.Join(from.top, "wasm", "js", "build.js"))
	if err != nil || !bytes.Contains(build, []byte("version = '"+describe(t, core).Version+"'")) || describe(t, core).Version != describe(t, react).Version {
		t.Errorf("build.js and the packages say different versions: %v", err)
	}
}

type described struct {
	description
	Dependencies map[string]string `json:"dependencies"`
	Peers        map[string]string `json:"peerDependencies"`
}

func describe(t *testing.T, files map[string]entry) (d described) {
	t.Helper()
	if err := json.Unmarshal(files["package.json"].body, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// look checks what holds for each package.
func look(t *testing.T, files map[string]entry) {
	t.Helper()
	d := describe(t, files)
	for name, f := range files {
		if f.mode != 0o644 {
			t.Errorf("%s: %s has mode %o", d.Name, name, f.mode)
		}
		if !strings.HasSuffix(name, ".js") {
			continue
		}
		if bytes.Contains(f.body, []byte("import(")) {
			t.Errorf("%s: %s imports while it runs, which a host under Trusted Types cannot", d.Name, name)
		}
		var sources struct {
			Content []string `json:"sourcesContent"`
			Sources []string `json:"sources"`
		}
		if err := json.Unmarshal(files[name+".map"].body, &sources); err != nil || len(sources.Content) != len(sources.Sources) || slices.Contains(sources.Content, "") {
			t.Errorf("%s: %s.map has no sources: %v", d.Name, name, err)
		}
		for _, s := range sources.Sources {
			if !regexp.MustCompile(`^src/[\w.]+$`).MatchString(s) {
				t.Errorf("%s: %s.map names %s, of the computer that built it", d.Name, name, s)
			}
		}
	}
	for at, raw := range d.Exports {
		var conditions struct{ Types, Default string }
		if json.Unmarshal(raw, &conditions) != nil {
			var path string
			if err := json.Unmarshal(raw, &path); err != nil {
				t.Fatal(err)
			}
			conditions.Default = path
		}
		for _, path := range []string{conditions.Types, conditions.Default} {
			if path != "" && len(files[strings.TrimPrefix(path, "./")].body) == 0 {
				t.Errorf("%s exports %s, which is %s and not there", d.Name, at, path)
			}
		}
	}
	for _, name := range []string{"LICENSE", "README.md"} {
		if len(files[name].body) == 0 {
			t.Errorf("%s has no %s", d.Name, name)
		}
	}
}
