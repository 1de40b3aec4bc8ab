package gateway

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"countersign/shared/fault"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// Bounds of one scan.
const (
	keptBlocks  = 2048 // whose hashes are remembered
	sweepAtOnce = 300  // addresses whose balance is looked at
	// How far to go back when nothing that is known of a chain is in it any more.
	unknownDepth = 64
)

// errAgain says that an address came while the chain was read.
var errAgain = errors.New("an address came while the chain was read")

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
	base, blocks, arrivals, err := g.read(ctx, w, was, head)
	if err != nil {
		return err
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
	w.read = now.Number
	w.mu.Unlock()
	if now.Number != head.Number || now.Hash != head.Hash {
		return nil // transactions in blocks that are not read yet may explain the balances
	}
	return g.sweep(ctx, w, now)
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
		return parseCursor(text)
	}
	start := chain.Block{Number: head.Number, Hash: head.Hash}
	return start, g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		return errors.Join(tx.PutBlock(w.id, start.Number, start.Hash), tx.PutCursor(w.id, cursorText(start)))
	})
}

func cursorText(b chain.Block) string { return strconv.FormatInt(b.Number, 10) + ":" + b.Hash }

func parseCursor(text string) (chain.Block, error) {
	number, hash, ok := strings.Cut(text, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ok || err != nil || n < 0 {
		return chain.Block{}, fmt.Errorf("the place %q up to which the chain was read is not a block number and its hash", text)
	}
	return chain.Block{Number: n, Hash: hash}, nil
}

// read reads the blocks after the newest one that is known and still in the
// chain, which is base. Each block names its parent, so one question is enough
// where nothing is new.
func (g *Gateway) read(ctx context.Context, w *watch, was, head chain.Block) (base chain.Block, blocks []chain.Block, arrivals []chain.Arrival, err error) {
	if head.Number == was.Number && (head.Hash == was.Hash || was.Hash == "") {
		return was, nil, nil, nil
	}
	if head.Number > was.Number {
		blocks, arrivals, err = w.Node.Read(ctx, was, head.Number, w.set)
		if !errors.Is(err, chain.ErrReorganised) {
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
		for _, b := range kept {
			if b.Number == head.Number && b.Hash == head.Hash {
				return chain.Block{}, fmt.Errorf("the node is behind: its newest block is %d, and block %d was read before", head.Number, was.Number)
			}
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
	if lo < len(kept) {
		return chain.Block{Number: kept[lo].Number, Hash: kept[lo].Hash}, nil
	}
	before := max(was.Number-unknownDepth, 0)
	if len(kept) > 0 {
		before = max(kept[len(kept)-1].Number-1, 0)
	}
	b, err := w.Node.At(ctx, min(before, head.Number))
	return chain.Block{Number: b.Number, Hash: b.Hash}, err
}

// keep brings what was read into the books.
func (g *Gateway) keep(ctx context.Context, w *watch, was, base chain.Block, blocks []chain.Block, arrivals []chain.Arrival) error {
	return g.cfg.Store.Write(ctx, func(tx store.Tx) error {
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
		return errors.Join(tx.DropBlocks(w.id, 0, now.Number-keptBlocks), tx.PutCursor(w.id, cursorText(now)))
	})
}
