//go:build !linux

package main

import "time"

// started is when the process started, by its monotonic clock.
var started = time.Now()

// elapsed is the time since the process started; it may stand while the computer
// sleeps.
func elapsed() time.Duration { return time.Since(started) }
