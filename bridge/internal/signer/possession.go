package signer

import (
	"context"

	"countersign/shared/ceremony"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/jws"
)

// proves verifies the proof that a registration has of its channel key, which this vault alone
// can: whoever reads the log has its word for it. A registration without one waits for the first
// channel. It fails with SIGNATURE_INVALID, details field, and as the vault's key does.
func (s *Service) proves(ctx context.Context, draft intent.Intent) error {
	var token string
	switch c := draft.(type) {
	case intent.MemberInvite:
		token = c.Registration
	case intent.MemberReplaceKeys:
		token = c.Registration
	}
	r, _, err := ceremony.Registered(token)
	if err != nil || r.Proof.To == "" {
		return nil // what is wrong with it is found with the rest
	}
	member, err := jws.FromJWK(r.Channel)
	if err != nil {
		return err
	}
	suite, err := channel.SuiteFor(member.Curve())
	if err != nil {
		return err
	}
	own, ok := s.statics[suite].(static)
	if !ok {
		return fault.New(fault.Invalid, "the vault has no channel key on the curve of the registered one").With("field", "registration")
	}
	secret, err := own.ECDH(ctx, member.Uncompressed())
	if err != nil {
		return err
	}
	defer clear(secret)
	return ceremony.Proved(r, own.key.PublicKey(), secret)
}
