//go:build !linux

package journal

import "os"

// datasync returns when f is on the disk; on macOS that empties the drive's
// cache too.
func datasync(f *os.File) error { return f.Sync() }
