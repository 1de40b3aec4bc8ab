package gateway

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/shared/apikey"
	"countersign/shared/claims"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// Caller is who asks, from a verified token.
type Caller struct {
	Developer string
	Entity    string // in whose name it asks; empty for a developer's token that names none
	Token     claims.Claims
	Scopes    string // of the API key that the token was traded for, with spaces between them
	Tier      string // of the developer
	// Reporting is what the caller reads, who has a reporting key; nil: it has none, and
	// reads whatever its scopes let it.
	Reporting *projection.ReportingKey
}

// Scope names the caller in the table of replies, and among the streams.
func (c Caller) Scope() string {
	if c.Reporting != nil {
		return c.Developer + "/" + c.Entity + "/" + c.Token.KeyID
	}
	return c.Developer + "/" + c.Entity
}

// May reports whether the caller has a scope.
func (c Caller) May(scope string) bool { return slices.Contains(strings.Fields(c.Scopes), scope) }

// Messages of the API that this one follows.
const (
	msgBadToken  = "Invalid authentication token"
	msgBadKey    = "API key is invalid or expired"
	msgForbidden = "The token does not allow access to this entity"
)

// Authenticate verifies a token and that its developer, entity and API key still exist
// and were not revoked; p is the proof that came with it. It fails with
// AUTHENTICATION_ERROR: of one of our tokens it says all the same whose it is, for the
// log of use.
func (g *Gateway) Authenticate(ctx context.Context, token string, p Proof) (Caller, error) {
	c, err := g.cfg.Tokens.Verify(token)
	if err != nil {
		return Caller{}, err
	}
	caller := Caller{Developer: c.DeveloperID, Entity: c.EntityID, Token: c}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		has, err := g.accepted(tx, c)
		if err == nil {
			caller = has
		}
		return err
	})
	if err == nil {
		err = g.possesses(c, token, p)
	}
	return caller, err
}

// accepted checks what may change while a token lives, and returns who has it.
func (g *Gateway) accepted(tx store.Tx, c claims.Claims) (Caller, error) {
	bad := fault.New(fault.Unauthenticated, msgBadToken)
	d, version, err := access(tx, g.now(), c.DeveloperID, c.EntityID)
	caller := Caller{Developer: c.DeveloperID, Entity: c.EntityID, Token: c, Scopes: allScopes, Tier: d.Tier}
	switch {
	case errors.Is(err, store.ErrNotFound):
		return Caller{}, fault.Wrap(err, fault.Unauthenticated, msgBadToken)
	case err != nil:
		return Caller{}, err
	case c.Version != version:
		return Caller{}, bad
	}
	switch err := notRevoked(tx, c); {
	case errors.Is(err, store.ErrNotFound):
		return Caller{}, bad
	case err != nil:
		return Caller{}, err
	case c.KeyID == "": // of a version before keys had ids
		return caller, nil
	}
	if id.Is(id.ReportingKey, c.KeyID) {
		if caller.Reporting, err = g.reporting(tx, c.EntityID, c.KeyID); errors.Is(err, store.ErrNotFound) {
			return Caller{}, bad
		}
		caller.Scopes = reportingScopes
		return caller, err
	}
	k, err := tx.Key(c.DeveloperID, c.KeyID)
	if errors.Is(err, store.ErrNotFound) || err == nil && !works(k, g.now()) {
		return Caller{}, bad
	}
	caller.Scopes = k.Scopes
	return caller, err
}

// Still fails with AUTHENTICATION_ERROR or AUTHORIZATION_ERROR when a caller whose
// question is still being answered may not ask it any more.
func (g *Gateway) Still(ctx context.Context, c Caller) error {
	if !g.now().Before(c.Token.Until()) {
		return fault.New(fault.Unauthenticated, msgBadToken).With("reason", "expired")
	}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error { _, err := g.accepted(tx, c.Token); return err })
	if err == nil && c.Token.EntityID == "" && c.Entity != "" {
		_, err = g.InEntity(ctx, Caller{Developer: c.Developer}, c.Entity)
	}
	return err
}

// InEntity decides in whose name the caller acts when it names entity, or none.
// A developer may act for each of its own entities, an entity for itself. A
// foreign and an unknown entity look the same.
func (g *Gateway) InEntity(ctx context.Context, c Caller, entity string) (Caller, error) {
	switch {
	case c.Entity != "" && (entity == "" || entity == c.Entity):
		return c, nil
	case c.Entity != "":
		return Caller{}, fault.New(fault.Forbidden, msgForbidden)
	case entity == "":
		return Caller{}, fault.New(fault.EntityContext, "Entity context is required: add ?entityId=…")
	}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		_, _, err := access(tx, g.now(), c.Developer, entity)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = fault.New(fault.Forbidden, msgForbidden)
	}
	c.Entity = entity
	return c, err
}

// Token makes a token of an API key. Unknown developer, unknown entity and
// wrong key give the same answer: INVALID_API_KEY. The wrong keys of the client that
// asks are limited, RATE_LIMITED, and nobody else's; a
// right key counts for its own developer or entity alone. A key without the scope for
// such tokens is AUTHORIZATION_ERROR. With a proof of possession the token is bound to
// its key.
func (g *Gateway) Token(ctx context.Context, in wire.TokenRequest, v Visit) (wire.TokenReply, error) {
	var s Subject
	var k store.Key
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		s, k, err = g.keyOf(tx, in)
		return err
	})
	if err != nil {
		return wire.TokenReply{}, err
	}
	use := store.Use{Developer: s.Developer, Entity: s.Entity, Key: k.ID}
	reply, err := g.trade(ctx, in, v, s, k)
	if code := fault.CodeOf(err); use.Developer != "" && code != fault.Limited { // who asks too much does not fill the log of use
		g.noteUse(use, v, string(code))
	}
	return reply, err
}

// trade makes the token of an API key that was found, or refuses one that was not.
func (g *Gateway) trade(ctx context.Context, in wire.TokenRequest, v Visit, s Subject, k store.Key) (wire.TokenReply, error) {
	if k.ID == "" {
		if err := g.limit.wrongKeys.Spend(v.Client); err != nil {
			return wire.TokenReply{}, err
		}
		return wire.TokenReply{}, fault.New(fault.InvalidAPIKey, msgBadKey)
	}
	if scope := "tokens:" + in.For(); !slices.Contains(strings.Fields(k.Scopes), scope) {
		return wire.TokenReply{}, fault.New(fault.Forbidden, "this API key is not for "+in.For()+" tokens: it does not have the scope "+scope)
	}
	budget := in.Subject()
	if id.Is(id.ReportingKey, k.ID) {
		budget = k.ID
	}
	if err := g.limit.tokens.Spend(budget); err != nil {
		return wire.TokenReply{}, err
	}
	if v.Proof.Text != "" {
		var err error
		if s.JKT, err = g.cfg.Tokens.Prove(v.Proof.Text, v.Proof.Method, v.Proof.Path, ""); err != nil {
			return wire.TokenReply{}, err
		}
	}
	if g.now().Sub(k.Used) >= usedEvery {
		if err := g.use(ctx, s, k); err != nil {
			return wire.TokenReply{}, err
		}
	}
	s.Key, s.Until = k.ID, k.Expires
	return g.mint(ctx, s)
}

// keyOf finds the API key of a question for a token, and whom the token is for. A key
// without an id is none that works: all look-ups are made all the same.
func (g *Gateway) keyOf(tx store.Tx, in wire.TokenRequest) (s Subject, k store.Key, err error) {
	s.Developer = in.Subject()
	known := true
	if in.For() == wire.UserEntity {
		e, err := tx.Entity(in.Subject())
		if none(err) != nil {
			return s, k, err
		}
		s.Developer, s.Entity, s.Version = e.Developer, e.ID, e.Version
		if err != nil || e.Disabled || in.DeveloperID != "" && in.DeveloperID != e.Developer {
			s.Developer = "-"
		}
	}
	d, err := tx.Developer(s.Developer)
	if known = err == nil && !d.Disabled && !expired(d, g.now()); none(err) != nil {
		return s, k, err
	}
	s.Version += d.Version
	k, err = tx.KeyWith(s.Developer, sha256.Sum256([]byte(in.APIKey)))
	if !known || err != nil || !works(k, g.now()) || apikey.Foreign(in.APIKey, g.cfg.Env) {
		k = store.Key{}
	}
	if err = none(err); err == nil && known && k.ID == "" && s.Entity != "" {
		k, err = g.reportingKeyOf(tx, s.Developer, s.Entity, in.APIKey)
	}
	if !known {
		s.Developer = "" // no log of use is its own
	}
	return s, k, err
}

// none drops the error of what is not there.
func none(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// use notes that an API key was used.
func (g *Gateway) use(ctx context.Context, s Subject, k store.Key) error {
	return g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if id.Is(id.ReportingKey, k.ID) {
			return tx.PutReportingUse(s.Entity, k.ID, g.now().Truncate(usedEvery))
		}
		k, err := tx.Key(k.Developer, k.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil // it was removed meanwhile; its token will be refused
		}
		if err != nil {
			return err
		}
		k.Used = g.now().Truncate(usedEvery)
		return tx.PutKey(k)
	})
}

func (g *Gateway) mint(ctx context.Context, s Subject) (wire.TokenReply, error) {
	token, life, err := g.cfg.Tokens.Mint(ctx, s)
	if err != nil {
		return wire.TokenReply{}, err
	}
	kind := "Bearer"
	if s.JKT != "" {
		kind = "DPoP"
	}
	return wire.TokenReply{AccessToken: token, TokenType: kind, ExpiresIn: int64(life / time.Second)}, nil
}
