// Package wallet is another project: it signs with crypto11, and tests what it
// does when the token goes wrong.
package wallet

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/ThalesGroup/crypto11"

	"countersign/softhsm"
	"countersign/softhsm/fault"
)

// sign is the program under test: it opens the token, signs once and lets it go.
func sign(module, label, pin string, message []byte) (signature []byte, public crypto.PublicKey, err error) {
	hsm, err := crypto11.Configure(&crypto11.Config{Path: module, TokenLabel: label, Pin: pin})
	if err != nil {
		return nil, nil, err
	}
	defer hsm.Close()
	key, err := hsm.FindKeyPair(nil, []byte("approval"))
	if err != nil {
		return nil, nil, err
	}
	digest := sha256.Sum256(message)
	signature, err = key.Sign(rand.Reader, digest[:], crypto.SHA256)
	return signature, key.Public(), err
}

func TestSigningSurvivesTheRealWorld(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "wallet", Keys: []softhsm.Key{
		{Label: "approval", Curve: softhsm.P256, Sign: true},
	}})
	works := func() bool {
		message := []byte("pay 3 to bob")
		digest := sha256.Sum256(message)
		signature, public, err := sign(f.Module, f.Token.Label, f.Token.PIN, message)
		if err != nil {
			t.Log(err)
			return false
		}
		return ecdsa.VerifyASN1(public.(*ecdsa.PublicKey), digest[:], signature)
	}
	expect := func(when string, want bool) {
		t.Helper()
		if works() != want {
			t.Errorf("%s: signed is %v", when, !want)
		}
	}

	expect("a token that works", true)

	f.Vanish()
	expect("the token was pulled", false)
	f.Return()
	expect("and put back", true)

	f.FailNext("C_Sign", 0x30) // CKR_DEVICE_ERROR, once
	expect("a bad contact", false)
	expect("and a good one", true)

	release := f.Hang("C_Sign") // until somebody touches the token
	signed := make(chan bool)
	go func() { signed <- works() }()
	if err := f.Entered(t.Context(), "C_Sign"); err != nil {
		t.Fatal(err)
	}
	release()
	if !<-signed {
		t.Error("the touch was not enough")
	}

	f.Set(fault.WrongSignature())
	expect("a token that lies", false)

	f.Set(fault.PINTries(3), fault.PINLeft(0))
	expect("a locked PIN", false)
}
