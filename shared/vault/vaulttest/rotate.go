package vaulttest

import (
	"context"

	"countersign/shared/ceremony"
	"countersign/shared/intent"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// The statement key and the channel key that [Log.Rotate] gives the vault, and the key of its
// account's new address.
const NewStatementKey, NewChannelKey, NewAddressKey Key = 11, 12, 13

// inTurn is the key that signs now.
type inTurn struct{ Key }

// PublicKey implements [jws.Signer].
func (k *inTurn) PublicKey() jws.PublicKey { return k.Key.PublicKey() }

// SignDigest implements [jws.Signer].
func (k *inTurn) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	return k.Key.SignDigest(ctx, digest)
}

// Rotate has both administrators give the vault other keys, by which the log goes on.
func (s *Log) Rotate(request string) {
	s.t.Helper()
	now, key := s.State.Keys(), NewStatementKey.PublicKey()
	address, err := vault.AddressOn("eip155:31337", NewAddressKey.PublicKey())
	if err != nil {
		s.t.Fatal(err)
	}
	r := intent.VaultRotateKeys{Kind: intent.KindVaultRotateKeys, V: 1, FromVersion: now.Version, Statement: key.JWK(), Thumbprint: key.Thumbprint(),
		Channel: []jwk.Key{NewChannelKey.PublicKey().JWK()}, Accounts: []intent.NewAddress{{Account: Account, Address: address}}}
	r.Succession, err = ceremony.Succeed(s.t.Context(), NewStatementKey, statement.Succession{V: 1, Type: "succession", Entity: Entity, Before: now.Thumbprint,
		Statement: r.Statement, Channel: r.Channel, Accounts: intent.AddressesDigest(r.Accounts), IssuedAt: Noon})
	if err != nil {
		s.t.Fatal(err)
	}
	s.Change(request, r)
	s.key.Key = NewStatementKey
}
