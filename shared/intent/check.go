//go:build !js

package intent

import "countersign/shared/eip55"

// checked reports whether the check in an address's letters holds.
func checked(address string) bool { return eip55.Valid(address) }
