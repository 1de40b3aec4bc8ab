package gateway

import (
	"context"
	"errors"
	"fmt"
	"time"

	"countersign/shared/amount"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/quote"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// NewRequest makes a governed request of a quote: it pins the quote, asks the
// signer for the request with an address of the vault's own, and reads it back
// from the signer's log. It fails with QUOTE_EXPIRED, NOT_FOUND, CONFLICT
// (details request: the quote is pinned in another), DENIED_BY_RULES,
// ENTITY_NOT_ENROLLED and SIGNER_UNAVAILABLE. After a failure of the signer the
// same question goes on where it was: the quote stays pinned, the request keeps
// its id.
func (g *Gateway) NewRequest(ctx context.Context, c Caller, in wire.RequestInput, key string) (wire.Request, error) {
	if len(in.Intent) > 0 {
		return g.newIntent(ctx, c, in.Intent, key)
	}
	_, account, err := g.account(ctx, c, in.AccountID)
	if err != nil {
		return wire.Request{}, err
	}
	signer, err := g.ownSigner(ctx, c)
	if err != nil {
		return wire.Request{}, err
	}
	defer g.locks.lock("quote\x00" + in.QuoteID)()
	ask, err := g.pin(ctx, c, in, account.Chain, key)
	if err != nil {
		return wire.Request{}, err
	}
	return g.asked(ctx, c, signer, ask)
}

// asked asks the signer for a request that is not in its log yet, and reads it back.
func (g *Gateway) asked(ctx context.Context, c Caller, signer Signer, ask wire.SignerRequestInput) (wire.Request, error) {
	if err := g.known(ctx, c, ask.Request); errors.Is(err, store.ErrNotFound) {
		got, err := signer.Request(ctx, ask)
		if err != nil {
			return wire.Request{}, err
		}
		if got.Request != ask.Request {
			return wire.Request{}, fmt.Errorf("the signer answered with request %q for %q", got.Request, ask.Request)
		}
		if err := g.Sync(ctx, c.Entity); err != nil {
			return wire.Request{}, err
		}
	} else if err != nil {
		return wire.Request{}, err
	}
	return g.Request(ctx, c, ask.Request)
}

func (g *Gateway) known(ctx context.Context, c Caller, id string) error {
	return g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		_, err := tx.Request(c.Entity, id)
		return err
	})
}

// pin binds the quote to one request into an account on chain, and keeps what
// the signer is asked.
func (g *Gateway) pin(ctx context.Context, c Caller, in wire.RequestInput, chain, key string) (wire.SignerRequestInput, error) {
	id, err := id.New(g.cfg.Rand, id.Request)
	if err != nil {
		return wire.SignerRequestInput{}, err
	}
	var ask wire.SignerRequestInput
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		q, err := tx.Quote(c.Entity, in.QuoteID)
		if err != nil {
			return found(err, "the quote")
		}
		if q.Account != in.AccountID {
			return otherAccount()
		}
		if q.Request != "" {
			_, err := tx.Request(c.Entity, q.Request)
			if err == nil && q.Key != key {
				return fault.New(fault.Conflict, "a request was made of this quote already").With("request", q.Request)
			}
			// Pinned, but the signer may not have heard of it: go on there.
			if ask = askOf(q); !errors.Is(err, store.ErrNotFound) {
				return err
			}
			return g.buyable(chain, q.Row.Asset, "quote_id")
		}
		if q, err = g.drafted(q, in, chain, id); err != nil {
			return err
		}
		q.Key = key
		ask = askOf(q)
		return tx.PutQuote(q)
	})
	return ask, err
}

// drafted is a quote with the request that is made of it into an account on chain.
func (g *Gateway) drafted(q store.Quote, in wire.RequestInput, chain, id string) (store.Quote, error) {
	now := g.now()
	if q.Row.Expired(now) {
		return q, fault.New(fault.QuoteExpired, "the quote has run out: ask for quotes again").With("expired_at", q.Row.ExpiresAt.UTC().Format(time.RFC3339))
	}
	if err := g.buyable(chain, q.Row.Asset, "quote_id"); err != nil {
		return q, err
	}
	minimum, err := minimumOf(q.Row)
	if err != nil {
		return q, err
	}
	draft, err := intent.Encode(intent.Buy{
		Kind: intent.KindBuy, V: 1, Account: q.Account, Provider: q.Row.Provider, ProviderName: q.Row.ProviderName,
		Fiat:    intent.Fiat{Amount: q.Row.FiatAmount, Currency: q.Row.Fiat},
		Crypto:  intent.Crypto{Amount: q.Row.CryptoAmount, Asset: q.Row.Asset},
		Minimum: minimum, PaymentMethod: q.Input.PaymentMethod, Country: q.Input.Country, Quote: q.ID, Purpose: in.Purpose, Reference: in.Reference,
	})
	q.Request, q.Draft, q.Expires = id, string(draft), now.Add(g.cfg.RequestLife).Truncate(time.Second)
	return q, err
}

// DryRun says what the rules would say of a request, and makes none: nothing
// is written, here or at the signer, and the quote stays free. It fails as
// [Gateway.NewRequest] does, except that a denial is an answer, and a quote of which a
// request was made is as good as another.
func (g *Gateway) DryRun(ctx context.Context, c Caller, in wire.DryRunInput) (wire.Explanation, error) {
	if len(in.Intent) > 0 {
		return g.dryIntent(ctx, c, in)
	}
	_, account, err := g.account(ctx, c, in.AccountID)
	if err != nil {
		return wire.Explanation{}, err
	}
	signer, err := g.ownSigner(ctx, c)
	if err != nil {
		return wire.Explanation{}, err
	}
	id, err := id.New(g.cfg.Rand, id.Request)
	if err != nil {
		return wire.Explanation{}, err
	}
	var q store.Quote
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		q, err = tx.Quote(c.Entity, in.QuoteID)
		return found(err, "the quote")
	}); err != nil {
		return wire.Explanation{}, err
	}
	if q.Account != in.AccountID {
		return wire.Explanation{}, otherAccount()
	}
	if q, err = g.drafted(q, in.RequestInput, account.Chain, id); err != nil {
		return wire.Explanation{}, err
	}
	return signer.DryRun(ctx, askOf(q))
}

func otherAccount() error {
	return fault.New(fault.Invalid, "the quote is for another account").With("field", "account_id")
}

// askOf is what the signer is asked for a quote that is pinned.
func askOf(q store.Quote) wire.SignerRequestInput {
	return wire.SignerRequestInput{Request: q.Request, Intent: intent.Doc(q.Draft), ExpiresAt: q.Expires}
}

// minimumOf is what the approvers will accept as the minimum: the quoted amount
// less the tolerance of 1 %, rounded up to the asset's places.
func minimumOf(r quote.Row) (string, error) {
	a, err := amount.Parse(r.CryptoAmount)
	if err != nil {
		return "", fmt.Errorf("read the amount of quote %s: %w", r.ID, err)
	}
	return a.MulRatio(toleranceNum, toleranceDen, max(r.AssetPlaces, a.Places()), amount.Ceil).Trim().String(), nil
}

// Request is one request.
func (g *Gateway) Request(ctx context.Context, c Caller, id string) (wire.Request, error) {
	var r store.Request
	var by *projection.Governance
	var o *store.Order
	var s *store.Sending
	var m *store.Message
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		var err error
		if r, err = tx.Request(c.Entity, id); err != nil {
			return found(err, "the request")
		}
		if !c.Sees(r.Account) {
			return unseen("the request")
		}
		if s, err = sendingOf(tx, r); err != nil {
			return err
		}
		if m, err = messageOf(tx, r); err != nil {
			return err
		}
		if o, err = orderOf(tx, r); err != nil {
			return err
		}
		by, err = projection.Governs(tx, c.Entity)
		return err
	})
	if err != nil {
		return wire.Request{}, err
	}
	return g.view(r, by, by.Current(), o, s, m), nil
}

func orderOf(tx store.Tx, r store.Request) (*store.Order, error) {
	if r.Order == "" {
		return nil, nil
	}
	o, err := tx.Order(r.Entity, r.Order)
	return &o, err
}

// Requests are newest first, those that the caller may read. An empty state is every state.
func (g *Gateway) Requests(ctx context.Context, c Caller, state, cursor string, limit int) (wire.Page[wire.Request], error) {
	p := wire.Page[wire.Request]{Items: []wire.Request{}}
	next, err := g.requests(ctx, c, store.RequestFilter{State: state}, cursor, limit, func(_ store.Request, v wire.Request, _ statement.Genesis) { p.Items = append(p.Items, v) })
	p.NextCursor = next
	return p, err
}

// requests calls add with those that a filter chooses, as the log has them and as clients see
// them, at most limit, and says with which the next ones begin.
func (g *Gateway) requests(ctx context.Context, c Caller, f store.RequestFilter, cursor string, limit int, add func(store.Request, wire.Request, statement.Genesis)) (next string, err error) {
	state := f.State
	if f.Among = c.among(); state == wire.RequestLapsed {
		f.State = wire.RequestApproved // the clock makes the difference
	}
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		by, err := projection.Governs(tx, c.Entity)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		gen := by.Current()
		last, n := "", 0
		for {
			all, err := tx.Requests(c.Entity, f, cursor, limit+1)
			if err != nil {
				return err
			}
			for _, r := range all {
				cursor = r.ID
				o, err := orderOf(tx, r)
				if err != nil {
					return err
				}
				sent, err := sendingOf(tx, r)
				if err != nil {
					return err
				}
				said, err := messageOf(tx, r)
				if err != nil {
					return err
				}
				v := g.view(r, by, gen, o, sent, said)
				if state != "" && v.State != state {
					continue
				}
				if n == limit {
					next = last
					return nil
				}
				add(r, v, gen)
				last, n = r.ID, n+1
			}
			if len(all) <= limit {
				return nil
			}
		}
	})
	return next, err
}

// Preview is what the bridge will show to a member; without a decision, about the one
// that the request waits for.
func (g *Gateway) Preview(ctx context.Context, c Caller, id, member, decision string) (wire.StatementPreview, error) {
	gen, err := g.genesis(ctx, c)
	if err != nil {
		return wire.StatementPreview{}, err
	}
	r, err := g.Request(ctx, c, id)
	if err != nil {
		return wire.StatementPreview{}, err
	}
	switch {
	case decision != "":
	case r.State == wire.RequestUnsent:
		decision = statement.Initiate
	default:
		decision = statement.Approve
	}
	var initiator wire.Approver
	if r.Initiator != nil {
		initiator = *r.Initiator
	}
	for _, m := range gen.Members {
		if m.Member != member {
			continue
		}
		key, err := jws.FromJWK(m.Approval)
		if err != nil {
			return wire.StatementPreview{}, err
		}
		now := g.now()
		text, err := statement.Preview(statement.Approval{
			Entity: gen.Entity, EntityName: gen.EntityName, Request: r.ID, Step: r.Step, Decision: decision,
			Member: m.Member, MemberName: m.Name, Key: key.Thumbprint(), Intent: r.Intent, Initiator: initiator.Member, InitiatorName: initiator.Name,
			GovernedBy: statement.GovernedBy{RuleSet: r.Rule.RuleSet, Version: r.Rule.Version, Digest: r.Rule.Digest, Rule: r.Rule.Name, UseWithin: r.Rule.UseWithin},
			Impact:     r.Impact, IssuedAt: now.Unix(), Expires: now.Add(statement.Lifetime).Unix(),
		})
		return wire.StatementPreview{Request: r.ID, Member: member, Decision: decision, Text: text}, err
	}
	return wire.StatementPreview{}, fault.New(fault.NotFound, "the member was not found").With("field", "member")
}
