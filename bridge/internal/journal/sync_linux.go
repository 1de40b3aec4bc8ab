package journal

import (
	"errors"
	"os"
	"syscall"
)

// datasync returns when the content of f, and its size, are on the disk.
func datasync(f *os.File) error {
	for {
		if err := syscall.Fdatasync(int(f.Fd())); !errors.Is(err, syscall.EINTR) {
			return os.NewSyscallError("fdatasync", err)
		}
	}
}
