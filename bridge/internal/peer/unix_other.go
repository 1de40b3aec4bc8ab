//go:build !linux

package peer

import "net"

// UnixUser does not know who is at the other end of a unix socket: its mode, and its
// folder's, keep others out.
func UnixUser(net.Conn) (uid int, ok bool) { return 0, false }

// UnixGroups does not know either.
func UnixGroups(net.Conn) []int { return nil }
