//go:build unix && !linux

package secret

import (
	"fmt"
	"syscall"
)

// Undumpable keeps the memory of this process from core dumps. Whether another
// program of the same user may trace it is up to this operating system.
func Undumpable() error {
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}); err != nil {
		return fmt.Errorf("keep this process's memory from others: %w", err)
	}
	return nil
}

// Dumpable reports that others of the same user may look at this process's
// memory, as far as is known.
func Dumpable() bool { return true }
