// Package instance keeps one program at a time at the files of a bridge: for each
// state directory of an operating-system user one lock, which a running bridge holds
// until it ends, and a command for as long as it changes something. Whoever has it
// writes down who they are and where they can be asked (bridge/internal/control). A
// lock ends with its process, so a bridge that was killed leaves nothing to clean up
// by hand. The package also tells who holds a port, for messages.
package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"countersign/bridge/internal/flock"
	"countersign/shared/fault"
	"countersign/shared/shell"
	"countersign/shared/strictjson"
)

const (
	lockName    = "bridge.lock"
	maxLockFile = 4 << 10
)

// Holder is who has the lock, as the lock file says.
type Holder struct {
	PID int `json:"pid"`
	// Socket is where a running bridge can be asked; empty: it is a command.
	Socket string `json:"socket"`
	// Protocol is the version of what is spoken there; 0: of a bridge that is older
	// than this field.
	Protocol int `json:"protocol,omitempty"`
}

// Held is the error of [Take] while another process has the lock. Who is nil when the
// file does not say, as in the moment before its owner has written it.
type Held struct {
	StateDir string
	Who      *Holder
}

// Error says who it is.
func (h *Held) Error() string {
	switch {
	case h.Who == nil:
		return "another process works with " + h.StateDir
	case h.Who.Socket == "":
		return fmt.Sprintf("process %d, a command, works with %s", h.Who.PID, h.StateDir)
	}
	return fmt.Sprintf("process %d, a bridge, works with %s", h.Who.PID, h.StateDir)
}

// Lock is the right of this process to work with the files of a state directory. It is
// two locks: of the folder, so that a lock file that is removed lets no second process
// in, and of the file, which names its owner.
type Lock struct {
	// Left is who had the lock before and was killed; nil: they released it.
	Left *Holder

	mu     sync.Mutex
	dir    string
	folder *os.File
	file   *os.File
	said   Holder
}

// Take locks a state directory, which exists and is this user's. It does not wait: it
// fails with a [*Held] while another process has the lock, and with
// AUTHORIZATION_ERROR when the folder or the lock file is not this user's alone.
func Take(stateDir string) (*Lock, error) {
	if err := mine(stateDir); err != nil {
		return nil, err
	}
	folder, err := os.Open(stateDir)
	if err != nil {
		return nil, fmt.Errorf("open the state directory: %w", err)
	}
	file, err := lockBoth(folder, stateDir)
	if err != nil {
		return nil, errors.Join(err, flock.Release(folder))
	}
	left, _ := readLock(stateDir) // what cannot be read names nobody
	return &Lock{Left: left, dir: stateDir, folder: folder, file: file}, nil
}

// lockBoth locks the folder, then the file in it.
func lockBoth(folder *os.File, stateDir string) (*os.File, error) {
	if err := held(flock.Exclusive(folder), stateDir); err != nil {
		return nil, err
	}
	for {
		file, err := openLock(stateDir, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return nil, err
		}
		if err := held(flock.Exclusive(file), stateDir); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		switch same, err := isAt(file, filepath.Join(stateDir, lockName), os.Lstat); {
		case err != nil:
			return nil, errors.Join(err, flock.Release(file))
		case same:
			return file, nil
		}
		if err := flock.Release(file); err != nil { // it was removed meanwhile: another may have the next
			return nil, err
		}
	}
}

// openLock opens the lock file, which is this user's alone: not a link to, and not
// another name of, a file that must not be written.
func openLock(stateDir string, flag int) (*os.File, error) {
	path := filepath.Join(stateDir, lockName)
	file, err := os.OpenFile(path, flag|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o600)
	strange := func(what string) (*os.File, error) {
		return nil, fault.New(fault.Forbidden, fmt.Sprintf("%s is %s, and not the lock of a bridge of yours: look at who put it there, then remove it: rm %s", path, what, shell.Word(path)))
	}
	switch {
	case errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.EMLINK): // EMLINK: FreeBSD
		return strange("a link")
	case errors.Is(err, fs.ErrNotExist):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("open the lock of the bridge: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	stat, _ := info.Sys().(*syscall.Stat_t)
	what := ""
	switch {
	case !info.Mode().IsRegular():
		what = "no file"
	case stat != nil && int(stat.Uid) != os.Getuid():
		what = fmt.Sprintf("another user's file (%d)", stat.Uid)
	case stat != nil && stat.Nlink > 1:
		what = "a file with another name elsewhere"
	default:
		return file, nil
	}
	_ = file.Close() // nothing was written
	return strange(what)
}

// isAt reports whether an open file is what stat finds at a path now.
func isAt(file *os.File, path string, stat func(string) (os.FileInfo, error)) (bool, error) {
	open, err := file.Stat()
	if err != nil {
		return false, err
	}
	at, err := stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(open, at), err
}

// Look says whether a process has the lock of a state directory; nil: none has. It fails
// with AUTHORIZATION_ERROR when the folder is another user's. It changes nothing.
func Look(stateDir string) (*Held, error) {
	if err := mine(stateDir); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, err
	}
	for _, open := range []func() (*os.File, error){
		func() (*os.File, error) { return os.Open(stateDir) },
		func() (*os.File, error) { return openLock(stateDir, os.O_RDONLY) },
	} {
		file, err := open()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		err = held(flock.Shared(file), stateDir)
		if held, ok := errors.AsType[*Held](err); ok {
			return held, file.Close()
		}
		if err := errors.Join(err, flock.Release(file)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// Lost is the error of [Lock.Keep] when the files may be another process's now.
type Lost struct{ What string }

// Error says what became of the lock.
func (l *Lost) Error() string {
	return l.What + ": another program may work with the files now. Find out which; then start the bridge again"
}

// Keep makes sure that the lock is where others look for it: while a process has a
// lock that nobody finds, another may take the next. A file that was removed is made
// again. It fails with a [*Lost] when another is in its place.
func (l *Lock) Keep() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	same, err := isAt(l.folder, l.dir, os.Stat)
	if err == nil && !same {
		return &Lost{"the state directory " + l.dir + " was removed, or is another one now"}
	}
	if err != nil {
		return fmt.Errorf("look at the state directory: %w", err)
	}
	path := filepath.Join(l.dir, lockName)
	if same, err = isAt(l.file, path, os.Lstat); err != nil || same {
		return err
	}
	file, err := openLock(l.dir, os.O_RDWR|os.O_CREATE|os.O_EXCL)
	if errors.Is(err, fs.ErrExist) {
		return &Lost{path + " is another file now"}
	}
	if err != nil {
		return err
	}
	if err := held(flock.Exclusive(file), l.dir); err != nil {
		return errors.Join(&Lost{path + " was removed and is locked by another process"}, err, file.Close())
	}
	before := l.file
	l.file = file
	return errors.Join(l.say(l.said), flock.Release(before))
}

// Make makes a state directory when there is none. trust, which may be nil, fails before
// where it would not be made by the user whose bridge it is: root makes none in a home.
func Make(stateDir string, trust func() error) error {
	if _, err := os.Stat(stateDir); errors.Is(err, fs.ErrNotExist) && trust != nil {
		if err := trust(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(stateDir, 0o700); err != nil {
		return fmt.Errorf("make the state directory: %w", err)
	}
	return nil
}

// mine fails when a folder is another user's: what is made in it would not be theirs.
func mine(stateDir string) error {
	info, err := os.Stat(stateDir)
	if err != nil {
		return fmt.Errorf("open the state directory: %w", err)
	}
	switch stat, ok := info.Sys().(*syscall.Stat_t); {
	case !ok || int(stat.Uid) == os.Getuid():
	case stat.Uid == 0:
		return fault.New(fault.Forbidden, fmt.Sprintf("the state directory %s belongs to another user (0), root, as after a command that was run as root: give it back with: sudo chown -R %d %q", stateDir, os.Getuid(), stateDir))
	default:
		return fault.New(fault.Forbidden, fmt.Sprintf("the state directory %s belongs to another user (%d): run this as that user", stateDir, stat.Uid))
	}
	return nil
}

// held says who has the lock of a state directory, when that is why it was not taken.
func held(err error, stateDir string) error {
	if !errors.Is(err, flock.ErrHeld) {
		return err
	}
	who, _ := readLock(stateDir) // it may not be written yet
	return &Held{StateDir: stateDir, Who: who}
}

// Say writes who has the lock. Readers meet it whole or not at all: an incomplete one
// is not JSON.
func (l *Lock) Say(h Holder) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = h
	return l.say(h)
}

func (l *Lock) say(h Holder) error {
	data, err := json.Marshal(h)
	if err != nil {
		return err
	}
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("write the lock of the bridge: %w", err)
	}
	if _, err := l.file.WriteAt(data, 0); err != nil {
		return fmt.Errorf("write the lock of the bridge: %w", err)
	}
	return nil
}

// Release ends the lock at once.
func (l *Lock) Release() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return errors.Join(l.file.Truncate(0), flock.Release(l.file), flock.Release(l.folder))
}

// readLock reads who has a lock, or had it when they were killed; nil when the file
// names nobody.
func readLock(stateDir string) (*Holder, error) {
	file, err := openLock(stateDir, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxLockFile+1))
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var h Holder
	if err := strictjson.Unmarshal(data, &h, maxLockFile); err != nil {
		return nil, err
	}
	return &h, nil
}
