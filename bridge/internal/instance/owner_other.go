//go:build !linux

package instance

// PortOwner does not know on this system.
func PortOwner(int) (Owner, bool) { return Owner{}, false }
