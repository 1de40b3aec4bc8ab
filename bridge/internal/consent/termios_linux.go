package consent

import "golang.org/x/sys/unix"

const (
	getTermios      = unix.TCGETS
	setTermiosFlush = unix.TCSETSF // also throws away input that was not read
	noKey           = 0            // of a key that does nothing (_POSIX_VDISABLE)
)
