package gateway

import (
	"context"
	"errors"

	"countersign/shared/claims"
	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// Introspect says what a token is, to its own developer, or to its own entity (RFC 7662).
// Every other token, whatever is wrong with it, is not active, and no more is told.
func (g *Gateway) Introspect(ctx context.Context, c Caller, in wire.IntrospectInput) (wire.Introspection, error) {
	t, err := g.cfg.Tokens.Verify(in.Token)
	if err != nil || !concerns(c, t) {
		return wire.Introspection{}, nil // which is the answer
	}
	var has Caller
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { has, err = g.accepted(tx, t); return err })
	if fault.CodeOf(err) == fault.Unauthenticated {
		return wire.Introspection{}, nil
	}
	kind := "Bearer"
	if t.Cnf != nil {
		kind = "DPoP"
	}
	return wire.Introspection{
		Active: true, Scope: has.Scopes, ClientID: t.DeveloperID, TokenType: kind, Expires: t.Expires, IssuedAt: t.IssuedAt,
		Subject: t.Subject, Audience: t.Audience, Issuer: t.Issuer, ID: t.ID, UserType: t.UserType, DeveloperID: t.DeveloperID, EntityID: t.EntityID,
		Env: t.Env, KeyID: t.KeyID, Cnf: t.Cnf,
	}, err
}

// Revoke ends a token (RFC 7009), or all of an entity. A token ends itself; those of a
// developer, with the scope keys, any of the developer's. One that is not ours, or ended
// already, is not an error. It fails with AUTHORIZATION_ERROR.
func (g *Gateway) Revoke(ctx context.Context, c Caller, in wire.RevokeInput) (wire.Revoked, error) {
	manages := c.Token.EntityID == "" && c.May(wire.ScopeKeys)
	if in.EntityID != "" {
		return wire.Revoked{Revoked: true}, g.revokeEntity(ctx, c, in.EntityID, manages)
	}
	t, err := g.cfg.Tokens.Verify(in.Token)
	if err != nil {
		return wire.Revoked{Revoked: true}, nil // it does not work
	}
	if t.ID != c.Token.ID && !(manages && t.DeveloperID == c.Developer) {
		return wire.Revoked{}, fault.New(fault.Forbidden, "a token may end itself; a developer's token with the scope keys any of the developer's")
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error { return tx.RevokeToken(t.ID, t.Until()) })
	return wire.Revoked{Revoked: err == nil}, err
}

// revokeEntity ends all tokens of an entity.
func (g *Gateway) revokeEntity(ctx context.Context, c Caller, name string, manages bool) error {
	if !manages {
		return fault.New(fault.Forbidden, "only a developer's token with the scope keys ends all tokens of an entity")
	}
	return g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		e, err := ownEntity(tx, c, name)
		if err != nil {
			return err
		}
		e.Version++
		return tx.PutEntity(e)
	})
}

// concerns reports whether a caller may hear what a token is: with a reporting key, of those
// that the same key was traded for.
func concerns(c Caller, t claims.Claims) bool {
	if c.Reporting != nil && t.KeyID != c.Token.KeyID {
		return false
	}
	return t.DeveloperID == c.Developer && (c.Token.EntityID == "" || t.EntityID == c.Token.EntityID)
}

// notRevoked fails with store.ErrNotFound for a token that was ended.
func notRevoked(tx store.Tx, t claims.Claims) error {
	revoked, err := tx.TokenRevoked(t.ID)
	if err == nil && revoked {
		err = store.ErrNotFound
	}
	return err
}

// possesses checks that who asks with a token that is bound to a key has the key, and
// that a token that is not bound comes as a bearer's.
func (g *Gateway) possesses(t claims.Claims, token string, p Proof) error {
	switch {
	case t.Cnf == nil && p.Text == "":
		return nil
	case t.Cnf == nil || p.Text == "":
		return fault.Wrap(errors.New("a bound token without its proof, or a proof without a bound token"), fault.Unauthenticated, msgBadToken).With("reason", "proof")
	}
	key, err := g.cfg.Tokens.Prove(p.Text, p.Method, p.Path, token)
	if err == nil && key != t.Cnf.JKT {
		err = fault.Wrap(errors.New("the proof is of another key"), fault.Unauthenticated, msgBadToken).With("reason", "proof")
	}
	return err
}
