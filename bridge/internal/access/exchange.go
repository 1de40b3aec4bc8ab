package access

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks are how many symbolic links may be on the way to a file (path_resolution(7)).
const maxLinks = 40

// Threat says how an account could read, write or exchange a file or a folder that is one
// user's alone; empty when it cannot.
func (a Account) Threat(path string) string {
	if how := a.Reach(path); how != "" {
		return how
	}
	return a.Exchange(path)
}

// Change says how an account could change a file that all users may read, or exchange it;
// empty when it cannot.
func (a Account) Change(path string) string {
	if how := a.touch(path, 2, "it can change ", "w"); how != "" {
		return how
	}
	return a.Exchange(path)
}

// Exchange says how an account can put something else in the place of a file or a
// folder: it may write to a folder on the way there, or to one with a symbolic link that
// is followed. Empty when it cannot.
func (a Account) Exchange(path string) (how string) {
	err := walk(path, func(folder, thing string) bool {
		how = a.moves(folder, thing)
		return how == ""
	})
	if err != nil {
		return "it is not known who can exchange " + path
	}
	return how
}

// walk calls visit for each thing on the way to a path, and for what is at its end, with
// the folder that it is in, until visit returns false. Symbolic links are followed.
func walk(path string, visit func(folder, thing string) bool) error {
	path, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	at, left := "/", strings.Split(path, "/")
	for links := 0; len(left) > 0; {
		name := left[0]
		left = left[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = filepath.Dir(at)
			continue
		}
		next := filepath.Join(at, name)
		if !visit(at, next) {
			return nil
		}
		target, err := os.Readlink(next)
		if err != nil { // it is not a link, or not there
			at = next
			continue
		}
		if links++; links > maxLinks {
			return syscall.ELOOP
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		left = append(strings.Split(target, "/"), left...)
	}
	return nil
}

// moves says how an account can move what is in a folder away, and put something else
// there: it may write to the folder, which it can come to, and the folder is its own, or
// not sticky, or the thing is its own or not there yet.
func (a Account) moves(folder, what string) string {
	how := "it can exchange " + what
	info, err := os.Stat(folder)
	if errors.Is(err, fs.ErrNotExist) {
		return "" // whoever may make the folder was found before
	}
	if err != nil {
		return how
	}
	thing, err := os.Lstat(what)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return how
	}
	ok, by := a.may(folder, info, 2)
	closed, listed := a.closed(folder)
	if !ok || closed != "" {
		return ""
	}
	if info.Mode()&fs.ModeSticky != 0 && !missing && !a.owns(info) {
		if a.UID != 0 && !a.owns(thing) {
			return ""
		}
		return how + owning.advice(what, "")
	}
	if by != byList && listed != "" {
		by, folder = byList, listed
	}
	return how + by.advice(folder, "w")
}
