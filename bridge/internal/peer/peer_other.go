//go:build !linux

package peer

import "net/netip"

// Identify says that nothing is known of the program at remote.
func Identify(_, _ netip.AddrPort) (Process, error) { return Unknown(), ErrUnsupported }
