package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/evanw/esbuild/pkg/api"
)

// installed is a folder with both packages as npm would leave them, and a React that has
// what they import of it.
func installed(t *testing.T) string {
	t.Helper()
	out, dir := t.TempDir(), t.TempDir()
	made, err := build(here(t), out)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name string, body []byte) {
		path := filepath.Join(dir, "node_modules", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i, name := range []string{"core", "react"} {
		for file, is := range unpack(t, filepath.Join(out, made[i].name)) {
			write(filepath.Join("@countersign", name, file), is.body)
		}
	}
	write("react/package.json", []byte(`{"name": "react", "type": "module", "main": "index.js"}`))
	write("react/index.js", []byte("export const createContext = () => ({}), createElement = (...all) => all, [useCallback, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore] = Array(7).fill(() => {});"))
	return dir
}

// bundled is what esbuild makes of a host's module.
func bundled(t *testing.T, dir, module string) []byte {
	t.Helper()
	result := api.Build(api.BuildOptions{
		Stdin:  &api.StdinOptions{Contents: module, ResolveDir: dir, Sourcefile: "host.js"},
		Bundle: true, Format: api.FormatESModule, TreeShaking: api.TreeShakingTrue, MinifySyntax: true, MinifyWhitespace: true, Outdir: dir, LogLevel: api.LogLevelSilent,
	})
	if len(result.Errors) > 0 {
		t.Fatal(strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{}), "\n"))
	}
	return result.OutputFiles[0].Contents
}

// defines are the elements that a module defines once it runs.
func defines(t *testing.T, module []byte) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bundle.mjs")
	page := "const defined = new Map(); globalThis.HTMLElement = class {}; globalThis.customElements = { get: (name) => defined.get(name), define: (name, type) => defined.set(name, type) };\n"
	if err := os.WriteFile(path, module, 0o600); err != nil {
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), "node", "--input-type=module", "--eval",
		page+"await import(process.argv[1]); console.log([...defined.keys()].join(' '));", path).CombinedOutput()
	if err != nil {
		t.Fatalf("the bundle does not run: %v\n%s", err, said)
	}
	all := strings.Fields(string(said))
	slices.Sort(all)
	return all
}

func TestABundlerKeepsEveryElementThatAHostImports(t *testing.T) {
	t.Parallel()
	dir := installed(t)
	elements := []string{"countersign-app", "countersign-approve", "countersign-bridge-status", "countersign-order", "countersign-provider", "countersign-quotes", "countersign-requests"}
	with := func(more string) []string { all := append(slices.Clone(elements), more); slices.Sort(all); return all }
	for name, test := range map[string]struct {
		module string
		want   []string
	}{
		"the elements":            {"import '@countersign/core/elements';", elements},
		"the vault":               {"import '@countersign/core/vault';", with("countersign-vault")},
		"the form for transfers":  {"import '@countersign/core/send';", with("countersign-send")},
		"React's provider":        {"import { CountersignProvider } from '@countersign/react'; export const App = () => CountersignProvider;", elements},
		"the calls of the client": {"import { connect } from '@countersign/core'; export const start = () => connect({});", nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := defines(t, bundled(t, dir, test.module)); !slices.Equal(got, test.want) {
				t.Errorf("the bundle defines %q, want %q", got, test.want)
			}
		})
	}
}
