package gateway

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"time"

	"countersign/shared/fault"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// Caller is who asks, from a verified token.
type Caller struct {
	Developer string
	Entity    string // of an entity token; empty for a developer's
}

// Scope names the caller in the table of replies.
func (c Caller) Scope() string { return c.Developer + "/" + c.Entity }

// Messages of the API that this one follows.
const (
	msgBadToken  = "Invalid authentication token"
	msgBadKey    = "API key is invalid or expired"
	msgForbidden = "The token does not allow access to this entity"
)

// Authenticate verifies a token and that its developer and entity still exist
// and were not revoked. It fails with AUTHENTICATION_ERROR.
func (g *Gateway) Authenticate(ctx context.Context, token string) (Caller, error) {
	c, err := g.cfg.Tokens.Verify(token)
	if err != nil {
		return Caller{}, err
	}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		version, err := access(tx, c.DeveloperID, c.EntityID)
		if err == nil && c.Version != version {
			err = fault.New(fault.Unauthenticated, msgBadToken)
		}
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = fault.Wrap(err, fault.Unauthenticated, msgBadToken)
	}
	return Caller{Developer: c.DeveloperID, Entity: c.EntityID}, err
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
		_, err := access(tx, c.Developer, entity)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = fault.New(fault.Forbidden, msgForbidden)
	}
	return Caller{Developer: c.Developer, Entity: entity}, err
}

// Token makes a token of an API key. Unknown developer, unknown entity and
// wrong key give the same answer in the same time: INVALID_API_KEY. client is the
// party that asks (package party): its wrong keys are limited, RATE_LIMITED, and
// nobody else's; a right key counts for its own developer or entity alone.
func (g *Gateway) Token(ctx context.Context, in wire.TokenRequest, client string) (wire.TokenReply, error) {
	subject := in.Subject()
	bad := fault.New(fault.InvalidAPIKey, msgBadKey)
	var d store.Developer
	s := Subject{}
	known := false
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		developer := subject
		if in.For() == wire.UserEntity {
			e, err := tx.Entity(subject)
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
			developer, s.Entity, s.Version = e.Developer, e.ID, e.Version
			if err != nil || e.Disabled || in.DeveloperID != "" && in.DeveloperID != e.Developer {
				developer = "-" // the look-up is made anyway
			}
		}
		var err error
		d, err = tx.Developer(developer)
		if known = err == nil && !d.Disabled; errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		return err
	})
	if err != nil {
		return wire.TokenReply{}, err
	}
	hash := sha256.Sum256([]byte(in.APIKey))
	if subtle.ConstantTimeCompare(hash[:], d.KeyHash[:]) != 1 || !known {
		if err := g.limit.wrongKeys.Spend(client); err != nil {
			return wire.TokenReply{}, err
		}
		return wire.TokenReply{}, bad
	}
	if err := g.limit.tokens.Spend(subject); err != nil {
		return wire.TokenReply{}, err
	}
	s.Developer, s.Version = d.ID, s.Version+d.Version
	return g.mint(ctx, s)
}

func (g *Gateway) mint(ctx context.Context, s Subject) (wire.TokenReply, error) {
	token, life, err := g.cfg.Tokens.Mint(ctx, s)
	if err != nil {
		return wire.TokenReply{}, err
	}
	return wire.TokenReply{AccessToken: token, TokenType: "Bearer", ExpiresIn: int64(life / time.Second)}, nil
}
