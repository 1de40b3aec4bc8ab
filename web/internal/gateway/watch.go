package gateway

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"countersign/shared/asset"
	"countersign/shared/fault"
	"countersign/shared/query"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// Chain reads one chain; [chain.Watcher] is one. Its errors are shown to
// operators: they hold no address and no key of a node.
type Chain interface {
	Head(ctx context.Context) (chain.Block, error)
	At(ctx context.Context, number int64) (chain.Block, error)
	Read(ctx context.Context, after chain.Block, upTo int64, watched chain.Watched) ([]chain.Block, []chain.Arrival, error)
	Balances(ctx context.Context, at chain.Block, addresses []string) ([]string, error)
	Holdings(ctx context.Context, at chain.Block, addresses []string) ([]chain.Holding, error)
	Locate(ctx context.Context, g chain.Gap) ([]chain.Arrival, error)
	Settled(ctx context.Context, at chain.Block, address string) error
	Sent(ctx context.Context, at chain.Block, address string) (int64, error)
}

// Watched is a chain whose deposits are seen, and how many blocks make one final,
// its own included.
type Watched struct {
	Node          Chain
	Sender        Sender // nil: nothing is sent on it
	Confirmations int64
}

// Policy of watching.
const (
	depositEvery = 5 * time.Second // a question to a node costs something
	sandboxEvery = time.Second
	patience     = time.Minute      // a node may fail for so long before nothing more is sold on its chain
	oldBlock     = 10 * time.Minute // a newest block older than this says that the node does not follow its chain
	farBehind    = 20               // blocks
	addressPage  = 1000
)

// watch is a chain that is read, and how that goes.
type watch struct {
	Watched
	id string

	scanning sync.Mutex // one scan at a time
	set      chain.Watched
	newest   int64 // position of the newest address in set
	doubts   doubts
	held     map[string]string // what keeps something from being done, as the log was told
	price    *chain.Fees       // that the chain takes, as of this scan; nil: it was not asked yet

	mu       sync.Mutex
	head     chain.Block
	read     int64
	moved    bool      // the last scan read blocks, and could not read the next
	progress time.Time // of the last scan that succeeded, or moved; zero: none did
	failing  time.Time // since when scans fail; zero: the last one succeeded
	reason   string
	fails    int    // scans that failed in a row
	told     string // what the log was told last
}

// fees are what the chain takes now, asked once in a scan. They are for the scan alone: clients
// ask beside it.
func (w *watch) fees(ctx context.Context) (chain.Fees, error) {
	if w.price == nil {
		now, err := w.Sender.Fees(ctx)
		if err != nil {
			return now, err
		}
		w.price = &now
	}
	return *w.price, nil
}

// learn adds the addresses that came since the last look.
func (w *watch) learn(ctx context.Context, db store.Store) error {
	if w.set == nil {
		w.set = chain.Watched{}
	}
	return db.Read(ctx, func(tx store.Tx) error {
		for {
			all, err := tx.Addresses(w.id, w.newest, addressPage)
			if err != nil || len(all) == 0 {
				return err
			}
			for _, a := range all {
				w.set[a.Address], w.newest = true, a.Pos
			}
		}
	})
}

// kindOf is a text without its figures: two of one kind tell the same.
func kindOf(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
}

// note keeps how a scan ended, and tells the log when that changed.
func (g *Gateway) note(w *watch, err error) {
	now := g.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && w.id != asset.Sandbox && now.Sub(w.head.At) > oldBlock {
		err = fmt.Errorf("the node's newest block, %d, is of %s: it does not follow its chain", w.head.Number, w.head.At.Format(time.RFC3339))
	}
	if err == nil {
		w.progress, w.failing, w.reason, w.fails = now, time.Time{}, "", 0
	} else {
		w.reason = err.Error()
		w.fails++
		// It fails, and gets on: a node that limits calls is caught up with in parts. New
		// blocks say nothing where it is balances that cannot be read.
		if w.moved {
			w.progress, w.failing = now, now
		}
		if w.failing.IsZero() {
			w.failing = now
		}
	}
	w.moved = false
	// Numbers of blocks change with each scan: they are not news.
	kind := kindOf(w.reason)
	if kind == w.told || w.fails == 1 {
		return // one failure alone is not news: of several nodes behind one address, some are behind
	}
	w.told = kind
	if err != nil {
		g.cfg.Log.Warn("chain is not read", "chain", w.id, "reason", w.reason, "head", w.head.Number, "read", w.read)
	} else {
		g.cfg.Log.Info("chain is read again", "chain", w.id, "head", w.head.Number, "read", w.read)
	}
}

// health is how the watch over a chain goes.
func (w *watch) health(now time.Time) wire.ChainHealth {
	w.mu.Lock()
	defer w.mu.Unlock()
	h := wire.ChainHealth{
		Chain: w.id, Name: asset.ChainName(w.id), Status: wire.ChainOK, Head: w.head.Number, Read: w.read,
		Lag: max(w.head.Number-w.read, 0), Reason: w.reason,
	}
	if !w.progress.IsZero() {
		at := w.progress
		h.LastProgress = &at
	}
	switch {
	case w.progress.IsZero() && w.failing.IsZero():
		h.Status = wire.ChainStarting
	case !w.failing.IsZero() && (w.progress.IsZero() || now.Sub(w.failing) >= patience):
		h.Status = wire.ChainStalled
	case h.Lag > farBehind:
		h.Status = wire.ChainBehind
	}
	return h
}

// unwatched says why deposits on a chain are not seen at present; empty while
// they are.
func (g *Gateway) unwatched(id string) string {
	w := g.watches[id]
	if w == nil {
		return "deposits on " + asset.ChainName(id) + " would not be seen: the gateway has no node for " + id
	}
	switch h := w.health(g.now()); h.Status {
	case wire.ChainStarting:
		return "deposits on " + h.Name + " are not seen yet: its node was not reached since the gateway started"
	case wire.ChainStalled:
		return "deposits on " + h.Name + " are not seen at present: its node cannot be read"
	}
	return ""
}

// misspelt names the asset of the chain that somebody meant who mistyped its
// LedgerId, and is empty when the LedgerId is one, or near none.
func misspelt(chain, written string) string {
	if _, known := asset.ByID(written); known {
		return ""
	}
	var ids []string
	for _, a := range asset.OnChain(chain) {
		ids = append(ids, a.ID)
	}
	if meant := query.Near(written, ids); meant != "" {
		return "; did you mean " + meant + "?"
	}
	return ""
}

// buyable refuses what cannot be bought into an account on the chain, with the
// field that holds the asset in details: INVALID_REQUEST when the chain cannot
// hold the asset or nothing can see it arrive, NOT_ELIGIBLE (details reason
// CHAIN_NOT_WATCHED) while the chain is not read; and with UNAVAILABLE (details
// reason clock) everything while the clock is not believed.
func (g *Gateway) buyable(id, bought, field string) error {
	if err := g.timely(); err != nil {
		return err
	}
	if _, why := asset.Buyable(id, bought); why != "" {
		return fault.New(fault.Invalid, why+misspelt(id, bought)).With("field", field).With("chain", id).With("asset", bought)
	}
	if why := g.unwatched(id); why != "" {
		return fault.New(fault.NotEligible, why).With("field", field).With("chain", id).With("reason", "CHAIN_NOT_WATCHED")
	}
	return nil
}
