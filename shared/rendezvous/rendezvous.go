// Package rendezvous is what page, bridge and gateway agree on so that a page
// and a bridge which cannot reach each other on loopback meet at the gateway:
// the bridge's name there, the addresses and sub-protocols, and the messages of
// the bridge's control connection. What then passes between the two is
// shared/link, which the gateway cannot read. No I/O. Spec: shared/spec/relay.md.
// Users: web/internal/relay, bridge/internal/dialout, wasm/core.
package rendezvous

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"

	"countersign/shared/fault"
)

// Addresses at the gateway. None of them ever holds a name, a ticket or the id
// of a stream: addresses end in logs.
const (
	TicketsPath = "/v1/relays"        // POST: a page asks for a ticket
	PagePath    = "/v1/relays/page"   // WebSocket of a page
	BridgePath  = "/v1/relays/bridge" // WebSocket of a bridge: control
	StreamPath  = "/v1/relays/stream" // WebSocket of a bridge: one for each page
)

// Sub-protocols. A page offers that of shared/frame and [Ticket]; a bridge
// offers BridgeProtocol and, for a stream, [Stream].
const (
	BridgeProtocol = "countersign.relay.v1"
	ticketPrefix   = "ticket."
	streamPrefix   = "stream."
)

// Limits that both ends of a connection know.
const (
	MaxMessage = 64 << 10 // of a stream, in bytes: one record of shared/link fits
	MaxControl = 2 << 10  // of a control message, in bytes
	MaxStreams = 16       // of one bridge at a time
)

const (
	nameLabel = "countersign-relay/1"
	nameSize  = 26 // 130 bits
	group     = 4
	keySize   = 32
)

var alphabet = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Name is what a bridge with this static link key is called at a gateway: 130
// bits of a hash of the key. Who knows the name may connect to the bridge, and can
// tell whether the key that then answers is the one that was meant.
func Name(key []byte) string {
	h := sha256.New()
	h.Write([]byte(nameLabel))
	h.Write(key)
	return alphabet.EncodeToString(h.Sum(nil))[:nameSize]
}

// Parse reads a name as a person types it: in any case, grouped or not. It fails
// with INVALID_REQUEST.
func Parse(text string) (string, error) {
	if len(text) > 4*nameSize {
		return "", errName()
	}
	name := strings.ToLower(strings.NewReplacer(" ", "", "-", "").Replace(text))
	if !Valid(name) {
		return "", errName()
	}
	return name, nil
}

// Valid reports whether name has the one form that programs exchange.
func Valid(name string) bool {
	return len(name) == nameSize && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz234567") == ""
}

// Show writes a name in groups that a person can read and type.
func Show(name string) string {
	var b strings.Builder
	for i, c := range name {
		if i > 0 && i%group == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(c)
	}
	return b.String()
}

func errName() error {
	return fault.New(fault.Invalid, "a relay name has 26 letters and digits, such as abcd-efgh-ijkl-mnop-qrst-uvwx-yz").With("field", "name")
}

// Ticket is the sub-protocol with which a page presents its ticket, and Stream
// that with which a bridge takes up a stream: a WebSocket of a browser can send
// no other header, and an address would be logged.
func Ticket(secret string) string { return ticketPrefix + secret }

// Stream is the sub-protocol with which a bridge takes up a stream.
func Stream(id string) string { return streamPrefix + id }

// Presented finds the ticket or the stream's id among the sub-protocols of a
// request: exactly one, else "".
func Presented(protocols []string, wrap func(string) string) string {
	found := ""
	for _, p := range protocols {
		secret, ok := strings.CutPrefix(p, wrap(""))
		switch {
		case !ok:
		case found != "":
			return ""
		default:
			found = secret
		}
	}
	return found
}
