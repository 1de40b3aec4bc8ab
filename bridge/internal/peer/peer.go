// Package peer says which program is at the other end of a TCP connection on
// loopback: its user, executable, process and start. The operating system knows
// that; a program can hide its name (a sandbox, another name space) but not its
// user. It is shown to the person and decides one thing only, whether the same
// user is at both ends; what a program calls itself proves nothing about what it
// does. Linux answers from /proc; elsewhere the program is unknown.
// Of a unix socket it says the user alone. The roles of the bridge use it.
package peer

import (
	"errors"
	"fmt"
	"time"
)

// ErrUnsupported says that this operating system is not asked for programs.
var ErrUnsupported = errors.New("programs are not identified on this operating system")

// Process is a program that runs on this computer. The zero value is one of which
// nothing is known.
type Process struct {
	UID     int       // its user; -1 when unknown
	PID     int       // 0 when unknown
	Path    string    // of the executable; empty when unknown
	Started time.Time // zero when unknown
	Warning string    // what is unusual about the executable; empty when nothing is
}

// Unknown is a program of which nothing is known.
func Unknown() Process { return Process{UID: -1} }

// String names a program for a log: "/usr/bin/firefox (pid 4711)".
func (p Process) String() string {
	if p.Path == "" {
		return "unknown program"
	}
	return fmt.Sprintf("%s (pid %d)", p.Path, p.PID)
}
