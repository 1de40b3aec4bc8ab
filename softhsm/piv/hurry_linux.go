package piv

import (
	"net"
	"syscall"
)

// hurry sends the acknowledgement that is due now. The kernel soon falls back to
// delaying, so it is said again after each read. (Go sends without delay by
// itself.)
func hurry(conn net.Conn) {
	tcp, isTCP := conn.(*net.TCPConn)
	if !isTCP {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return // it is closed; the next read says so
	}
	_ = raw.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 1) })
}
