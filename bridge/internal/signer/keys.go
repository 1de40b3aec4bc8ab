package signer

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"io"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

// The labels of the vault's keys.
const (
	labelStatement = "statement"
	labelChannelK1 = "channel-secp256k1"
	labelChannelP  = "channel-p256"
	labelAccount   = "account/" // + acc_…
	labelDeposit   = "deposit/" // + acc_… + / + 0, 1, 2, …
)

// The templates of the vault's keys: each serves one purpose. Their public halves
// are behind the PIN too.

func statementKey() device.Template { return signing(jws.Secp256k1, labelStatement) }

func channelKeys() []device.Template {
	return []device.Template{
		{Curve: jws.Secp256k1, Label: labelChannelK1, Derive: true, Hidden: true},
		{Curve: jws.P256, Label: labelChannelP, Derive: true, Hidden: true},
	}
}

// addressKey is the key of an address on a chain. It fails with INVALID_REQUEST for
// a chain on which the vault makes no addresses.
func addressKey(chain, label string) (device.Template, error) {
	curve, err := addressCurve(chain)
	return signing(curve, label), err
}

func signing(curve, label string) device.Template {
	return device.Template{Curve: curve, Label: label, Sign: true, Hidden: true}
}

// Prove fails with KEY_UNSUITED unless the private half of key, in the token, does
// with fresh bytes what only the private half of its public half can: sign a nonce,
// or derive what an ephemeral key of ours derives too. What the token says of a
// public key is nobody's word.
func prove(ctx context.Context, key keys.Key, t device.Template, random io.Reader) error {
	if random == nil {
		random = rand.Reader
	}
	unproven := func(err error) error {
		return fault.Wrap(err, fault.KeyUnsuited, fmt.Sprintf("the private half of %q does not belong to its public half", t.Label))
	}
	if key.PublicKey().Curve() != t.Curve {
		return fault.New(fault.KeyUnsuited, fmt.Sprintf("the key %q is on %s, not on %s", t.Label, key.PublicKey().Curve(), t.Curve))
	}
	if t.Sign {
		nonce := make([]byte, 32)
		if _, err := io.ReadFull(random, nonce); err != nil {
			return fmt.Errorf("make a nonce: %w", err)
		}
		digest := sha256.Sum256(append([]byte("countersign proof of possession\x00"), nonce...))
		sig, err := key.SignDigest(ctx, digest[:])
		if err == nil {
			err = key.PublicKey().Verify(digest[:], sig)
		}
		if fault.CodeOf(err) == fault.SignatureInvalid {
			return unproven(err)
		}
		if err != nil {
			return fmt.Errorf("have %q prove itself: %w", t.Label, err)
		}
	}
	if t.Derive {
		own, err := keys.NewMemory(t.Curve, random)
		if err != nil {
			return err
		}
		theirs, err := key.ECDH(ctx, own.PublicKey().Uncompressed())
		if err != nil {
			return fmt.Errorf("have %q prove itself: %w", t.Label, err)
		}
		defer clear(theirs)
		ours, err := own.ECDH(ctx, key.PublicKey().Uncompressed())
		if err != nil {
			return err
		}
		defer clear(ours)
		if string(ours) != string(theirs) {
			return unproven(nil)
		}
	}
	return nil
}

// keyOrNew finds a key of the vault, or makes it, and has it prove itself.
func keyOrNew(ctx context.Context, v Vault, t device.Template) (keys.Key, error) {
	key, err := v.Key(ctx, t)
	if fault.CodeOf(err) == fault.KeyMissing {
		key, err = v.Generate(ctx, t)
	}
	if err != nil {
		return nil, err
	}
	return key, prove(ctx, key, t, nil)
}

// knownKey finds a key of the vault and has it prove itself.
func knownKey(ctx context.Context, v Vault, t device.Template) (keys.Key, error) {
	key, err := v.Key(ctx, t)
	if err != nil {
		return nil, err
	}
	return key, prove(ctx, key, t, nil)
}
