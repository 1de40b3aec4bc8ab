//go:build !linux

package signer

import "time"

// sinceStart is an [Uptime] of this process: the time may stand while the computer
// sleeps, and then the operator is asked.
func sinceStart() (string, time.Duration) { return processID, time.Since(processStart) }
