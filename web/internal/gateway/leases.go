package gateway

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"countersign/shared/fault"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// Leases: one of the processes on a database does what only one should.
const (
	leaseLife  = 15 * time.Second // after which another takes over from a process that ended
	leaseRenew = 5 * time.Second  // how often the holder says that it is there
)

// processName is that of this process among those on its database.
func processName(random io.Reader) (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("name this process: %w", err)
	}
	return hex.EncodeToString(b[:]), nil
}

// lease takes, or keeps, what only one process does, and tells the others what this one
// says; nil: what was said last. When another does it, mine is false, and said is what
// that one says.
func (g *Gateway) lease(ctx context.Context, name string, says *string) (mine bool, said string, err error) {
	now := g.now()
	look := func(tx store.Tx) (l store.Lease, err error) {
		if l, err = tx.Lease(name); errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		mine, said = l.Holder == g.process || !now.Before(l.Until), l.Says
		if mine && says != nil {
			said = *says
		}
		return l, err
	}
	var l store.Lease
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { l, err = look(tx); return err }); err != nil {
		return false, "", err
	}
	if !mine || l.Holder == g.process && l.Says == said && l.Until.Sub(now) > leaseLife-leaseRenew {
		return mine, said, nil
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if _, err := look(tx); err != nil || !mine {
			return err
		}
		return tx.PutLease(store.Lease{Name: name, Holder: g.process, Until: now.Add(leaseLife), Says: said})
	})
	return mine, said, err
}

// giveBack ends the leases of this process, so that another takes over at once.
func (g *Gateway) giveBack(ctx context.Context) {
	err := g.cfg.Store.Write(context.WithoutCancel(ctx), func(tx store.Tx) error { return tx.DropLeases(g.process) })
	if err != nil {
		g.cfg.Log.Warn("give the leases of this process back", "error", err.Error())
	}
}

// watchSays is what the process that reads a chain tells the others.
type watchSays struct {
	Head     chain.Block `json:"head"`
	Read     int64       `json:"read"`
	Progress time.Time   `json:"progress"`
	Failing  time.Time   `json:"failing"`
	Reason   string      `json:"reason"`
}

func (w *watch) says() (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	text, err := json.Marshal(watchSays{w.head, w.read, w.progress, w.failing, w.reason})
	return string(text), err
}

// believe takes over what the process says that reads the chain.
func (w *watch) believe(said string) error {
	var s watchSays
	if said != "" {
		if err := json.Unmarshal([]byte(said), &s); err != nil {
			return fmt.Errorf("read what another process says of chain %s: %w", w.id, err)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.head, w.read, w.progress, w.failing, w.reason = s.Head, s.Read, s.Progress, s.Failing, s.Reason
	return nil
}

// Watch reads what is new on a chain, as [Gateway.Deposits] does, while no other process
// on this database does: else it takes over what that one says about the chain. It fails
// when the database does; how the chain is, its health says.
func (g *Gateway) Watch(ctx context.Context, id string) error {
	w := g.watches[id]
	if w == nil {
		return fault.New(fault.NotFound, "no node is configured for this chain")
	}
	name := "chain " + id
	mine, said, err := g.lease(ctx, name, nil)
	if err != nil {
		return err
	}
	if !mine {
		return w.believe(said)
	}
	reading, read := context.WithCancel(ctx)
	kept := make(chan error, 1)
	go func() { kept <- g.keepLease(reading, name) }()
	_ = g.Deposits(ctx, id) // told by the watch, once for each change
	read()
	if err := <-kept; err != nil {
		return err
	}
	if said, err = w.says(); err != nil {
		return err
	}
	_, _, err = g.lease(ctx, name, &said)
	return err
}

// keepLease renews a lease until ctx ends.
func (g *Gateway) keepLease(ctx context.Context, name string) error {
	t := time.NewTicker(leaseRenew)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
		if _, _, err := g.lease(ctx, name, nil); err != nil && ctx.Err() == nil {
			return err
		}
	}
}
