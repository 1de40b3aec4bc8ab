package keys

import (
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"fmt"
	"io"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	secpecdsa "github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"

	"countersign/shared/fault"
	"countersign/shared/jws"
)

// Memory is a key whose private half is in this process: for tests, and for
// channel keys of tokens that cannot derive.
type Memory struct {
	info   Info
	public jws.PublicKey
	secp   *secp256k1.PrivateKey
	p256   *ecdsa.PrivateKey
	random io.Reader
}

// NewMemory makes a key on curve (jws.Secp256k1 or jws.P256) from random. The
// same bytes give the same key.
func NewMemory(curve string, random io.Reader) (*Memory, error) {
	m := &Memory{info: Info{Device: "memory", Label: curve, CanSign: true, CanDerive: true}, random: random}
	for {
		var seed [32]byte
		if _, err := io.ReadFull(random, seed[:]); err != nil {
			return nil, fmt.Errorf("read randomness: %w", err)
		}
		ok, err := m.set(curve, seed[:])
		clear(seed[:])
		if err != nil {
			return nil, err
		}
		if ok {
			return m, nil
		}
	}
}

// set takes seed as the private scalar; ok is false when it is out of range,
// which happens with a probability of less than 2^-31.
func (m *Memory) set(curve string, seed []byte) (ok bool, err error) {
	var point []byte
	switch curve {
	case jws.Secp256k1:
		var d secp256k1.ModNScalar
		if d.SetByteSlice(seed) || d.IsZero() {
			return false, nil
		}
		m.secp = secp256k1.NewPrivateKey(&d)
		point = m.secp.PubKey().SerializeUncompressed()
	case jws.P256:
		if m.p256, err = ecdsa.ParseRawPrivateKey(elliptic.P256(), seed); err != nil {
			return false, nil
		}
		if point, err = m.p256.PublicKey.Bytes(); err != nil {
			return false, fmt.Errorf("encode the public key: %w", err)
		}
	default:
		return false, fault.New(fault.KeyUnsuited, fmt.Sprintf("curve %q is not supported", curve))
	}
	m.public, err = jws.FromSEC1(curve, point)
	return err == nil, err
}

// Info says that the key is in memory.
func (m *Memory) Info() Info { return m.info }

// PublicKey is the public half.
func (m *Memory) PublicKey() jws.PublicKey { return m.public }

// SignsChecked makes the key a jws.Checked.
func (m *Memory) SignsChecked() {}

// SignDigest signs; on secp256k1 with the nonce of RFC 6979.
func (m *Memory) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	if err := Digest(digest); err != nil {
		return nil, err
	}
	if err := Ended(ctx); err != nil {
		return nil, err
	}
	sig := make([]byte, 64)
	if m.secp != nil {
		s := secpecdsa.Sign(m.secp, digest)
		r, low := s.R(), s.S()
		r.PutBytesUnchecked(sig[:32])
		low.PutBytesUnchecked(sig[32:])
	} else {
		r, s, err := ecdsa.Sign(m.random, m.p256, digest)
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		r.FillBytes(sig[:32])
		s.FillBytes(sig[32:])
	}
	return sig, m.public.Verify(digest, sig)
}

// ECDH derives the x-coordinate.
func (m *Memory) ECDH(ctx context.Context, peer []byte) ([]byte, error) {
	if err := Ended(ctx); err != nil {
		return nil, err
	}
	point, err := jws.FromSEC1(m.public.Curve(), peer)
	if err != nil {
		return nil, err
	}
	if m.secp != nil {
		pub, err := secp256k1.ParsePubKey(point.Uncompressed())
		if err != nil {
			return nil, fault.Wrap(err, fault.KeyUnsuited, "the peer's point is not on the curve")
		}
		return secp256k1.GenerateSharedSecret(m.secp, pub), nil
	}
	private, err := m.p256.ECDH()
	if err != nil {
		return nil, fmt.Errorf("use the key for ECDH: %w", err)
	}
	public, err := ecdh.P256().NewPublicKey(point.Uncompressed())
	if err != nil {
		return nil, fault.Wrap(err, fault.KeyUnsuited, "the peer's point is not on the curve")
	}
	return private.ECDH(public)
}

// Digest checks that a digest has the one length that is signed, 32 bytes:
// tokens sign anything, and truncate it.
func Digest(digest []byte) error {
	if len(digest) != 32 {
		return fault.New(fault.KeyUnsuited, fmt.Sprintf("a digest has 32 bytes, not %d", len(digest)))
	}
	return nil
}

// Ended reports the end of ctx as CANCELLED or TIMEOUT.
func Ended(ctx context.Context) error {
	switch err := ctx.Err(); err {
	case nil:
		return nil
	case context.DeadlineExceeded:
		return fault.Wrap(err, fault.Timeout, "the device took too long")
	default:
		return fault.Wrap(err, fault.Cancelled, "the operation was cancelled")
	}
}
