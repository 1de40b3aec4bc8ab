package ceremony

import (
	"bytes"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/statement"
)

func TestAChannelKeyIsProvenToTheVaultThatHasTheSecretWithIt(t *testing.T) {
	t.Parallel()
	to, secret := seed(9).PublicKey(), bytes.Repeat([]byte{7}, 32)
	r, err := Prove(registration(), to, secret)
	if err != nil {
		t.Fatal(err)
	}
	if err := Proved(r, to, secret); err != nil {
		t.Error(err)
	}
	if _, err := statement.Encode(r); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*statement.Registration){
		"of another member":         func(r *statement.Registration) { r.Member = "mem_bob" },
		"for another vault":         func(r *statement.Registration) { r.Entity = "ent_other" },
		"with another channel key":  func(r *statement.Registration) { r.Channel = seed(20).PublicKey().JWK() },
		"with another approval key": func(r *statement.Registration) { r.Approval = seed(21).PublicKey().JWK() },
		"that names another key":    func(r *statement.Registration) { r.Proof.To = seed(22).PublicKey().Thumbprint() },
		"with another tag":          func(r *statement.Registration) { r.Proof.Tag = r.Proof.To },
		"without a tag":             func(r *statement.Registration) { r.Proof.Tag = "" },
	} {
		other := r
		change(&other)
		if err := Proved(other, to, secret); fault.CodeOf(err) != fault.SignatureInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := Proved(r, to, bytes.Repeat([]byte{8}, 32)); fault.CodeOf(err) != fault.SignatureInvalid {
		t.Errorf("with another secret: %v", err)
	}
}
