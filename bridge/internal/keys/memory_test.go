package keys_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/keys/keystest"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

func TestKeysInMemoryKeepWhatKeysPromise(t *testing.T) {
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		t.Run(curve, func(t *testing.T) {
			key, err := keys.NewMemory(curve, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			keystest.Run(t, curve, key)
		})
	}
}

func TestTheSameBytesGiveTheSameKey(t *testing.T) {
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		a, errA := keys.NewMemory(curve, bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
		b, errB := keys.NewMemory(curve, bytes.NewReader(bytes.Repeat([]byte{7}, 32)))
		if errA != nil || errB != nil || !a.PublicKey().Equal(b.PublicKey()) {
			t.Errorf("%s: the keys differ: %v %v", curve, errA, errB)
		}
	}
	if _, err := keys.NewMemory("P-384", rand.Reader); fault.CodeOf(err) != fault.KeyUnsuited {
		t.Errorf("P-384: %v, want KEY_UNSUITED", err)
	}
}
