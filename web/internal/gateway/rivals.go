package gateway

import (
	"context"
	"errors"
	"slices"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// A transfer and the requests that replace it have transactions with one nonce, of which a
// chain takes one. Until one is in a block, any may be: each is looked for.

// compete reads the others with the nonce of a sending. A sweep has none.
func (s *sending) compete(ctx context.Context) error {
	s.rivals = nil
	if s.Sweep != "" {
		return nil
	}
	return s.g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		s.rivals, err = rivals(tx, s.Sending)
		return err
	})
}

// rivals are those with the nonce of a sending, in the order in which they were approved, it
// among them.
func rivals(tx store.Tx, s store.Sending) ([]store.Sending, error) {
	return tx.Rivals(s.Entity, s.Transfer())
}

// others are its rivals without itself.
func (s *sending) others() (all []store.Sending) {
	for _, r := range s.rivals {
		if r.Request != s.Request {
			all = append(all, r)
		}
	}
	return all
}

// newest is the attempt that was made last with a nonce, and whose it is; nil: none was. What was
// approved later is the only one that may follow.
func newest(all []store.Sending) (of store.Sending, last *store.Attempt) {
	for _, s := range all {
		if n := len(s.Attempts); n > 0 {
			of, last = s, &s.Attempts[n-1]
		}
	}
	return of, last
}

// behind reports whether another request has replaced it, so that the signer signs no more
// of it: one with a newer attempt that was approved later, or that came after attempts of its own.
func (s *sending) behind() bool {
	of, last := newest(s.rivals)
	if last == nil || of.Request == s.Request {
		return false
	}
	if len(s.Attempts) > 0 {
		return true
	}
	for _, r := range s.rivals { // in the order of their approvals
		if r.Request == s.Request || r.Request == of.Request {
			return r.Request == s.Request
		}
	}
	return false
}

// waits reports whether a request that replaces it is approved and not signed yet.
func (s *sending) waits() bool {
	return slices.ContainsFunc(s.others(), func(r store.Sending) bool { return r.State == store.SendingApproved })
}

// raced brings a sending further whose race is decided, or that takes no part in it any more. It
// reports false for one that goes on.
func (s *sending) raced(ctx context.Context) (bool, error) {
	if s.State == store.SendingIncluded {
		return false, nil
	}
	for _, r := range s.others() {
		switch r.State {
		case store.SendingConfirmed, store.SendingFailed:
			return true, s.g.cfg.Store.Write(ctx, func(tx store.Tx) error {
				if err := unmoved(tx, s.w.id, s.at); err != nil {
					return err
				}
				return lost(tx, s.g, s.Sending, r)
			})
		case store.SendingIncluded:
			return true, s.because(ctx, "the transaction of "+r.Request+" is in a block in its place")
		}
	}
	if !s.behind() {
		return false, nil
	}
	if len(s.Attempts) == 0 {
		return true, s.superseded(ctx)
	}
	in, err := s.mined(ctx)
	if err != nil && !errors.Is(err, errAbsent) {
		return true, err
	}
	if in == nil || in.seen.Block.Number > s.at.Number {
		return true, s.because(ctx, "another request replaces it, whose transaction is sent")
	}
	if err := s.include(ctx, *in); err != nil {
		return true, err
	}
	return true, s.conclude(ctx)
}

// superseded ends, when its approval does, what is not signed because something was approved later.
func (s *sending) superseded(ctx context.Context) error {
	var r store.Request
	if err := s.g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		r, err = tx.Request(s.Entity, s.Request)
		return err
	}); err != nil {
		return err
	}
	return s.lapse(ctx, r)
}

// taken reports whether a transaction of a rival is in a block.
func (s *sending) taken(ctx context.Context) (bool, error) {
	for _, r := range s.others() {
		for _, a := range r.Attempts {
			if a.Hash == "" {
				continue
			}
			seen, err := s.w.Sender.Find(ctx, common.HexToHash(a.Hash))
			if err != nil || seen.State == chain.Mined {
				return err == nil, err
			}
		}
	}
	return false, nil
}

// won ends the others with the nonce of a sending that is final, in the transaction in which it
// becomes so.
func (s *sending) won(tx store.Tx, winner store.Sending) error {
	if s.Sweep != "" {
		return nil
	}
	all, err := rivals(tx, winner)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.Request != winner.Request && !r.Final() {
			if err := lost(tx, s.g, r, winner); err != nil {
				return err
			}
		}
	}
	return nil
}

// lost ends a sending in whose place another one is final.
func lost(tx store.Tx, g *Gateway, s, winner store.Sending) error {
	now, err := tx.Sending(s.Entity, s.Request)
	if err != nil {
		return err
	}
	if now.State != s.State || len(now.Attempts) != len(s.Attempts) {
		return errAgain
	}
	now.State, now.ReplacedBy, now.Updated = store.SendingReplaced, winner.Request, g.now()
	switch {
	case s.Request == winner.Replaces && winner.Cancels:
		now.Reason = "it was cancelled: the transaction of " + winner.Request + " is in a block in its place"
	case s.Request == winner.Replaces:
		now.Reason = "it was sped up: the transaction of " + winner.Request + " is in a block in its place"
	case s.Replaces == winner.Request:
		now.Reason = "it came too late: the transfer itself is in a block"
	default:
		now.Reason = "the transaction of " + winner.Request + " is in a block in its place"
	}
	if err := tx.PutSending(now); err != nil {
		return err
	}
	return became(tx, now, now.Ends(winner))
}

// unreplaced has those looked for again that a sending had replaced, whose block left the chain.
func (b *books) unreplaced(winner store.Sending) error {
	if winner.Sweep != "" {
		return nil
	}
	all, err := rivals(b.tx, winner)
	if err != nil {
		return err
	}
	for _, r := range all {
		if r.ReplacedBy != winner.Request {
			continue
		}
		if r.State, r.ReplacedBy, r.Reason, r.Updated = store.SendingApproved, "", "", b.g.now(); len(r.Attempts) > 0 {
			r.State, r.Tried = store.SendingSubmitted, r.Updated
		}
		if err := errors.Join(b.tx.PutSending(r), became(b.tx, r, wire.RequestApproved)); err != nil {
			return err
		}
	}
	return nil
}
