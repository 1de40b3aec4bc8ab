//go:build !js || verify

package intent

import "countersign/shared/eip55"

// checked reports whether the check in an address's letters holds, and written whether
// it is there.
func checked(address string) bool { return eip55.Valid(address) }
func written(address string) bool { return address == eip55.Address(address[len("0x"):]) }
