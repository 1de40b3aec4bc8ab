//go:build !verify

package intent

// checked and written are left to the signer and the bridge: the page is trusted to verify
// nothing, and Keccak is large.
func checked(string) bool { return true }
func written(string) bool { return true }
