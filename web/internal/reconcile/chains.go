package reconcile

import (
	"context"
	"fmt"
	"slices"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// batch is how many addresses a node is asked about at once.
const batch = 500

// addresses compares the addresses of a chain that the books watch with those of the logs, and
// keeps those whose balances are to be compared.
func (r *run) addresses(tx store.Tx, id string) error {
	on := r.chains[id]
	mine := map[string]bool{}
	for _, e := range r.cfg.Entities {
		mine[e] = true
	}
	seen := map[string]bool{}
	for after := int64(0); ; {
		all, err := tx.Addresses(id, after, atOnce)
		if err != nil {
			return err
		}
		for _, a := range all {
			after, seen[a.Address] = a.Pos, true
			if !mine[a.Entity] {
				continue
			}
			if by, ok := r.attested[place{id, a.Address}]; !ok || by.entity != a.Entity || by.account != a.Account {
				text := "no entry of the log gives this address"
				if ok {
					text = "by the log this address is of " + by.account + " of " + by.entity
				}
				r.differs(wire.Difference{Kind: wire.DiffersAddress, Entity: a.Entity, Account: a.Account, Address: a.Address, Request: a.Request, Text: text})
			}
			if a.Swept < 0 {
				on.fresh++
				continue
			}
			on.rows[a.Address], on.all = a, append(on.all, a.Address)
		}
		if len(all) < atOnce {
			break
		}
	}
	var missing []place
	for at, by := range r.attested {
		if at.chain == id && by.must && !seen[at.address] {
			missing = append(missing, at)
		}
	}
	slices.SortFunc(missing, func(a, b place) int { return slices.Compare([]byte(a.address), []byte(b.address)) })
	for _, at := range missing {
		by := r.attested[at]
		r.differs(wire.Difference{Kind: wire.DiffersAddress, Entity: by.entity, Account: by.account, Address: at.address, Text: "the log gives this address, and the gateway does not watch it"})
	}
	return nil
}

// compare asks the node of a chain.
func (r *run) compare(ctx context.Context, id string) {
	on := r.chains[id]
	c := wire.ReconciledChain{Chain: id, Status: wire.ChainNotCompared, Block: on.block.Number, BlockHash: on.block.Hash, Unseen: on.fresh}
	if c.Reason = r.ask(ctx, id, on, &c.Addresses); c.Reason == "" {
		c.Status = wire.ChainCompared
	}
	r.out.Chains = append(r.out.Chains, c)
}

// ask compares what addresses have at the block up to which the chain was read, and says why
// it could not.
func (r *run) ask(ctx context.Context, id string, on *onChain, compared *int64) (why string) {
	node := r.cfg.Chains[id]
	switch {
	case node == nil:
		return "no node is configured"
	case on.block.Hash == "":
		return "the chain was not read yet"
	}
	at, err := node.At(ctx, on.block.Number)
	if err != nil {
		return err.Error()
	}
	if at.Hash != on.block.Hash {
		return fmt.Sprintf("the node has another block %d than the one that was read: the chain is being reorganised, or the node is on another one", on.block.Number)
	}
	found := []wire.Difference{}
	for all := on.all; len(all) > 0; {
		part := all[:min(batch, len(all))]
		all = all[len(part):]
		differ, err := r.part(ctx, id, on, part)
		if err != nil {
			return err.Error()
		}
		found = append(found, differ...)
		*compared += int64(len(part))
		r.cfg.Progress("balances on "+id, *compared)
	}
	for _, d := range found {
		r.differs(d)
	}
	return ""
}

// part compares some addresses: the chain's coin at each, and tokens where the books have had
// some and at accounts' own addresses. What comes elsewhere, logs show.
func (r *run) part(ctx context.Context, id string, on *onChain, part []string) (found []wire.Difference, err error) {
	n, _ := asset.Chain(id)
	coin, ok := asset.On(id, n.Coin)
	if !ok {
		return nil, fmt.Errorf("the coin of %s is not known", id)
	}
	balances, err := r.cfg.Chains[id].Balances(ctx, on.block, part)
	if err != nil {
		return nil, err
	}
	var holders []string
	has := map[string]sums{}
	for i, address := range part {
		a, err := amount.FromUnits(balances[i], coin.Places)
		if err != nil {
			return nil, fmt.Errorf("read the balance of %s: %w", address, err)
		}
		add(has, address, coin.ID, a)
		if known := assets(on.has[address]); on.rows[address].Request == "" || slices.ContainsFunc(known, func(of string) bool { return of != coin.ID }) {
			holders = append(holders, address)
		}
	}
	held, err := r.holdings(ctx, id, on.block, holders)
	if err != nil {
		return nil, err
	}
	for _, h := range held {
		of, ok := asset.On(id, h.Asset)
		if !ok {
			continue
		}
		a, err := amount.FromUnits(h.Units, of.Places)
		if err != nil {
			return nil, fmt.Errorf("read what %s has: %w", h.Address, err)
		}
		add(has, h.Address, h.Asset, a)
	}
	for _, address := range part {
		row := on.rows[address]
		for _, of := range assets(on.has[address], has[address]) {
			books, there := on.has[address][of], has[address][of]
			if books.Cmp(there) == 0 {
				continue
			}
			d := wire.Difference{Kind: wire.DiffersBalance, Entity: row.Entity, Account: row.Account, Asset: of, Address: address, Books: books.Trim().String(), Other: there.Trim().String(), Hash: on.block.Hash,
				Text: fmt.Sprintf("by the books it has %s, and on the chain %s in block %d", figure(books, of), figure(there, of), on.block.Number)}
			if row.Swept < on.block.Number {
				d.Text += fmt.Sprintf("; the gateway looked at it last in block %d, and may book it with its next look", row.Swept)
			}
			found = append(found, d)
		}
	}
	return found, nil
}

func (r *run) holdings(ctx context.Context, id string, at chain.Block, holders []string) ([]chain.Holding, error) {
	if len(holders) == 0 {
		return nil, nil
	}
	return r.cfg.Chains[id].Holdings(ctx, at, holders)
}
