package gateway

import (
	"context"
	"crypto/subtle"
	"errors"
	"sync"
	"time"

	"countersign/shared/apikey"
	"countersign/shared/fault"
	"countersign/shared/fingerprint"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/wire"
	"countersign/web/internal/charter"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// Sees reports whether a caller may read what is of an account; empty: of none. Who has no
// reporting key sees all of its entity.
func (c Caller) Sees(account string) bool { return c.Reporting == nil || c.Reporting.Reads(account) }

// SeesAll reports whether a caller may read everything of its entity.
func (c Caller) SeesAll() bool { return c.Reporting == nil || c.Reporting.All() }

// among are the accounts that a caller may read; nil: all.
func (c Caller) among() []string {
	if c.SeesAll() {
		return nil
	}
	return append([]string{}, c.Reporting.Accounts...)
}

// unseen is what a caller is told of what it may not read: as if there were none.
func unseen(what string) error { return fault.New(fault.NotFound, what+" was not found") }

// NewReportingSecret makes a secret for a reporting key, which opens nothing until the
// administrators approved a key with its verifier. Nothing of it is kept.
func (g *Gateway) NewReportingSecret(ctx context.Context, c Caller) (v wire.ReportingSecret, err error) {
	if err := g.Enrolled(ctx, c); err != nil {
		return v, err
	}
	if v.APIKey, err = apikey.New(g.cfg.Rand, g.cfg.Env); err != nil {
		return v, err
	}
	if v.ReportingKey, err = id.New(g.cfg.Rand, id.ReportingKey); err != nil {
		return v, err
	}
	v.Verifier = apikey.Verifier(v.APIKey)
	print, err := fingerprint.Of(v.Verifier)
	v.Words, v.Digits = print.Words(), print.Digits()
	return v, err
}

// readers keep what the logs say of vaults, read once for each version of it: reporting keys
// are looked up for each question that is asked with one, and for each wrong key.
type readers struct {
	mu   sync.Mutex
	read map[string]reader // by entity
}

type reader struct {
	doc string
	by  *projection.Governance
}

// of is as [projection.Governs], for callers who change nothing of it.
func (r *readers) of(tx store.Tx, entity string) (*projection.Governance, error) {
	doc, err := tx.Governance(entity)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if kept, ok := r.read[entity]; ok && kept.doc == doc {
		return kept.by, nil
	}
	by, err := projection.Governs(tx, entity)
	if err != nil {
		return nil, err
	}
	if r.read == nil {
		r.read = map[string]reader{}
	}
	r.read[entity] = reader{doc, by}
	return by, nil
}

// reportingKeyOf finds the reporting key of a secret, by the log of an entity, as an API key
// that reads; one without an id: there is none that works.
func (g *Gateway) reportingKeyOf(tx store.Tx, developer, entity, secret string) (k store.Key, err error) {
	if !apikey.WellFormed(secret) || apikey.Foreign(secret, g.cfg.Env) { // one that a person made up could be guessed
		return k, nil
	}
	by, err := g.readers.of(tx, entity)
	if errors.Is(err, store.ErrNotFound) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	verifier := []byte(apikey.Verifier(secret))
	for _, o := range by.ReportingKeys { // all of them, in the same time
		now, _ := by.Reporting(o.ID)
		if subtle.ConstantTimeCompare([]byte(now.Verifier), verifier) == 1 && now.At(g.now().Unix()) == intent.Active {
			k = store.Key{ID: o.ID, Developer: developer, Scopes: reportingScopes}
			if now.Expires != 0 {
				k.Expires = time.Unix(now.Expires, 0).UTC()
			}
		}
	}
	if k.ID == "" {
		return k, nil
	}
	uses, err := tx.ReportingUses(entity)
	k.Used = uses[k.ID]
	return k, err
}

// reportingScopes are those of each reporting key.
const reportingScopes = wire.ScopeEntityTokens + " " + wire.ScopeRead

// reporting is what the reporting key of a token reads. It fails with [store.ErrNotFound] when
// the key does not work any more, as far as the log of the entity was read.
func (g *Gateway) reporting(tx store.Tx, entity, key string) (*projection.ReportingKey, error) {
	by, err := g.readers.of(tx, entity)
	if err != nil {
		return nil, err
	}
	k, ok := by.Reporting(key)
	if !ok || k.At(g.now().Unix()) != intent.Active {
		return nil, store.ErrNotFound
	}
	return &k, nil
}

// reportingKeys says when the reporting keys of a vault were used, and which are over.
func (g *Gateway) reportingKeys(tx store.Tx, entity string, all []wire.VaultReportingKey) error {
	uses, err := tx.ReportingUses(entity)
	for i, k := range all {
		all[i].Used = some(uses[k.ID])
		if k.State == intent.Active && k.Expires != nil && !g.now().Before(*k.Expires) {
			all[i].State = intent.Expired
		}
	}
	return err
}

// scoped is what a caller may read of a vault.
func (c Caller) scoped(v wire.Vault) wire.Vault {
	if c.SeesAll() {
		return v
	}
	return charter.For(v, c.Sees, c.Token.KeyID)
}

// members says of which members of a vault a caller may read.
func (c Caller) members(by *projection.Governance) (shown func(id string) bool, err error) {
	if c.SeesAll() {
		return func(string) bool { return true }, nil
	}
	v, err := charter.Now(by)
	ids := map[string]bool{}
	for _, m := range c.scoped(v).Members {
		ids[m.ID] = true
	}
	return func(id string) bool { return ids[id] }, err
}

// tells reports whether a caller may hear that something changed.
func (c Caller) tells(tx store.Tx, change store.Change) (bool, error) {
	if c.SeesAll() || change.What == wire.ChangedEntity {
		return true, nil
	}
	account := change.ID
	switch change.What {
	case wire.ChangedRequest:
		r, err := tx.Request(c.Entity, change.ID)
		if account = r.Account; err != nil {
			return false, none(err)
		}
	case wire.ChangedOrder:
		o, err := tx.Order(c.Entity, change.ID)
		if account = o.Account; err != nil {
			return false, none(err)
		}
	}
	return c.Sees(account), nil
}
