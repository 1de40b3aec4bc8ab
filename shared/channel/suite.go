package channel

import (
	"context"
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/flynn/noise"

	"countersign/shared/fault"
)

// Suite is the second byte of every handshake act.
type Suite byte

// The suites. Both use the x-coordinate as Diffie-Hellman output, because that
// is what CKM_ECDH1_DERIVE gives with CKD_NULL.
const (
	Secp256k1 Suite = 1 // Noise_XK_secp256k1x_ChaChaPoly_SHA256
	P256      Suite = 2 // Noise_XK_P256_AESGCM_SHA256
)

// SuiteFor is the suite for keys on a curve, by its JOSE name (secp256k1, P-256).
// It fails with KEY_UNSUITED.
func SuiteFor(curve string) (Suite, error) {
	switch curve {
	case "secp256k1":
		return Secp256k1, nil
	case "P-256":
		return P256, nil
	}
	return 0, fault.New(fault.KeyUnsuited, fmt.Sprintf("there is no channel for keys on %q", curve))
}

// String is the Noise protocol name.
func (s Suite) String() string {
	switch s {
	case Secp256k1:
		return "Noise_XK_secp256k1x_ChaChaPoly_SHA256"
	case P256:
		return "Noise_XK_P256_AESGCM_SHA256"
	}
	return fmt.Sprintf("suite %d", byte(s))
}

// The sizes of keys and secrets, in bytes.
const (
	pointSize  = 33 // SEC 1 compressed
	secretSize = 32 // x-coordinate
)

// Static is a party's long-term key, which may be in a token.
type Static interface {
	// Public is the point in SEC 1 compressed form, 33 bytes.
	Public() []byte
	// ECDH derives with the peer's point (33 bytes, compressed, checked to be on
	// the curve) and returns the x-coordinate, 32 bytes.
	ECDH(ctx context.Context, peer []byte) ([]byte, error)
}

// curve is the arithmetic of a suite, for ephemeral keys, which are made in
// software.
type curve interface {
	// generate reads 32 bytes of random until they are a scalar.
	generate(random io.Reader) (private, public []byte, err error)
	// check refuses what is not a compressed point on the curve.
	check(public []byte) error
	// ecdh is the x-coordinate of private × public.
	ecdh(private, public []byte) ([]byte, error)
}

func (s Suite) parts() (curve, noise.CipherFunc, string, error) {
	switch s {
	case Secp256k1:
		return secpCurve{}, noise.CipherChaChaPoly, "secp256k1x", nil
	case P256:
		return p256Curve{}, noise.CipherAESGCM, "P256", nil
	}
	return nil, nil, "", fault.New(fault.Version, fmt.Sprintf("the suite %d of the channel is not known", byte(s)))
}

// keyError is a failure of our own key, which says nothing about the other end.
type keyError struct{ cause error }

func (e *keyError) Error() string { return "use the static key: " + e.cause.Error() }
func (e *keyError) Unwrap() error { return e.cause }

// dhFunc lets flynn/noise use a Static: an empty private key means "ask it".
type dhFunc struct {
	curve  curve
	name   string
	static Static
	ctx    context.Context // of the step that is running
}

func (d *dhFunc) GenerateKeypair(random io.Reader) (noise.DHKey, error) {
	private, public, err := d.curve.generate(random)
	return noise.DHKey{Private: private, Public: public}, err
}

func (d *dhFunc) DH(private, public []byte) ([]byte, error) {
	if err := d.curve.check(public); err != nil {
		return nil, err
	}
	var secret []byte
	var err error
	if len(private) == 0 {
		if secret, err = d.static.ECDH(d.ctx, public); err != nil {
			err = &keyError{err}
		}
	} else {
		secret, err = d.curve.ecdh(private, public)
	}
	if err != nil {
		return nil, err
	}
	var zero [secretSize]byte
	if len(secret) != secretSize || subtle.ConstantTimeCompare(secret, zero[:]) == 1 {
		return nil, fault.New(fault.KeyUnsuited, "the shared secret is not usable")
	}
	return secret, nil
}

func (d *dhFunc) DHLen() int     { return pointSize }
func (d *dhFunc) DHName() string { return d.name }

var errPoint = fault.New(fault.KeyUnsuited, "the key is not a compressed point on the channel's curve")

type secpCurve struct{}

func (secpCurve) generate(random io.Reader) ([]byte, []byte, error) {
	for {
		var b [32]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return nil, nil, fmt.Errorf("channel: read randomness: %w", err)
		}
		var k secp256k1.ModNScalar
		if overflow := k.SetBytes(&b); overflow != 0 || k.IsZero() {
			continue
		}
		a, c, err := split(&k)
		if err != nil {
			return nil, nil, err
		}
		var p, q, sum secp256k1.JacobianPoint
		secp256k1.ScalarBaseMultNonConst(a, &p)
		secp256k1.ScalarBaseMultNonConst(c, &q)
		secp256k1.AddNonConst(&p, &q, &sum)
		sum.ToAffine()
		return b[:], secp256k1.NewPublicKey(&sum.X, &sum.Y).SerializeCompressed(), nil
	}
}

func (secpCurve) check(public []byte) error {
	if len(public) != pointSize {
		return errPoint
	}
	if _, err := secp256k1.ParsePubKey(public); err != nil {
		return fault.Wrap(err, fault.KeyUnsuited, errPoint.Message)
	}
	return nil
}

func (c secpCurve) ecdh(private, public []byte) ([]byte, error) {
	p, err := c.multiply(private, public)
	if err != nil {
		return nil, err
	}
	x := p.X.Bytes()
	return x[:], nil
}

// multiply is the affine point private × public. The library's multiplication
// does not run in constant time, so the scalar is split at random and each half
// is multiplied: what the time tells is about random numbers.
func (secpCurve) multiply(private, public []byte) (*secp256k1.JacobianPoint, error) {
	pub, err := secp256k1.ParsePubKey(public)
	if err != nil {
		return nil, fault.Wrap(err, fault.KeyUnsuited, errPoint.Message)
	}
	var k secp256k1.ModNScalar
	if overflow := k.SetByteSlice(private); overflow || k.IsZero() || len(private) != 32 {
		return nil, fmt.Errorf("channel: the private key is not a scalar")
	}
	a, b, err := split(&k)
	if err != nil {
		return nil, err
	}
	var peer, p, q, sum secp256k1.JacobianPoint
	pub.AsJacobian(&peer)
	secp256k1.ScalarMultNonConst(a, &peer, &p)
	secp256k1.ScalarMultNonConst(b, &peer, &q)
	secp256k1.AddNonConst(&p, &q, &sum)
	if sum.Z.IsZero() {
		return nil, fault.New(fault.KeyUnsuited, "the shared secret is not usable")
	}
	sum.ToAffine()
	return &sum, nil
}

// split returns random a and b with a + b = k.
func split(k *secp256k1.ModNScalar) (a, b *secp256k1.ModNScalar, err error) {
	var r [32]byte
	if _, err := io.ReadFull(rand.Reader, r[:]); err != nil {
		return nil, nil, fmt.Errorf("channel: read randomness: %w", err)
	}
	a, b = new(secp256k1.ModNScalar), new(secp256k1.ModNScalar)
	a.SetBytes(&r)
	b.NegateVal(a).Add(k)
	return a, b, nil
}

type p256Curve struct{}

func (p256Curve) generate(random io.Reader) ([]byte, []byte, error) {
	for {
		var b [32]byte
		if _, err := io.ReadFull(random, b[:]); err != nil {
			return nil, nil, fmt.Errorf("channel: read randomness: %w", err)
		}
		k, err := ecdh.P256().NewPrivateKey(b[:])
		if err != nil {
			continue // zero or not below the order
		}
		return b[:], compress(k.PublicKey().Bytes()), nil
	}
}

func (p256Curve) check(public []byte) error {
	_, err := p256Point(public)
	return err
}

func (p256Curve) ecdh(private, public []byte) ([]byte, error) {
	peer, err := p256Point(public)
	if err != nil {
		return nil, err
	}
	k, err := ecdh.P256().NewPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("channel: the private key is not a scalar")
	}
	secret, err := k.ECDH(peer)
	if err != nil {
		return nil, fault.Wrap(err, fault.KeyUnsuited, "the shared secret is not usable")
	}
	return secret, nil
}

func p256Point(public []byte) (*ecdh.PublicKey, error) {
	if len(public) != pointSize {
		return nil, errPoint
	}
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), public)
	if x == nil {
		return nil, errPoint
	}
	var raw [65]byte
	raw[0] = 4
	x.FillBytes(raw[1:33])
	y.FillBytes(raw[33:])
	peer, err := ecdh.P256().NewPublicKey(raw[:])
	if err != nil {
		return nil, fault.Wrap(err, fault.KeyUnsuited, errPoint.Message)
	}
	return peer, nil
}

func compress(uncompressed []byte) []byte {
	return append([]byte{2 + uncompressed[64]&1}, uncompressed[1:33]...)
}
