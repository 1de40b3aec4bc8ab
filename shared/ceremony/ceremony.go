// Package ceremony is how a vault begins: its genesis counts when every administrator
// that it names has read it and signed that they did. The administrators' bridges show
// [Text] and sign; the signer writes no genesis without [Approvals] of all of them; and
// whoever applies the log (shared/vault) verifies them again. Pure. Spec:
// shared/spec/statement.md, genesis-approval.
package ceremony

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/statement"
)

// MaxApproval is the longest approval of a genesis, as a file, in bytes.
const MaxApproval = 640

// Digest names the exact bytes of a genesis.
func Digest(genesis []byte) string {
	sum := sha256.Sum256(genesis)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// Administrators are those of a genesis, in its order.
func Administrators(g statement.Genesis) (all []statement.GenesisMember) {
	for _, m := range g.Members {
		if m.Role == statement.Admin {
			all = append(all, m)
		}
	}
	return all
}

// Sign has an administrator's approval key sign a genesis, at a time in Unix seconds. It
// fails with KEY_UNSUITED when no administrator of the genesis has the key, as
// [statement.Decode] does, and as the key does.
func Sign(ctx context.Context, key jws.Signer, genesis []byte, at int64) (string, error) {
	g, err := statement.Decode[statement.Genesis](genesis)
	if err != nil {
		return "", err
	}
	m, ok := Of(g, key.PublicKey())
	if !ok {
		return "", fault.New(fault.KeyUnsuited, "no administrator of this genesis has the key")
	}
	payload, err := statement.Encode(statement.GenesisApproval{
		V: 1, Type: "genesis-approval", Entity: g.Entity, Genesis: Digest(genesis), Member: m.Member, Key: key.PublicKey().Thumbprint(), IssuedAt: at,
	})
	if err != nil {
		return "", err
	}
	return jws.Sign(ctx, key, statement.TypGenesisApproval, payload)
}

// Of is the administrator of a genesis whose approval key is key.
func Of(g statement.Genesis, key jws.PublicKey) (statement.GenesisMember, bool) {
	for _, m := range Administrators(g) {
		if m.Approval == key.JWK() {
			return m, true
		}
	}
	return statement.GenesisMember{}, false
}

// Approvals puts what administrators signed in the order in which the genesis has them. Each
// of them must have signed these bytes, once, and nobody else. It fails with
// SIGNATURE_INVALID, naming the member, and with STATEMENT_INVALID for bytes that are
// not a genesis.
func Approvals(genesis []byte, signed []string) ([]string, error) {
	g, err := statement.Decode[statement.Genesis](genesis)
	if err != nil {
		return nil, err
	}
	admins, digest := Administrators(g), Digest(genesis)
	ordered := make([]string, len(admins))
	for _, token := range signed {
		a, err := read(token)
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(admins, func(m statement.GenesisMember) bool { return m.Member == a.Member })
		switch {
		case i < 0:
			return nil, refuse("%s is not an administrator of this genesis", a.Member)
		case ordered[i] != "":
			return nil, refuse("%s has signed twice", called(admins[i]))
		}
		if err := verify(token, admins[i], g.Entity, digest); err != nil {
			return nil, err
		}
		ordered[i] = token
	}
	var missing []string
	for i, m := range admins {
		if ordered[i] == "" {
			missing = append(missing, called(m))
		}
	}
	if len(missing) > 0 {
		return nil, refuse("%d of its %d administrators have not signed: %s", len(missing), len(admins), strings.Join(missing, ", "))
	}
	return ordered, nil
}

// read is what a token says, before anybody is known to have signed it.
func read(token string) (a statement.GenesisApproval, err error) {
	payload, err := jws.Payload(token)
	if err == nil {
		a, err = statement.Decode[statement.GenesisApproval](payload)
	}
	if err != nil {
		return a, fault.Wrap(err, fault.SignatureInvalid, "what is signed is not the approval of a genesis")
	}
	return a, nil
}

// verify holds what an administrator signed against the genesis with a digest.
func verify(token string, m statement.GenesisMember, entity, digest string) error {
	key, err := jws.FromJWK(m.Approval)
	if err != nil {
		return fmt.Errorf("the approval key of %s: %w", called(m), err)
	}
	if _, err := jws.Verify(token, statement.TypGenesisApproval, key); err != nil {
		return fault.Wrap(err, fault.SignatureInvalid, "the signature of "+called(m)+" is not by their approval key in this genesis")
	}
	switch a, err := read(token); {
	case err != nil:
		return err
	case a.Entity != entity || a.Key != key.Thumbprint():
		return refuse("what %s signed is about another vault or key", called(m))
	case a.Genesis != digest:
		return refuse("%s signed another draft than this one: one of the two was changed", called(m))
	}
	return nil
}

func called(m statement.GenesisMember) string { return name.WithID(m.Name, m.Member) }

func refuse(format string, args ...any) error {
	return fault.New(fault.SignatureInvalid, fmt.Sprintf(format, args...))
}
