package main

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"testing"

	"countersign/bridge/internal/keys"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/softhsm"
)

// Whoever opens the token without its PIN may put public keys there. None of them is
// handed to the vault's operator, stands in the way of the real key, or is silent.
func TestAPublicKeyPlantedInTheTokenIsNamedAndNotBelieved(t *testing.T) {
	t.Parallel()
	token := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{{Label: "approval", Curve: jws.P256, Sign: true}, {Label: "channel", Curve: jws.P256, Derive: true}}})
	path, _ := prompted(t, `{"log":"log","pins":{"alice":["`+token.Token.PIN+`"]},"confirm":["approve"]}`,
		func(m map[string]any) { m["modules"] = []string{token.Module} })
	for _, label := range []string{"approval", "channel", "ghost"} {
		k, err := keys.NewMemory(jws.P256, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		token.Token.Plant(t, softhsm.Planted{Act: softhsm.PlantPublic, Label: label, ID: []byte(label), Curve: jws.P256, Point: k.PublicKey().Uncompressed()})
	}
	if out := must(t, "keys", "list", "--config", path); strings.Count(out, "present, unproven") != 5 {
		t.Error(out)
	}
	_, out, _ := command(t, "doctor", "--config", path)
	for _, what := range []string{`public key "approval": another key has the same name`, `public key "channel": another key has the same name`, `public key "ghost": it was not made in the token`} {
		if !strings.Contains(out, what) {
			t.Errorf("doctor does not say %s:\n%s", what, out)
		}
	}
	for _, label := range []string{"approval", "channel"} {
		var jwk jwk.Key
		made, _ := token.Token.Key(label)
		want, err := jws.FromSEC1(jws.P256, made.Public)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(must(t, "keys", "export-public", "--config", path, "--format", "jwk", "pkcs11:token=alice;object="+label)), &jwk); err != nil || jwk != want.JWK() {
			t.Errorf("%s: %+v, %v", label, jwk, err)
		}
	}
	refused(t, []string{"its private half is not in the token"}, "keys", "export-public", "--config", path, "pkcs11:token=alice;object=ghost")
	refused(t, []string{"CONFLICT"}, "keys", "generate", "--config", path, "--token", "alice", "--curve", "P-256")
	must(t, "keys", "generate", "--config", path, "--token", "alice", "--curve", "P-256", "--only", "approval", "--approval", "ghost")
	if out := must(t, "keys", "delete", "--config", path, "pkcs11:token=alice;object=approval"); !strings.HasPrefix(out, "deleted ") {
		t.Error(out)
	}
}
