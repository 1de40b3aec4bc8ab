package ceremony

import (
	"context"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// MaxRegistration is the longest registration, as a file, in bytes.
const MaxRegistration = 2 << 10

// Register has the approval key of a member sign the keys that they made.
func Register(ctx context.Context, key jws.Signer, r statement.Registration) (string, error) {
	payload, err := statement.Encode(r)
	if err != nil {
		return "", err
	}
	if r.Approval != key.PublicKey().JWK() {
		return "", fault.New(fault.KeyUnsuited, "a registration is signed by the approval key in it")
	}
	return jws.Sign(ctx, key, statement.TypRegistration, payload)
}

// Registered is what a member registered, and the digest of it, which they compare by
// voice: nothing else says who they are. It fails with SIGNATURE_INVALID when the approval key
// in it did not sign it, and with STATEMENT_INVALID.
func Registered(token string) (r statement.Registration, digest string, err error) {
	if len(token) > MaxRegistration {
		return r, "", refuse("the registration is longer than %d bytes", MaxRegistration)
	}
	payload, err := jws.Payload(token)
	if err != nil {
		return r, "", err
	}
	if r, err = statement.Decode[statement.Registration](payload); err != nil {
		return r, "", err
	}
	key, err := jws.FromJWK(r.Approval)
	if err != nil {
		return r, "", err
	}
	if _, err := jws.FromJWK(r.Channel); err != nil {
		return r, "", err
	}
	if _, err := jws.Verify(token, statement.TypRegistration, key); err != nil {
		return statement.Registration{}, "", err
	}
	return r, Digest(payload), nil
}

// ForVault is who registered for the vault of an entity, and their keys. It fails as
// [Registered] does, and with INVALID_REQUEST when they registered for another vault.
func ForVault(registration, entity string) (intent.Registrant, error) {
	r, digest, err := Registered(registration)
	if err == nil && r.Entity != entity {
		err = fault.New(fault.Invalid, called(statement.GenesisMember{Member: r.Member, Name: r.Name})+" registered for the vault of "+r.Entity).With("field", "registration")
	}
	return intent.Registrant{Member: r.Member, Name: r.Name, Keys: intent.Keys{Approval: r.Approval, Channel: r.Channel, ChannelIn: r.ChannelIn, Fingerprint: digest, Proven: r.Proof.To, Driver: r.Driver}}, err
}

// Holds reports whether an intent says of a registration what was registered for the vault
// of an entity, and of the vault's new keys what these signed: what a person compares is then
// what the keys signed. One without either holds. It fails as [ForVault] and [Succeeds] do, and
// with SIGNATURE_INVALID.
func Holds(i intent.Intent, entity string) error {
	if r, ok := i.(intent.VaultRotateKeys); ok {
		return Succeeds(r, entity)
	}
	c, ok := i.(intent.Registering)
	if !ok {
		return nil
	}
	registration, says := c.Registered()
	r, err := ForVault(registration, entity)
	if err == nil && r != says {
		err = refuse("the intent says of %s what they did not register", says.Member)
	}
	return err
}
