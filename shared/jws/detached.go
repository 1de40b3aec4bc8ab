package jws

import (
	"context"
	"encoding/base64"
	"strings"

	"countersign/shared/fault"
)

// SignDetached is [Sign] for a form that carries the payload itself: it returns the
// signature alone, r‖s, 64 bytes.
func SignDetached(ctx context.Context, s Signer, typ string, payload []byte) ([]byte, error) {
	token, err := Sign(ctx, s, typ, payload)
	if err != nil {
		return nil, err
	}
	return base64.RawURLEncoding.DecodeString(token[strings.LastIndexByte(token, '.')+1:])
}

// VerifyDetached checks what [SignDetached] returned. It fails as [Verify] does.
func VerifyDetached(payload, sig []byte, typ string, key PublicKey) error {
	if key.IsZero() {
		return fault.New(fault.SignatureInvalid, "the signature was refused: no key was given to verify it with")
	}
	b64 := base64.RawURLEncoding
	_, err := Verify(b64.EncodeToString([]byte(header(key, typ)))+"."+b64.EncodeToString(payload)+"."+b64.EncodeToString(sig), typ, key)
	return err
}
