//go:build !linux

package device

import "syscall"

// protect keeps the PINs and shared secrets in this process from core dumps.
func protect() {
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{}) // a limit may always be lowered
}
