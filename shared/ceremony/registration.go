package ceremony

import (
	"context"

	"countersign/shared/fault"
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
