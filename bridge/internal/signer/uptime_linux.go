package signer

import (
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// bootID is the kernel's name for this start of the computer.
var bootID = sync.OnceValue(func() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return processID // then each process is a start of its own
	}
	return strings.TrimSpace(string(id))
})

// sinceStart is an [Uptime]: CLOCK_BOOTTIME, which goes on while the computer
// sleeps (clock_gettime(2)).
func sinceStart() (string, time.Duration) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return processID, time.Since(processStart)
	}
	return bootID(), time.Duration(t.Nano())
}
