package reconcile

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
	signed "countersign/shared/vault"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// atOnce is how many lines, or rows, are read at once.
const atOnce = 1000

// log reads the lines of a signer's log that are stored, which were verified when they came:
// each transaction in it is one of the books, and so is each address that it gave.
func (r *run) log(tx store.Tx, v *vault) error {
	n := int64(0)
	for {
		lines, err := tx.Lines(v.entity, n, atOnce)
		if err != nil {
			return err
		}
		for _, l := range lines {
			n++
			r.every("entries of the log of "+v.entity, n)
			if err := r.entry(v, l); err != nil {
				return fmt.Errorf("read entry %d of the log: %w", l.Seq, err)
			}
		}
		if len(lines) < atOnce {
			r.out.Logs = append(r.out.Logs, wire.ReconciledLog{Entity: v.entity, Entries: n})
			return nil
		}
	}
}

// told are the types of entries that say something to compare.
var told = [][]byte{[]byte(`"type":"` + signedlog.Request + `"`), []byte(`"type":"` + signedlog.Signed + `"`), []byte(`"type":"` + signedlog.Swept + `"`)}

func (r *run) entry(v *vault, l store.Line) error {
	payload, err := jws.Payload(l.Text)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(told, func(t []byte) bool { return bytes.Contains(payload, t) }) {
		return nil
	}
	var e signedlog.Entry
	if err := strictjson.Unmarshal(payload, &e, len(payload)); err != nil {
		return err
	}
	switch e.Type {
	case signedlog.Request:
		var b signedlog.RequestBody
		if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
			return err
		}
		wants, err := intent.Open(b.Intent)
		if err != nil {
			return err
		}
		if to, ok := wants.(intent.Receiver); ok { // one of an account that is to be created is in use when there is one
			at := to.Receives()
			r.attest(at.Chain, at.Address, owner{v.entity, at.Account, at.Account == wants.Facts().Account})
		}
	case signedlog.Signed:
		var b signedlog.SignedBody
		if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
			return err
		}
		return r.transaction(v, b.Request, "", b.Raw)
	case signedlog.Swept:
		var b signedlog.SweptBody
		if err := strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody); err != nil {
			return err
		}
		return r.transaction(v, "", b.Address, b.Raw)
	}
	return nil
}

// transaction looks for one that was signed among the sendings of the books.
func (r *run) transaction(v *vault, request, swept, raw string) error {
	tx, _, err := signed.Attempt{Raw: raw}.Signed()
	if err != nil {
		return err
	}
	name := request
	if swept != "" {
		name = store.SweepName(v.entity, swept, int64(tx.Nonce))
	}
	s, known := v.sendings[name]
	if !known || !slices.ContainsFunc(s.Attempts, func(a store.Attempt) bool { return strings.EqualFold(a.Hash, tx.Hash) }) {
		r.differs(wire.Difference{Kind: wire.DiffersSigned, Entity: v.entity, Account: s.Account, Address: swept, Hash: tx.Hash, Request: request, Text: "the signer signed a transaction that the books do not know"})
	}
	return nil
}

// requests compares what became of requests and sweeps with what moved.
func (r *run) requests(tx store.Tx, v *vault) error {
	for _, name := range sorted(v.sendings) {
		if err := r.sending(tx, v, v.sendings[name]); err != nil {
			return err
		}
	}
	for after := ""; ; {
		all, err := tx.Requests(v.entity, store.RequestFilter{State: wire.RequestCompleted}, after, atOnce)
		if err != nil {
			return err
		}
		for _, row := range all {
			after = row.ID
			if err := r.completed(tx, v, row); err != nil {
				return err
			}
		}
		if len(all) < atOnce {
			return nil
		}
	}
}

func sorted(all map[string]store.Sending) (names []string) {
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// sending compares a transaction that is final with what moved: its fee, and what it was to
// move, to the last digit. One that is not final may be anywhere; one that is over is in no block.
func (r *run) sending(tx store.Tx, v *vault, s store.Sending) error {
	on := r.of(s.Chain)
	d := wire.Difference{Kind: wire.DiffersSigned, Entity: v.entity, Account: s.Account, Address: s.Sweep}
	if s.Sweep == "" {
		d.Request = s.Request
	}
	say := func(hash, of, books, other, text string) {
		d.Hash, d.Asset, d.Books, d.Other, d.Text = hash, of, books, other, text
		r.differs(d)
	}
	switch s.State {
	case store.SendingReplaced, store.SendingLapsed:
		for _, a := range s.Attempts {
			if len(on.sent[strings.ToLower(a.Hash)]) > 0 {
				say(a.Hash, "", "", "", "its transaction is in a block, and it is "+s.State)
			}
		}
		return nil
	case store.SendingConfirmed, store.SendingFailed:
	default:
		return nil
	}
	n, _ := asset.Chain(s.Chain)
	moved := sums{}
	fee := amount.Amount{}
	for _, m := range on.sent[strings.ToLower(s.Mined.Hash)] {
		if m.fee {
			fee = fee.Add(m.amount)
		} else {
			moved[m.asset] = moved[m.asset].Add(m.amount)
		}
	}
	if paid, err := amount.Parse(s.Mined.Fee); err != nil {
		return fmt.Errorf("read the fee of %s: %w", s.Request, err)
	} else if paid.Cmp(fee) != 0 {
		say(s.Mined.Hash, n.Coin, fee.Trim().String(), paid.Trim().String(), "the fee of a transaction that is in a block is not booked as it was paid")
	}
	want, of, err := r.wanted(tx, s)
	if err != nil {
		return err
	}
	if of != "" && moved[of].Cmp(want) != 0 {
		d.Kind = wire.DiffersMovement
		say(s.Mined.Hash, of, moved[of].Trim().String(), want.Trim().String(), "a transaction that is in a block moved "+figure(moved[of], of)+" by the books, and was to move "+figure(want, of))
	}
	return nil
}

// wanted is what a sending that is final was to move; no asset: it is not known.
func (r *run) wanted(tx store.Tx, s store.Sending) (amount.Amount, string, error) {
	n, _ := asset.Chain(s.Chain)
	switch {
	case s.Mined.Failed || s.Cancels:
		return amount.Amount{}, n.Coin, nil
	case s.Sweep != "":
		coin, _ := asset.On(s.Chain, n.Coin)
		for _, a := range s.Attempts {
			if strings.EqualFold(a.Hash, s.Mined.Hash) {
				units, err := amount.FromUnits(a.Amount, coin.Places)
				return units, n.Coin, err
			}
		}
		return amount.Amount{}, "", nil
	}
	row, err := tx.Request(s.Entity, s.Request)
	if err != nil {
		return amount.Amount{}, "", err
	}
	wants, err := intent.Open(intent.Doc(row.Intent))
	if err != nil {
		return amount.Amount{}, "", err
	}
	sender, ok := wants.(intent.Sender)
	if !ok {
		return amount.Amount{}, "", nil
	}
	m := sender.Sends()
	a, err := amount.Parse(m.What.Amount)
	return a, m.What.Asset, err
}

// completed finds what a request that is completed moved.
func (r *run) completed(tx store.Tx, v *vault, row store.Request) error {
	wants, err := intent.Open(intent.Doc(row.Intent))
	if err != nil {
		return err
	}
	miss := func(text string) {
		r.differs(wire.Difference{Kind: wire.DiffersMovement, Entity: v.entity, Account: row.Account, Request: row.ID, Text: text})
	}
	if _, sends := wants.(intent.Sender); sends {
		s, ok := v.sendings[row.ID]
		if ok && s.State == store.SendingReplaced {
			s, ok = v.sendings[s.ReplacedBy]
		}
		if !ok || s.State != store.SendingConfirmed {
			miss("the request is completed, and no transaction of it is in a block")
		}
		return nil
	}
	if _, buys := wants.(intent.Buy); !buys {
		return nil
	}
	o, err := tx.OrderOf(v.entity, row.ID)
	if errors.Is(err, store.ErrNotFound) {
		miss("the purchase is completed, and there is no order")
		return nil
	}
	if err != nil {
		return err
	}
	if o.Payment == "" || o.State != wire.OrderCompleted {
		miss("the purchase is completed, and its payment is not booked")
		return nil
	}
	if _, err := tx.Booking(v.entity, o.Payment); errors.Is(err, store.ErrNotFound) {
		miss("the purchase is completed, and the entry of its payment is missing")
	} else if err != nil {
		return err
	}
	return nil
}
