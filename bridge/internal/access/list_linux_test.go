package access

import (
	"errors"
	"os"
	"strings"

	"encoding/binary"
	"golang.org/x/sys/unix"
	"testing"

	"countersign/shared/shell"
)

// listing is the attribute of a list.
func listing(entries ...entry) []byte {
	data := binary.LittleEndian.AppendUint32(nil, listVersion)
	for _, e := range entries {
		data = binary.LittleEndian.AppendUint16(data, e.kind)
		data = binary.LittleEndian.AppendUint16(data, e.may)
		data = binary.LittleEndian.AppendUint32(data, uint32(int32(e.id)))
	}
	return data
}

func TestAListThatCannotBeReadIsTakenToGrant(t *testing.T) {
	t.Parallel()
	for _, data := range [][]byte{nil, {2, 0, 0}, {3, 0, 0, 0}, append(listing(), 1, 0, 7, 0)} {
		if l, err := parseList(data); err == nil {
			t.Errorf("%x is read as %v", data, l)
		}
	}
	if l, err := parseList(listing(entry{listedOwner, 7, -1}, entry{listedUser, 4, 7}, entry{listedGroup, 0, -1}, entry{listMask, 7, -1}, entry{listedOthers, 0, -1})); err != nil || len(l) != 5 {
		t.Errorf("%v, %v", l, err)
	}
}

func TestAListForAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	dir, path := fileIn(t)
	set := func(path string, kind uint16, id int, may uint16) {
		t.Helper()
		list := []entry{{listedOwner, 7, -1}}
		if kind == listedUser {
			list = append(list, entry{kind, may, id})
		}
		list = append(list, entry{listedGroup, 5, -1})
		if kind == listedOtherGroup {
			list = append(list, entry{kind, may, id})
		}
		err := unix.Setxattr(path, listAttribute, listing(append(list, entry{listMask, 7, -1}, entry{listedOthers, 5, -1})...), 0)
		if errors.Is(err, unix.EOPNOTSUPP) {
			t.Skipf("NOT TESTED: the file system of %s takes no access control lists", path)
		}
		must(t, err)
	}
	for name, row := range map[string]struct {
		kind   uint16
		id     int
		may    uint16
		refuse bool
	}{
		"a user may write":       {listedUser, os.Geteuid() + stranger, 6, true},
		"a user may read":        {listedUser, os.Geteuid() + stranger, 4, false},
		"the own user may write": {listedUser, os.Geteuid(), 6, false},
		"a group may write":      {listedOtherGroup, stranger, 6, true},
		"a group may read":       {listedOtherGroup, stranger, 5, false},
		"root's group may write": {listedOtherGroup, 0, 6, false},
	} {
		set(path, row.kind, row.id, row.may)
		v := Others(path)
		if refused := v.Refuse != ""; refused != row.refuse || v.Warn != "" || refused && !strings.Contains(v.Refuse, "setfacl -b "+shell.Word(path)) {
			t.Errorf("%s: %+v", name, v)
		}
		must(t, unix.Removexattr(path, listAttribute), os.Chmod(path, 0o644))
	}
	set(dir, listedUser, os.Geteuid()+stranger, 7)
	if v := Others(path); !strings.Contains(v.Refuse+v.Warn, "setfacl -b "+shell.Word(dir)) {
		t.Errorf("a user may write to its folder: %+v", v)
	}
}

func TestUsersOutsideOfANamespaceAreToldFromThoseInIt(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"         0          0 4294967295\n": true, "      1000       1000          1\n": false, "0 1000 1\n1 100000 65536\n": true,
		"0 1000 1\n1 100000 65533\n": false, "": false, "nonsense\n": false,
	} {
		if got := mapped(text, 65534); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if outside(os.Getuid()) {
		t.Error("the own user is taken for one outside")
	}
}
