// Package reconcile compares what should agree: the gateway's ledger, the movements that it
// books, what addresses have on their chains, and the transactions, requests and addresses of
// the signers' logs. It changes nothing, and names each difference. Spec:
// shared/spec/reports.md, Reconciliation. web/internal/gateway and web/cmd/countersign-gateway
// are its users.
package reconcile

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// MaxDifferences are those of an entity that are named; of more only their number is told.
const MaxDifferences = 100

// Store is where the books are; store.Store is one.
type Store interface {
	Read(ctx context.Context, f func(store.Tx) error) error
}

// Node tells what addresses have; chain.Watcher is one.
type Node interface {
	At(ctx context.Context, number int64) (chain.Block, error)
	Balances(ctx context.Context, at chain.Block, addresses []string) ([]string, error)
	Holdings(ctx context.Context, at chain.Block, addresses []string) ([]chain.Holding, error)
}

// Config says what is compared.
type Config struct {
	Store    Store
	Entities []string        // whose signers' logs the gateway follows
	Chains   map[string]Node // by CAIP-2 id
	Now      func() time.Time
	Progress func(what string, done int64) // may be nil
}

// Run compares all. The books and the logs are read in one snapshot, up to the block to which
// each chain was read; then its node is asked about that block. A node that does not answer,
// or has another block, leaves its chain not compared. It fails when the database does.
func Run(ctx context.Context, cfg Config) (wire.Reconciliation, error) {
	began := cfg.Now()
	if cfg.Progress == nil {
		cfg.Progress = func(string, int64) {}
	}
	r := &run{cfg: cfg, out: wire.Reconciliation{
		Status: wire.ReconcileOK, At: began.UTC().Truncate(time.Millisecond), Logs: []wire.ReconciledLog{}, Chains: []wire.ReconciledChain{}, Differences: []wire.Difference{},
	}, attested: map[place]owner{}, chains: map[string]*onChain{}, counts: map[string]int{}}
	err := cfg.Store.Read(ctx, func(tx store.Tx) error {
		for _, id := range slices.Sorted(maps.Keys(cfg.Chains)) {
			r.chains[id] = newOnChain()
		}
		all := make([]*vault, len(cfg.Entities))
		for i, entity := range cfg.Entities {
			v, err := r.vault(tx, entity)
			if err != nil {
				return fmt.Errorf("read the vault of %s: %w", entity, err)
			}
			all[i] = v
		}
		for _, id := range slices.Sorted(maps.Keys(r.chains)) {
			if err := r.movements(tx, id, all); err != nil {
				return fmt.Errorf("read what moved on %s: %w", id, err)
			}
		}
		for _, v := range all {
			for _, f := range []func(store.Tx, *vault) error{r.ledger, r.log, r.requests} {
				if err := f(tx, v); err != nil {
					return fmt.Errorf("read the books of %s: %w", v.entity, err)
				}
			}
		}
		for _, id := range slices.Sorted(maps.Keys(r.chains)) {
			if err := r.addresses(tx, id); err != nil {
				return fmt.Errorf("read the addresses on %s: %w", id, err)
			}
		}
		return nil
	})
	if err != nil {
		return r.out, err
	}
	for _, id := range slices.Sorted(maps.Keys(r.chains)) {
		r.compare(ctx, id)
	}
	for i, l := range r.out.Logs {
		r.out.Logs[i].Differences = r.counts[l.Entity]
	}
	if r.out.Milliseconds = cfg.Now().Sub(began).Milliseconds(); r.out.Count > 0 {
		r.out.Status = wire.ReconcileDiffers
	}
	return r.out, ctx.Err()
}

// run is one comparison.
type run struct {
	cfg      Config
	out      wire.Reconciliation
	attested map[place]owner     // by the logs
	chains   map[string]*onChain // by CAIP-2 id
	counts   map[string]int      // of differences, by entity
}

// place is an address, in lower case, on a chain.
type place struct{ chain, address string }

// owner is whose an address is.
type owner struct {
	entity, account string
	must            bool // it is in use: the gateway watches it
}

func (r *run) differs(d wire.Difference) {
	r.out.Count++
	if r.counts[d.Entity]++; r.counts[d.Entity] <= MaxDifferences {
		r.out.Differences = append(r.out.Differences, d)
	}
}

// every tells progress now and then.
func (r *run) every(what string, n int64) {
	if n%10_000 == 0 {
		r.cfg.Progress(what, n)
	}
}
