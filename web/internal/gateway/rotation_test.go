package gateway_test

import (
	"testing"

	"countersign/shared/receipt"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
)

// Who pinned the root key before the vault's keys were rotated follows the log to the new ones.
func TestAGatewayFollowsAVaultToItsNewKeysAndReceiptsVerifyWithTheRootKey(t *testing.T) {
	t.Parallel()
	const rotation = "req_gggggggggggggggggggggggggg"
	w := gatewaytest.New(t)
	root, pinned := w.Signer.Key.PublicKey(), w.Signer.File
	before, open := w.Approved(), w.Requested()
	must[[]byte](t)(w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), before.ID))
	w.Signer.Rotate(rotation)
	if w.Signer.Key.PublicKey().Equal(root) || w.Signer.File.StatementKey != pinned.StatementKey {
		t.Fatal("the keys are the old ones")
	}
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
		t.Fatal(err)
	}
	if r := must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), open.ID)); r.State != wire.RequestBlocked {
		t.Errorf("a purchase to an address of before: %s", r.State)
	}
	after := w.Approved()
	verify := func(when string) {
		t.Helper()
		for _, id := range []string{before.ID, open.ID, rotation, after.ID} {
			data := must[[]byte](t)(w.Gateway.Receipt(t.Context(), gatewaytest.Caller(), id))
			report, err := receipt.Verify(data, root.Thumbprint())
			if err != nil || report.Request.Request != id || report.Signer.Statement != w.Signer.Key.PublicKey().JWK() || len(report.Keys) != 2 {
				t.Errorf("%s, %s: %+v, %v", when, id, report.Keys, err)
			}
			if _, err := receipt.Verify(data, w.Signer.Key.PublicKey().Thumbprint()); err == nil {
				t.Errorf("%s, %s: it verifies with the new key as the root", when, id)
			}
		}
		must[wire.LogCheckpoint](t)(w.Gateway.Checkpoint(t.Context(), gatewaytest.Caller(), 1))
		v := must[wire.Vault](t)(w.Gateway.Vault(t.Context(), gatewaytest.Caller()))
		if v.Root.Thumbprint != root.Thumbprint() {
			t.Errorf("%s the root key is %s", when, v.Root.Thumbprint)
		}
	}
	verify("live")
	w.Signer.Checkpoint()
	must[struct{}](t)(struct{}{}, w.Gateway.Sync(t.Context(), gatewaytest.Entity))
	w.Pins = func(v *gateway.Vault) { v.Key = root } // as before
	w.Restart()
	verify("started with the old file")
	w.Pins = func(v *gateway.Vault) { v.Root = root } // the new key beside it
	w.Restart()
	verify("started with the new file")
	w.Signer.Decide(w.Requested().ID, "mem_alice", statement.Approve)
}
