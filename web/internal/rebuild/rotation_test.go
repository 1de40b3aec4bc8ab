package rebuild_test

import (
	"testing"

	"countersign/shared/fault"
	"countersign/shared/signedlog"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

// What a key signed that the vault had between two rotations, the signer signed.
func TestALineOfAKeyThatTheVaultHadIsNotTakenForADamagedOne(t *testing.T) {
	t.Parallel()
	r := &rig{T: t, World: gatewaytest.New(t)}
	root := r.Signer.Key.PublicKey()
	r.Signer.Rotate("req_gggggggggggggggggggggggggg")
	middle := len(r.Signer.Lines())
	r.Requested()
	if err := r.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	known := len(r.Signer.Lines())
	r.Signer.Rotate("req_hhhhhhhhhhhhhhhhhhhhhhhhhh")
	if known <= middle || len(r.Signer.Lines()) <= known {
		t.Fatalf("the middle key signed no entry that the database has: %d, %d", middle, known)
	}
	newest := r.Signer.Key.PublicKey()
	before := r.dump(nil)
	for name, pins := range map[string]func(v *gateway.Vault){
		"the file of before the rotations": func(v *gateway.Vault) { v.Key = root },
		"the file of now":                  func(v *gateway.Vault) { v.Key, v.Root = newest, root },
	} {
		r.Pins = pins
		r.Signer.Lie = func(all []signedlog.Entry) []signedlog.Entry { return all[:middle] } // rewound
		err := r.rebuild()
		gatewaytest.Refused(t, err, fault.LogCorrupt)
		same(t, r.dump(nil), before)
		r.Signer.Lie = nil
		if err := r.check(); err != nil {
			t.Errorf("%s: %v: %s", name, err, r.said.String())
		}
	}
	if err := r.rebuild(); err != nil {
		t.Fatal(err)
	}
	if err := r.check(); err != nil {
		t.Errorf("%v: %s", err, r.said.String())
	}
	r.Restart()
	if err := r.Gateway.SyncAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Requested()
}
