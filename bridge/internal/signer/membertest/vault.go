// Package membertest is what tests put around a signer: a vault in memory, and members
// who decide through channels of their own, with the statements that the signer serves.
// Specs: shared/spec/signer-link.md, channel.md, statement.md. The signer's own tests use
// it, and those of other parties through bridge/signertest.
package membertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"sync"
	"testing"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
)

// Key is a key of either curve, which may be the static key of a channel.
type Key struct{ keys.Key }

// NewKey makes one in memory on curve: jws.Secp256k1 or jws.P256.
func NewKey(t testing.TB, curve string) *Key {
	t.Helper()
	k, err := makeKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func makeKey(curve string) (*Key, error) {
	k, err := keys.NewMemory(curve, rand.Reader)
	if err != nil {
		return nil, err
	}
	return &Key{k}, nil
}

// Public is the public half as a channel has it: a compressed point.
func (k *Key) Public() []byte { return k.PublicKey().Compressed() }

// Vault is a vault in memory; it survives a restart of the service.
type Vault struct {
	sync.Mutex                   // guards Keys and Data
	Keys       map[string]*Key   // by label
	Data       map[string][]byte // data objects, by label
	// Before and After are called before and after data is put; nil: nothing is.
	Before, After func()
}

// NewVault makes an empty one.
func NewVault() *Vault {
	return &Vault{Keys: map[string]*Key{}, Data: map[string][]byte{}}
}

// Key finds a key by its label. It fails with KEY_NOT_FOUND.
func (v *Vault) Key(_ context.Context, t device.Template) (keys.Key, error) {
	v.Lock()
	defer v.Unlock()
	if k := v.Keys[t.Label]; k != nil {
		return k, nil
	}
	return nil, fault.New(fault.KeyMissing, "no such key")
}

// Generate makes a key.
func (v *Vault) Generate(_ context.Context, t device.Template) (keys.Key, error) {
	k, err := makeKey(t.Curve)
	if err != nil {
		return nil, err
	}
	v.Lock()
	defer v.Unlock()
	v.Keys[t.Label] = k
	return k, nil
}

// GetData reads a data object; nil when there is none.
func (v *Vault) GetData(_ context.Context, label string) ([]byte, error) {
	v.Lock()
	defer v.Unlock()
	return v.Data[label], nil
}

// PutData writes a data object, over an older one.
func (v *Vault) PutData(_ context.Context, label string, data []byte) error {
	if v.Before != nil {
		v.Before()
	}
	v.Lock()
	v.Data[label] = bytes.Clone(data)
	v.Unlock()
	if v.After != nil {
		v.After()
	}
	return nil
}
