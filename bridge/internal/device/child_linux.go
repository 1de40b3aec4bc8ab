package device

import (
	"os"
	"syscall"
)

// prSetDumpable is PR_SET_DUMPABLE (prctl(2)).
const prSetDumpable = 4

// protect keeps the PINs and shared secrets in this process from core dumps, and
// from other programs of the same user: the kernel lets none of them trace it.
func protect() {
	_ = os.WriteFile("/proc/self/comm", []byte(childName), 0)            // the name in lists; without it, "exe"
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})        // where it is refused, the next holds
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, prSetDumpable, 0, 0) // it cannot fail with 0
}
