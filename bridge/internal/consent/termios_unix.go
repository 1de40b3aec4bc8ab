//go:build unix

package consent

import (
	"os"

	"golang.org/x/sys/unix"
)

// mode is how a terminal is while it asks: it reads lines, with or without an echo, and
// the key that stops a program ends the line instead, so that the terminal can be put
// back first.
type mode struct {
	f    *os.File
	echo bool
	stop byte          // the key that stops a program; 0: none does
	old  *unix.Termios // how the terminal was; nil: it is so
}

// set throws away what was typed ahead, and makes the terminal ask.
func (m *mode) set() error {
	return onDescriptor(m.f, func(fd int) error {
		if m.old == nil {
			old, err := unix.IoctlGetTermios(fd, getTermios)
			if err != nil {
				return err
			}
			m.old = old
		}
		t := *m.old
		t.Lflag |= unix.ICANON | unix.ISIG
		t.Iflag |= unix.ICRNL
		if m.echo {
			t.Lflag |= unix.ECHO
		} else {
			t.Lflag &^= unix.ECHO
		}
		if key := t.Cc[unix.VSUSP]; key != noKey {
			m.stop, t.Cc[unix.VEOL], t.Cc[unix.VSUSP] = key, key, noKey
		}
		return unix.IoctlSetTermios(fd, setTermiosFlush, &t)
	})
}

// restore puts the terminal back as it was. In the background it is another program's.
func (m *mode) restore() error {
	if m.old == nil || !foreground(m.f) {
		return nil
	}
	old := m.old
	m.old = nil
	return onDescriptor(m.f, func(fd int) error { return unix.IoctlSetTermios(fd, setTermiosFlush, old) })
}

// foreground reports whether a process may read from a terminal. From one that is not
// the terminal of its session every process may.
func foreground(f *os.File) (yes bool) {
	err := onDescriptor(f, func(fd int) error {
		group, err := unix.IoctlGetInt(fd, unix.TIOCGPGRP)
		yes = err != nil || group == unix.Getpgrp()
		return nil
	})
	return yes || err != nil
}

func onDescriptor(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := raw.Control(func(fd uintptr) { inner = do(int(fd)) }); err != nil {
		return err
	}
	return inner
}
