package device

import (
	"context"
	"fmt"
	"sync"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/name"
)

// Key is a key pair in a token: a keys.Key.
type Key struct {
	device *Device
	public jws.PublicKey
	name   string // CKA_LABEL
	id     string // CKA_ID, as bytes

	mu         sync.Mutex
	info       keys.Info
	proven     bool
	number     uint32 // in the process of generation
	generation int
}

func (k *Key) learn(i keyInfo, generation int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.take(i, generation)
}

// take is learn for a caller that holds mu.
func (k *Key) take(i keyInfo, generation int) {
	k.info, k.number, k.generation, k.proven = i.info(k.device.id.Shown()), i.Number, generation, i.Proven
}

// Proven reports whether the private half has proven, with a fresh nonce in the token,
// that the public half is its own: see [keys.Prove] for one that wants its PIN for
// each use.
func (k *Key) Proven() bool { k.mu.Lock(); defer k.mu.Unlock(); return k.proven }

// Info says what is known of the key; what it may be used for from the first PIN
// on.
func (k *Key) Info() keys.Info { k.mu.Lock(); defer k.mu.Unlock(); return k.info }

// PublicKey is the public half, as the token shows it.
func (k *Key) PublicKey() jws.PublicKey { return k.public }

// SignsChecked makes the key a jws.Checked.
func (k *Key) SignsChecked() {}

// URI names the key in its token: by label and id.
func (k *Key) URI() URI { return URI{Object: k.name, ID: k.id} }

// Device is where the key is.
func (k *Key) Device() *Device { return k.device }

// resolve is the engine that runs the key's module now, and the key's number there.
func (k *Key) resolve(ctx context.Context, again bool) (engine, uint32, error) {
	e, generation, err := k.device.module.current(ctx)
	if err != nil {
		return nil, 0, err
	}
	if !k.device.isPresent() {
		return nil, 0, fault.New(fault.DeviceRemoved, fmt.Sprintf("the token %s was removed; plug it in and try again", k.device.id.Quoted())).
			With("device", k.device.id.Shown())
	}
	k.mu.Lock()
	number, same := k.number, k.generation == generation
	k.mu.Unlock()
	if same && !again {
		return e, number, nil
	}
	info, r, err := k.device.look(ctx, k.URI(), k.public)
	if err != nil {
		return nil, 0, err
	}
	public, err := info.public(r)
	if err != nil {
		return nil, 0, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !public.Equal(k.public) {
		return nil, 0, fault.New(fault.KeyMissing, fmt.Sprintf("the token %s has another key under the name %s now", k.device.id.Quoted(), name.Quote(name.Shown(k.name))))
	}
	k.take(info, r.generation)
	if k.generation != generation { // it was replaced again meanwhile
		return nil, 0, failed(errDied, "the driver of the token failed and is started again; try again")
	}
	return e, k.number, nil
}

// SignDigest signs in the token with CKM_ECDSA. What comes back is brought into
// its one form and verified here, outside the module's process. A key that wants
// its PIN at each use fails with PIN_REQUIRED: see [Key.WithPIN].
func (k *Key) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	return k.sign(ctx, digest, pinNone, nil)
}

func (k *Key) sign(ctx context.Context, digest []byte, mode byte, pin []byte) ([]byte, error) {
	if err := keys.Digest(digest); err != nil {
		return nil, err
	}
	if err := keys.Ended(ctx); err != nil {
		return nil, err
	}
	e, number, err := k.resolve(ctx, false)
	if err != nil {
		return nil, err
	}
	body := signBody(number, mode, pin, digest)
	defer clear(body)
	sig, err := k.device.module.once(ctx, e, opSign, body)
	if err != nil {
		return nil, err
	}
	if len(sig) != 64 {
		return nil, fault.New(fault.SignatureInvalid, fmt.Sprintf("the token returned a signature of %d bytes", len(sig)))
	}
	if k.public.Curve() == jws.Secp256k1 {
		lowS(sig)
	}
	return sig, k.public.Verify(digest, sig)
}

// lowS replaces s by n-s when s is in the upper half: both verify, one form is
// wanted.
func lowS(sig []byte) {
	var s secp256k1.ModNScalar
	if !s.SetByteSlice(sig[32:]) && s.IsOverHalfOrder() {
		s.Negate().PutBytesUnchecked(sig[32:])
	}
}

// ECDH derives in the token with CKM_ECDH1_DERIVE and CKD_NULL.
func (k *Key) ECDH(ctx context.Context, peer []byte) ([]byte, error) {
	point, err := jws.FromSEC1(k.public.Curve(), peer)
	if err != nil {
		return nil, err
	}
	if err := keys.Ended(ctx); err != nil {
		return nil, err
	}
	e, number, err := k.resolve(ctx, false)
	if err != nil {
		return nil, err
	}
	secret, err := k.device.module.once(ctx, e, opDerive, deriveBody(number, point.Uncompressed()))
	if err != nil {
		return nil, err
	}
	if len(secret) != 32 {
		clear(secret)
		return nil, fault.New(fault.DeviceFailed, fmt.Sprintf("the token derived %d bytes instead of 32", len(secret)))
	}
	return secret, nil
}

// WithPIN is the key for a token that wants the PIN at each use
// (CKA_ALWAYS_AUTHENTICATE): ask is called before each signature, and returns the
// PIN, which is wiped, or nil for one that is typed on the reader. The person must
// have been told when it is the last try (State.FinalTry).
func (k *Key) WithPIN(ask func(context.Context) ([]byte, error)) keys.Key {
	return &authenticating{k, ask}
}

type authenticating struct {
	*Key
	ask func(context.Context) ([]byte, error)
}

func (a *authenticating) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	pin, err := a.ask(ctx)
	if err != nil {
		return nil, err
	}
	defer clear(pin)
	if pin == nil {
		return a.sign(ctx, digest, pinPad, nil)
	}
	if len(pin) > maxPIN {
		return nil, fault.New(fault.PINIncorrect, fmt.Sprintf("a PIN has at most %d bytes; it was not tried", maxPIN))
	}
	return a.sign(ctx, digest, pinFinal, pin)
}

// Delete removes the key pair from its token for good. The token must be unlocked.
func (k *Key) Delete(ctx context.Context) error {
	if _, err := k.do(ctx, opDelete); err != nil {
		return err
	}
	k.device.drop(k)
	return nil
}

// Certificates returns, in PEM, the X.509 certificates that the token has for the
// key: the maker's attestation, where there is one. None is not an error.
func (k *Key) Certificates(ctx context.Context) ([]byte, error) {
	r, err := k.do(ctx, opCertificates)
	if err != nil {
		return nil, err
	}
	return parse[[]byte](r)
}

// do does a call about the key that is not a use of it.
func (k *Key) do(ctx context.Context, kind byte) (reply, error) {
	e, number, err := k.resolve(ctx, false)
	if err != nil {
		return reply{}, err
	}
	body, err := encode(keyCall{number})
	if err != nil {
		return reply{}, err
	}
	result, err := k.device.module.once(ctx, e, kind, body)
	return reply{body: result, from: e}, err
}
