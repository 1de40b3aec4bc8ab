package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/web/internal/chain"
	"countersign/web/internal/store"
)

// Sender has transactions taken into the blocks of one chain; [chain.Sender] is one. Its
// errors are shown: they hold no address and no key of a node.
type Sender interface {
	Fees(ctx context.Context) (chain.Fees, error)
	Estimate(ctx context.Context, call chain.Call) (uint64, error)
	Contract(ctx context.Context, address common.Address) (bool, error)
	Broadcast(ctx context.Context, raw []byte) (chain.Outcome, error)
	Find(ctx context.Context, hash common.Hash) (chain.Seen, error)
}

// Policy of sending.
const (
	sendingsAtOnce = 200              // that one scan looks at
	stuckAfter     = 90 * time.Second // without a block, higher fees are tried, within what was approved
)

// errSettling says that what a sending has come to is not told by the node yet.
var errSettling = errors.New("the node does not tell yet what became of it")

// transact brings the sendings on a chain further: what is approved is signed, what is
// signed is given to the node, and what is in a block up to at, up to which everything was
// read, is booked. Those of one address are sent one after the other, because a node
// forgets what waits behind a gap; what replaces one has its nonce, and waits for none. What is wrong with one keeps no other account's back: it
// is said in the sending, and in the error.
func (g *Gateway) transact(ctx context.Context, w *watch, at chain.Block) error {
	if w.Sender == nil {
		return nil
	}
	var all []store.Sending
	if err := g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		all, err = tx.OpenSendings(w.id, sendingsAtOnce)
		return err
	}); err != nil {
		return err
	}
	var failed error
	waiting := map[sender]bool{} // those with a transaction that no node has yet
	for _, s := range all {
		key := sender{s.Entity, s.Account, s.Sweep, s.Left}
		step := &sending{g: g, w: w, at: at, Sending: s}
		var err error
		if waiting[key] && s.Replaces == "" && (s.State == store.SendingApproved || s.State == store.SendingSigned) {
			err = step.because(ctx, "it waits for one before it, which no node has yet")
		} else {
			err = step.advance(ctx)
		}
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil && !errors.Is(err, errSettling) {
			failed = errors.Join(failed, fmt.Errorf("send what %s asks for: %w", s.Request, err))
		}
		waiting[key] = waiting[key] || (step.State == store.SendingSigned || step.State == store.SendingApproved && step.begun()) && !step.behind()
	}
	return failed
}

// sender is an address, which counts nonces of its own: an account's, a deposit address that is
// swept, or, with left, one whose key the vault had before.
type sender struct {
	entity, account, sweep string
	left                   bool
}

// sending is one that is brought further.
type sending struct {
	store.Sending
	g    *Gateway
	w    *watch
	at   chain.Block
	does effects.Effects
	from common.Address
	// rivals are those with its nonce, it among them: a transfer, and what replaces it.
	rivals []store.Sending

	short   bool   // the newest attempt may have less gas than its chain wants, or more
	refused string // why no node takes the newest attempt, for people
}

// advance takes each step that can be taken now.
func (s *sending) advance(ctx context.Context) error {
	if n := len(s.Attempts); n > 0 && s.Attempts[n-1].Raw == "" {
		if err := s.finish(ctx, s.Attempts[n-1]); err != nil {
			return err
		}
	}
	if err := s.compete(ctx); err != nil {
		return err
	}
	if done, err := s.raced(ctx); done || err != nil {
		return err
	}
	if s.State == store.SendingApproved {
		_, last := newest(s.others())
		if err := s.sign(ctx, last); err != nil || s.State != store.SendingSigned {
			return err
		}
	}
	if s.State == store.SendingSigned {
		if err := s.broadcast(ctx); err != nil || s.State != store.SendingSubmitted {
			return err
		}
	}
	switch s.State {
	case store.SendingSubmitted:
		return s.follow(ctx)
	case store.SendingIncluded:
		return s.conclude(ctx)
	}
	return nil
}

// broadcast gives the newest attempt to the node.
func (s *sending) broadcast(ctx context.Context) error {
	last := s.Attempts[len(s.Attempts)-1]
	raw, err := base64.RawURLEncoding.DecodeString(last.Raw)
	if err != nil {
		return err
	}
	outcome, err := s.w.Sender.Broadcast(ctx, raw)
	if outcome.Sent() || outcome == chain.Underpriced { // an attempt before it waits there still, and will do
		return s.keep(ctx, func(now *store.Sending) {
			now.State, now.Reason = store.SendingSubmitted, ""
			if outcome == chain.Underpriced {
				now.Reason = "the node keeps the attempt before, with lower fees"
			}
			if now.Tried.IsZero() {
				now.Tried = s.g.now()
			}
		})
	}
	if outcome == chain.Displaced { // by an attempt before it, if by anything that the vault signed
		if seen, ferr := s.mined(ctx); ferr == nil && seen != nil {
			return s.keep(ctx, func(now *store.Sending) { now.State, now.Reason = store.SendingSubmitted, "" })
		}
		if taken, ferr := s.taken(ctx); taken || ferr != nil {
			return errors.Join(ferr, s.because(ctx, "a transaction that it replaces is in a block"))
		}
		s.g.cfg.Log.Error("another transaction has the nonce of one of the vault", "request", s.Request, "chain", s.Chain, "hash", last.Hash)
	}
	s.refused = reasonOf(err)
	if outcome == chain.NoFunds && s.Left {
		return s.keep(ctx, func(now *store.Sending) {
			now.State, now.Reason = store.SendingLapsed, "the vault has other keys since, and its old address has not enough for it"
		})
	}
	higher := s.mends(outcome)
	if higher == nil {
		return errors.Join(err, s.because(ctx, s.refused))
	}
	return errors.Join(err, higher(ctx))
}

// mined finds the attempt that is in a block; nil when none is.
func (s *sending) mined(ctx context.Context) (*inBlock, error) {
	pending := false
	for i := len(s.Attempts) - 1; i >= 0; i-- {
		a := s.Attempts[i]
		if a.Hash == "" {
			continue
		}
		seen, err := s.w.Sender.Find(ctx, common.HexToHash(a.Hash))
		if err != nil {
			return nil, err
		}
		if seen.State == chain.Mined {
			return &inBlock{a, seen}, nil
		}
		pending = pending || seen.State == chain.Pending
	}
	if pending {
		return nil, nil
	}
	return nil, errAbsent
}

// errAbsent says that the node has none of the attempts.
var errAbsent = errors.New("the node has none of the attempts")

// inBlock is an attempt that is in a block.
type inBlock struct {
	attempt store.Attempt
	seen    chain.Seen
}

// follow looks for what was given to the node.
func (s *sending) follow(ctx context.Context) error {
	in, err := s.mined(ctx)
	switch {
	case errors.Is(err, errAbsent): // it was forgotten: the same bytes again
		return s.keep(ctx, func(now *store.Sending) { now.State = store.SendingSigned })
	case err != nil:
		return err
	case in == nil:
		return s.hurry(ctx)
	case in.seen.Block.Number > s.at.Number: // balances of it are not looked at yet
		return nil
	}
	if err := s.include(ctx, *in); err != nil {
		return err
	}
	return s.conclude(ctx)
}

// hurry signs higher fees for what waits too long, within what was approved.
func (s *sending) hurry(ctx context.Context) error {
	if s.g.now().Sub(s.Tried) < stuckAfter || s.waits() || s.Left {
		return nil
	}
	if err := s.again(ctx); err != nil || s.State != store.SendingSigned {
		return err
	}
	return s.broadcast(ctx)
}

// again has another attempt signed after the newest one.
func (s *sending) again(ctx context.Context) error {
	if s.Sweep != "" {
		return s.resweep(ctx)
	}
	last := s.Attempts[len(s.Attempts)-1]
	return s.sign(ctx, &last)
}

// because keeps why a sending is not further. Other figures alone are not news.
func (s *sending) because(ctx context.Context, why string) error {
	if kindOf(why) == kindOf(s.Reason) {
		return nil
	}
	return s.keep(ctx, func(now *store.Sending) { now.Reason = why })
}

// keep changes what is kept of a sending, unless the signer's log said more of it meanwhile.
func (s *sending) keep(ctx context.Context, change func(*store.Sending)) error {
	return s.g.cfg.Store.Write(ctx, func(tx store.Tx) error { return s.keepIn(tx, change) })
}

func (s *sending) keepIn(tx store.Tx, change func(*store.Sending)) error {
	now, err := tx.Sending(s.Entity, s.Request)
	if err != nil {
		return err
	}
	if now.State != s.State || len(now.Attempts) != len(s.Attempts) {
		return errAgain
	}
	change(&now)
	now.Updated = s.g.now()
	s.Sending = now
	return tx.PutSending(now)
}

// reasonOf is an error for people.
func reasonOf(err error) string {
	if err == nil {
		return ""
	}
	if f, ok := fault.As(err); ok {
		return f.Message
	}
	if errors.Is(err, chain.ErrFunds) {
		return lessThanNeeded
	}
	return err.Error()
}
