package gateway

import (
	"context"
	"errors"
	"fmt"

	"countersign/shared/fault"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// Bounds of one scan.
const (
	keptBlocks  = 2048 // whose hashes are remembered
	sweepAtOnce = 300  // addresses whose balance is looked at
	deepest     = 512  // blocks that a reorganisation is believed to take back
)

// errAgain says that what was read is no longer what the next step is made from: an
// address came, or another process read the chain too.
var errAgain = errors.New("an address came, or another process read, while the chain was read")

// Deposits reads what is new on a chain. What arrived is kept, what is final is
// booked, orders that it completes are completed, and what a reorganisation took
// back is reversed, in one transaction with the place up to which was read. Then
// it looks for what balances show beyond that.
func (g *Gateway) Deposits(ctx context.Context, id string) error {
	w := g.watches[id]
	if w == nil {
		return fault.New(fault.NotFound, "no node is configured for this chain")
	}
	w.scanning.Lock()
	defer w.scanning.Unlock()
	w.price = nil
	err := g.scan(ctx, w)
	for range 3 {
		if errors.Is(err, errAgain) {
			err = g.scan(ctx, w)
		}
	}
	if ctx.Err() == nil {
		g.note(w, err)
	}
	return err
}

func (g *Gateway) scan(ctx context.Context, w *watch) error {
	if err := w.learn(ctx, g.cfg.Store); err != nil {
		return err
	}
	head, err := w.Node.Head(ctx)
	if err != nil {
		return err
	}
	w.mu.Lock()
	w.head = head
	w.mu.Unlock()
	was, err := g.cursor(ctx, w, head)
	if err != nil {
		return err
	}
	base, blocks, arrivals, unread := g.read(ctx, w, was, head)
	if unread != nil && len(blocks) == 0 {
		return unread
	}
	now := base
	if len(blocks) > 0 {
		now = blocks[len(blocks)-1]
	}
	if now.Number == base.Number && head.Number > base.Number {
		return fmt.Errorf("the node's newest block is %d, and it gives none after %d", head.Number, base.Number)
	}
	if now != was {
		if err := g.keep(ctx, w, was, base, blocks, arrivals); err != nil {
			return err
		}
	}
	w.mu.Lock()
	w.read, w.moved = now.Number, unread != nil && now != was
	w.mu.Unlock()
	if unread != nil {
		return unread
	}
	if now.Number != head.Number || now.Hash != head.Hash {
		return nil // transactions in blocks that are not read yet may explain the balances
	}
	sent := g.transact(ctx, w, now)
	if errors.Is(sent, errAgain) {
		return errAgain
	}
	g.hold(w, "transactions are sent", sent) // each says why, and the chain is read all the same
	if err := g.sweep(ctx, w, now); err != nil {
		return err
	}
	err = g.collect(ctx, w)
	if ctx.Err() == nil {
		g.hold(w, "deposits are swept", err)
	}
	return nil
}

// hold tells the log once what keeps something from being done on a chain, and when it goes on.
func (g *Gateway) hold(w *watch, what string, err error) {
	now := ""
	if err != nil {
		now = kindOf(err.Error())
	}
	was := w.held[what]
	if now == was {
		return
	}
	if w.held == nil {
		w.held = map[string]string{}
	}
	if w.held[what] = now; err == nil {
		g.cfg.Log.Info(what+" again", "chain", w.id)
		return
	}
	g.cfg.Log.Warn("not all "+what, "chain", w.id, "cause", err)
}

// cursor is up to where the chain was read. One that was never read starts at
// its head: what came before shows in balances.
func (g *Gateway) cursor(ctx context.Context, w *watch, head chain.Block) (chain.Block, error) {
	var text string
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		text, err = tx.Cursor(w.id)
		return err
	})
	if err != nil {
		return chain.Block{}, err
	}
	if text != "" {
		return chain.ParseCursor(text)
	}
	start := chain.Block{Number: head.Number, Hash: head.Hash}
	return start, g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if text, err := tx.Cursor(w.id); err != nil || text != "" {
			return errors.Join(err, errAgain)
		}
		return errors.Join(tx.PutBlock(w.id, start.Number, start.Hash), tx.PutCursor(w.id, start.Cursor()))
	})
}

// unmoved fails with errAgain when a chain was not read up to at, and no further, by all
// processes on this database.
func unmoved(tx store.Tx, id string, at chain.Block) error {
	text, err := tx.Cursor(id)
	if err == nil && text != at.Cursor() {
		err = errAgain
	}
	return err
}

// read reads the blocks after the newest one that is known and still in the
// chain, which is base. Each block names its parent, so one question is enough
// where nothing is new. Blocks that were read before an error are returned with
// it, and are kept.
func (g *Gateway) read(ctx context.Context, w *watch, was, head chain.Block) (base chain.Block, blocks []chain.Block, arrivals []chain.Arrival, err error) {
	if head.Number == was.Number && (head.Hash == was.Hash || was.Hash == "") {
		return was, nil, nil, nil
	}
	if head.Number > was.Number {
		blocks, arrivals, err = w.Node.Read(ctx, was, head.Number, w.set)
		if len(blocks) > 0 || !errors.Is(err, chain.ErrReorganised) && !errors.Is(err, chain.ErrAbsent) {
			return was, blocks, arrivals, err
		}
	}
	if base, err = g.foundation(ctx, w, was, head); err != nil {
		return base, nil, nil, err
	}
	blocks, arrivals, err = w.Node.Read(ctx, base, head.Number, w.set)
	return base, blocks, arrivals, err
}

// foundation is the newest block that was read and is still in the chain.
func (g *Gateway) foundation(ctx context.Context, w *watch, was, head chain.Block) (chain.Block, error) {
	var kept []store.BlockRef
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		kept, err = tx.BlocksBefore(w.id, was.Number, keptBlocks)
		return err
	})
	if err != nil {
		return chain.Block{}, err
	}
	if head.Number < was.Number {
		// A node that has not got further does not prove that the chain is another.
		behind := len(kept) == 0 || head.Number < kept[len(kept)-1].Number
		for _, b := range kept {
			behind = behind || b.Number == head.Number && b.Hash == head.Hash
		}
		if behind {
			return chain.Block{}, fmt.Errorf("the node is behind: its newest block is %d, and block %d was read before", head.Number, was.Number)
		}
	} else if now, err := w.Node.At(ctx, was.Number); err != nil || now.Hash == was.Hash || was.Hash == "" {
		return was, err
	}
	var deeper []store.Deposit
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		deeper, err = tx.DepositsAfter(w.id, -1)
		return err
	})
	if err != nil {
		return chain.Block{}, err
	}
	oldest := was.Number
	if len(kept) > 0 {
		oldest = kept[len(kept)-1].Number
	}
	for i := len(deeper) - 1; i >= 0; i-- { // those of blocks that are forgotten stand for them
		if d := deeper[i]; d.Block < oldest && d.BlockHash != "" {
			kept = append(kept, store.BlockRef{Number: d.Block, Hash: d.BlockHash})
		}
	}
	return g.common(ctx, w, was, kept, head)
}

// common halves the list of blocks, newest first, to find the newest one that the
// node's chain has. When it has none, the place before all of them is where to
// read again.
func (g *Gateway) common(ctx context.Context, w *watch, was chain.Block, kept []store.BlockRef, head chain.Block) (chain.Block, error) {
	lo, hi := 0, len(kept) // kept[hi:] is known to be in the chain
	for lo < hi {
		mid := (lo + hi) / 2
		same := false
		if kept[mid].Number <= head.Number {
			b, err := w.Node.At(ctx, kept[mid].Number)
			if err != nil {
				return chain.Block{}, err
			}
			same = b.Hash == kept[mid].Hash
		}
		if same {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	base := chain.Block{Number: max(was.Number-1, 0)}
	switch {
	case lo < len(kept):
		base = chain.Block{Number: kept[lo].Number, Hash: kept[lo].Hash}
	case len(kept) > 0:
		base.Number = max(kept[len(kept)-1].Number-1, 0)
	}
	if was.Number-base.Number > deepest {
		return base, fmt.Errorf("the node's chain leaves the one that was read more than %d blocks before block %d: nothing is taken back; "+
			"the node may be on another chain, or not yet on the right branch", deepest, was.Number)
	}
	if base.Hash != "" {
		return base, nil
	}
	b, err := w.Node.At(ctx, min(base.Number, head.Number))
	return chain.Block{Number: b.Number, Hash: b.Hash}, err
}

// keep brings what was read into the books.
func (g *Gateway) keep(ctx context.Context, w *watch, was, base chain.Block, blocks []chain.Block, arrivals []chain.Arrival) error {
	return g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		if err := unmoved(tx, w.id, was); err != nil {
			return err
		}
		more, err := tx.Addresses(w.id, w.newest, 1)
		if err != nil {
			return err
		}
		if len(more) > 0 {
			return errAgain
		}
		b := g.books(tx, w)
		if base.Number < was.Number || base.Number == was.Number && base.Hash != was.Hash && was.Hash != "" {
			if err := b.rewind(base, was); err != nil {
				return err
			}
		}
		now := base
		for _, block := range blocks {
			if err := tx.PutBlock(w.id, block.Number, block.Hash); err != nil {
				return err
			}
			now = block
		}
		for _, a := range arrivals {
			if err := b.record(a); err != nil {
				return err
			}
		}
		if err := b.confirm(now.Number); err != nil {
			return err
		}
		if err := b.settle(); err != nil {
			return err
		}
		return errors.Join(tx.DropBlocks(w.id, 0, now.Number-keptBlocks), tx.PutCursor(w.id, now.Cursor()))
	})
}
