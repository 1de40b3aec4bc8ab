package gateway

import (
	"errors"
	"time"

	"countersign/shared/gas"
	"countersign/shared/wire"
	"countersign/web/internal/store"
)

// sendingOf is the sending of a request; nil when it has none.
func sendingOf(tx store.Tx, r store.Request) (*store.Sending, error) {
	if r.Outcome == "" {
		return nil, nil
	}
	s, err := tx.Sending(r.Entity, r.ID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return &s, err
}

// sendingView is a sending as clients see it.
func (g *Gateway) sendingView(s *store.Sending) *wire.Sending {
	if s == nil {
		return nil
	}
	v := &wire.Sending{State: s.State, Attempts: []wire.Attempt{}, ReplacedBy: s.ReplacedBy, Reason: s.Reason}
	for _, a := range s.Attempts {
		v.Attempts = append(v.Attempts, wire.Attempt{
			Nonce: a.Nonce, Fees: gas.Fees{Gas: a.Gas, FeeCap: a.FeeCap, Tip: a.Tip}, Hash: a.Hash, SignedAt: time.Unix(a.At, 0).UTC(),
		})
		if a.Hash != "" {
			v.Hash = a.Hash
		}
	}
	w := g.watches[s.Chain]
	if w != nil {
		v.Needed = w.Confirmations
	}
	if s.Mined != nil {
		v.Hash, v.Block, v.Fee = s.Mined.Hash, &s.Mined.Block, s.Mined.Fee
		if w != nil {
			w.mu.Lock()
			v.Confirmations = max(w.read-s.Mined.Block+1, 1)
			w.mu.Unlock()
		}
	}
	return v
}

// sendingEvents are what happened to a sending, for a history.
func sendingEvents(s *store.Sending) (all []wire.Event) {
	if s == nil {
		return nil
	}
	for i, a := range s.Attempts {
		if a.Hash == "" {
			continue
		}
		text := "The vault signed the transaction"
		if i > 0 {
			if text = "The vault signed it again, with a higher fee"; a.FeeCap == s.Attempts[i-1].FeeCap {
				text = "The vault signed it again, with more gas"
			}
		}
		all = append(all, wire.Event{At: time.Unix(a.At, 0).UTC(), Type: "signature", Text: text, Seq: -1})
	}
	if !s.Tried.IsZero() {
		all = append(all, wire.Event{At: s.Tried, Type: "broadcast", Text: "Sent to the chain", Seq: -1})
	}
	if s.Mined != nil {
		text := "In a block"
		if s.Mined.Failed {
			text = "In a block, and not carried out"
		}
		all = append(all, wire.Event{At: s.Mined.At, Type: "block", Text: text, Seq: -1})
	}
	if s.State == store.SendingReplaced {
		all = append(all, wire.Event{At: s.Updated, Type: "replaced", Text: "Another transaction is in a block in its place", Seq: -1})
	}
	if s.State == store.SendingConfirmed {
		all = append(all, wire.Event{At: s.Updated, Type: "confirmed", Text: "Confirmed", Seq: -1})
	}
	return all
}
