//go:build !unix

package secret

// Undumpable does nothing on this operating system.
func Undumpable() error { return nil }

// Dumpable reports that others of the same user may look at this process's
// memory, as far as is known.
func Dumpable() bool { return true }
