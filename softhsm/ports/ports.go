//go:build unix

// Package ports holds TCP ports from the moment they are found until the program
// that was told of them listens, and while it is started again: no other program
// gets them in between. It holds a port with a socket that is bound and does not
// listen. The kernel gives such a port to nobody who asks for any, and refuses it
// to whoever binds it alone; a program that sets SO_REUSEADDR, as servers do, may
// listen on it. For tests that start programs: softhsm/modules and
// softhsm/e2e/system.
package ports

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
)

// Held are ports that no other program gets.
type Held struct {
	files   []*os.File
	Numbers []int
}

// Close gives the ports back. A program that listens on one goes on.
func (h *Held) Close() error {
	var errs []error
	for _, f := range h.files {
		errs = append(errs, f.Close())
	}
	h.files = nil
	return errors.Join(errs...)
}

// Hold holds one port of an address: "127.0.0.1:0" for any that is free. It fails
// with syscall.EADDRINUSE when another program has it, or holds it.
func Hold(address string) (*Held, error) {
	h := &Held{}
	if err := h.add(address); err != nil {
		return nil, err
	}
	return h, nil
}

// HoldTwo holds two neighbouring ports on all addresses, for programs that cannot
// be told to choose them themselves.
func HoldTwo() (*Held, error) {
	for port := 20000 + 2*(os.Getpid()%3000); port < 32000; port += 2 {
		h := &Held{}
		err := h.add("0.0.0.0:" + strconv.Itoa(port))
		if err == nil {
			err = h.add("0.0.0.0:" + strconv.Itoa(port+1))
		}
		if err == nil {
			return h, nil
		}
		if err := h.Close(); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("hold two ports: no two neighbouring ones are free")
}

func (h *Held) add(address string) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("hold %q: %w", address, err)
	}
	family, name := syscall.AF_INET6, syscall.Sockaddr(&syscall.SockaddrInet6{Port: int(ap.Port()), Addr: ap.Addr().As16()})
	if addr := ap.Addr().Unmap(); addr.Is4() {
		family, name = syscall.AF_INET, &syscall.SockaddrInet4{Port: int(ap.Port()), Addr: addr.As4()}
	}
	syscall.ForkLock.RLock() // no program that is started in this moment gets it
	fd, err := syscall.Socket(family, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return fmt.Errorf("hold %s: %w", address, err)
	}
	file := os.NewFile(uintptr(fd), "held port")
	err = syscall.Bind(fd, name) // alone: it fails when anybody else is there
	if err == nil {
		// From now on others may bind it who say the same, and listen.
		err = syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	}
	var bound syscall.Sockaddr
	if err == nil {
		bound, err = syscall.Getsockname(fd)
	}
	if err != nil {
		return errors.Join(&net.OpError{Op: "hold", Net: "tcp", Addr: net.TCPAddrFromAddrPort(ap), Err: os.NewSyscallError("bind", err)}, file.Close())
	}
	number := 0
	switch b := bound.(type) {
	case *syscall.SockaddrInet4:
		number = b.Port
	case *syscall.SockaddrInet6:
		number = b.Port
	}
	h.files, h.Numbers = append(h.files, file), append(h.Numbers, number)
	return nil
}
