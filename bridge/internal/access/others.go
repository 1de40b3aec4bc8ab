package access

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"countersign/shared/shell"
)

// Verdict is what [Others] and [State] found.
type Verdict struct {
	Path string
	// Refuse says which other user can change what is at Path, or may have, and the
	// command that ends it; empty: none.
	Refuse string
	// Warn says the same of a user in whose folders root works, as on machines that
	// build in a checkout of another user: they are told of, and stop nothing.
	Warn string
}

// Others judges whether a user besides the program's own and root could change a file
// that says what the program does, or exchange it. What is at the path must not be theirs
// to change wherever it is: a folder that keeps them out now may be opened. A group in which nobody else is, as
// many systems give each user one, is no other user. What is not there yet belongs to
// whoever can make it.
func Others(path string) Verdict {
	v := Verdict{Path: path}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		if info, err := os.Stat(real); err == nil {
			v.Refuse = foreign(real, info)
		}
	}
	if v.Refuse != "" {
		return v
	}
	if own, way := Everybody.alter(path, "every user of this computer"); own+way != "" {
		v.Refuse = own + way
		return v
	}
	users, groups := along(path)
	for _, gid := range groups {
		own, way := Account{UID: -1, GIDs: []int{gid}}.alter(path, "the group "+groupName(gid))
		if own+way != "" && !alone(gid) {
			v.Refuse = own + way
			return v
		}
	}
	for _, uid := range users {
		own, way := Account{UID: uid}.alter(path, "the user "+userName(uid))
		if os.Geteuid() == 0 {
			v.Warn, way = cmp.Or(way, v.Warn), ""
		}
		if own+way != "" {
			v.Refuse = own + way
			return v
		}
	}
	return v
}

// State judges a folder with the files that a program keeps there, and each of these: one
// of another user may have been put there before the folder was closed. It is nil for a
// folder that is not there.
func State(dir string) (all []Verdict) {
	entries, err := os.ReadDir(dir)
	if os.IsNotExist(err) {
		return nil
	}
	all = []Verdict{Others(dir)}
	if err != nil {
		all[0].Refuse = err.Error()
		return all
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		info, err := os.Lstat(path)
		if err != nil {
			continue // it went
		}
		v := Verdict{Path: path, Refuse: foreign(path, info)} // of a link itself, too
		if mode := info.Mode(); v.Refuse == "" && all[0].Refuse == "" && (mode.IsRegular() || mode&fs.ModeSymlink != 0) {
			v = Others(path) // else it is said of the folder
		}
		all = append(all, v)
	}
	return all
}

// foreign says that a file or folder is another user's, who may have written what is in it.
func foreign(path string, info os.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || ours(int(stat.Uid)) {
		return ""
	}
	who := userName(int(stat.Uid))
	if info.Mode()&fs.ModeSymlink != 0 {
		return fmt.Sprintf("%s is a link that the user %s made: look at where it leads, and remove it with: rm %s", path, who, shell.Word(path))
	}
	return fmt.Sprintf("%s belongs to the user %s, who may have written what is in it: run this as that user, or look at it, and remove it or make it yours with: %s",
		path, who, owning.undo(path, ""))
}

// ours reports whether a user is the program's own, or root, who can do everything.
func ours(uid int) bool { return uid == 0 || uid == os.Geteuid() || outside(uid) }

// alter says how an account can change what is at a path (own), or else exchange it on the
// way there; who is the account.
func (a Account) alter(path, who string) (own, way string) {
	if own = a.set(path); own != "" {
		return about(who, own), ""
	}
	return "", about(who, a.Exchange(path))
}

// about puts a user in the place of "it".
func about(who, how string) string {
	if rest, ok := strings.CutPrefix(how, "it can "); ok {
		return who + " can " + rest
	}
	return how
}

// along are the users, besides ours, and groups to which something on the way to a path
// gives a right, by owner, group or access control list.
func along(path string) (users, groups []int) {
	add := func(path string) {
		info, err := os.Lstat(path)
		if err != nil {
			return
		}
		if stat, ok := info.Sys().(*syscall.Stat_t); ok {
			users, groups = append(users, int(stat.Uid)), append(groups, int(stat.Gid))
		}
		list, _ := listOf(path) // one that cannot be read is taken to grant
		for _, e := range list {
			switch e.kind {
			case listedUser:
				users = append(users, e.id)
			case listedOtherGroup:
				groups = append(groups, e.id)
			}
		}
	}
	_ = walk(path, func(folder, thing string) bool { // links without an end are found by Exchange
		add(folder)
		add(thing)
		return true
	})
	users = slices.DeleteFunc(users, ours)
	slices.Sort(users)
	slices.Sort(groups)
	return slices.Compact(users), slices.Compact(groups)
}

func userName(uid int) string {
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		return fmt.Sprintf("%s (%d)", u.Username, uid)
	}
	return strconv.Itoa(uid)
}

func groupName(gid int) string {
	if g, err := user.LookupGroupId(strconv.Itoa(gid)); err == nil {
		return fmt.Sprintf("%s (%d)", g.Name, gid)
	}
	return strconv.Itoa(gid)
}
