package gateway

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/id"
	"countersign/shared/name"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// books brings what a chain moved into the ledger, in one transaction.
type books struct {
	g      *Gateway
	tx     store.Tx
	w      *watch
	events map[string][]store.Event // of the orders, by address; the key says that something happened there
}

func (g *Gateway) books(tx store.Tx, w *watch) *books {
	return &books{g: g, tx: tx, w: w, events: map[string][]store.Event{}}
}

// tell keeps a line for the history of the order whose address it is.
func (b *books) tell(address, kind, text string) {
	b.events[address] = append(b.events[address], store.Event{At: b.g.now(), Type: kind, Text: text})
}

// figure is an amount with its ticker.
func figure(value, id string) string {
	a, _ := asset.ByID(id)
	return value + " " + a.Ticker
}

// record keeps an arrival as a deposit. One that is known already stays as it
// is; one that was reversed and is there again starts from the beginning.
func (b *books) record(a chain.Arrival) error {
	to, err := b.tx.Address(b.w.id, a.Address)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	held, ok := asset.On(b.w.id, a.Asset)
	if !ok {
		return fmt.Errorf("an arrival of %s on %s, which cannot hold it", a.Asset, b.w.id)
	}
	value, err := amount.FromUnits(a.Units, held.Places)
	if err != nil {
		return fmt.Errorf("read the value of %s: %w", a.Tx, err)
	}
	d := store.Deposit{
		Chain: b.w.id, Asset: a.Asset, Tx: a.Tx, Index: a.Index, Out: a.Out, Opening: a.Opening, Address: to.Address, Amount: value.Trim().String(),
		Block: a.Block.Number, BlockHash: a.Block.Hash, At: a.Block.At, Seen: b.g.now(), State: store.DepositPending,
		Entity: to.Entity, Account: to.Account, Request: to.Request,
	}
	if d.Out { // which is nobody's delivery
		d.Request = ""
	}
	switch old, err := b.tx.DepositOf(d); {
	case err == nil && old.State != store.DepositReversed:
		return nil
	case err == nil:
		d.ID = old.ID
	case !errors.Is(err, store.ErrNotFound):
		return err
	default:
		if err := b.firstRequest(&d); err != nil {
			return err
		}
		if d.ID, err = id.New(b.g.cfg.Rand, id.Deposit); err != nil {
			return err
		}
	}
	if b.w.Confirmations > 1 && !d.Out {
		b.tell(d.Address, "deposit", fmt.Sprintf("Seen on the chain: %s in block %d; final with %d confirmations", figure(d.Amount, d.Asset), d.Block, b.w.Confirmations))
	} else {
		b.tell(d.Address, "", "")
	}
	return b.tx.PutDeposit(d)
}

// firstRequest gives a deposit that a reorganisation moved to another block the
// request that it was for at first: the address may be a later one's by now.
func (b *books) firstRequest(d *store.Deposit) error {
	if d.Out {
		return nil
	}
	all, err := b.tx.DepositsAt(d.Chain, d.Address)
	for _, old := range all {
		same := old.Tx != "" || old.Amount == d.Amount && old.State == store.DepositReversed
		if same && !old.Out && old.Asset == d.Asset && old.Tx == d.Tx {
			d.Request = old.Request
			break
		}
	}
	return err
}

// confirm books the deposits that have their confirmations when newest is the
// newest block.
func (b *books) confirm(newest int64) error {
	all, err := b.tx.Pending(b.w.id)
	if err != nil {
		return err
	}
	for _, d := range all {
		if newest-d.Block+1 < b.w.Confirmations {
			continue
		}
		if err := b.final(d); err != nil {
			return err
		}
	}
	return nil
}

// final books a deposit, or what an address sent.
func (b *books) final(d store.Deposit) error {
	o, err := b.orderFor(d)
	if err != nil {
		return err
	}
	vault, against := "vault:"+d.Account, "unasked:"+d.Account
	e := store.Entry{Kind: wire.EntryDeposit, Text: "Received " + figure(d.Amount, d.Asset) + ", not asked for", Deposit: d.ID}
	if d.Opening {
		e.Text = "Opening balance: " + figure(d.Amount, d.Asset) + ", received before it was watched"
	}
	if o != nil {
		d.Order, against = o.ID, "provider:"+o.Provider
		e.Text = "Received " + figure(d.Amount, d.Asset) + " from " + name.Within(o.ProviderName)
	}
	e.Order, e.Postings = d.Order, transfer(vault, against, d.Asset, d.Amount)
	if d.Out {
		e.Kind, e.Text, e.Postings = wire.EntrySent, "Sent "+figure(d.Amount, d.Asset)+", not asked for", transfer(against, vault, d.Asset, d.Amount)
		if d.Index == chain.IndexFee {
			e.Text = "Fee of a transaction: " + figure(d.Amount, d.Asset)
		}
	}
	if kind, text, other, ok, err := b.ours(d); err != nil {
		return err
	} else if ok && d.Out {
		e.Kind, e.Text, e.Postings = kind, text, transfer(other, vault, d.Asset, d.Amount)
	} else if ok {
		e.Kind, e.Text, e.Postings = kind, text, transfer(vault, other, d.Asset, d.Amount)
	}
	if d.Entry, err = b.book(d.Entity, d.Account, e); err != nil {
		return err
	}
	d.State = store.DepositFinal
	if !d.Out {
		b.tell(d.Address, "deposit", e.Text)
	}
	return b.tx.PutDeposit(d)
}

// orderFor is the order that a deposit is delivered for: that of the request
// which the address was made for, when the asset is the one that was bought.
func (b *books) orderFor(d store.Deposit) (*store.Order, error) {
	if d.Request == "" { // as of what was sent
		return nil, nil
	}
	o, err := b.tx.OrderOf(d.Entity, d.Request)
	if errors.Is(err, store.ErrNotFound) || err == nil && o.Asset != d.Asset {
		return nil, nil
	}
	return &o, err
}

// transfer is a debit and a credit of the same amount.
func transfer(debit, credit, of, value string) []store.Posting {
	return []store.Posting{{Ledger: debit, Side: "debit", Asset: of, Amount: value}, {Ledger: credit, Side: "credit", Asset: of, Amount: value}}
}

// book adds an entry and returns its id.
func (b *books) book(entity, account string, e store.Entry) (string, error) {
	var err error
	if e.ID, err = id.New(b.g.cfg.Rand, id.Booking); err != nil {
		return "", err
	}
	e.At = b.g.now()
	return e.ID, b.tx.Book(store.Booking{Entity: entity, Account: account, Entry: e})
}

// reverse takes an entry back with one that has its sides exchanged.
func (b *books) reverse(entity, entry, why string) error {
	old, err := b.tx.Booking(entity, entry)
	if err != nil {
		return fmt.Errorf("find entry %s to reverse it: %w", entry, err)
	}
	e := old.Entry
	e.Kind, e.Reverses, e.Text = wire.EntryReversal, entry, "Reversed: "+e.Text+" ("+why+")"
	e.Postings = slices.Clone(e.Postings)
	for i, p := range e.Postings {
		side := "debit"
		if p.Side == "debit" {
			side = "credit"
		}
		e.Postings[i].Side = side
	}
	_, err = b.book(old.Entity, old.Account, e)
	return err
}

// rewind reverses the deposits of the blocks after base, which left the chain.
// The balances that were seen there are taken back by what is reversed.
func (b *books) rewind(base, was chain.Block) error {
	b.g.cfg.Log.Warn("the chain was reorganised", "chain", b.w.id, "from", base.Number, "read", was.Number)
	b.w.doubts = nil
	gone, err := b.tx.DepositsAfter(b.w.id, base.Number)
	if err != nil {
		return err
	}
	for _, d := range gone {
		if err := b.takeBack(d, fmt.Sprintf("block %d left the chain", d.Block)); err != nil {
			return err
		}
	}
	if err := b.unsent(base); err != nil {
		return err
	}
	swept, err := b.tx.SweptAfter(b.w.id, base.Number)
	if err != nil {
		return err
	}
	for _, a := range swept {
		if a.Balance, err = without(a, gone); err != nil {
			return err
		}
		a.Swept, a.Sent = base.Number, 0 // it may have sent less in the chain that is now
		for _, d := range gone {
			if d.Address == a.Address && d.Opening {
				a.Swept, a.Balance = -1, "0" // it is looked at for the first time again
			}
		}
		if err := b.tx.PutAddress(a); err != nil {
			return err
		}
	}
	return b.tx.DropBlocks(b.w.id, base.Number+1, was.Number)
}

// unsent has the transactions of the vault looked for again whose blocks left the chain.
func (b *books) unsent(base chain.Block) error {
	all, err := b.tx.SendingsAfter(b.w.id, base.Number)
	for _, s := range all {
		s.State, s.Mined, s.Reason, s.Tried, s.Updated = store.SendingSubmitted, nil, "its block left the chain", b.g.now(), b.g.now()
		if err := errors.Join(b.tx.PutSending(s), became(b.tx, s, wire.RequestApproved), b.unreplaced(s)); err != nil {
			return err
		}
	}
	return err
}

// takeBack reverses a deposit, and what was booked for it.
func (b *books) takeBack(d store.Deposit, why string) error {
	text := "Not on the chain any more: "
	if d.Entry != "" {
		text = "Taken back: "
		for _, entry := range []string{d.Match, d.Entry} {
			if entry == "" {
				continue
			}
			if err := b.reverse(d.Entity, entry, why); err != nil {
				return err
			}
		}
	}
	if !d.Out {
		b.tell(d.Address, "reversal", text+figure(d.Amount, d.Asset)+", "+why)
	}
	d.State, d.Entry, d.Match, d.Order = store.DepositReversed, "", "", ""
	return b.tx.PutDeposit(d)
}

// without is the balance of an address without what was reversed.
func without(a store.Address, gone []store.Deposit) (string, error) {
	n, _ := asset.Chain(a.Chain)
	coin, _ := asset.On(a.Chain, n.Coin)
	have, err := amount.FromUnits(a.Balance, coin.Places)
	if err != nil {
		return "", fmt.Errorf("read the kept balance of %s: %w", a.Address, err)
	}
	for _, d := range gone {
		if d.Address != a.Address || d.Asset != coin.ID || d.Block > a.Swept {
			continue
		}
		v, err := amount.Parse(d.Amount)
		if err != nil {
			return "", fmt.Errorf("read deposit %s: %w", d.ID, err)
		}
		if d.Out {
			v = v.Neg()
		}
		have = have.Sub(v)
	}
	if have.Sign() < 0 {
		have = amount.Amount{}
	}
	return have.Units(coin.Places)
}

// settle brings the orders up to date at whose addresses something happened.
func (b *books) settle() error {
	for _, address := range slices.Sorted(maps.Keys(b.events)) {
		a, err := b.tx.Address(b.w.id, address)
		if err != nil {
			return err
		}
		if a.Request == "" {
			continue
		}
		o, err := b.tx.OrderOf(a.Entity, a.Request)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		for _, e := range b.events[address] {
			if e.Type != "" && len(o.History) < maxHistory {
				o.History = append(o.History, e)
			}
		}
		if err := b.order(&o); err != nil {
			return err
		}
	}
	return nil
}

// maxHistory is how long deposits may make the history of an order: anybody can
// send a thousand.
const maxHistory = 200
