package gateway_test

import (
	"testing"

	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
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

// Who joins after a rotation has the genesis, and the receipt that leads from its root key on.
func TestWhoJoinsAVaultWhoseKeysWereRotatedIsLedToThem(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t)
	root := w.Signer.Key.PublicKey().Thumbprint()
	code := invited(t, w, erin)
	before := must[wire.Invited](t)(w.Gateway.Invited(t.Context(), code, "192.0.2.1"))
	w.Signer.Rotate("req_gggggggggggggggggggggggggg")
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
		t.Fatal(err)
	}
	if v := must[wire.Invited](t)(w.Gateway.Invited(t.Context(), code, "192.0.2.1")); len(v.ChannelKeys) != 2 || v.ChannelKeys[0] == before.ChannelKeys[0] || v.Receipt != "" {
		t.Errorf("%+v", v)
	}
	draft := w.Signer.Invite("mem_erin", "Erin")
	must[wire.Invited](t)(w.Gateway.Register(t.Context(), code, wire.RegistrationInput{Registration: draft.Registration}, "192.0.2.1"))
	r := must[wire.Request](t)(w.Gateway.NewRequest(t.Context(), gatewaytest.Caller(), wire.RequestInput{Intent: intenttest.Doc(draft)}, "the-key-of-erin"))
	w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
		t.Fatal(err)
	}
	v := must[wire.Invited](t)(w.Gateway.Invited(t.Context(), code, "192.0.2.1"))
	report, err := receipt.Verify([]byte(v.Receipt), root)
	if err != nil {
		t.Fatal(err)
	}
	key := must[jws.PublicKey](t)(jws.FromJWK(report.Signer.Statement))
	if _, err := jws.Verify(v.Certificate, statement.TypMember, key); err != nil {
		t.Errorf("the certificate: %v", err)
	}
}
