package gateway

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"countersign/shared/wire"
)

// Pauses of sources of rates.
const (
	sourceEvery = 2 * time.Second
	sourceAgain = 5 * time.Second // after a rate was fetched and is wanted still; twice as long after each other time
	sourceMost  = time.Minute
)

// Sources fetches rates from the programs that sign them.
type Sources interface {
	// Rate fetches a rate for an entity's vault from an address: a compact JWS.
	Rate(ctx context.Context, address, entity string, of wire.SignerRate) (string, error)
}

// FetchRates fetches the rates that the signer of an entity wants from the sources whose
// addresses are known, and hands them to the signer. Without one nothing says what an asset
// is worth. It returns what went wrong.
func (g *Gateway) FetchRates(ctx context.Context, entity string) error {
	v, err := g.vault(entity)
	if err != nil || len(v.Sources) == 0 {
		return err
	}
	if mine, _, err := g.lease(ctx, "rates of "+entity, nil); err != nil || !mine {
		return err
	}
	wanted, err := v.Signer.Rates(ctx)
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	said, asked := make([]error, len(wanted.Rates)), make([]string, len(wanted.Rates))
	now := g.now()
	// What was not wanted meanwhile is fetched at once when it is wanted again.
	maps.DeleteFunc(v.fetched, func(_ string, p pause) bool { return now.After(p.until.Add(2*sourceEvery + sourceAgain)) })
	for i, of := range wanted.Rates {
		address, known := v.Sources[of.Source]
		if !known {
			said[i] = fmt.Errorf("no address of the source of rates %s is configured", of.Source)
			continue
		}
		name := of.Source + " " + of.Asset + " " + of.Currency
		was := v.fetched[name]
		if now.Before(was.until) {
			said[i] = was.err
			continue
		}
		asked[i] = name
		wg.Go(func() {
			rate, err := g.cfg.Sources.Rate(ctx, address, entity, of)
			if err == nil {
				_, err = v.Signer.Rate(ctx, rate)
			}
			if err != nil {
				said[i] = fmt.Errorf("%s in %s by %s: %w", of.Asset, of.Currency, of.Source, err)
			}
		})
	}
	wg.Wait()
	for i, name := range asked {
		if name != "" {
			last := min(max(sourceAgain, 2*v.fetched[name].last), sourceMost)
			v.fetched[name] = pause{now.Add(last), last, said[i]}
		}
	}
	return errors.Join(said...)
}
