package access

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"countersign/shared/shell"
)

// stranger is a number without a name, in no group.
const stranger = 64_321

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// openFolder is a folder that every user can enter.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "cs-access-")
	must(t, err, os.Chmod(dir, 0o755))
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	return dir
}

// fileIn is a file of our own in a folder of our own.
func fileIn(t *testing.T) (dir, path string) {
	t.Helper()
	dir = filepath.Join(openFolder(t), "etc")
	path = filepath.Join(dir, "file")
	must(t, os.Mkdir(dir, 0o755), os.WriteFile(path, nil, 0o644))
	return dir, path
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
}

func TestTheModeOfAGroupIsForItsMembers(t *testing.T) {
	t.Parallel()
	dir := openFolder(t)
	info := func(mode fs.FileMode) os.FileInfo {
		t.Helper()
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		i, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	gid := int(info(0o700).Sys().(*syscall.Stat_t).Gid)
	member, other := Account{UID: 12345, GIDs: []int{7, gid}}, Account{UID: 12345, GIDs: []int{7}}
	reads := func(a Account, mode fs.FileMode) bool { ok, _ := a.may(dir, info(mode), 4); return ok }
	if !reads(member, 0o750) || reads(other, 0o750) || reads(member, 0o705) || !reads(other, 0o705) {
		t.Error("the mode of a group is misread")
	}
	if !reads(Account{UID: os.Geteuid()}, 0o000) {
		t.Error("who owns a file can change its mode")
	}
	info(0o700)
}

// The folders on the way to one name of a file keep nobody out of the others.
func TestAHardLinkOfAFileInAClosedFolderIsJudgedByTheFile(t *testing.T) {
	t.Parallel()
	dir, path := fileIn(t)
	must(t, os.Chmod(dir, 0o700))
	if how := Everybody.Reach(path); how != "" {
		t.Fatalf("in a closed folder: %s", how)
	}
	must(t, os.Link(path, filepath.Join(filepath.Dir(dir), "elsewhere")))
	if how := Everybody.Reach(path); !strings.Contains(how, "another name elsewhere") || !strings.HasSuffix(how, "chmod o-rwx "+shell.Word(path)) {
		t.Errorf("to read: %q", how)
	}
	if how := Everybody.Change(path); how != "" {
		t.Errorf("to change, which the mode forbids: %q", how)
	}
	must(t, os.Chmod(path, 0o666))
	if how := Everybody.Change(path); !strings.Contains(how, "another name elsewhere") {
		t.Errorf("to change: %q", how)
	}
	must(t, os.Chmod(path, 0o600))
	if how := Everybody.Threat(path); how != "" {
		t.Errorf("a file that is closed itself: %s", how)
	}
}

func TestWhatOthersCouldChangeIsRefusedWithTheCommandThatEndsIt(t *testing.T) {
	t.Parallel()
	dir, path := fileIn(t)
	outer := filepath.Dir(dir)
	links := filepath.Join(outer, "links")
	link := filepath.Join(links, "link")
	must(t, os.Mkdir(links, 0o755), os.Symlink(path, link))
	for name, row := range map[string]struct {
		at     string
		mode   fs.FileMode
		judged string
		says   string // its end; empty: it is safe
	}{
		"all may read":                       {path, 0o644, path, ""},
		"all may write":                      {path, 0o666, path, "every user of this computer can change " + path + "; end that with: chmod o-w " + shell.Word(path)},
		"all may write, in a closed folder":  {path, 0o666, path, "chmod o-w " + shell.Word(path)},
		"all may write to its folder":        {dir, 0o777, path, "every user of this computer can exchange " + path + "; end that with: chmod o-w " + shell.Word(dir)},
		"all may write to one further up":    {outer, 0o777, path, "chmod o-w " + shell.Word(outer)},
		"all may write to a sticky one":      {outer, 0o777 | fs.ModeSticky, path, ""},
		"through a link":                     {path, 0o666, link, "chmod o-w " + shell.Word(path)},
		"all may write to the link's folder": {links, 0o777, link, "chmod o-w " + shell.Word(links)},
		"what is missing":                    {dir, 0o755, filepath.Join(dir, "none"), ""},
		"what is missing where all may make": {dir, 0o777 | fs.ModeSticky, filepath.Join(dir, "none"), "chmod o-w " + shell.Word(dir)},
		"a folder in which all may make":     {dir, 0o777 | fs.ModeSticky, dir, "chmod o-w " + shell.Word(dir)},
	} {
		info, err := os.Stat(row.at)
		if strings.Contains(name, "in a closed folder") {
			must(t, os.Chmod(dir, 0o700))
		}
		must(t, err, os.Chmod(row.at, row.mode))
		if v := Others(row.judged); (v.Refuse == "") != (row.says == "") || !strings.HasSuffix(v.Refuse, row.says) || v.Warn != "" {
			t.Errorf("%s: %+v, want %q", name, v, row.says)
		}
		must(t, os.Chmod(row.at, info.Mode()), os.Chmod(dir, 0o755))
	}
}

func TestAFileOfAnotherUserIsRefusedAlsoWhereTheyCannotComeToItNow(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir, path := fileIn(t)
	must(t, os.Chown(path, stranger, stranger))
	for _, mode := range []fs.FileMode{0o755, 0o700} {
		must(t, os.Chmod(dir, mode))
		if v := Others(path); !strings.Contains(v.Refuse, "belongs to the user "+strconv.Itoa(stranger)) || !strings.HasSuffix(v.Refuse, "chown 0 "+shell.Word(path)) {
			t.Errorf("in a folder of mode %o: %+v", mode, v)
		}
	}
}

// A program of root's in a checkout of somebody else's, as on build machines.
func TestFoldersOfAnotherUserOnTheWayAreToldToRootAndStopNothing(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir, path := fileIn(t)
	must(t, os.Chown(dir, stranger, stranger))
	if v := Others(path); v.Refuse != "" || !strings.Contains(v.Warn, "the user "+strconv.Itoa(stranger)+" can exchange "+path) {
		t.Errorf("%+v", v)
	}
	must(t, os.Chmod(dir, 0o777))
	if v := Others(path); v.Refuse == "" {
		t.Errorf("one in which every user may write: %+v", v)
	}
}

func TestAGroupWithOthersInItIsRefused(t *testing.T) {
	needRoot(t)
	t.Parallel()
	dir, path := fileIn(t)
	for name, row := range map[string]struct {
		at   string
		gid  int
		safe bool
	}{"root's own": {path, 0, true}, "one that nobody knows": {path, stranger, false}, "of the folder": {dir, stranger, false}} {
		must(t, os.Chown(row.at, 0, row.gid), os.Chmod(row.at, 0o775))
		if v := Others(path); (v.Refuse == "") != row.safe || !row.safe && !strings.HasSuffix(v.Refuse, "chmod g-w "+shell.Word(row.at)) {
			t.Errorf("%s: %+v", name, v)
		}
		must(t, os.Chown(row.at, 0, 0), os.Chmod(row.at, 0o755))
	}
}

func TestAGroupWithItsOwnerAloneIsNoOtherUser(t *testing.T) {
	t.Parallel()
	const passwd = "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000:A:/home/alice:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\ncarol:x:1002:100::/home/carol:/bin/sh\ntwice:x:1000:1000::/:/bin/sh\nnonsense\n"
	const group = "root:x:0:\nusers:x:100:\nstaff:x:50:\nsudo:x:27:alice,root\nwith:x:60:alice,bob\nghost:x:61:nobody-known\nalice:x:1000:\nbob:x:1001:alice\nagain:x:62:twice\nnonsense\n"
	m := members{passwd: passwd, group: group}
	alice := self{uid: 1000, name: "alice", primary: 1000}
	for name, row := range map[string]struct {
		gid   int
		me    self
		group string
		alone bool
	}{
		"the user's own":                            {1000, alice, "alice", true},
		"root's":                                    {0, alice, "root", true},
		"one with nobody in it":                     {50, alice, "staff", true},
		"with root":                                 {27, alice, "sudo", true},
		"with another":                              {60, alice, "with", false},
		"with one who is in no file":                {61, alice, "ghost", false},
		"one that is another's first":               {100, alice, "users", false},
		"another's own, in which the user is":       {1001, alice, "bob", false},
		"with another name of the user's":           {62, alice, "again", true},
		"one that nothing knows":                    {999, alice, "", false},
		"a company's: the user's own":               {20001, self{20001, "dora", 20001, ""}, "dora", true},
		"a company's: all users":                    {20000, self{20001, "dora", 20000, ""}, "domain users", false},
		"a container's: a number without a name":    {5000, self{5000, "", 5000, ""}, "", true},
		"a container's: another number":             {5001, self{5000, "", 5000, ""}, "", false},
		"a container's: root's group":               {0, self{5000, "", 0, ""}, "root", true},
		"macOS: staff, which is everybody's first":  {100, self{501, "eve", 100, ""}, "users", false},
		"a company's user and a group of the files": {50, self{20001, "dora", 20000, ""}, "staff", true},
	} {
		row.me.group = row.group
		if got := m.alone(row.gid, row.me); got != row.alone {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAFolderIsJudgedWithEachFileInIt(t *testing.T) {
	t.Parallel()
	dir, path := fileIn(t)
	refused := func() (all []string) {
		for _, v := range State(dir) {
			if v.Refuse != "" {
				all = append(all, filepath.Base(v.Path))
			}
		}
		return all
	}
	if got := refused(); len(got) > 0 {
		t.Errorf("ours: %v", got)
	}
	if State(filepath.Join(dir, "none")) != nil {
		t.Error("what is not there is judged")
	}
	must(t, os.Chmod(path, 0o666))
	if got := refused(); len(got) != 1 || got[0] != "file" {
		t.Errorf("a file that all may write: %v", got)
	}
	must(t, os.Chmod(path, 0o644))
	outside := filepath.Join(filepath.Dir(dir), "outside")
	must(t, os.WriteFile(outside, nil, 0o644), os.Chmod(outside, 0o666), os.Symlink(outside, filepath.Join(dir, "link")))
	if got := refused(); len(got) != 1 || got[0] != "link" {
		t.Errorf("a link to a file that all may write: %v", got)
	}
	must(t, os.Chmod(outside, 0o644))
	if os.Geteuid() != 0 {
		return // only root can give files away
	}
	must(t, os.Lchown(filepath.Join(dir, "link"), stranger, stranger))
	if got := refused(); len(got) != 1 || got[0] != "link" {
		t.Errorf("another user's link to a file of ours: %v", got)
	}
}

func TestWhatLeadsOutOfAFolderIsFound(t *testing.T) {
	t.Parallel()
	dir, path := fileIn(t)
	outer := filepath.Dir(dir)
	in := func(names ...string) string { return filepath.Join(append([]string{outer}, names...)...) }
	must(t, os.Mkdir(in("etc", "sub"), 0o700), os.WriteFile(in("etc", "sub", "plain"), nil, 0o644),
		os.Mkdir(in("other"), 0o755), os.WriteFile(in("target"), nil, 0o644),
		os.Symlink(in("other"), in("etc", "sub", "folder")), os.Symlink(in("target"), in("other", "further")),
		os.Symlink("..", in("other", "around")), os.Symlink("nowhere", in("etc", "broken")),
		os.Link(path, in("second")), os.WriteFile(in("etc", "closed"), nil, 0o600), os.Link(in("etc", "closed"), in("third")))
	got, err := Ways(dir)
	want := []string{in("etc", "broken"), path, in("etc", "sub", "folder"), in("other", "around"), in("other", "further"), in("second")}
	must(t, err)
	for _, w := range want {
		if !slices.Contains(got, w) {
			t.Errorf("%s is not found in %q", w, got)
		}
	}
	if len(got) != len(want) || slices.Contains(got, in("etc", "closed")) {
		t.Errorf("%q, want %q", got, want)
	}
	if got, err := Ways(in("none")); got != nil || err != nil {
		t.Errorf("of nothing: %q, %v", got, err)
	}
}
