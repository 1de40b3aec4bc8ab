// Package link is the secure line between a page and the bridge on the same
// computer: Noise_XX_25519_ChaChaPoly_SHA256 with the page as initiator, a
// six-digit code that a person compares the first time (commit, then reveal),
// and pinned static keys from then on.
//
// It does no I/O: every step takes and returns the bytes of one WebSocket
// message. The Diffie-Hellman function is injected, because the page's static
// key is a non-extractable key of WebCrypto. Spec: shared/spec/link.md. Users:
// bridge/internal/page (responder) and wasm/internal/bridgeclient
// (initiator).
package link

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"io"
	"strconv"

	"countersign/shared/fault"
	"countersign/shared/link/xx"
)

// Version is the first byte of every handshake message. Later versions have 2 to
// 15; anything else is not a bridge's.
const Version = 1

// The sizes, in bytes.
const (
	KeySize      = 32
	Message1Size = headerSize + KeySize + commitSize                              // header, e, commitment
	Message2Size = headerSize + KeySize + KeySize + tagSize + nonceSize + tagSize // header, e, s, nonceB
	Message3Size = headerSize + KeySize + tagSize + nonceSize + tagSize           // header, s, nonceP
	MaxRecord    = 65535                                                          // a sealed record
	MaxPlaintext = MaxRecord - tagSize                                            // what fits into it
	headerSize   = 2
	nonceSize    = 32
	commitSize   = sha256.Size
	tagSize      = 16
	maxOrigin    = 512
	maxVersion   = 15 // a first byte above it is not from a program of this project
)

const (
	prologueLabel = "countersign-link/1"
	commitLabel   = "countersign-sas/1"
	codeLabel     = "countersign-code/1"
)

// DH is X25519 (RFC 7748) with one static key, which may be somewhere that this
// package cannot see. Its calls may block.
type DH interface {
	// Generate makes an ephemeral key pair, 32 bytes each. It reads 32 bytes of
	// random when its private keys are bytes; a private key may also be an
	// opaque handle that only DH understands, but never empty.
	Generate(random io.Reader) (private, public []byte, err error)

	// DH returns the 32 bytes of the shared secret. An empty private key means
	// the static one.
	DH(private, public []byte) ([]byte, error)

	// Static is the public half of the static key.
	Static() []byte
}

// InitiatorConfig is what a page knows before it connects.
type InitiatorConfig struct {
	DH     DH
	Origin string    // the page's own origin, as the browser sends it in the Origin header
	Remote []byte    // the bridge's static key when it is known from an earlier visit, else nil
	Rand   io.Reader // crypto/rand.Reader except in tests
}

// ResponderConfig is what a bridge knows when a page connects.
type ResponderConfig struct {
	DH     DH
	Origin string // the Origin header, after it was checked
	Rand   io.Reader
}

// Initiator is the page's end of a handshake: Start, then Finish, once each.
type Initiator struct {
	hs     *xx.Handshake
	remote []byte
	nonce  [nonceSize]byte
	static []byte
	random io.Reader
	step   int
}

// NewInitiator prepares a handshake.
func NewInitiator(cfg InitiatorConfig) (*Initiator, error) {
	if len(cfg.Remote) != 0 && len(cfg.Remote) != KeySize {
		return nil, errors.New("link: the known key of the bridge has " + strconv.Itoa(len(cfg.Remote)) + " bytes")
	}
	hs, err := handshake(cfg.DH, cfg.Origin, cfg.Rand, true)
	if err != nil {
		return nil, err
	}
	return &Initiator{hs: hs, remote: cfg.Remote, static: cfg.DH.Static(), random: cfg.Rand}, nil
}

// Start returns message 1. The nonce is the first thing that is read from Rand.
func (i *Initiator) Start() ([]byte, error) {
	if i.step != 0 {
		return nil, errOrder
	}
	i.step = -1
	if _, err := io.ReadFull(i.random, i.nonce[:]); err != nil {
		return nil, fault.Annotate(err, "link: read randomness")
	}
	commit := commitment(i.nonce[:], i.static)
	msg, _, _, err := i.hs.WriteMessage(header(1), commit[:])
	if err != nil {
		return nil, fault.Annotate(err, "link: write message 1")
	}
	i.step = 1
	return msg, nil
}

// Finish reads message 2 and returns message 3 and the session. It fails with
// VERSION_UNSUPPORTED, RECORD_INVALID (what answers is not a bridge, or the
// origin differs), and BRIDGE_KEY_CHANGED; nothing about the page, not even its
// key, has been sent then.
func (i *Initiator) Finish(message2 []byte) ([]byte, *Session, error) {
	if i.step != 1 {
		return nil, nil, errOrder
	}
	i.step = -1
	body, err := open(message2, 2, Message2Size)
	if err != nil {
		return nil, nil, err
	}
	nonceB, _, _, err := i.hs.ReadMessage(nil, body)
	if err != nil {
		return nil, nil, refusal(err, "the program that answered is not a bridge for this page")
	}
	remote := i.hs.PeerStatic()
	if len(i.remote) != 0 && subtle.ConstantTimeCompare(remote, i.remote) != 1 {
		return nil, nil, fault.New(fault.BridgeKeyChanged, "the bridge has another key than on the last visit")
	}
	msg, send, receive, err := i.hs.WriteMessage(header(3), i.nonce[:])
	if err != nil {
		return nil, nil, fault.Annotate(err, "link: write message 3")
	}
	return msg, newSession(i.hs, send, receive, i.nonce[:], nonceB), nil
}

// Responder is the bridge's end of a handshake: Accept, then Finish, once each.
type Responder struct {
	hs     *xx.Handshake
	nonce  [nonceSize]byte
	commit [commitSize]byte
	random io.Reader
	step   int
}

// NewResponder prepares a handshake.
func NewResponder(cfg ResponderConfig) (*Responder, error) {
	hs, err := handshake(cfg.DH, cfg.Origin, cfg.Rand, false)
	if err != nil {
		return nil, err
	}
	return &Responder{hs: hs, random: cfg.Rand}, nil
}

// Accept reads message 1 and returns message 2. It fails with
// VERSION_UNSUPPORTED and RECORD_INVALID.
func (r *Responder) Accept(message1 []byte) ([]byte, error) {
	if r.step != 0 {
		return nil, errOrder
	}
	r.step = -1
	body, err := open(message1, 1, Message1Size)
	if err != nil {
		return nil, err
	}
	commit, _, _, err := r.hs.ReadMessage(nil, body)
	if err != nil {
		return nil, refusal(err, "message 1 of the handshake is not valid")
	}
	copy(r.commit[:], commit)
	if _, err := io.ReadFull(r.random, r.nonce[:]); err != nil {
		return nil, fault.Annotate(err, "link: read randomness")
	}
	msg, _, _, err := r.hs.WriteMessage(header(2), r.nonce[:])
	if err != nil {
		return nil, refusal(err, "message 1 of the handshake is not valid")
	}
	r.step = 1
	return msg, nil
}

// Finish reads message 3 and returns the session. It fails with RECORD_INVALID,
// also when the nonce or the page's key is not the one that message 1 committed
// to.
func (r *Responder) Finish(message3 []byte) (*Session, error) {
	if r.step != 1 {
		return nil, errOrder
	}
	r.step = -1
	body, err := open(message3, 3, Message3Size)
	if err != nil {
		return nil, err
	}
	nonceP, receive, send, err := r.hs.ReadMessage(nil, body)
	if err != nil {
		return nil, refusal(err, "message 3 of the handshake is not valid")
	}
	if commit := commitment(nonceP, r.hs.PeerStatic()); subtle.ConstantTimeCompare(commit[:], r.commit[:]) != 1 {
		return nil, fault.New(fault.RecordInvalid, "message 3 of the handshake is not what message 1 committed to")
	}
	return newSession(r.hs, send, receive, nonceP, r.nonce[:]), nil
}

var errOrder = fault.New(fault.Conflict, "the steps of a handshake happen once and in order")

func handshake(dh DH, origin string, random io.Reader, initiator bool) (*xx.Handshake, error) {
	if dh == nil || random == nil {
		return nil, errors.New("link: the configuration has no DH or no Rand")
	}
	if origin == "" || len(origin) > maxOrigin {
		return nil, fault.New(fault.OriginRefused, "a link needs an origin")
	}
	if n := len(dh.Static()); n != KeySize {
		return nil, errors.New("link: the static key has " + strconv.Itoa(n) + " bytes")
	}
	return xx.New(dhFunc{dh}, dh.Static(), []byte(prologueLabel+origin), random, initiator), nil
}

func header(number byte) []byte { return []byte{Version, number} }

// open checks the header and size of a handshake message and returns the rest.
func open(message []byte, number byte, size int) ([]byte, error) {
	if len(message) > 0 && message[0] != Version && message[0] <= maxVersion {
		return nil, fault.New(fault.Version, "the other end does not speak version "+strconv.Itoa(Version)+" of the link")
	}
	if len(message) != size || message[0] != Version || message[1] != number {
		return nil, fault.New(fault.RecordInvalid, "this is not message "+strconv.Itoa(int(number))+" of a handshake")
	}
	return message[headerSize:], nil
}

func commitment(nonce, static []byte) [commitSize]byte {
	h := sha256.New()
	h.Write([]byte(commitLabel))
	h.Write(nonce)
	h.Write(static)
	return [commitSize]byte(h.Sum(nil))
}

// code is the six digits that both ends show when they meet for the first time.
func code(nonceP, nonceB, hash []byte) string {
	ikm := append(append(make([]byte, 0, 2*nonceSize), nonceP...), nonceB...)
	out := xx.HKDF(hash, ikm, []byte(codeLabel), 8)
	return strconv.FormatUint(1_000_000+binary.BigEndian.Uint64(out)%1_000_000, 10)[1:]
}

// keyError is a failure of our own key, which says nothing about the other end.
type keyError struct{ cause error }

func (e *keyError) Error() string { return "link: use the key: " + e.cause.Error() }
func (e *keyError) Unwrap() error { return e.cause }

// refusal is the error for a message that did not open.
func refusal(err error, message string) error {
	if own := (*keyError)(nil); errors.As(err, &own) {
		return err
	}
	return fault.Wrap(err, fault.RecordInvalid, message)
}

// dhFunc checks what a DH gives before the handshake uses it.
type dhFunc struct{ dh DH }

// Generate makes an ephemeral key pair.
func (d dhFunc) Generate(random io.Reader) (private, public []byte, err error) {
	private, public, err = d.dh.Generate(random)
	if err == nil && (len(private) == 0 || len(public) != KeySize) {
		err = errors.New("link: the ephemeral key has the wrong size")
	}
	return private, public, err
}

func (d dhFunc) DH(private, public []byte) ([]byte, error) {
	secret, err := d.dh.DH(private, public)
	if _, ok := fault.As(err); err != nil && !ok {
		return nil, &keyError{err}
	}
	if err != nil {
		return nil, err
	}
	var zero [KeySize]byte
	if len(secret) != KeySize || subtle.ConstantTimeCompare(secret, zero[:]) == 1 {
		return nil, fault.New(fault.RecordInvalid, "the other end sent a key of low order")
	}
	return secret, nil
}
