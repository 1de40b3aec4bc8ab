package peer

import (
	"errors"
	"net"
	"unsafe"

	"golang.org/x/sys/unix"
)

// UnixUser is the user at the other end of a unix socket, as it was when they
// connected (SO_PEERCRED, unix(7)); ok is false where the system does not tell.
func UnixUser(c net.Conn) (uid int, ok bool) {
	cred, _, err := credentials(c)
	if err != nil {
		return 0, false
	}
	return int(cred.Uid), true
}

// UnixGroups are the groups of the program at the other end of a unix socket, as
// they were when it connected (SO_PEERGROUPS): a service may have some that its user
// is not listed in.
func UnixGroups(c net.Conn) []int {
	cred, groups, err := credentials(c)
	if err != nil {
		return nil
	}
	all := []int{int(cred.Gid)}
	for _, g := range groups {
		all = append(all, int(g))
	}
	return all
}

// maxGroups is the most that a process can have (NGROUPS_MAX).
const maxGroups = 1 << 16

func credentials(c net.Conn) (cred *unix.Ucred, groups []uint32, err error) {
	u, isUnix := c.(*net.UnixConn)
	if !isUnix {
		return nil, nil, errors.New("it is not a unix socket")
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	cerr := raw.Control(func(fd uintptr) {
		if cred, err = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err != nil {
			return
		}
		list := make([]uint32, 64)
		for len(list) <= maxGroups {
			size := uint32(len(list) * 4)
			_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_PEERGROUPS,
				uintptr(unsafe.Pointer(&list[0])), uintptr(unsafe.Pointer(&size)), 0)
			switch errno {
			case 0:
				groups = list[:size/4]
				return
			case unix.ERANGE: // more than fit; size says how many
				list = make([]uint32, max(int(size/4), 2*len(list)))
			default:
				return // a kernel before 4.13: those of the user are all that is known
			}
		}
	})
	return cred, groups, errors.Join(cerr, err)
}
