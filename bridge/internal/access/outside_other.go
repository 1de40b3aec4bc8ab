//go:build !linux

package access

// outside knows no namespaces of users: they are Linux's.
func outside(int) bool { return false }
