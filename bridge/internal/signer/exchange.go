package signer

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLinks are how many symbolic links may be on the way to a file (path_resolution(7)).
const maxLinks = 40

// threat says how an account could read, write or exchange a file or a folder that is
// the signer's alone; empty when it cannot.
func threat(path string, a account) string {
	if how := reach(path, a); how != "" {
		return how
	}
	return exchange(path, a)
}

// change says how an account could change a file that all users may read, or exchange it;
// empty when it cannot.
func change(path string, a account) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		info, err := os.Stat(real)
		if err != nil {
			return "it is not known who can change " + path
		}
		if ok, by := a.may(real, info, 2); ok {
			if closed, _ := closedTo(filepath.Dir(real), a); closed == "" {
				return "it can change " + path + by.advice(real, "w")
			}
		}
	}
	return exchange(path, a)
}

// exchange says how an account can put something else in the place of a file or a
// folder: it may write to a folder on the way there, or to one with a symbolic link that
// is followed. Empty when it cannot.
func exchange(path string, a account) string {
	path, err := filepath.Abs(path)
	if err != nil {
		return "it is not known who can exchange " + path
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
		if how := a.moves(at, next); how != "" {
			return how
		}
		target, err := os.Readlink(next)
		if err != nil { // it is not a link, or not there
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "it is not known who can exchange " + path
		}
		if filepath.IsAbs(target) {
			at = "/"
		}
		left = append(strings.Split(target, "/"), left...)
	}
	return ""
}

// moves says how an account can move what is in a folder away, and put something else
// there: it may write to the folder, which it can come to, and the folder is its own, or
// not sticky, or the thing is its own or not there yet.
func (a account) moves(folder, what string) string {
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
	closed, listed := closedTo(folder, a)
	if !ok || closed != "" {
		return ""
	}
	if info.Mode()&fs.ModeSticky != 0 && !missing && !a.owns(info) {
		if a.uid != 0 && !a.owns(thing) {
			return ""
		}
		return how + owning.advice(what, "")
	}
	if by != byList && listed != "" {
		by, folder = byList, listed
	}
	return how + by.advice(folder, "w")
}
