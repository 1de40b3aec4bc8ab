package signer

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"countersign/shared/fault"
	"countersign/shared/shell"
)

const nobodyNamed = -1

// Kinds of entries (linux/posix_acl.h).
const (
	listedOwner      = 1
	listedUser       = 2
	listedGroup      = 4
	listedOtherGroup = 8
	listMask         = 16
	listedOthers     = 32
)

type entry struct {
	kind, may uint16
	id        int
}

// listing is the attribute of a list.
func listing(entries ...entry) []byte {
	data := binary.LittleEndian.AppendUint32(nil, 2)
	for _, e := range entries {
		data = binary.LittleEndian.AppendUint16(data, e.kind)
		data = binary.LittleEndian.AppendUint16(data, e.may)
		data = binary.LittleEndian.AppendUint32(data, uint32(int32(e.id)))
	}
	return data
}

// listFor lets a user or a group do something with a file that is otherwise its
// owner's alone, as setfacl does.
func listFor(kind uint16, id int, may, mask uint16) []byte {
	all := []entry{{listedOwner, 7, nobodyNamed}}
	if kind == listedUser {
		all = append(all, entry{kind, may, id})
	}
	all = append(all, entry{listedGroup, 0, nobodyNamed})
	if kind == listedOtherGroup {
		all = append(all, entry{kind, may, id})
	}
	return listing(append(all, entry{listMask, mask, nobodyNamed}, entry{listedOthers, 0, nobodyNamed})...)
}

func setList(t *testing.T, path, attribute string, list []byte) {
	t.Helper()
	err := unix.Setxattr(path, attribute, list, 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skipf("NOT TESTED: the file system of %s takes no access control lists; set TMPDIR to one that does", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// folders are folders that all users can enter, a file of a PIN in them that is its
// owner's alone, and whether a user and the groups of a program are served.
func folders(t *testing.T) (dir, pin string, served func(groups ...int) (bool, string)) {
	t.Helper()
	dir = filepath.Join(openFolder(t), "etc")
	pin = filepath.Join(dir, "pin")
	for _, err := range []error{os.Mkdir(dir, 0o755), os.Chmod(dir, 0o755), os.WriteFile(pin, nil, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	served = func(groups ...int) (bool, string) {
		var log bytes.Buffer
		n, err := neighboursOf(Config{PINFile: pin}, socket{mode: groupMode}, "", slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		err = n.admit(os.Geteuid()+otherUser, true, groups...)
		if err != nil && (fault.CodeOf(err) != fault.Forbidden || strings.Contains(err.Error(), dir)) {
			t.Error(err)
		}
		return err == nil, log.String()
	}
	return dir, pin, served
}

func TestAnAccessControlListThatLetsAPeerReadThePINEndsItsService(t *testing.T) {
	t.Parallel()
	peer, group := os.Geteuid()+otherUser, 54_321
	for name, row := range map[string]struct {
		list   []byte
		served bool
	}{
		"the peer may read":                {listFor(listedUser, peer, 4, 7), false},
		"the peer may write":               {listFor(listedUser, peer, 2, 7), false},
		"the peer's group may read":        {listFor(listedOtherGroup, group, 4, 4), false},
		"the mask takes it away":           {listFor(listedUser, peer, 4, 0), true},
		"the peer may do nothing":          {listFor(listedUser, peer, 0, 7), true},
		"another user may read":            {listFor(listedUser, peer+1, 4, 7), true},
		"another group may read":           {listFor(listedOtherGroup, group+1, 4, 7), true},
		"another user has the group's id":  {listFor(listedUser, group, 4, 7), true},
		"a group has the id of the peer's": {listFor(listedOtherGroup, peer, 4, 7), true},
	} {
		_, pin, served := folders(t)
		if ok, said := served(group); !ok {
			t.Fatalf("without a list: %s", said)
		}
		setList(t, pin, "system.posix_acl_access", row.list)
		ok, said := served(group)
		if ok != row.served {
			t.Errorf("%s: served is %v; the log: %s", name, ok, said)
		}
		if !ok && !strings.Contains(said, "setfacl -b") {
			t.Errorf("%s: the log does not say what to do: %s", name, said)
		}
		if err := unix.Removexattr(pin, "system.posix_acl_access"); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(pin, 0o600); err != nil {
			t.Fatal(err)
		}
		if ok, said := served(group); !ok {
			t.Errorf("%s, removed: %s", name, said)
		}
	}
}

func TestAListThatLetsAPeerExchangeThePINEndsItsService(t *testing.T) {
	t.Parallel()
	peer, group := os.Geteuid()+otherUser, 54_321
	for name, row := range map[string]struct {
		list   []byte
		served bool
	}{
		"the peer may write":           {listFor(listedUser, peer, 3, 7), false},
		"the peer's group may write":   {listFor(listedOtherGroup, group, 3, 7), false},
		"the mask takes writing away":  {listFor(listedUser, peer, 3, 1), true},
		"the peer may enter":           {listFor(listedUser, peer, 1, 7), true},
		"the peer may write, no enter": {listFor(listedUser, peer, 2, 7), true},
		"another user may write":       {listFor(listedUser, peer+1, 3, 7), true},
	} {
		dir, _, served := folders(t)
		setList(t, dir, "system.posix_acl_access", row.list)
		ok, said := served(group)
		if ok != row.served || !ok && !strings.Contains(said, "setfacl -b "+shell.Word(dir)) {
			t.Errorf("%s: served is %v; the log: %s", name, ok, said)
		}
	}
}

func TestAListOnAFolderOpensTheWayToWhatIsInIt(t *testing.T) {
	t.Parallel()
	peer := os.Geteuid() + otherUser
	dir, pin, served := folders(t)
	for _, err := range []error{os.Chmod(pin, 0o644), os.Chmod(dir, 0o700)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if ok, said := served(); !ok {
		t.Fatalf("a PIN in a closed folder: %s", said)
	}
	setList(t, dir, "system.posix_acl_access", listFor(listedUser, peer, 1, 7))
	if ok, said := served(); ok || !strings.Contains(said, "setfacl -b "+shell.Word(dir)+`"`) {
		t.Errorf("a folder that the peer may enter: served is %v; the log: %s", ok, said)
	}
	if err := os.Chmod(pin, 0o600); err != nil {
		t.Fatal(err)
	}
	if ok, said := served(); !ok {
		t.Errorf("a PIN that only its owner may read: %s", said)
	}
	setList(t, dir, "system.posix_acl_default", listFor(listedUser, peer, 7, 7))
	if ok, said := served(); !ok {
		t.Errorf("a default list, before it gave anything: %s", said)
	}
	if err := os.Remove(pin); err != nil { // a PIN that is written again
		t.Fatal(err)
	}
	if err := os.WriteFile(pin, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	if ok, _ := served(); ok {
		t.Error("a PIN that got the folder's default list is not noticed")
	}
}

// TestWhatChangesWhileAConnectionIsOpenIsSeen: a verdict does not last as long as
// its connection.
func TestWhatChangesWhileAConnectionIsOpenIsSeen(t *testing.T) {
	t.Parallel()
	pin := filepath.Join(openFolder(t), "pin")
	if err := os.WriteFile(pin, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := neighboursOf(Config{PINFile: pin}, socket{mode: groupMode}, "", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	n.now = func() time.Time { return now }
	v := &verdict{n: n, uid: os.Geteuid() + otherUser, known: true}
	for _, step := range []struct {
		mode   os.FileMode
		pass   time.Duration
		served bool
	}{{0o600, 0, true}, {0o644, time.Second, true}, {0o644, judgedFor, false}, {0o600, judgedFor, true}, {0o644, -time.Hour, false}} {
		if err := os.Chmod(pin, step.mode); err != nil {
			t.Fatal(err)
		}
		now = now.Add(step.pass)
		if err := v.refused(); (err == nil) != step.served {
			t.Errorf("mode %o, %s later: %v", step.mode, step.pass, err)
		}
	}
}
