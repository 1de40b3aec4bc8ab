package main

import (
	"time"

	"golang.org/x/sys/unix"
)

// started is when the process started, by its monotonic clock.
var started = time.Now()

// elapsed is the time since the computer started, asleep or not (CLOCK_BOOTTIME,
// clock_gettime(2)).
func elapsed() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return time.Since(started)
	}
	return time.Duration(t.Nano())
}
