//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package consent

import "golang.org/x/sys/unix"

const (
	getTermios      = unix.TIOCGETA
	setTermiosFlush = unix.TIOCSETAF // also throws away input that was not read
	noKey           = 0xff           // of a key that does nothing (_POSIX_VDISABLE)
)
