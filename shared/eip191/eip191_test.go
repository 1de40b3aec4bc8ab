package eip191_test

import (
	"bytes"
	"testing"

	"github.com/ethereum/go-ethereum/accounts"

	"countersign/shared/eip191"
)

func FuzzDigestIsThatOfWallets(f *testing.F) {
	for _, s := range []string{"", "a", "Sign in\n", "\x19Ethereum Signed Message:\n1a", "\xff\x00"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, message []byte) {
		if got := eip191.Digest(message); !bytes.Equal(got[:], accounts.TextHash(message)) {
			t.Errorf("%q: %x", message, got)
		}
	})
}
