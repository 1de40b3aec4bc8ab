package intent

// checked is left to the signer and the bridge: the page is trusted to verify nothing, and
// Keccak is large.
func checked(string) bool { return true }
