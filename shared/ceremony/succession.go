package ceremony

import (
	"context"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// Succeed has the new statement key of a vault sign that it was made to follow another.
func Succeed(ctx context.Context, key jws.Signer, s statement.Succession) (string, error) {
	payload, err := statement.Encode(s)
	if err != nil {
		return "", err
	}
	if s.Statement != key.PublicKey().JWK() {
		return "", fault.New(fault.KeyUnsuited, "a succession is signed by the statement key in it")
	}
	return jws.Sign(ctx, key, statement.TypSuccession, payload)
}

// Succeeds reports whether the new keys of a vault are those whose holder signed that they
// follow the key before, for the vault of an entity. It fails with SIGNATURE_INVALID, and with
// INVALID_REQUEST for keys that are none.
func Succeeds(r intent.VaultRotateKeys, entity string) error {
	key, err := jws.FromJWK(r.Statement)
	if err != nil {
		return err
	}
	for _, k := range r.Channel {
		if _, err := jws.FromJWK(k); err != nil {
			return err
		}
	}
	payload, err := jws.Verify(r.Succession, statement.TypSuccession, key)
	if err != nil {
		return err
	}
	s, err := statement.Decode[statement.Succession](payload)
	if err != nil {
		return err
	}
	if s.Entity != entity || s.Before != r.Before || s.Statement != r.Statement || r.Thumbprint != key.Thumbprint() || len(s.Channel) != len(r.Channel) || s.Accounts != intent.AddressesDigest(r.Accounts) {
		return refuse("the new statement key did not sign that it follows this vault's with these keys and addresses")
	}
	for i, k := range s.Channel {
		if k != r.Channel[i] {
			return refuse("the new statement key signed other channel keys")
		}
	}
	return nil
}
