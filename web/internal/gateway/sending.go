package gateway

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/projection"
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
	raise          = 1125             // thousandths of both prices that the next attempt has at least: nodes want 1,100
)

// errSettling says that what a sending has come to is not told by the node yet.
var errSettling = errors.New("the node does not tell yet what became of it")

// transact brings the sendings on a chain further: what is approved is signed, what is
// signed is given to the node, and what is in a block up to at, up to which everything was
// read, is booked. Those of one account are sent one after the other, because a node
// forgets what waits behind a gap. What is wrong with one keeps no other account's back: it
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
	waiting := map[string]bool{} // accounts with a transaction that no node has yet
	for _, s := range all {
		key := s.Entity + "\x00" + s.Account
		if waiting[key] && (s.State == store.SendingApproved || s.State == store.SendingSigned) {
			continue
		}
		step := &sending{g: g, w: w, at: at, Sending: s}
		err := step.advance(ctx)
		if err != nil && ctx.Err() != nil {
			return err
		}
		if err != nil && !errors.Is(err, errSettling) {
			failed = errors.Join(failed, fmt.Errorf("send what %s asks for: %w", s.Request, err))
		}
		waiting[key] = waiting[key] || step.State == store.SendingSigned
	}
	return failed
}

// sending is one that is brought further.
type sending struct {
	store.Sending
	g    *Gateway
	w    *watch
	at   chain.Block
	does effects.Effects
	from common.Address

	short bool // the newest attempt may have less gas than its chain wants, or more
}

// advance takes each step that can be taken now.
func (s *sending) advance(ctx context.Context) error {
	if s.State == store.SendingApproved && s.Sweep != "" { // which the signer was about to sign
		last := s.Attempts[len(s.Attempts)-1]
		value, ok := new(big.Int).SetString(last.Amount, 10)
		if !ok {
			return fmt.Errorf("read the amount %q", last.Amount)
		}
		at := store.Address{Chain: s.Chain, Address: s.Sweep, Entity: s.Entity, Account: s.Account}
		return s.g.sweepAddress(ctx, at, last.Nonce, value, gas.Fees{Gas: last.Gas, FeeCap: last.FeeCap, Tip: last.Tip})
	}
	if s.State == store.SendingApproved {
		if err := s.sign(ctx, nil); err != nil || s.State != store.SendingSigned {
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

// load reads what the request is about. It fails with what [effects.Of] fails with.
func (s *sending) load(ctx context.Context) (r store.Request, err error) {
	var address string
	err = s.g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		if r, err = tx.Request(s.Entity, s.Request); err != nil {
			return err
		}
		gen, err := projection.Genesis(tx, s.Entity)
		for _, a := range gen.Accounts {
			if a.Account == s.Account {
				address = a.Address
			}
		}
		return err
	})
	if err != nil {
		return r, err
	}
	wants, err := intent.Open(intent.Doc(r.Intent))
	if err != nil {
		return r, err
	}
	does, err := effects.Of(wants)
	if err != nil || does == nil {
		return r, errors.Join(err, errors.New("it ends in no transaction"))
	}
	s.does, s.from = *does, common.HexToAddress(address)
	return r, nil
}

// call is what its transaction does.
func callOf(from common.Address, does effects.Effects) (chain.Call, error) {
	tx, err := does.Tx(0, 0, new(big.Int), new(big.Int))
	return chain.Call{From: from, To: common.Address(tx.To), Value: tx.Value, Data: tx.Data}, err
}

// sign has the signer sign the next attempt, with fees that the chain takes now; after
// last, which is stuck, higher ones. Where what was approved does not reach, nothing is signed and
// the reason is kept.
func (s *sending) sign(ctx context.Context, last *store.Attempt) error {
	r, err := s.load(ctx)
	if err != nil {
		return err
	}
	if last == nil && lapsed(r, s.g.now()) && len(s.Attempts) == 0 {
		return s.keep(ctx, func(now *store.Sending) { now.State, now.Reason = store.SendingLapsed, "" })
	}
	if err := s.g.timely(); err != nil {
		return err
	}
	v, err := s.g.vault(s.Entity)
	if err != nil {
		return err
	}
	if err := v.doubted(); err != nil {
		return err
	}
	if len(s.Attempts) == 0 {
		if err := s.affords(ctx, r); err != nil {
			return s.because(ctx, reasonOf(err))
		}
	}
	fees, why, err := s.fees(ctx, last)
	if err != nil {
		return errors.Join(err, s.because(ctx, reasonOf(err)))
	}
	if why != "" {
		return s.because(ctx, why)
	}
	if _, err := v.Signer.Transaction(ctx, s.Request, wire.SignerTransactionInput{Fees: fees}); err != nil {
		return errors.Join(err, s.because(ctx, reasonOf(err)))
	}
	if err := s.g.Sync(ctx, s.Entity); err != nil { // the bytes come with the log, which is verified
		return err
	}
	return s.g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) {
		s.Sending, err = tx.Sending(s.Entity, s.Request)
		return err
	})
}

// affords refuses what the account has not enough for beside what was signed before and may
// not be in a block yet: once it has its nonce, nothing after it is taken into a block without it.
func (s *sending) affords(ctx context.Context, r store.Request) error {
	wants, err := intent.Open(intent.Doc(r.Intent))
	if err != nil {
		return err
	}
	m := wants.(intent.Sender).Sends() // as load has found
	var account statement.GenesisAccount
	err = s.g.cfg.Store.Read(ctx, func(tx store.Tx) (err error) { account, err = accountOf(tx, s.Entity, s.Account); return err })
	if err != nil {
		return err
	}
	has, err := s.g.fill(ctx, s.w, s.Entity, account, m.What.Asset, purse{begun: true})
	if err != nil {
		return err
	}
	return has.covers(m)
}

// fees are those of the next attempt. why says, for people, why there are none that the
// chain takes and that were approved.
func (s *sending) fees(ctx context.Context, last *store.Attempt) (f gas.Fees, why string, err error) {
	call, err := callOf(s.from, s.does)
	if err != nil {
		return f, "", err
	}
	limit := uint64(0)
	if last != nil && !s.short {
		limit = uint64(last.Gas)
	} else if limit, err = s.w.Sender.Estimate(ctx, call); err != nil {
		var reverts *chain.RevertError
		if errors.As(err, &reverts) || errors.Is(err, chain.ErrFunds) {
			return f, reasonOf(err), nil
		}
		return f, "", err
	}
	if s.short && last != nil && limit == uint64(last.Gas) {
		return f, s.Reason, nil // it is refused for something else
	}
	if last != nil && limit > uint64(last.Gas) { // no node took it: whatever its price was
		for _, a := range s.Attempts {
			limit = max(limit, 2*uint64(a.Gas))
		}
		last = nil
	}
	now, err := s.w.Sender.Fees(ctx)
	if err != nil {
		return f, "", err
	}
	most, ok := new(big.Int).SetString(s.does.MaxFee, 10)
	if !ok {
		return f, "", fmt.Errorf("read the maximum fee %q", s.does.MaxFee)
	}
	most.Div(most, new(big.Int).SetUint64(limit)) // for each gas
	tip, feeCap := now.Normal.Tip, now.Normal.Cap
	if last != nil {
		tip, feeCap = raised(tip, last.Tip), raised(feeCap, last.FeeCap)
	}
	least := new(big.Int).Add(now.Base, big.NewInt(1))
	if last != nil {
		least = feeCap
	}
	if most.Cmp(least) < 0 || most.Cmp(tip) < 0 && last != nil {
		return f, "the chain takes more now than the " + s.maxFee() + " that were approved: it goes on when the chain takes less, or with a request for more", nil
	}
	feeCap, tip = smaller(feeCap, most), smaller(tip, most)
	return gas.Fees{Gas: int64(limit), FeeCap: feeCap.String(), Tip: tip.String()}, "", nil
}

// maxFee is the approved maximum, for people.
func (s *sending) maxFee() string {
	n, _ := asset.Chain(s.Chain)
	coin, _ := asset.On(s.Chain, n.Coin)
	fee, err := amount.FromUnits(s.does.MaxFee, coin.Places)
	if err != nil {
		return s.does.MaxFee
	}
	return figure(fee.Trim().String(), coin.ID)
}

// raised is a price that is enough above that of an attempt before it.
func raised(now *big.Int, before string) *big.Int {
	was, ok := new(big.Int).SetString(before, 10)
	if !ok {
		return now
	}
	was.Mul(was, big.NewInt(raise))
	was.Add(was, big.NewInt(999))
	was.Div(was, big.NewInt(1000))
	was.Add(was, big.NewInt(1)) // also of nothing
	if was.Cmp(now) > 0 {
		return was
	}
	return now
}

func smaller(a, b *big.Int) *big.Int {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
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
		s.g.cfg.Log.Error("another transaction has the nonce of one of the vault", "request", s.Request, "chain", s.Chain, "hash", last.Hash)
	}
	if err := s.because(ctx, reasonOf(err)); err != nil {
		return err
	}
	return errors.Join(err, s.mend(ctx, outcome))
}

// mend signs another attempt where no node takes the newest, whatever it waits for: of a sweep
// of more than there is, of what has less gas than its chain wants, and of what pays less.
func (s *sending) mend(ctx context.Context, outcome chain.Outcome) error {
	last := s.Attempts[len(s.Attempts)-1]
	s.short = outcome == chain.Malformed
	switch {
	case s.g.now().Sub(time.Unix(last.At, 0)) < stuckAfter:
		return nil
	case s.Sweep != "" && (s.short || outcome == chain.TooCheap || outcome == chain.NoFunds):
		return s.resweep(ctx)
	case s.Sweep == "" && (s.short || outcome == chain.TooCheap):
		return s.sign(ctx, &last)
	}
	return nil
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
	if s.g.now().Sub(s.Tried) < stuckAfter {
		return nil
	}
	last, higher := s.Attempts[len(s.Attempts)-1], s.resweep
	if s.Sweep == "" {
		higher = func(ctx context.Context) error { return s.sign(ctx, &last) }
	}
	if err := higher(ctx); err != nil || s.State != store.SendingSigned {
		return err
	}
	return s.broadcast(ctx)
}

// because keeps why a sending is not further.
func (s *sending) because(ctx context.Context, why string) error {
	if why == s.Reason {
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
		return "the account has less than the amount and the fee"
	}
	return err.Error()
}
