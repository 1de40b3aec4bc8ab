// Package access judges which users of a computer can read, change or exchange a file or
// folder: by owners, modes and, on Linux, POSIX access control lists, of the thing itself
// and of every folder and symbolic link on the way to it. The signer asks it about the
// user at the other end of its socket (bridge/internal/signer), and every program about
// what says what it does ([Others]: configuration, modules, state), before it believes it.
package access

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"countersign/shared/shell"
)

// Account is a user and the groups they are in.
type Account struct {
	UID  int
	GIDs []int
}

// Everybody is any user, in no group: what they can do, all can.
var Everybody = Account{UID: -1}

// AccountOf is a user with the groups that the computer knows of.
func AccountOf(uid int) Account {
	a := Account{UID: uid}
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
			a.GIDs = append(a.GIDs, gid)
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
	path = shell.Word(path)
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
func (a Account) may(path string, info os.FileInfo, bits fs.FileMode) (ok bool, by right) {
	if a.UID == 0 {
		return true, unknown
	}
	if a.owns(info) {
		return true, owning
	}
	stat, known := info.Sys().(*syscall.Stat_t)
	group := known && slices.Contains(a.GIDs, int(stat.Gid))
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

func (a Account) owns(info os.FileInfo) bool {
	stat, known := info.Sys().(*syscall.Stat_t)
	return known && int(stat.Uid) == a.UID
}

// Closed is the first folder on the way to dir, and including it, that an account cannot
// enter; empty when there is none.
func (a Account) Closed(dir string) string {
	closed, _ := a.closed(dir)
	return closed
}

// closed is [Account.Closed]; listed is a folder that the account can enter by an access
// control list.
func (a Account) closed(dir string) (closed, listed string) {
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

// Reach says how an account can do anything with a file or a folder: "it can reach …".
// Empty: it cannot. What is not there cannot be reached. What a folder's default list would
// give to files in it counts when they are there: they have it as their own.
func (a Account) Reach(path string) string { return a.touch(path, 7, "it can reach ", "rwx") }

// touch says how an account can do one of the things in bits with what a path leads to.
func (a Account) touch(path string, bits fs.FileMode, how, letters string) string {
	real, by, named, ok := a.given(path, bits)
	if !ok {
		return ""
	}
	how += path
	if real == "" {
		return how
	}
	if named { // the folders on the way to one name keep nobody out of the other
		return how + ", which has another name elsewhere (a hard link)" + by.advice(real, letters)
	}
	switch closed, listed := a.closed(filepath.Dir(real)); {
	case closed != "":
		return ""
	case by != byList && listed != "":
		by, real = byList, listed
	}
	return how + by.advice(real, letters)
}

// set says how what a path leads to is set so that an account can change it, whether or
// not it can come there.
func (a Account) set(path string) string {
	if real, by, _, ok := a.given(path, 2); ok {
		return "it can change " + path + by.advice(real, "w")
	}
	return ""
}

// given reports whether, and by which right, an account may do one of the things in bits
// with what a path leads to: real, of which named says that it has several names. real is
// empty for what cannot be looked at, which is taken to be given.
func (a Account) given(path string, bits fs.FileMode) (real string, by right, named, ok bool) {
	real, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", unknown, false, false
	}
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err != nil {
		return "", unknown, false, true
	}
	info, err := os.Stat(real)
	if err != nil {
		return "", unknown, false, true
	}
	stat, known := info.Sys().(*syscall.Stat_t)
	ok, by = a.may(real, info, bits)
	return real, by, known && info.Mode().IsRegular() && stat.Nlink > 1, ok
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
func (l accessList) lets(a Account, group bool, bits fs.FileMode) (ok, listed bool) {
	mask := uint16(7)
	if i := slices.IndexFunc(l, func(e entry) bool { return e.kind == listMask }); i >= 0 {
		mask = l[i].may
	}
	inGroup, others := false, uint16(0)
	for _, e := range l { // users come first (setfacl and the kernel keep them in order)
		given := uint16(bits)&e.may&mask != 0
		switch {
		case e.kind == listedUser && e.id == a.UID:
			return given, given
		case e.kind == listedGroup && group || e.kind == listedOtherGroup && slices.Contains(a.GIDs, e.id):
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
