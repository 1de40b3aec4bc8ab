package signer

import (
	"context"
	"fmt"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/vault"
)

// The labels of the vault's keys.
const (
	labelStatement = "statement"
	labelChannelK1 = "channel-secp256k1"
	labelChannelP  = "channel-p256"
	labelAccount   = "account/" // + acc_… of the genesis; of those that were created + 0, 1, 2, …
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
	curve, err := vault.CurveOf(chain)
	return signing(curve, label), err
}

func signing(curve, label string) device.Template {
	return device.Template{Curve: curve, Label: label, Sign: true, Hidden: true}
}

// prove fails with KEY_UNSUITED unless the private half of key, in the token, does what
// its template is for: see [keys.ProveSigning] and [keys.ProveDeriving].
func prove(ctx context.Context, key keys.Key, t device.Template) error {
	if key.PublicKey().Curve() != t.Curve {
		return fault.New(fault.KeyUnsuited, fmt.Sprintf("the key %q is on %s, not on %s", t.Label, key.PublicKey().Curve(), t.Curve))
	}
	var err error
	if t.Sign {
		err = keys.ProveSigning(ctx, key)
	}
	if err == nil && t.Derive {
		err = keys.ProveDeriving(ctx, key)
	}
	switch {
	case fault.CodeOf(err) == fault.SignatureInvalid:
		return fault.Wrap(err, fault.KeyUnsuited, fmt.Sprintf("the private half of %q does not belong to its public half", t.Label))
	case err != nil:
		return fmt.Errorf("have %q prove itself: %w", t.Label, err)
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
	return key, prove(ctx, key, t)
}

// knownKey finds a key of the vault and has it prove itself.
func knownKey(ctx context.Context, v Vault, t device.Template) (keys.Key, error) {
	key, err := v.Key(ctx, t)
	if err != nil {
		return nil, err
	}
	return key, prove(ctx, key, t)
}
