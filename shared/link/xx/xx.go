// Package xx is the one handshake of the link, Noise_XX_25519_ChaChaPoly_SHA256
// of the Noise Protocol Framework, revision 34, for both ends. It has the calls of
// github.com/flynn/noise, and tests hold it to that byte for byte; but a browser
// downloads the program, and the suites that are never used would be a tenth of
// it. For the same reason it has HMAC and HKDF itself, which tests hold to the
// standard library's: those are 7 KB of brotli. Used by shared/link. Spec:
// shared/spec/link.md.
package xx

import (
	"crypto/cipher"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"io"
	"math"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	name    = "Noise_XX_25519_ChaChaPoly_SHA256"
	keySize = 32
	tagSize = 16

	// MaxMessage is the longest message of Noise.
	MaxMessage = 65535
)

var (
	errOrder = errors.New("xx: the messages of a handshake come once and in order")
	errShort = errors.New("xx: the message is too short")
	errNonce = errors.New("xx: the key has been used as often as it may")
	errOpen  = errors.New("xx: the message is not what was sealed")
)

// DH makes ephemeral keys and derives. An empty private key is the static one.
type DH interface {
	Generate(random io.Reader) (private, public []byte, err error)
	DH(private, public []byte) ([]byte, error)
}

// Cipher is a key with a counter (Noise §5.1).
type Cipher struct {
	key  [keySize]byte
	aead cipher.AEAD
	n    uint64
}

func newCipher(key []byte) *Cipher {
	c := &Cipher{}
	c.set(key)
	return c
}

func (c *Cipher) set(key []byte) {
	copy(c.key[:], key)
	aead, err := chacha20poly1305.New(c.key[:])
	if err != nil {
		panic(err) // the size of the key is a constant
	}
	c.aead = aead
}

func nonce(n uint64) []byte {
	var b [chacha20poly1305.NonceSize]byte
	binary.LittleEndian.PutUint64(b[4:], n)
	return b[:]
}

// Encrypt seals the next message and appends it to out.
func (c *Cipher) Encrypt(out, ad, plaintext []byte) ([]byte, error) {
	if c.n == math.MaxUint64 {
		return nil, errNonce
	}
	out = c.aead.Seal(out, nonce(c.n), plaintext, ad)
	c.n++
	return out, nil
}

// Decrypt opens the next message and appends it to out.
func (c *Cipher) Decrypt(out, ad, ciphertext []byte) ([]byte, error) {
	if c.n == math.MaxUint64 {
		return nil, errNonce
	}
	out, err := c.aead.Open(out, nonce(c.n), ciphertext, ad)
	if err != nil {
		return nil, errOpen
	}
	c.n++
	return out, nil
}

// Nonce is how many messages the key has had.
func (c *Cipher) Nonce() uint64 { return c.n }

// UnsafeKey is the key, for tests.
func (c *Cipher) UnsafeKey() [keySize]byte { return c.key }

// Rekey moves to the next key (§11.3); the counter goes on.
func (c *Cipher) Rekey() {
	var zeros [keySize]byte
	c.set(c.aead.Seal(nil, nonce(math.MaxUint64), zeros[:], nil)[:keySize])
}

// Handshake is one end of a handshake.
type Handshake struct {
	dh        DH
	random    io.Reader
	initiator bool
	step      int

	hash, chain []byte
	cipher      *Cipher // nil until the first key

	static, private, public []byte // ours: static public, ephemeral
	remoteStatic, remote    []byte // theirs
}

// New prepares a handshake with a static key of 32 bytes.
func New(dh DH, static, prologue []byte, random io.Reader, initiator bool) *Handshake {
	h := &Handshake{dh: dh, random: random, initiator: initiator, static: static, hash: []byte(name), chain: []byte(name)}
	h.mixHash(prologue)
	return h
}

// PeerStatic is the other end's static key, once it was read.
func (h *Handshake) PeerStatic() []byte { return h.remoteStatic }

// ChannelBinding is the hash of the handshake.
func (h *Handshake) ChannelBinding() []byte { return h.hash }

func (h *Handshake) mixHash(data []byte) {
	s := sha256.New()
	s.Write(h.hash)
	s.Write(data)
	h.hash = s.Sum(nil)
}

// mix derives a secret and takes it in. ours is empty for the static key.
func (h *Handshake) mix(ours, theirs []byte) error {
	secret, err := h.dh.DH(ours, theirs)
	if err != nil {
		return err
	}
	keys := HKDF(h.chain, secret, nil, 2*keySize)
	h.chain = keys[:keySize]
	h.cipher = newCipher(keys[keySize:])
	return nil
}

func (h *Handshake) seal(out, plaintext []byte) ([]byte, error) {
	sealed := plaintext
	if h.cipher != nil {
		var err error
		if sealed, err = h.cipher.Encrypt(nil, h.hash, plaintext); err != nil {
			return nil, err
		}
	}
	h.mixHash(sealed)
	return append(out, sealed...), nil
}

func (h *Handshake) open(sealed []byte) ([]byte, error) {
	plaintext := sealed
	if h.cipher != nil {
		var err error
		if plaintext, err = h.cipher.Decrypt(nil, h.hash, sealed); err != nil {
			return nil, err
		}
	}
	h.mixHash(sealed)
	return plaintext, nil
}

// turn reports which message comes, if it is ours to write or to read.
func (h *Handshake) turn(write bool) (int, error) {
	step := h.step
	if step > 2 || write != (h.initiator == (step != 1)) {
		return 0, errOrder
	}
	h.step = 3 // a message that fails ends the handshake
	return step, nil
}

// WriteMessage appends the next message to out. The last one gives the ciphers,
// the initiator's first.
func (h *Handshake) WriteMessage(out, payload []byte) (_ []byte, first, second *Cipher, err error) {
	step, err := h.turn(true)
	if err != nil {
		return nil, nil, nil, err
	}
	if step < 2 {
		if h.private, h.public, err = h.dh.Generate(h.random); err != nil {
			return nil, nil, nil, err
		}
		out = append(out, h.public...)
		h.mixHash(h.public)
	}
	if step == 1 { // ee, s, es
		if err = h.mix(h.private, h.remote); err != nil {
			return nil, nil, nil, err
		}
	}
	if step > 0 { // s, then es of the responder or se of the initiator
		if out, err = h.seal(out, h.static); err == nil {
			err = h.mix(nil, h.remote)
		}
		if err != nil {
			return nil, nil, nil, err
		}
	}
	if out, err = h.seal(out, payload); err != nil {
		return nil, nil, nil, err
	}
	first, second = h.next(step)
	return out, first, second, nil
}

// ReadMessage reads the next message and appends its payload to out. The last
// one gives the ciphers, the initiator's first.
func (h *Handshake) ReadMessage(out, message []byte) (_ []byte, first, second *Cipher, err error) {
	step, err := h.turn(false)
	if err != nil {
		return nil, nil, nil, err
	}
	if len(message) > MaxMessage {
		return nil, nil, nil, errShort
	}
	if step < 2 {
		if len(message) < keySize {
			return nil, nil, nil, errShort
		}
		h.remote = append([]byte(nil), message[:keySize]...)
		message = message[keySize:]
		h.mixHash(h.remote)
	}
	if step == 1 {
		if err = h.mix(h.private, h.remote); err != nil {
			return nil, nil, nil, err
		}
	}
	if step > 0 {
		if len(message) < keySize+tagSize {
			return nil, nil, nil, errShort
		}
		if h.remoteStatic, err = h.open(message[:keySize+tagSize]); err == nil {
			err = h.mix(h.private, h.remoteStatic)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		message = message[keySize+tagSize:]
	}
	payload, err := h.open(message)
	if err != nil {
		return nil, nil, nil, err
	}
	first, second = h.next(step)
	return append(out, payload...), first, second, nil
}

// next goes to the next message; after the last it splits (§5.2).
func (h *Handshake) next(step int) (first, second *Cipher) {
	if h.step = step + 1; step < 2 {
		return nil, nil
	}
	keys := HKDF(h.chain, nil, nil, 2*keySize)
	return newCipher(keys[:keySize]), newCipher(keys[keySize:])
}

// HKDF is RFC 5869 with SHA-256.
func HKDF(salt, secret, info []byte, n int) []byte {
	prk := mac(salt, secret)
	var out, last []byte
	for i := byte(1); len(out) < n; i++ {
		last = mac(prk, last, info, []byte{i})
		out = append(out, last...)
	}
	return out[:n]
}

// mac is HMAC-SHA256 (RFC 2104).
func mac(key []byte, parts ...[]byte) []byte {
	if len(key) > sha256.BlockSize {
		short := sha256.Sum256(key)
		key = short[:]
	}
	var inner, outer [sha256.BlockSize]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range inner {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	return sum(outer[:], sum(inner[:], parts...))
}

func sum(first []byte, parts ...[]byte) []byte {
	var s hash.Hash = sha256.New()
	s.Write(first)
	for _, p := range parts {
		s.Write(p)
	}
	return s.Sum(nil)
}
