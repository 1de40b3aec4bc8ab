// Package jwk is a public key as JSON carries it. Pure, without cryptography: shared/jws
// makes a key to verify with of it. Statements, the signer link and files hold it.
package jwk

// Key is an elliptic-curve public key (RFC 7517; RFC 7518, section 6.2; RFC 8812).
type Key struct {
	Kty string `json:"kty"` // "EC"
	Crv string `json:"crv"` // "secp256k1" or "P-256"
	X   string `json:"x"`   // 32 bytes, base64url
	Y   string `json:"y"`
}

// Holder is what tells keys of two holders apart: the keys P and −P have one x, and
// who holds the private half of one holds that of the other.
type Holder struct{ crv, x string }

// Holder is whose key k is.
func (k Key) Holder() Holder { return Holder{k.Crv, k.X} }
