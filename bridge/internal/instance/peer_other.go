//go:build !linux

package instance

import "net"

// peerUID does not know: the mode of the socket's directory keeps others out.
func peerUID(net.Conn) (uid int, ok bool) { return 0, false }
