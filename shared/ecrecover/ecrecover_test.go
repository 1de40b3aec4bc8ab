package ecrecover_test

import (
	"encoding/hex"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/crypto"

	"countersign/shared/ecrecover"
)

// signed is a signature by go-ethereum of a digest: r and s, and whose it is.
func signed(t *testing.T) (digest [32]byte, rs []byte, from string) {
	t.Helper()
	key, err := crypto.ToECDSA(append(make([]byte, 31), 7))
	if err != nil {
		t.Fatal(err)
	}
	copy(digest[:], crypto.Keccak256([]byte("a message")))
	sig, err := crypto.Sign(digest[:], key)
	if err != nil {
		t.Fatal(err)
	}
	return digest, sig[:64], crypto.PubkeyToAddress(key.PublicKey).Hex()
}

func TestASignatureIsWrittenAsWalletsExchangeIt(t *testing.T) {
	t.Parallel()
	digest, rs, from := signed(t)
	text, err := ecrecover.Message(digest, rs, from)
	if err != nil || len(text) != 132 {
		t.Fatalf("%q: %v", text, err)
	}
	if who, err := ecrecover.Signer(digest, text); err != nil || who != from {
		t.Errorf("%q: %v", who, err)
	}
	raw, err := hex.DecodeString(text[2:])
	if err != nil {
		t.Fatal(err)
	}
	raw[64] -= 27
	if key, err := crypto.SigToPub(digest[:], raw); err != nil || crypto.PubkeyToAddress(*key).Hex() != from {
		t.Errorf("go-ethereum finds another key: %v", err)
	}
}

func TestASignatureOfAnybodyElseIsRefused(t *testing.T) {
	t.Parallel()
	digest, rs, from := signed(t)
	other := digest
	other[0] ^= 1
	for name, sig := range map[string][]byte{"too short": rs[:63], "none": make([]byte, 64)} {
		if _, err := ecrecover.Message(digest, sig, from); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := ecrecover.Message(other, rs, from); err == nil {
		t.Error("the signature of another digest is accepted")
	}
}

func TestOnlyOneSpellingOfASignatureIsRead(t *testing.T) {
	t.Parallel()
	digest, rs, from := signed(t)
	text, err := ecrecover.Message(digest, rs, from)
	if err != nil {
		t.Fatal(err)
	}
	high := new(big.Int).Sub(crypto.S256().Params().N, new(big.Int).SetBytes(rs[32:])) // the same signature, with s in the upper half
	for name, sig := range map[string]string{
		"without 0x": text[2:], "in upper case": "0x" + strings.ToUpper(text[2:]), "with v of 0 or 1": text[:130] + "00", "with a byte more": text + "00", "empty": "",
		"with s in the upper half": text[:66] + hex.EncodeToString(high.Bytes()) + map[string]string{"1b": "1c", "1c": "1b"}[text[130:]],
	} {
		if who, err := ecrecover.Signer(digest, sig); err == nil {
			t.Errorf("%s: it is that of %s", name, who)
		}
	}
}
