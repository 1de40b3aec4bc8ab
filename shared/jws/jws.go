package jws

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"

	"countersign/shared/fault"
)

// MaxToken is the longest token that [Verify] reads, in bytes.
const MaxToken = 64 << 10

// Signer is a key that signs digests: a token's key, or one in memory.
type Signer interface {
	PublicKey() PublicKey
	// SignDigest returns r‖s, 64 bytes, low-S on secp256k1.
	SignDigest(ctx context.Context, digest []byte) ([]byte, error)
}

// Checked is a [Signer] whose SignDigest has verified what it returns, so that
// [Sign] need not do it again.
type Checked interface {
	Signer
	SignsChecked()
}

// header is the protected header, in the only form that is accepted: these
// three members in this order, without white space. typ and kid hold characters
// that JSON does not escape.
func header(k PublicKey, typ string) string {
	return `{"alg":"` + k.Algorithm() + `","typ":"` + typ + `","kid":"` + k.Thumbprint() + `"}`
}

// Sign returns the compact serialisation of payload, signed by s. typ names the
// purpose (RFC 7515 §4.1.9), so that a signature made for one cannot serve
// another; it must be made of letters, digits, '-' and '+'. The signature is
// verified before it is returned, here or, when s is [Checked], by s. Errors are
// those of the signer, and SIGNATURE_INVALID.
func Sign(ctx context.Context, s Signer, typ string, payload []byte) (string, error) {
	if typ == "" || strings.Trim(typ, "abcdefghijklmnopqrstuvwxyz0123456789-+") != "" {
		return "", fmt.Errorf("jws: typ %q has characters that it must not have", typ)
	}
	key := s.PublicKey()
	b64 := base64.RawURLEncoding
	input := b64.EncodeToString([]byte(header(key, typ))) + "." + b64.EncodeToString(payload)
	digest := sha256.Sum256([]byte(input))
	sig, err := s.SignDigest(ctx, digest[:])
	if err != nil {
		return "", err
	}
	if _, checked := s.(Checked); !checked {
		if err := key.Verify(digest[:], sig); err != nil {
			return "", err
		}
	}
	return input + "." + b64.EncodeToString(sig), nil
}

// Verify returns the payload of a token that key signed for the purpose typ. It
// fails with SIGNATURE_INVALID for anything else: another key or curve, another
// purpose, a header in another form, high-S, or base64url that is not canonical.
func Verify(token, typ string, key PublicKey) ([]byte, error) {
	refuse := func(why string) ([]byte, error) {
		return nil, fault.New(fault.SignatureInvalid, "the signed statement was refused: "+why)
	}
	if len(token) > MaxToken {
		return refuse("it is too long")
	}
	if key.IsZero() {
		return refuse("no key was given to verify it with")
	}
	h, rest, ok := strings.Cut(token, ".")
	if !ok {
		return refuse("it is not a compact JWS")
	}
	p, s, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(s, ".") || strings.ContainsAny(token, "\r\n") {
		return refuse("it is not a compact JWS")
	}
	b64 := base64.RawURLEncoding.Strict()
	if h != b64.EncodeToString([]byte(header(key, typ))) {
		return refuse("its header does not name the expected key, algorithm and purpose")
	}
	payload, err := b64.DecodeString(p)
	if err != nil {
		return refuse("its payload is not base64url")
	}
	sig, err := b64.DecodeString(s)
	if err != nil {
		return refuse("its signature is not base64url")
	}
	digest := sha256.Sum256([]byte(h + "." + p))
	if err := key.Verify(digest[:], sig); err != nil {
		return nil, err
	}
	return payload, nil
}

// Payload returns the payload of a token without verifying anything, for a
// reader that needs it to learn which key to verify with. What it returns is
// not to be trusted.
func Payload(token string) ([]byte, error) {
	parts := strings.Split(token, ".")
	if len(token) > MaxToken || len(parts) != 3 || strings.ContainsAny(token, "\r\n") {
		return nil, fault.New(fault.SignatureInvalid, "the signed statement is not a compact JWS")
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return nil, fault.Wrap(err, fault.SignatureInvalid, "the payload of the signed statement is not base64url")
	}
	return b, nil
}
