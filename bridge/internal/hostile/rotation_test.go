package hostile

import (
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// successor are new keys for the vault, each time others, which say that they follow the one it has.
func (w *world) successor() intent.VaultRotateKeys {
	now := w.replay(w.lines()).state
	key := membertest.NewKey(w.t, jws.Secp256k1)
	r := intent.VaultRotateKeys{Kind: intent.KindVaultRotateKeys, V: 1, FromVersion: 1, Statement: key.PublicKey().JWK(), Thumbprint: key.PublicKey().Thumbprint(),
		Channel: []jwk.Key{membertest.NewKey(w.t, jws.Secp256k1).PublicKey().JWK(), membertest.NewKey(w.t, jws.P256).PublicKey().JWK()}}
	for _, a := range now.Current().Accounts {
		address, err := vault.AddressOn(a.Chain, membertest.NewKey(w.t, jws.Secp256k1).PublicKey())
		w.must(err)
		r.Accounts = append(r.Accounts, intent.NewAddress{Account: a.Account, Address: address})
	}
	var err error
	r.Succession, err = ceremony.Succeed(w.t.Context(), key, statement.Succession{V: 1, Type: "succession", Entity: entity, Before: now.Keys().Thumbprint,
		Statement: r.Statement, Channel: r.Channel, Accounts: intent.AddressesDigest(r.Accounts), IssuedAt: w.clock().Unix()})
	w.must(err)
	return r
}

// rekeys is a flow in which the operator asks for new keys of the vault, and Alice compares the one
// that she reads with the one that they made.
var rekeys = flow{"key rotation", func(w *world) error { return signing(w.successor()).play(w) }}

// rotations is what the gateway does to new keys of the vault.
func rotations() []row {
	return []row{
		{"asks for new keys of the vault that it made itself", rekeys, func(w *world) error {
			own := w.successor()
			return asked(func(in *wire.SignerRequestInput) { in.Intent = intenttest.Doc(own) })(w)
		}, person, fault.Declined, ""},
		{"puts an address of its own among the new ones", rekeys, swapped(func(r *intent.VaultRotateKeys) { r.Accounts[0].Address = thief }), atSigner, fault.SignatureInvalid, ""},
		{"asks for new keys from another version", rekeys, swapped(func(r *intent.VaultRotateKeys) { r.FromVersion = 2 }), atSigner, fault.Conflict, "field=from_version"},
	}
}
