// Package flock locks files and folders for one process at a time, without waiting
// (flock(2)). Whoever locks the folder that a lock file is in, too, keeps others out when
// that file is removed: bridge/internal/instance and bridge/internal/logfile do.
package flock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// ErrHeld is why a lock was not taken: another process has it.
var ErrHeld = errors.New("another process holds the lock")

// Exclusive locks an open file for this process alone. It fails with [ErrHeld].
func Exclusive(f *os.File) error { return lock(f, syscall.LOCK_EX) }

// Shared fails with [ErrHeld] while a process holds an exclusive lock. It takes one that
// keeps no other Shared out.
func Shared(f *os.File) error { return lock(f, syscall.LOCK_SH) }

func lock(f *os.File, how int) error {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return ErrHeld
	}
	info, serr := f.Stat()
	if serr == nil && info.IsDir() && without(err) {
		return nil
	}
	return fmt.Errorf("lock %s: %w", f.Name(), err)
}

// without reports that a file system has no locks for folders; its files are locked all
// the same.
func without(err error) bool {
	for _, e := range []error{syscall.EBADF, syscall.EINVAL, syscall.EISDIR, syscall.ENOSYS, syscall.EOPNOTSUPP, syscall.ENOLCK} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Release unlocks and closes. Closing alone would not do: a process that is being
// started has a copy of the descriptor until it runs its program.
func Release(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_UN)
	if without(err) {
		err = nil
	}
	return errors.Join(err, f.Close())
}
