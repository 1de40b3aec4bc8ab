package peer

import (
	"net"

	"golang.org/x/sys/unix"
)

// UnixUser is the user at the other end of a unix socket, as it was when they
// connected (SO_PEERCRED, unix(7)); ok is false where the system does not tell.
func UnixUser(c net.Conn) (uid int, ok bool) {
	u, isUnix := c.(*net.UnixConn)
	if !isUnix {
		return 0, false
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0, false
	}
	var cred *unix.Ucred
	if cerr := raw.Control(func(fd uintptr) { cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED) }); cerr != nil || err != nil {
		return 0, false
	}
	return int(cred.Uid), true
}
