package gateway

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/asset"
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

// sweep compares balances with what is known to have arrived, and books what
// they show beyond it. What is wrong with one address keeps no other from being
// looked at.
func (g *Gateway) sweep(ctx context.Context, w *watch, at chain.Block) error {
	n, _ := asset.Chain(w.id)
	coin, ok := asset.On(w.id, n.Coin)
	if !ok || at.Hash == "" {
		return nil
	}
	var due []store.Address
	known := map[string][]chain.Arrival{}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		if due, err = tx.Unswept(w.id, at.Number, sweepAtOnce); err != nil {
			return err
		}
		for _, a := range due {
			if known[a.Address], err = knownAt(tx, a, coin); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || len(due) == 0 {
		return err
	}
	addresses := make([]string, len(due))
	for i, a := range due {
		addresses[i] = a.Address
	}
	balances, err := w.Node.Balances(ctx, at, addresses)
	if err != nil {
		return err
	}
	var found []chain.Arrival
	var failed error
	seen := due[:0:0]
	for i, a := range due {
		more, err := g.beyond(ctx, w, a, known[a.Address], at, balances[i])
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		found = append(found, more...)
		a.Balance, a.Swept = balances[i], at.Number
		seen = append(seen, a)
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		b := g.books(tx, w)
		for _, a := range seen {
			if err := tx.PutAddress(a); err != nil {
				return err
			}
		}
		for _, a := range found {
			if err := b.record(a); err != nil {
				return err
			}
		}
		if err := b.confirm(at.Number); err != nil {
			return err
		}
		return b.settle()
	})
	return errors.Join(err, failed)
}

// knownAt are the deposits of the chain's coin since an address was looked at.
func knownAt(tx store.Tx, a store.Address, coin asset.Asset) ([]chain.Arrival, error) {
	all, err := tx.DepositsAt(a.Chain, a.Address)
	if err != nil {
		return nil, err
	}
	var known []chain.Arrival
	for _, d := range all {
		if d.Asset != coin.ID || d.State == store.DepositReversed || d.Block <= a.Swept {
			continue
		}
		v, err := amount.Parse(d.Amount)
		if err != nil {
			return nil, fmt.Errorf("read deposit %s: %w", d.ID, err)
		}
		units, err := v.Units(coin.Places)
		if err != nil {
			return nil, fmt.Errorf("read deposit %s: %w", d.ID, err)
		}
		known = append(known, chain.Arrival{Tx: d.Tx, Units: units, Block: chain.Block{Number: d.Block}})
	}
	return known, nil
}

// beyond is what arrived at an address beside what is known. An address that has
// less than that has spent something, which is not booked yet: that is logged.
func (g *Gateway) beyond(ctx context.Context, w *watch, a store.Address, known []chain.Arrival, at chain.Block, balance string) ([]chain.Arrival, error) {
	have, err := amount.FromUnits(balance, 0)
	if err != nil {
		return nil, fmt.Errorf("read the balance of %s: %w", a.Address, err)
	}
	want, err := amount.FromUnits(a.Balance, 0)
	if err != nil {
		return nil, fmt.Errorf("read the kept balance of %s: %w", a.Address, err)
	}
	for _, k := range known {
		v, err := amount.FromUnits(k.Units, 0)
		if err != nil {
			return nil, err
		}
		if k.Block.Number <= at.Number {
			want = want.Add(v)
		}
	}
	switch have.Cmp(want) {
	case 0:
		return nil, nil
	case -1:
		g.cfg.Log.Warn("an address of the vault has less than was received: what it sends is not booked", "chain", w.id, "address", a.Address, "block", at.Number)
		return nil, nil
	}
	return w.Node.Locate(ctx, chain.Gap{Address: a.Address, From: a.Swept, FromUnits: a.Balance, To: at, ToUnits: balance, Known: known})
}
