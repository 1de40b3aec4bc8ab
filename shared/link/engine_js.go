package link

import (
	"io"

	"countersign/shared/link/xx"
)

type (
	handshakeState = xx.Handshake
	cipherState    = xx.Cipher
)

func newState(dh DH, prologue string, random io.Reader, initiator bool) (*handshakeState, error) {
	return xx.New(dhFunc{dh}, dh.Static(), []byte(prologue), random, initiator), nil
}

// derive is HKDF-SHA256.
func derive(secret, salt []byte, info string, n int) ([]byte, error) {
	return xx.HKDF(salt, secret, []byte(info), n), nil
}
