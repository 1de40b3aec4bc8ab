package secret

import (
	"fmt"
	"syscall"
)

// The calls of prctl(2) that are used.
const (
	prGetDumpable = 3
	prSetDumpable = 4
)

// Undumpable keeps the memory of this process from core dumps, and from other
// programs of the same user: the kernel lets none of them trace it or read its
// /proc/PID/mem, and shows them neither its open files nor its environment. It
// still reads its own. Programs that it starts are as before.
func Undumpable() error {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // where it is refused, the next holds
	if _, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0); errno != 0 {
		return fmt.Errorf("keep this process's memory from others: %w", errno)
	}
	return nil
}

// Dumpable reports whether others of the same user may look at this process's
// memory.
func Dumpable() bool {
	is, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, prGetDumpable, 0, 0)
	return errno != 0 || is != 0
}
