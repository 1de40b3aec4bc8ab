//go:build !linux

package device

import "syscall"

// noDumps keeps the PINs and shared secrets in this process from core dumps.
func noDumps() {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // a limit may always be lowered
}
