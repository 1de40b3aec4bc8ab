package piv

import (
	"net"
	"syscall"
)

// hurry acknowledges what was received at once. vpcd may write a message in two
// pieces, and waits for the acknowledgement of the first: delayed, that costs
// 44 ms for each command. The kernel falls back to delaying, so it is said again
// after each message. (Go sends without delay by itself.)
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
