package signer

import (
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"countersign/bridge/internal/access"
	"countersign/shared/fault"
	"countersign/shared/shell"
)

// secretIn is a file of its owner alone in folders that all users can enter.
func secretIn(t *testing.T) (outer, dir, pin string) {
	t.Helper()
	outer = openFolder(t)
	dir = filepath.Join(outer, "etc")
	pin = filepath.Join(dir, "pin")
	for _, err := range []error{os.Mkdir(dir, 0o755), os.WriteFile(pin, nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return outer, dir, pin
}

func chmod(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

// Whoever may write to a folder can move what is in it away, and put something else there.
func TestAPeerWhoCanExchangeASecretIsNotServed(t *testing.T) {
	t.Parallel()
	outer, dir, pin := secretIn(t)
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	stranger := access.Account{UID: os.Geteuid() + otherUser}
	member := access.Account{UID: stranger.UID, GIDs: []int{int(info.Sys().(*syscall.Stat_t).Gid)}}
	for name, row := range map[string]struct {
		outer, dir fs.FileMode
		who        access.Account
		command    string // empty: it cannot
	}{
		"nobody else may write":              {0o755, 0o755, stranger, ""},
		"everybody may write":                {0o755, 0o757, stranger, "chmod o-w " + shell.Word(dir)},
		"the group may write":                {0o755, 0o775, member, "chmod g-w " + shell.Word(dir)},
		"a group of others may write":        {0o755, 0o775, stranger, ""},
		"everybody may write, and not enter": {0o755, 0o752, stranger, ""},
		"everybody may write further up":     {0o757, 0o755, stranger, "chmod o-w " + shell.Word(outer)},
		"the group may write further up":     {0o775, 0o700, member, "chmod g-w " + shell.Word(outer)},
		"the way there is closed":            {0o700, 0o757, stranger, ""},
		"the folder is sticky":               {0o755, 0o757 | fs.ModeSticky, stranger, ""},
		"the folder further up is sticky":    {0o757 | fs.ModeSticky, 0o755, stranger, ""},
	} {
		chmod(t, dir, row.dir)
		chmod(t, outer, row.outer)
		for what, path := range map[string]string{"a file": pin, "a folder": filepath.Dir(pin) + "/store"} {
			if what == "a folder" {
				if err := os.MkdirAll(path, 0o700); err != nil {
					t.Fatal(err)
				}
			}
			how := row.who.Threat(path)
			if (how == "") != (row.command == "") || !strings.HasSuffix(how, row.command) {
				t.Errorf("%s, %s: %q, want %q", name, what, how, row.command)
			}
		}
	}
	chmod(t, dir, 0o775)
	chmod(t, outer, 0o755)
	n, err := neighboursOf(Config{PINFile: pin}, socket{mode: groupMode}, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.admit(member.UID, true, member.GIDs...); fault.CodeOf(err) != fault.Forbidden || strings.Contains(err.Error(), dir) {
		t.Errorf("a member of the group: %v", err)
	}
	if err := n.admit(stranger.UID, true); err != nil {
		t.Errorf("a stranger: %v", err)
	}
	for _, path := range []string{outer, dir} {
		chmod(t, path, 0o757)
		_, err := neighboursOf(Config{PINFile: pin}, socket{mode: groupMode}, "", slog.New(slog.DiscardHandler))
		if fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "chmod o-w "+shell.Word(path)) {
			t.Errorf("a start where everybody may write to %s: %v", path, err)
		}
		chmod(t, path, 0o755)
	}
}

func TestAPeerWhoOwnsAFolderOfASecretOrTheSecretIsNotServed(t *testing.T) {
	needRoot(t)
	t.Parallel()
	outer, dir, pin := secretIn(t)
	peer := access.Account{UID: otherUser}
	for name, row := range map[string]struct {
		path   string
		sticky bool
		of     string // what is moved
	}{"the folder": {dir, false, dir}, "a folder further up": {outer, false, outer}, "the sticky folder": {dir, true, dir}, "the folder in a sticky one": {dir, false, dir}} {
		if err := os.Lchown(row.path, otherUser, -1); err != nil {
			t.Fatal(err)
		}
		if row.sticky {
			chmod(t, dir, 0o757|fs.ModeSticky)
		}
		if how := peer.Threat(pin); !strings.HasSuffix(how, "chown "+strconv.Itoa(os.Geteuid())+" "+shell.Word(row.of)) {
			t.Errorf("%s: %q", name, how)
		}
		chmod(t, dir, 0o755)
		if err := os.Lchown(row.path, os.Geteuid(), -1); err != nil {
			t.Fatal(err)
		}
	}
	// The store of a module in a sticky folder, in a folder of the peer's.
	chmod(t, outer, 0o757|fs.ModeSticky)
	if err := os.Lchown(dir, otherUser, -1); err != nil {
		t.Fatal(err)
	}
	if how := peer.Exchange(dir); !strings.Contains(how, "chown") {
		t.Errorf("its own thing in a sticky folder: %q", how)
	}
}

func TestALinkToASecretThatAPeerCanExchangeIsNotServed(t *testing.T) {
	t.Parallel()
	_, _, pin := secretIn(t)
	links := openFolder(t)
	first, second := filepath.Join(links, "a"), filepath.Join(links, "b")
	if err := os.Mkdir(filepath.Join(links, "closed"), 0o700); err != nil {
		t.Fatal(err)
	}
	hidden := filepath.Join(links, "closed", "pin")
	for from, to := range map[string]string{first: "b", second: pin, hidden: "../b"} {
		if err := os.Symlink(to, from); err != nil {
			t.Fatal(err)
		}
	}
	peer := access.Account{UID: os.Geteuid() + otherUser}
	for _, path := range []string{first, second, hidden} {
		chmod(t, links, 0o755)
		if how := peer.Threat(path); how != "" {
			t.Errorf("%s: %q", path, how)
		}
		chmod(t, links, 0o757)
		if how := peer.Threat(path); !strings.HasSuffix(how, "chmod o-w "+shell.Word(links)) {
			t.Errorf("%s, where everybody may write: %q", path, how)
		}
	}
	if err := os.Remove(second); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("a", second); err != nil { // to each other
		t.Fatal(err)
	}
	chmod(t, links, 0o755)
	if how := peer.Threat(first); how == "" {
		t.Error("links without an end are taken to be safe")
	}
}

// What is not there yet belongs to whoever makes it first, in a sticky folder too.
func TestAPeerWhoCanMakeASecretThatIsMissingIsNotServed(t *testing.T) {
	t.Parallel()
	_, dir, _ := secretIn(t)
	peer := access.Account{UID: os.Geteuid() + otherUser}
	for _, path := range []string{filepath.Join(dir, "missing"), filepath.Join(dir, "missing", "tokens")} {
		for mode, safe := range map[fs.FileMode]bool{0o755: true, 0o757: false, 0o757 | fs.ModeSticky: false} {
			chmod(t, dir, mode)
			if how := peer.Threat(path); (how == "") != safe {
				t.Errorf("%s in a folder of mode %v: %q", path, mode, how)
			}
		}
	}
}

func TestASocketInAFolderThatOthersCanExchangeIsRefused(t *testing.T) {
	t.Parallel()
	outer, dir, _ := secretIn(t)
	chmod(t, outer, 0o757)
	_, err := socketOf(Config{Socket: filepath.Join(dir, "s")})
	if f, _ := fault.As(err); f == nil || f.Code != fault.Invalid || f.Details["field"] != "socket" || !strings.Contains(f.Message, "chmod o-w "+shell.Word(outer)) {
		t.Error(err)
	}
}

// A module learns the PIN, and its configuration says where its store is: everybody may
// read both.
func TestAPeerWhoCanChangeTheModuleIsNotServed(t *testing.T) {
	_, dir, module := secretIn(t)
	configuration := filepath.Join(dir, "softhsm2.conf")
	t.Setenv("SOFTHSM2_CONF", configuration)
	module = filepath.Join(filepath.Dir(module), "libsofthsm2.so")
	for path, text := range map[string]string{module: "", configuration: "directories.tokendir = " + filepath.Join(dir, "tokens") + "\n"} {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cfg := Config{Module: module}
	stranger := access.Account{UID: os.Geteuid() + otherUser}
	n, err := neighboursOf(cfg, socket{mode: groupMode}, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.admit(stranger.UID, true); err != nil {
		t.Errorf("one who may read them: %v", err)
	}
	for what, path := range map[string]string{"the module": module, "its configuration": configuration} {
		chmod(t, path, 0o646)
		if err := n.admit(stranger.UID, true); fault.CodeOf(err) != fault.Forbidden {
			t.Errorf("one who may write %s: %v", what, err)
		}
		if _, err := neighboursOf(cfg, socket{mode: groupMode}, "", slog.New(slog.DiscardHandler)); fault.CodeOf(err) != fault.Invalid || !strings.Contains(err.Error(), "chmod o-w") {
			t.Errorf("a start while everybody may write %s: %v", what, err)
		}
		chmod(t, path, 0o644)
	}
	if store := filepath.Join(dir, "tokens"); !slices.Contains(n.secrets, store) {
		t.Errorf("the store is not among the secrets: %v", n.secrets)
	}
}

// A closed folder keeps nobody out of what can be come to without it.
func TestWhatIsOutsideOfAClosedFolderByALinkOrASecondNameIsJudgedByItself(t *testing.T) {
	t.Parallel()
	stranger := os.Geteuid() + otherUser
	for name, row := range map[string]struct {
		lead   func(outside, inside string) error
		folder bool
	}{
		"a link to a file": {os.Symlink, false}, "a link to a folder": {os.Symlink, true}, "a second name": {os.Link, false},
		"a link further down": {func(outside, inside string) error {
			middle := filepath.Join(filepath.Dir(outside), "middle")
			if err := os.Mkdir(middle, 0o700); err != nil {
				return err
			}
			return errors.Join(os.Symlink(middle, inside), os.Symlink(outside, filepath.Join(middle, "on")))
		}, true},
	} {
		for what, cfg := range map[string]func(dir string) Config{
			"the store": func(dir string) Config { return Config{Private: []string{dir}} }, "the state": func(dir string) Config { return Config{StateDir: dir} },
		} {
			outer := openFolder(t)
			outside, closed := filepath.Join(outer, "outside"), filepath.Join(outer, "closed")
			err := os.Mkdir(outside, 0o700)
			if !row.folder {
				err = errors.Join(os.Remove(outside), os.WriteFile(outside, nil, 0o600))
			}
			if err := errors.Join(err, os.Mkdir(closed, 0o700), os.Mkdir(filepath.Join(closed, "token"), 0o700), row.lead(outside, filepath.Join(closed, "token", "in"))); err != nil {
				t.Fatal(err)
			}
			start := func() (*neighbours, error) {
				return neighboursOf(cfg(closed), socket{mode: groupMode}, "", slog.New(slog.DiscardHandler))
			}
			n, err := start()
			if err != nil {
				t.Fatalf("%s, %s: while it is closed: %v", what, name, err)
			}
			if err := n.admit(stranger, true); err != nil {
				t.Errorf("%s, %s: while it is closed: %v", what, name, err)
			}
			chmod(t, outside, 0o705)
			if _, err := start(); fault.CodeOf(err) != fault.Invalid {
				t.Errorf("%s, %s: a start when it is open: %v", what, name, err)
			}
			if row.folder || name == "a link to a file" { // a second name is looked for at the start
				if err := n.admit(stranger, true); fault.CodeOf(err) != fault.Forbidden {
					t.Errorf("%s, %s: a peer when it is open: %v", what, name, err)
				}
			}
		}
	}
}
