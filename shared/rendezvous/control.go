//go:build !js

package rendezvous

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// Types of control messages.
const (
	Challenge  = "challenge"  // gateway: prove that the key is yours
	Register   = "register"   // bridge: the key, and the proof
	Registered = "registered" // gateway: pages can reach the bridge from now on
	Open       = "open"       // gateway: a page waits; dial StreamPath
)

// Message is one control message, a JSON text.
type Message struct {
	Type   string `json:"type"`
	Key    string `json:"key,omitempty"`    // challenge: X25519, new each time; register: the bridge's static key
	Proof  string `json:"proof,omitempty"`  // register: see [Proof]
	Stream string `json:"stream,omitempty"` // open: works once
	Origin string `json:"origin,omitempty"` // open: of the page, as the gateway saw it
}

const proofLabel = "countersign-relay-proof/1"

// Proof shows that a bridge has the private half of its static key. secret is
// X25519 of that key and the challenge's; gateway is the origin that the bridge
// dialled, so that no gateway can register a bridge at another one.
func Proof(secret, challenge, static []byte, gateway string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(proofLabel))
	h.Write(challenge)
	h.Write(static)
	h.Write([]byte(gateway))
	return h.Sum(nil)
}

// Encode writes a message.
func (m Message) Encode() ([]byte, error) { return json.Marshal(m) }

// DecodeMessage reads a message of the wanted type strictly: it has that type's
// fields and no other. It fails with INVALID_REQUEST or PAYLOAD_TOO_LARGE.
func DecodeMessage(data []byte, want string) (Message, error) {
	var m Message
	if err := strictjson.Unmarshal(data, &m, MaxControl); err != nil {
		return Message{}, err
	}
	ok := m.Type == want
	switch want {
	case Challenge:
		ok = ok && isBytes(m.Key, keySize) && m == Message{Type: want, Key: m.Key}
	case Register:
		ok = ok && isBytes(m.Key, keySize) && isBytes(m.Proof, sha256.Size) && m == Message{Type: want, Key: m.Key, Proof: m.Proof}
	case Registered:
		ok = ok && m == Message{Type: want}
	case Open:
		ok = ok && isBytes(m.Stream, SecretSize) && m.Origin != "" && m == Message{Type: want, Stream: m.Stream, Origin: m.Origin}
	default:
		ok = false
	}
	if !ok {
		return Message{}, fault.New(fault.Invalid, "this is not the control message that comes next")
	}
	return m, nil
}

// SecretSize is how many random bytes a ticket and the id of a stream have.
const SecretSize = 32

// Bytes writes bytes as they are in messages and sub-protocols: base64url
// without padding.
func Bytes(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// ParseBytes reads what [Bytes] wrote: nil when it is not n bytes.
func ParseBytes(s string, n int) []byte {
	if len(s) != base64.RawURLEncoding.EncodedLen(n) {
		return nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

func isBytes(s string, n int) bool { return ParseBytes(s, n) != nil }
