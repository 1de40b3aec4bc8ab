package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSignerServeTakesAConfigurationForEachVault(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, vault := range map[string]string{"a,b": "one", "c": "two"} { // a comma in a path is one
		text := `{"socket":"` + vault + `.sock","module":"/none","token":"pkcs11:token=vault","pin_file":"pin","state_dir":"` + vault + `"}`
		if err := os.WriteFile(filepath.Join(dir, name+".json"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for says, files := range map[string][]string{
		"two vaults have the same token": {"a,b.json", "c.json"},
		"c2.json":                        {"a,b.json", "c2.json"},
		"missing flags: --config":        nil,
	} {
		args := []string{"signer", "serve"}
		for _, f := range files {
			args = append(args, "--config", filepath.Join(dir, f))
		}
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, stdio{out: &out, err: &errs}); code == 0 || !strings.Contains(errs.String(), says) {
			t.Errorf("%v: %d, %s%s", files, code, &out, &errs)
		}
	}
}

func TestSignerResumeConfirmsTheClock(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	config := filepath.Join(dir, "signer.json")
	if err := os.WriteFile(config, []byte(`{"socket":"s.sock","module":"/none","token":"pkcs11:token=vault","pin_file":"pin","state_dir":"state"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	resume := func() int {
		out.Reset()
		errs.Reset()
		return run(t.Context(), []string{"signer", "resume", "--config", config}, stdio{out: &out, err: &errs})
	}
	if code := resume(); code != 1 || !strings.Contains(errs.String(), "NOT_FOUND") {
		t.Errorf("without a log: %d, %s", code, &errs)
	}
	for _, err := range []error{os.Mkdir(filepath.Join(dir, "state"), 0o700), os.WriteFile(filepath.Join(dir, "state", "log.lock"), nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if code := resume(); code != 0 || !strings.Contains(out.String(), "You confirm that it is 20") || !strings.Contains(out.String(), "at its next start") {
		t.Errorf("%d, %s%s", code, &out, &errs)
	}
	if _, err := os.Stat(filepath.Join(dir, "state", "resume.json")); err != nil {
		t.Error(err)
	}
	if code := run(t.Context(), []string{"signer", "resume", "--help"}, stdio{out: &out, err: &errs}); code != 0 || !strings.Contains(out.String(), "date -u") {
		t.Errorf("the help: %d, %s", code, &out)
	}
}
