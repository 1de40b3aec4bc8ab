package device

import (
	"bytes"
	"testing"

	"countersign/bridge/internal/keys/keystest"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
)

// TestPairsAreFoundByTheirPrivateHalf: what was made without the PIN under the
// same label, and even with the same id, is told apart by its use.
func TestPairsAreFoundByTheirPrivateHalf(t *testing.T) {
	token := softhsm.New(t, softhsm.Spec{Label: "pairs", Keys: []softhsm.Key{{Label: "both", ID: "guessed", Curve: jws.P256, Sign: true, Derive: true}}})
	other := softhsm.New(t, softhsm.Spec{Label: "other", Keys: []softhsm.Key{{Label: "both", Curve: jws.P256, Sign: true}}})
	token.Plant(t,
		softhsm.Planted{Act: softhsm.PlantPublic, Label: "both", ID: []byte("guessed"), Curve: jws.P256, Point: other.Keys[0].Public},
		softhsm.Planted{Act: softhsm.PlantPair, Label: "both", ID: []byte("guessed"), Curve: jws.P256},
		softhsm.Planted{Act: softhsm.PlantData, Label: "mark", Application: "countersign", ID: bytes.Repeat([]byte{0xff}, 8), Value: []byte("planted")})
	inBothModes(t, func(t *testing.T, inProcess bool) {
		devices, err := Open(Config{Modules: Modules(token.Module), InProcess: inProcess})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := devices.Close(); err != nil {
				t.Error(err)
			}
		})
		d, err := devices.Device(t.Context(), "pkcs11:token=pairs")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := d.Pairs(t.Context(), "both"); fault.CodeOf(err) != fault.PINRequired {
			t.Errorf("without the PIN: %v", err)
		}
		d = unlock(t, devices, "pairs", token.PIN)
		pairs, strangers, err := d.Pairs(t.Context(), "both")
		if err != nil || len(pairs) != 1 || strangers != 4 { // the kit's public half is public, too
			t.Fatalf("%d pairs, %d strangers, %v", len(pairs), strangers, err)
		}
		right := 0
		for _, p := range pairs {
			_, err := p.Key.SignDigest(t.Context(), make([]byte, 32))
			if err == nil {
				right++
				keystest.Run(t, jws.P256, p.Key)
			} else if fault.CodeOf(err) != fault.SignatureInvalid {
				t.Errorf("%v", err)
			}
			if o := p.Origin; !o.Private || !o.Local || !o.NeverExtractable || !o.Sign || !o.Derive {
				t.Errorf("%+v", o)
			}
		}
		if right != 1 {
			t.Errorf("%d pairs proved themselves", right)
		}
		if data, err := d.Data(t.Context(), "mark"); err != nil || string(data) == "planted" {
			t.Errorf("a planted data object: %q, %v", data, err)
		}
		if err := d.PutData(t.Context(), "mark", []byte("ours")); err != nil {
			t.Fatal(err)
		}
		if data, err := d.Data(t.Context(), "mark"); err != nil || string(data) != "ours" {
			t.Errorf("our data object beside a planted one: %q, %v", data, err)
		}
	})
}
