package keys_test

import (
	"bytes"
	"crypto/rand"
	"io"
	"testing"

	"countersign/bridge/internal/keys"
	"countersign/shared/jws"
	"countersign/shared/jws/jwstest"
)

func TestKeysInMemoryDeriveWhatWycheproofSays(t *testing.T) {
	t.Parallel()
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		t.Run(curve, func(t *testing.T) {
			t.Parallel()
			all := jwstest.Secrets(t, curve)
			for _, v := range all {
				key, err := keys.NewMemory(curve, io.MultiReader(bytes.NewReader(v.Private), rand.Reader))
				if err != nil {
					t.Fatalf("%s: %v", v.Name, err)
				}
				shared, err := key.ECDH(t.Context(), v.Point)
				v.Check(t, shared, err)
				if err := keys.ProveSigning(t.Context(), key); err != nil {
					t.Errorf("%s: it does not sign: %v", v.Name, err)
				}
			}
			t.Logf("%d vectors", len(all))
		})
	}
}
