//go:build !js

package link

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/flynn/noise"
)

type (
	handshakeState = noise.HandshakeState
	cipherState    = noise.CipherState
)

func newState(dh DH, prologue string, random io.Reader, initiator bool) (*handshakeState, error) {
	return noise.NewHandshakeState(noise.Config{
		CipherSuite:   noise.NewCipherSuite(dhFunc{dh}, noise.CipherChaChaPoly, noise.HashSHA256),
		Random:        random,
		Pattern:       noise.HandshakeXX,
		Initiator:     initiator,
		Prologue:      []byte(prologue),
		StaticKeypair: noise.DHKey{Public: dh.Static()},
	})
}

// derive is HKDF-SHA256.
func derive(secret, salt []byte, info string, n int) ([]byte, error) {
	out, err := hkdf.Key(sha256.New, secret, salt, info, n)
	if err != nil {
		return nil, fmt.Errorf("link: derive the code: %w", err)
	}
	return out, nil
}

// GenerateKeypair, DHLen and DHName are what flynn/noise asks of a DH.
func (d dhFunc) GenerateKeypair(random io.Reader) (noise.DHKey, error) {
	private, public, err := d.Generate(random)
	return noise.DHKey{Private: private, Public: public}, err
}

func (dhFunc) DHLen() int     { return KeySize }
func (dhFunc) DHName() string { return "25519" }
