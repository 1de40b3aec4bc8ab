package gateway

import (
	"context"
	"errors"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/quote"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// Providers are all providers and what they can do.
func (g *Gateway) Providers(ctx context.Context, c Caller) (wire.Providers, error) {
	p := wire.Providers{Providers: g.cfg.Desk.Providers(ctx), Ranking: quote.TheRanking(), ServerTime: g.now()}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		for i := range p.Providers {
			r, err := recordOf(tx, c.Entity, p.Providers[i].ID)
			if err != nil {
				return err
			}
			p.Providers[i].Record = &r
		}
		return nil
	})
	return p, err
}

// Stream receives events of GET /v1/quotes as they happen; see wire.EventOpen.
type Stream func(event string, data any)

// Quotes asks the providers. Quotes are for the account's own address; the
// order asks again for the request's. Each quote is kept before it is shown.
// stream may be nil. With soon the slowest are not waited for. It fails with
// INVALID_REQUEST, details by field.
func (g *Gateway) Quotes(ctx context.Context, c Caller, in quote.Input, account string, soon bool, stream Stream) (wire.Quotes, error) {
	in, err := question(in, account)
	if err != nil {
		return wire.Quotes{}, err
	}
	gen, acc, err := g.account(ctx, c, account)
	if err != nil {
		return wire.Quotes{}, err
	}
	in.Dest = acc.Address
	if err := g.buyable(acc.Chain, in.To, "to"); err != nil {
		return wire.Quotes{}, err
	}
	if err := g.limit.quotes.Spend(c.Entity); err != nil {
		return wire.Quotes{}, err
	}
	answered, err := g.limit.asking.begin(c.Entity)
	if err != nil {
		return wire.Quotes{}, err
	}
	defer answered()
	name, err := id.New(g.cfg.Rand, id.Question)
	if err != nil {
		return wire.Quotes{}, err
	}
	keep := func(tx store.Tx, r quote.Row) error {
		return errors.Join(tx.PutQuote(store.Quote{ID: r.ID, Entity: gen.Entity, Account: acc.Account, Input: in, Row: r}), tx.TrimQuotes(gen.Entity, QuotesKept))
	}
	emit := func(quote.Event) {}
	kept, past := map[string]bool{}, records{gen.Entity, map[string]quote.Record{}}
	if stream != nil {
		stream(wire.EventOpen, wire.QuoteOpen{Question: name, Account: acc.Account, Input: in, ServerTime: g.now()})
		emit = func(e quote.Event) {
			if e.Excluded != nil {
				stream(wire.EventExcluded, *e.Excluded)
			}
			if e.Settled != nil {
				stream(wire.EventSettled, *e.Settled)
			}
			r := e.Quote
			if r == nil {
				return
			}
			shown := *r
			err := g.cfg.Store.Write(ctx, func(tx store.Tx) (err error) {
				if shown, err = past.expect(tx, *r); err != nil {
					return err
				}
				return keep(tx, *r)
			})
			if err != nil {
				g.cfg.Log.Error("keep a quote", "question", name, "error", err.Error())
				return
			}
			kept[r.ID] = true
			stream(wire.EventQuote, shown)
		}
	}
	res, err := g.cfg.Desk.Quote(ctx, in, soon, emit)
	if err != nil {
		return wire.Quotes{}, err
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		for i, r := range res.Quotes {
			if !kept[r.ID] {
				if err := keep(tx, r); err != nil {
					return err
				}
			}
			if res.Quotes[i], err = past.expect(tx, r); err != nil {
				return err
			}
		}
		return nil
	})
	quote.RankExpected(res.Quotes)
	res.Ranking = quote.TheRanking()
	if err != nil {
		return wire.Quotes{}, err
	}
	return wire.Quotes{Question: name, Account: acc.Account, Result: res}, nil
}

// question puts the parameters of GET /v1/quotes in their canonical form. It
// fails with INVALID_REQUEST: details field names the first parameter that is
// missing or wrong, and each of them is a detail of its own, with what to do.
func question(in quote.Input, account string) (quote.Input, error) {
	in, problems := quote.Normalise(in)
	if account == "" {
		problems = append(problems, quote.Problem{Field: "account", Code: quote.CodeInvalid, Message: "Choose the account to buy into, by its id, such as acc_treasury."})
	}
	if len(problems) == 0 {
		return in, nil
	}
	f := fault.New(fault.Invalid, problems[0].Message)
	for i, p := range problems {
		name := strings.ReplaceAll(p.Field, "_", "-") // as in the query
		if i == 0 {
			f = f.With("field", name)
		}
		f = f.With(name, p.Message)
	}
	return in, f
}

// Enrolled fails with ENTITY_NOT_ENROLLED when the signer does not know the
// caller's entity, and with SIGNER_UNAVAILABLE when it was not heard yet.
func (g *Gateway) Enrolled(ctx context.Context, c Caller) error {
	_, err := g.genesis(ctx, c)
	return err
}

// genesis is what the signer says about the caller's entity. It fails with
// ENTITY_NOT_ENROLLED.
func (g *Gateway) genesis(ctx context.Context, c Caller) (statement.Genesis, error) {
	var gen statement.Genesis
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		gen, err = projection.Genesis(tx, c.Entity)
		return err
	})
	if f, ok := fault.As(found(err, "the entity")); ok && f.Code == fault.NotFound {
		err = fault.Wrap(err, fault.EntityUnknown, "the vault's signer does not know this entity")
		if v := g.vaults[c.Entity]; v != nil {
			if _, serr := v.read(); serr != nil {
				err = fault.Wrap(serr, fault.SignerDown, "the signer was not reached yet: try again in a moment")
			}
		}
	}
	return gen, err
}

func (g *Gateway) account(ctx context.Context, c Caller, id string) (statement.Genesis, statement.GenesisAccount, error) {
	gen, err := g.genesis(ctx, c)
	if err != nil {
		return gen, statement.GenesisAccount{}, err
	}
	for _, a := range gen.Accounts {
		if a.Account == id && c.Sees(id) {
			return gen, a, nil
		}
	}
	return gen, statement.GenesisAccount{}, fault.New(fault.NotFound, "the account was not found").With("field", "account")
}
