package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/reconcile"
	"countersign/web/internal/store"
)

const (
	reconcileEvery = time.Hour
	reconcileAgain = 5 * time.Minute // after a node did not answer
	reconcileLook  = time.Minute     // how often it is looked whether it is time
	reconcileLease = "reconcile"
)

// Reconcile compares books, chains and logs at the first call of a process, and once an hour
// after that, while no other process on this database does; after five minutes where a node did
// not answer. What it found is in the health. It
// fails when the database does.
func (g *Gateway) Reconcile(ctx context.Context) error {
	mine, said, err := g.lease(ctx, reconcileLease, nil)
	if err != nil || !mine {
		return err
	}
	last, err := readReconciliation(said)
	if err != nil { // of another version: it is done again
		g.cfg.Log.Warn("the last reconciliation cannot be read", "error", err.Error())
	}
	since, due := g.now().Sub(last.At), reconcileEvery
	if len(reconciledView(last).NotCompared) > 0 {
		due = reconcileAgain
	}
	if since < due && (g.reconciled.Swap(true) || since < reconcileLook) {
		return nil
	}
	g.reconciled.Store(true)
	working, done := context.WithCancel(ctx)
	kept := make(chan error, 1)
	go func() { kept <- g.keepLease(working, reconcileLease) }()
	r, err := reconcile.Run(ctx, g.comparison())
	done()
	if err := errors.Join(err, <-kept); err != nil {
		return err
	}
	g.tellReconciliation(r)
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("keep the reconciliation: %w", err)
	}
	said = string(text)
	_, _, err = g.lease(ctx, reconcileLease, &said)
	return err
}

// comparison is what is compared.
func (g *Gateway) comparison() reconcile.Config {
	cfg := reconcile.Config{Store: g.cfg.Store, Entities: slices.Sorted(maps.Keys(g.vaults)), Chains: map[string]reconcile.Node{}, Now: g.cfg.Now}
	for id, w := range g.watches {
		cfg.Chains[id] = w.Node
	}
	return cfg
}

func (g *Gateway) tellReconciliation(r wire.Reconciliation) {
	for _, c := range r.Chains {
		if c.Status == wire.ChainNotCompared {
			g.cfg.Log.Warn("the books are not compared with a chain", "chain", c.Chain, "reason", c.Reason)
		}
	}
	for _, d := range r.Differences {
		g.cfg.Log.Error("books, chain and log differ", "kind", d.Kind, "entity", d.Entity, "account", d.Account, "asset", d.Asset, "address", d.Address,
			"books", d.Books, "other", d.Other, "hash", d.Hash, "request", d.Request, "text", d.Text)
	}
	if n := r.Count - len(r.Differences); n > 0 {
		g.cfg.Log.Error("books, chain and log differ in more than is named", "more", n)
	}
}

// readReconciliation reads the last one; zero: there was none.
func readReconciliation(said string) (r wire.Reconciliation, err error) {
	if said != "" {
		err = json.Unmarshal([]byte(said), &r)
	}
	return r, err
}

// lastReconciliation is the last one of any process.
func (g *Gateway) lastReconciliation(tx store.Tx) (wire.Reconciliation, error) {
	l, err := tx.Lease(reconcileLease)
	if err != nil {
		return wire.Reconciliation{}, none(err)
	}
	r, err := readReconciliation(l.Says)
	if err != nil {
		r = wire.Reconciliation{}
	}
	return r, nil
}

// reconciledView is how the last one ended, without what is an entity's.
func reconciledView(r wire.Reconciliation) wire.Reconciled {
	v := wire.Reconciled{Status: wire.ReconcileNever, NotCompared: []string{}}
	if r.At.IsZero() {
		return v
	}
	v.Status, v.At, v.Differences = r.Status, &r.At, r.Count
	for _, c := range r.Chains {
		if c.Status == wire.ChainNotCompared {
			v.NotCompared = append(v.NotCompared, c.Chain)
		}
	}
	return v
}

// Reconciliation is the last one, with the differences of the caller's entity. It fails with
// NOT_FOUND when there was none.
func (g *Gateway) Reconciliation(ctx context.Context, c Caller) (r wire.Reconciliation, err error) {
	if err := g.Enrolled(ctx, c); err != nil {
		return r, err
	}
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { r, err = g.lastReconciliation(tx); return err }); err != nil {
		return r, err
	}
	if r.At.IsZero() {
		return r, unseen("a reconciliation")
	}
	r.Count = 0
	r.Logs = slices.DeleteFunc(r.Logs, func(l wire.ReconciledLog) bool { return l.Entity != c.Entity })
	for _, l := range r.Logs {
		r.Count += l.Differences
	}
	r.Differences = slices.DeleteFunc(r.Differences, func(d wire.Difference) bool { return d.Entity != c.Entity })
	if r.Status = wire.ReconcileOK; r.Count > 0 {
		r.Status = wire.ReconcileDiffers
	}
	return r, nil
}
