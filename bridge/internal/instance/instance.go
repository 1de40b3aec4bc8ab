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
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"countersign/shared/fault"
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

// Lock is the right of this process to work with the files of a state directory.
type Lock struct {
	// Left is who had the lock before and was killed; nil: they released it.
	Left *Holder
	file *os.File
}

// Take locks a state directory, which exists and is this user's. It does not wait: it
// fails with a [*Held] while another process has the lock, and with
// AUTHORIZATION_ERROR when the folder is another user's.
func Take(stateDir string) (*Lock, error) {
	if err := mine(stateDir); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(stateDir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the bridge: %w", err)
	}
	if err := flock(file, syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	left, _ := readLock(stateDir) // what cannot be read names nobody
	return &Lock{Left: left, file: file}, nil
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
	file, err := os.Open(filepath.Join(stateDir, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open the lock of the bridge: %w", err)
	}
	defer file.Close()
	err = flock(file, syscall.LOCK_SH)
	if held, ok := errors.AsType[*Held](err); ok {
		return held, nil
	}
	return nil, errors.Join(err, syscall.Flock(int(file.Fd()), syscall.LOCK_UN)) // see Release
}

// mine fails when a folder is another user's: what is made in it would not be theirs.
func mine(stateDir string) error {
	info, err := os.Stat(stateDir)
	if err != nil {
		return fmt.Errorf("open the state directory: %w", err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Getuid() {
		return fault.New(fault.Forbidden, fmt.Sprintf("the state directory %s belongs to another user (%d): run this as that user", stateDir, stat.Uid))
	}
	return nil
}

// flock locks without waiting. It fails with a [*Held] while another process has the
// lock.
func flock(file *os.File, how int) error {
	err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, syscall.EWOULDBLOCK):
		return fmt.Errorf("lock %s: %w", file.Name(), err)
	}
	dir := filepath.Dir(file.Name())
	who, _ := readLock(dir) // it may not be written yet
	return &Held{StateDir: dir, Who: who}
}

// Say writes who has the lock. Readers meet it whole or not at all: an incomplete one
// is not JSON.
func (l *Lock) Say(h Holder) error {
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

// Release ends the lock at once. Closing alone would not: a process that is being
// started has a copy of the descriptor until it runs its program.
func (l *Lock) Release() error {
	return errors.Join(l.file.Truncate(0), syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN), l.file.Close())
}

// readLock reads who has a lock, or had it when they were killed; nil when the file
// names nobody.
func readLock(stateDir string) (*Holder, error) {
	data, err := os.ReadFile(filepath.Join(stateDir, lockName))
	if err != nil || len(data) == 0 {
		return nil, err
	}
	var h Holder
	if err := strictjson.Unmarshal(data, &h, maxLockFile); err != nil {
		return nil, err
	}
	return &h, nil
}
