// Package keystest is the conformance suite of keys.Key. Every implementation
// runs it: keys in memory, and keys in tokens.
package keystest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"sync"
	"testing"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

var halfOrder, _ = new(big.Int).SetString("7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0", 16)

// Run checks what every key promises. key is on curve and can sign and derive.
func Run(t *testing.T, curve string, key keys.Key) {
	t.Helper()
	on(t, curve, key)
	signing(t, key)
	deriving(t, key)
	t.Run("many callers at once are served", func(t *testing.T) { concurrent(t, key, sign, derive) })
}

// RunSigning is Run for a key that can sign and not derive, because it is made so
// or because its token cannot.
func RunSigning(t *testing.T, curve string, key keys.Key) {
	t.Helper()
	on(t, curve, key)
	signing(t, key)
	t.Run("it does not derive", func(t *testing.T) { unsuited(t, key, derive) })
	t.Run("many callers at once are served", func(t *testing.T) { concurrent(t, key, sign) })
}

// RunDeriving is Run for a key that can derive and not sign.
func RunDeriving(t *testing.T, curve string, key keys.Key) {
	t.Helper()
	on(t, curve, key)
	deriving(t, key)
	t.Run("it does not sign", func(t *testing.T) { unsuited(t, key, sign) })
	t.Run("many callers at once are served", func(t *testing.T) { concurrent(t, key, derive) })
}

func on(t *testing.T, curve string, key keys.Key) {
	t.Helper()
	if got := key.PublicKey().Curve(); got != curve {
		t.Fatalf("the key is on %s, want %s", got, curve)
	}
}

func signing(t *testing.T, key keys.Key) {
	t.Run("signatures verify and have one form", func(t *testing.T) { signatures(t, key) })
	t.Run("only digests of 32 bytes are signed", func(t *testing.T) { digests(t, key) })
	t.Run("an ended context ends a signature", func(t *testing.T) { cancelled(t, key, sign) })
}

func deriving(t *testing.T, key keys.Key) {
	t.Run("both ends derive the same secret", func(t *testing.T) { derives(t, key) })
	t.Run("bad points are refused", func(t *testing.T) { points(t, key) })
	t.Run("an ended context ends a derivation", func(t *testing.T) { cancelled(t, key, derive) })
}

// sign and derive are the two uses of a key.
func sign(ctx context.Context, key keys.Key) error {
	digest := sha256.Sum256(key.PublicKey().Compressed())
	sig, err := key.SignDigest(ctx, digest[:])
	if err != nil {
		return err
	}
	return key.PublicKey().Verify(digest[:], sig)
}

func derive(ctx context.Context, key keys.Key) error {
	_, err := key.ECDH(ctx, key.PublicKey().Compressed())
	return err
}

func signatures(t *testing.T, key keys.Key) {
	for i := range 40 { // half of them would be high-S without care
		digest := sha256.Sum256([]byte{byte(i)})
		sig, err := key.SignDigest(t.Context(), digest[:])
		if err != nil {
			t.Fatal(err)
		}
		if len(sig) != 64 {
			t.Fatalf("the signature has %d bytes", len(sig))
		}
		if err := key.PublicKey().Verify(digest[:], sig); err != nil {
			t.Fatal(err)
		}
		if s := new(big.Int).SetBytes(sig[32:]); key.PublicKey().Curve() == jws.Secp256k1 && s.Cmp(halfOrder) > 0 {
			t.Fatalf("s is in the upper half: %x", sig[32:])
		}
	}
}

func digests(t *testing.T, key keys.Key) {
	for _, n := range []int{0, 1, 20, 31, 33, 48, 64} {
		if _, err := key.SignDigest(t.Context(), make([]byte, n)); fault.CodeOf(err) != fault.KeyUnsuited {
			t.Errorf("%d bytes: %v, want KEY_UNSUITED", n, err)
		}
	}
}

func derives(t *testing.T, key keys.Key) {
	for range 8 {
		peer, err := keys.NewMemory(key.PublicKey().Curve(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		want, err := peer.ECDH(t.Context(), key.PublicKey().Compressed())
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range [][]byte{peer.PublicKey().Compressed(), peer.PublicKey().Uncompressed()} {
			got, err := key.ECDH(t.Context(), form)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != 32 || !bytes.Equal(got, want) {
				t.Fatalf("the two ends derived %x and %x", got, want)
			}
		}
	}
}

func points(t *testing.T, key keys.Key) {
	other := map[string]string{jws.Secp256k1: jws.P256, jws.P256: jws.Secp256k1}[key.PublicKey().Curve()]
	stranger, err := keys.NewMemory(other, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	off := key.PublicKey().Uncompressed()
	off[64] ^= 1
	for name, point := range map[string][]byte{
		"none":            nil,
		"infinity":        {0},
		"not on curve":    off,
		"other curve":     stranger.PublicKey().Uncompressed(),
		"cut short":       key.PublicKey().Uncompressed()[:64],
		"one byte more":   append(key.PublicKey().Uncompressed(), 0),
		"unknown form":    append([]byte{9}, key.PublicKey().Uncompressed()[1:]...),
		"all zero":        make([]byte, 65),
		"DER around it":   append([]byte{4, 65}, key.PublicKey().Uncompressed()...),
		"hybrid encoding": append([]byte{6 | key.PublicKey().Uncompressed()[64]&1}, key.PublicKey().Uncompressed()[1:]...),
	} {
		if _, err := key.ECDH(t.Context(), point); fault.CodeOf(err) != fault.KeyUnsuited {
			t.Errorf("%s: %v, want KEY_UNSUITED", name, err)
		}
	}
}

func cancelled(t *testing.T, key keys.Key, use func(context.Context, keys.Key) error) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := use(ctx, key); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("%v, want CANCELLED", err)
	}
}

func unsuited(t *testing.T, key keys.Key, use func(context.Context, keys.Key) error) {
	if err := use(t.Context(), key); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Errorf("%v, want KEY_UNSUITED", err)
	}
}

func concurrent(t *testing.T, key keys.Key, uses ...func(context.Context, keys.Key) error) {
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			for range 4 {
				for _, use := range uses {
					if err := use(t.Context(), key); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
}
