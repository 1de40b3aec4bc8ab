package signer

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/tokendir"
	"countersign/shared/fault"
	"countersign/softhsm"
)

// storeAndDecoy is the folder of a token called vault, and one without a token.
func storeAndDecoy(t *testing.T) (dir, store, decoy string) {
	t.Helper()
	dir = t.TempDir()
	made, err := softhsm.Provision(t.Context(), filepath.Join(dir, "made"), softhsm.Spec{Label: "vault"})
	if err != nil {
		t.Fatal(err)
	}
	store, decoy = tokenFolderOf(t, made), filepath.Join(dir, "decoy")
	if err := os.Mkdir(decoy, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir, store, decoy
}

func tokenFolderOf(t *testing.T, s softhsm.Store) string {
	t.Helper()
	text, err := os.ReadFile(s.Conf)
	if err != nil {
		t.Fatal(err)
	}
	return tokendir.Folder(text)
}

// seesTheVault asks SoftHSM itself, in a process of its own.
func seesTheVault(t *testing.T, module string) bool {
	t.Helper()
	d, err := device.Open(device.Config{Modules: device.Modules(module)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	return slices.ContainsFunc(d.All(), func(k *device.Device) bool { return k.Identity().Label == "vault" && k.Present() })
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Each configuration is read by SoftHSM and by the signer, and both find the same tokens.
func TestTheStoreIsWhereSoftHSMItselfFindsItsTokens(t *testing.T) {
	dir, store, decoy := storeAndDecoy(t)
	module, err := softhsm.Module()
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	t.Setenv("SOFTHSM2_CONF", conf)
	const name = "directories.tokendir"
	for what, text := range map[string]string{
		"plain":                         name + " = " + store,
		"a comment behind it":           name + " = " + store + " # the vault",
		"a comment without a space":     name + " = " + store + "#the vault",
		"in a comment":                  "# " + name + " = " + decoy + "\n" + name + " = " + store,
		"the last of two":               name + " = " + decoy + "\n" + name + " = " + store,
		"the last of two is a decoy":    name + " = " + store + "\n" + name + " = " + decoy,
		"the last of two is empty":      name + " = " + store + "\n" + name + " = ",
		"the last of two is a comment":  name + " = " + store + "\n" + name + " = # " + decoy,
		"a second =":                    name + " = " + store + "=" + decoy,
		"two =":                         name + "==" + store,
		"two = with a space":            name + " = = " + store + "\n" + name + " = " + decoy,
		"= at the start":                "=" + name + " = " + store,
		"a space and = at the start":    name + " = " + store + "\n =" + name + " = " + decoy,
		"line ends of Windows":          name + " = " + store + "\r\n",
		"a line end of old":             name + " = " + store + "\r" + name + " = " + decoy,
		"tabs and other spaces":         "\t\v\f" + name + "\t=\v" + store + "\f",
		"a space that is not one":       name + " = " + store + "\n\u00a0" + name + " = " + decoy,
		"another case":                  name + " = " + store + "\nDirectories.TokenDir = " + decoy,
		"behind a byte 0":               name + " = " + store + "\x00/x",
		"a line that starts with 0":     name + " = " + store + "\n\x00" + name + " = " + decoy,
		"a long line before it":         "#" + strings.Repeat("x", 70_000) + "\n" + name + " = " + store,
		"in the rest of a long line":    name + " = " + store + "\n#" + strings.Repeat("x", tokendir.LineSize-1) + name + " = " + decoy,
		"cut off by the end of a piece": name + " = " + decoy + "\n" + strings.Repeat(" ", tokendir.LineSize-len(name+" = "+store)) + name + " = " + store + "/none",
		"without a line end":            "objectstore.backend = file\n" + name + " = " + store,
		"a store in a data base":        "objectstore.backend = db\n" + name + " = " + decoy,
		"with a quotation mark":         name + ` = "` + store + `"`,
		"a way around":                  name + " = " + store + "/../" + filepath.Base(store) + "/",
	} {
		writeFile(t, conf, text)
		found, err := storeOf(module, "")
		if err != nil || len(found.Folders) != 1 {
			t.Errorf("%s: %v, %v", what, found, err)
			continue
		}
		if is, want := filepath.Clean(found.Folders[0]) == store, seesTheVault(t, module); is != want {
			t.Errorf("%s: the store is %q; SoftHSM sees the vault: %v", what, found.Folders[0], want)
		}
	}
}

func TestTheStoreIsFoundThroughWhicheverFileSoftHSMReads(t *testing.T) {
	dir, store, decoy := storeAndDecoy(t)
	module, err := softhsm.Module()
	if err != nil {
		t.Fatal(err)
	}
	home := filepath.Join(dir, "home")
	user := filepath.Join(home, ".config/softhsm2/softhsm2.conf")
	system := []string{filepath.Join(dir, "etc/softhsm/softhsm2.conf"), filepath.Join(dir, "etc/softhsm2.conf")}
	defer func(before []string) { tokendir.SystemConfigurations = before }(tokendir.SystemConfigurations)
	tokendir.SystemConfigurations = system
	t.Setenv("HOME", home)

	env := filepath.Join(dir, "env.conf")
	writeFile(t, env, "directories.tokendir = "+store)
	writeFile(t, user, "directories.tokendir = "+decoy)
	t.Setenv("SOFTHSM2_CONF", env)
	check := func(what string, folders, configurations []string) {
		t.Helper()
		got, err := storeOf(module, "")
		if err != nil || !slices.Equal(got.Folders, folders) || !slices.Equal(got.Configurations, configurations) {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	check("of the environment", []string{store}, []string{env})
	if !seesTheVault(t, module) {
		t.Error("SoftHSM does not read the file of the environment")
	}
	if err := os.Unsetenv("SOFTHSM2_CONF"); err != nil { // t.Setenv restores it
		t.Fatal(err)
	}
	check("of the user", []string{decoy}, []string{user})
	writeFile(t, user, "directories.tokendir = "+store)
	check("of the user", []string{store}, []string{user})
	if !seesTheVault(t, module) {
		t.Error("SoftHSM does not read the user's file")
	}
	if err := os.Remove(user); err != nil {
		t.Fatal(err)
	}
	if _, err := storeOf(module, ""); err == nil || !strings.Contains(err.Error(), "SOFTHSM2_CONF") {
		t.Errorf("no file: %v", err)
	}
	writeFile(t, system[1], "directories.tokendir = "+store)
	check("of the system; the user's may be made yet", []string{store}, []string{user, system[1]})
	writeFile(t, system[0], "directories.tokendir = "+decoy)
	check("two of the system", []string{decoy, store}, []string{user, system[0], system[1]})
}

// What is not known cannot be said to be safe.
func TestASoftHSMWhoseStoreIsNotFoundStopsTheStart(t *testing.T) {
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	start := func() error {
		_, err := neighboursOf(Config{Module: "/usr/lib/softhsm/libsofthsm2.so"}, socket{mode: groupMode}, "", slog.New(slog.DiscardHandler))
		return err
	}
	for what, row := range map[string]struct{ path, text, says string }{
		"a file that is not there":     {filepath.Join(dir, "none"), "", "which is not there"},
		"an empty name":                {"", "", "which is not there"},
		"a file that says nothing":     {conf, "log.level = ERROR\n", "write directories.tokendir"},
		"a file that says it nowhere":  {conf, "directories.tokendir = \n", "write directories.tokendir"},
		"a file that is far too large": {conf, strings.Repeat("#\n", tokendir.MaxConfiguration), "is larger than"},
	} {
		writeFile(t, conf, row.text)
		t.Setenv("SOFTHSM2_CONF", row.path)
		err := start()
		if f, _ := fault.As(err); f == nil || f.Code != fault.Invalid || f.Details["field"] != "module" || !strings.Contains(f.Message, row.says) {
			t.Errorf("%s: %v", what, err)
		}
	}
	t.Setenv("SOFTHSM2_CONF", filepath.Join(dir, "none"))
	if _, err := neighboursOf(Config{Module: "/usr/lib/opensc-pkcs11.so"}, socket{mode: groupMode}, "", slog.New(slog.DiscardHandler)); err != nil {
		t.Errorf("another module: %v", err)
	}
}

// The signer looks at what the module is, not at what its file is called.
func TestASoftHSMOfAnyNameIsKnownAndItsOpenStoreStopsTheStart(t *testing.T) {
	cfg := configOf(t, vaultIn(t))
	initProgram(t, cfg)
	dir := openFolder(t)
	real, err := filepath.EvalSymlinks(cfg.Module)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(real)
	if err != nil {
		t.Fatal(err)
	}
	link, again, copied := filepath.Join(dir, "vault-pkcs11.so"), filepath.Join(dir, "vault.so"), filepath.Join(dir, "copied.so")
	for _, err := range []error{os.Symlink(real, link), os.Symlink(link, again), os.WriteFile(copied, program, 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	store := filepath.Join(dir, "tokens")
	before, err := storeOf(cfg.Module, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(store, os.DirFS(before.Folders[0])); err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(dir, "softhsm2.conf")
	writeFile(t, conf, "directories.tokendir = "+store+" # the vault\n")
	t.Setenv("SOFTHSM2_CONF", conf)
	for name, module := range map[string]string{"its own name": cfg.Module, "a link": link, "a link to a link": again, "a copy": copied} {
		cfg.Module = module
		chmod(t, store, 0o705)
		ctx, cancel := context.WithCancel(t.Context())
		err := RunWith(ctx, cfg, Stdio{Out: cancelling{cancel}, Err: os.Stderr}, openHSM)
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), store) {
			t.Errorf("%s, and a store that every user can read: %v", name, err)
		}
		chmod(t, store, 0o700)
		startProgram(t, cfg, openHSM).end()
		cancel()
	}
}

// cancelling ends a signer that says that it listens.
type cancelling struct{ cancel context.CancelFunc }

func (c cancelling) Write(p []byte) (int, error) {
	c.cancel()
	return len(p), nil
}
