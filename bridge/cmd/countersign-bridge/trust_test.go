package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"countersign/shared/shell"
)

// planter is a user without a name, who puts things where the bridge looks.
const planter = 4242

// openComputer is a configuration in folders that every user can enter, with everything
// that the bridge believes.
func openComputer(t *testing.T) (dir, file string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cs-trust-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	file = filepath.Join(dir, "etc", "bridge.json")
	for _, err := range []error{
		os.Chmod(dir, 0o755), os.Mkdir(filepath.Join(dir, "etc"), 0o755), os.Mkdir(filepath.Join(dir, "lib"), 0o755), os.Mkdir(filepath.Join(dir, "state"), 0o700),
		os.WriteFile(filepath.Join(dir, "lib", "module.so"), nil, 0o755), os.WriteFile(filepath.Join(dir, "lib", "pinentry"), []byte("#!/bin/sh\n"), 0o755),
		os.WriteFile(file, []byte(`{"listen":["127.0.0.1:0"],"origins":["`+origin+`"],"modules":["`+dir+`/lib/module.so"],"pinentry":"`+dir+`/lib/pinentry","identities":[],"state_dir":"../state"}`), 0o644),
		os.WriteFile(filepath.Join(dir, "state", "pairings.json"), []byte(`{"pairings":[]}`), 0o600),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir, file
}

// startsOnce runs a bridge until it says something, and says what.
func startsOnce(t *testing.T, file string) (code int, out, errs string) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var e bytes.Buffer
	w := &firstWrite{done: cancel}
	code = run(ctx, []string{"approver", "--config", file}, stdio{w, &e})
	return code, w.said, e.String()
}

// firstWrite ends the bridge that says that it listens.
type firstWrite struct {
	done func()
	said string
}

func (w *firstWrite) Write(p []byte) (int, error) {
	w.said += string(p)
	w.done()
	return len(p), nil
}

// Each is refused with the path and a command; bridge, commands and doctor say the same;
// and when the commands are done, the bridge starts.
func TestABridgeBelievesNothingThatAnotherUserCouldHaveWritten(t *testing.T) {
	t.Parallel()
	root := os.Geteuid() == 0
	for name, row := range map[string]struct {
		root  bool   // only root can do this to a file
		path  string // what is named
		plant func(dir, path string) error
	}{
		"a configuration that all may write": {false, "etc/bridge.json", func(_, path string) error { return os.Chmod(path, 0o666) }},
		"a configuration of another's":       {true, "etc/bridge.json", func(_, path string) error { return os.Chown(path, planter, planter) }},
		"its folder":                         {false, "etc", func(_, path string) error { return os.Chmod(path, 0o777) }},
		"a module that all may write":        {false, "lib/module.so", func(_, path string) error { return os.Chmod(path, 0o777) }},
		"a module of another's":              {true, "lib/module.so", func(_, path string) error { return os.Chown(path, planter, planter) }},
		"a prompt that all may write":        {false, "lib/pinentry", func(_, path string) error { return os.Chmod(path, 0o777) }},
		"a state directory for all":          {false, "state", func(_, path string) error { return os.Chmod(path, 0o777) }},
		"a state directory of a group":       {true, "state", func(_, path string) error { return errors.Join(os.Chown(path, -1, planter), os.Chmod(path, 0o770)) }},
		"pairings that all may write":        {false, "state/pairings.json", func(_, path string) error { return os.Chmod(path, 0o666) }},
		"planted pairings":                   {true, "state/pairings.json", func(_, path string) error { return os.Chown(path, planter, planter) }},
		"a planted journal": {true, "state/journal.log", func(_, path string) error {
			return errors.Join(os.WriteFile(path, nil, 0o600), os.Chown(path, planter, planter))
		}},
		"a planted link for the lock": {true, "state/bridge.lock", func(dir, path string) error {
			return errors.Join(os.WriteFile(filepath.Join(dir, "precious"), []byte("precious"), 0o600), os.Symlink(filepath.Join(dir, "precious"), path), os.Lchown(path, planter, planter))
		}},
	} {
		if row.root && !root {
			continue
		}
		dir, file := openComputer(t)
		path := filepath.Join(dir, row.path)
		if err := row.plant(dir, path); err != nil {
			t.Fatal(err)
		}
		code, out, errs := startsOnce(t, file)
		if code != 1 || out != "" || !strings.Contains(errs, "AUTHORIZATION_ERROR") || !strings.Contains(errs, shell.Word(path)) {
			t.Errorf("%s: %d, %q, %q", name, code, out, errs)
			continue
		}
		says, _, _ := strings.Cut(firstLine(strings.TrimPrefix(errs, "countersign-bridge: AUTHORIZATION_ERROR: ")), " (and ")
		for _, args := range [][]string{{"pairings", "list"}, {"origins", "add", "https://b.example"}, {"keys", "list"}, {"keys", "generate", "--token", "alice"}} {
			want := says
			if row.path == "state/bridge.lock" {
				want = "rm " + shell.Word(path) // whoever takes the lock sees it first
			}
			if code, out, errs := command(t, append(args, "--config", file)...); code != 1 || out != "" || !strings.Contains(errs, want) {
				t.Errorf("%s: %q: %d, %q, %q", name, args, code, out, errs)
			}
		}
		if code, out, _ := command(t, "doctor", "--config", file); code != 1 || !strings.Contains(out, "BAD  the bridge does not start: "+says) {
			t.Errorf("%s: doctor: %d, %s; want %q", name, code, out, says)
		}
		for range 3 { // of a group, or what else is behind it
			_, advice, _ := strings.Cut(says, " with: ")
			if said, err := exec.CommandContext(t.Context(), "sh", "-c", advice).CombinedOutput(); err != nil {
				t.Errorf("%s: %q: %v %s", name, advice, err, said)
			}
			if code, out, errs = startsOnce(t, file); out != "" {
				break
			}
			says, _, _ = strings.Cut(firstLine(errs), " (and ")
		}
		if code != 0 || !strings.HasPrefix(out, "listening on ") {
			t.Errorf("%s: when it is mended: %d, %q, %q", name, code, out, errs)
		}
		if text, err := os.ReadFile(filepath.Join(dir, "precious")); !errors.Is(err, fs.ErrNotExist) && string(text) != "precious" {
			t.Errorf("%s: the file behind the link has %q, %v", name, text, err)
		}
	}
}

// Root with the HOME of a user, as sudo -E has it, makes nothing there that the user's
// bridge would stumble over.
func TestRootMakesNoStateDirectoryForTheConfigurationOfAUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Log("only root can give a file away")
		return
	}
	for _, args := range [][]string{{"origins", "add", "https://b.example"}, {"pairings", "revoke", "all"}, {"origins", "unblock", "all"},
		{"keys", "generate", "--token", "alice"}, {"relay"}, {"approver"}} {
		dir, file := openComputer(t)
		state := filepath.Join(dir, "state")
		if err := errors.Join(os.Remove(filepath.Join(state, "pairings.json")), os.Remove(state)); err != nil {
			t.Fatal(err)
		}
		configure(t, file, func(cfg map[string]any) { cfg["relay"] = map[string]any{"gateway": "https://gateway.example"} })
		if err := os.Chown(file, planter, planter); err != nil {
			t.Fatal(err)
		}
		refused(t, []string{"AUTHORIZATION_ERROR", "run this as that user"}, append(args, "--config", file)...)
		if _, err := os.Stat(state); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: the state directory: %v", args, err)
		}
	}
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func TestAHomeThatIsWritableForTheUsersOwnGroupIsTheirsAlone(t *testing.T) {
	t.Parallel()
	dir, file := openComputer(t)
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error { // umask 002
		if err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		return errors.Join(os.Chown(path, -1, os.Getegid()), os.Chmod(path, info.Mode().Perm()|info.Mode().Perm()>>3&0o020|0o020))
	})
	if err != nil {
		t.Fatal(err)
	}
	if code, out, errs := startsOnce(t, file); code != 0 || !strings.HasPrefix(out, "listening on ") {
		t.Errorf("%d, %q, %q", code, out, errs)
	}
}

func TestASignersConfigurationThatAnotherUserCouldChangeIsRefused(t *testing.T) {
	t.Parallel()
	dir, _ := openComputer(t)
	file := filepath.Join(dir, "etc", "signer.json")
	if err := os.WriteFile(file, []byte(`{"socket":"s.sock","module":"/none","token":"pkcs11:token=vault","pin_file":"pin","state_dir":"../state"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, plant := range map[string]func() error{
		"all may write": func() error { return os.Chmod(file, 0o666) },
		"another's": func() error {
			if os.Geteuid() != 0 {
				return os.Chmod(file, 0o666) // only root can give a file away
			}
			return errors.Join(os.Chmod(file, 0o600), os.Chown(file, planter, planter))
		},
	} {
		if err := plant(); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"serve"}, {"resume"}, {"init", "--genesis", "draft.json", "--out", dir}} {
			refused(t, []string{"AUTHORIZATION_ERROR", shell.Word(file)}, append(append([]string{"signer"}, args...), "--config", file)...)
		}
	}
}
