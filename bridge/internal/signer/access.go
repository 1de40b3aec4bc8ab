package signer

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// account is a user and the groups they are in; uid -1 is a user without a name.
type account struct {
	uid  int
	gids []int
}

func accountOf(uid int) account {
	a := account{uid: uid}
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return a // a number without a name is in no group
	}
	ids, err := u.GroupIds()
	if err != nil {
		ids = []string{u.Gid}
	}
	for _, id := range ids {
		if gid, err := strconv.Atoi(id); err == nil {
			a.gids = append(a.gids, gid)
		}
	}
	return a
}

// right is what lets an account do something with a file.
type right byte

const (
	unknown  right = iota
	owning         // who owns it can change its mode
	byGroup        // the mode, for the file's group
	byOthers       // the mode, for all users
	byList         // an entry of its access control list
)

// undo is the command that takes the right away; letters are those of chmod. It is
// empty where none does.
func (r right) undo(path, letters string) string {
	path = strconv.Quote(path)
	switch r {
	case owning:
		return "chown " + strconv.Itoa(os.Geteuid()) + " " + path
	case byGroup:
		return "chmod g-" + letters + " " + path
	case byOthers:
		return "chmod o-" + letters + " " + path
	case byList:
		return "setfacl -b " + path
	}
	return ""
}

// may reports whether a file's access control list, or its mode where it has none,
// lets an account do one of the things in bits: 4 read, 2 write, 1 enter; and by which
// right.
func (a account) may(path string, info os.FileInfo, bits fs.FileMode) (ok bool, by right) {
	if a.uid == 0 {
		return true, unknown
	}
	if a.owns(info) {
		return true, owning
	}
	stat, known := info.Sys().(*syscall.Stat_t)
	group := known && slices.Contains(a.gids, int(stat.Gid))
	list, err := listOf(path)
	if err != nil {
		return true, unknown
	}
	mode, by := info.Mode().Perm(), byOthers
	if group {
		mode, by = mode>>3, byGroup
	}
	if len(list) > 0 {
		ok, listed := list.lets(a, group, bits)
		if listed {
			by = byList
		}
		return ok, by
	}
	return mode&bits != 0, by
}

func (a account) owns(info os.FileInfo) bool {
	stat, known := info.Sys().(*syscall.Stat_t)
	return known && int(stat.Uid) == a.uid
}

// closedTo is the first folder on the way to dir that an account cannot enter; empty
// when there is none. listed is one that it can enter by an access control list.
func closedTo(dir string, a account) (closed, listed string) {
	for path := dir; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return path, ""
		}
		ok, by := a.may(path, info, 1)
		if !ok {
			return path, ""
		}
		if by == byList {
			listed = path
		}
		if path == filepath.Dir(path) {
			return "", listed
		}
	}
}

// reach says how an account can do anything with a file or a folder; empty when it
// cannot. What is not there cannot be reached. What a folder's default list would
// give to files in it counts when they are there: they have it as their own.
func reach(path string, a account) string {
	how := "it can reach " + path
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		return how // it is not known
	}
	if real, err = filepath.Abs(real); err != nil {
		return how
	}
	info, err := os.Stat(real)
	if err != nil {
		return how
	}
	ok, by := a.may(real, info, 7)
	closed, listed := closedTo(filepath.Dir(real), a)
	switch {
	case !ok || closed != "":
		return ""
	case by != byList && listed != "":
		by, real = byList, listed
	}
	return how + by.advice(real, "rwx")
}

// advice is the end of a sentence that says what to do.
func (r right) advice(path, letters string) string {
	switch undo := r.undo(path, letters); {
	case undo == "":
		return ""
	case r == byList:
		return " by an access control list; remove it with: " + undo
	default:
		return "; end that with: " + undo
	}
}

// Kinds of entries of an access control list (linux/posix_acl.h).
const (
	listedOwner = 1 << iota
	listedUser
	listedGroup // the file's own
	listedOtherGroup
	listMask
	listedOthers
)

// entry is one of a list: what one may do.
type entry struct {
	kind, may uint16
	id        int
}

// accessList is the access control list of a file; empty: it has none beside its
// mode.
type accessList []entry

// lets follows acl(5): an entry for the user decides; else any for a group; else
// that for others. The mask bounds all but the last.
func (l accessList) lets(a account, group bool, bits fs.FileMode) (ok, listed bool) {
	mask := uint16(7)
	if i := slices.IndexFunc(l, func(e entry) bool { return e.kind == listMask }); i >= 0 {
		mask = l[i].may
	}
	inGroup, others := false, uint16(0)
	for _, e := range l { // users come first (setfacl and the kernel keep them in order)
		given := uint16(bits)&e.may&mask != 0
		switch {
		case e.kind == listedUser && e.id == a.uid:
			return given, given
		case e.kind == listedGroup && group || e.kind == listedOtherGroup && slices.Contains(a.gids, e.id):
			if inGroup = true; given {
				ok, listed = true, listed || e.kind == listedOtherGroup
			}
		case e.kind == listedOthers:
			others = e.may
		}
	}
	if inGroup {
		return ok, listed
	}
	return uint16(bits)&others != 0, false
}
