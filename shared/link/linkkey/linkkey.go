// Package linkkey is the key of a link in memory: the bridge's, and those of tests.
// The module of the browser has its key in WebCrypto and does not link this.
package linkkey

import (
	"crypto/ecdh"
	"fmt"
	"io"

	"countersign/shared/fault"
)

const size = 32

// Key is a DH of shared/link whose static key is in memory: the bridge's, which it reads from
// its state directory, and those of tests.
type Key struct{ private *ecdh.PrivateKey }

// New makes a key from 32 random bytes.
func New(random io.Reader) (*Key, error) {
	var seed [size]byte
	if _, err := io.ReadFull(random, seed[:]); err != nil {
		return nil, fmt.Errorf("link: read randomness: %w", err)
	}
	return Parse(seed[:])
}

// Parse reads the 32 bytes that [Key.Bytes] gave.
func Parse(private []byte) (*Key, error) {
	k, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("link: read the static key: %w", err)
	}
	return &Key{private: k}, nil
}

// Bytes is the private key, for the bridge's own storage.
func (k *Key) Bytes() []byte { return k.private.Bytes() }

// Static is the public key.
func (k *Key) Static() []byte { return k.private.PublicKey().Bytes() }

// Generate makes an ephemeral pair from 32 random bytes.
func (k *Key) Generate(random io.Reader) (private, public []byte, err error) {
	e, err := New(random)
	if err != nil {
		return nil, nil, err
	}
	return e.Bytes(), e.Static(), nil
}

// DH derives with private, or with the static key when private is empty.
func (k *Key) DH(private, public []byte) ([]byte, error) {
	key := k.private
	if len(private) != 0 {
		var err error
		if key, err = ecdh.X25519().NewPrivateKey(private); err != nil {
			return nil, fmt.Errorf("link: read the ephemeral key: %w", err)
		}
	}
	peer, err := ecdh.X25519().NewPublicKey(public)
	if err != nil {
		return nil, fault.Wrap(err, fault.RecordInvalid, "the other end's key is not valid")
	}
	secret, err := key.ECDH(peer)
	if err != nil {
		return nil, fault.Wrap(err, fault.RecordInvalid, "the other end sent a key of low order")
	}
	return secret, nil
}
