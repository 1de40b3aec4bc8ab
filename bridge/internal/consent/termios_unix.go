//go:build unix

package consent

import (
	"os"

	"golang.org/x/sys/unix"
)

// prepare throws away what was typed ahead, and turns the echo off unless echo
// is set. It returns how to put the terminal back as it was.
func prepare(f *os.File, echo bool) (restore func() error, err error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return nil, err
	}
	var old unix.Termios
	change := func(do func(fd int) error) error {
		var inner error
		if err := raw.Control(func(fd uintptr) { inner = do(int(fd)) }); err != nil {
			return err
		}
		return inner
	}
	err = change(func(fd int) error {
		t, err := unix.IoctlGetTermios(fd, getTermios)
		if err != nil {
			return err
		}
		old = *t
		t.Lflag |= unix.ICANON | unix.ISIG
		t.Iflag |= unix.ICRNL
		if echo {
			t.Lflag |= unix.ECHO
		} else {
			t.Lflag &^= unix.ECHO
		}
		return unix.IoctlSetTermios(fd, setTermiosFlush, t)
	})
	if err != nil {
		return nil, err
	}
	return func() error {
		return change(func(fd int) error { return unix.IoctlSetTermios(fd, setTermiosFlush, &old) })
	}, nil
}
