package vault

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"

	"countersign/shared/effects"
	"countersign/shared/eip1559"
	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
)

// maxBehind is how many transactions of an account may follow one before it is taken to be
// over: nodes keep no more than 64 of an address waiting.
const maxBehind = 64

// Sending is an approved request that ends in a transaction. It is kept until its approval
// has ended without one, or so many of its account followed that it is over.
type Sending struct {
	Request  string     `json:"request"`
	Intent   intent.Doc `json:"intent"`
	UseBy    int64      `json:"use_by"`          // Unix seconds: until then the first attempt may be signed
	Since    int64      `json:"since,omitempty"` // the entry of its approval, of what replaces a transfer
	Attempts []Attempt  `json:"attempts"`

	movement intent.Movement
	does     effects.Effects
	replaces string // the request of the transfer whose nonce it has; empty: it has its own
	nonce    int64  // of that transfer
	refused  error  // why this version can send nothing of it
}

// Attempt is a transaction of a request: the same as its others, but for the fees.
type Attempt struct {
	Nonce int64    `json:"nonce"` // of the account's own address
	Fees  gas.Fees `json:"fees"`
	At    int64    `json:"at"`  // Unix seconds
	Raw   string   `json:"raw"` // base64url of what is sent to the chain; empty: it is about to be signed
}

// Signed reads a transaction that was signed. It is one: that was verified with its entry.
func (a Attempt) Signed() (eip1559.Signed, []byte, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(a.Raw)
	if err != nil {
		return eip1559.Signed{}, nil, err
	}
	tx, err := eip1559.Open(raw)
	return tx, raw, err
}

// Sending finds a request whose transaction may be signed, now or again; nil when there is
// none: what sends nothing, what is not approved, and what is over.
func (s *State) Sending(request string) *Sending { return s.sends[request] }

// Tx is the transaction of an attempt, not signed. It fails when its fees are more than
// what was approved.
func (x *Sending) Tx(a Attempt) (eip1559.Tx, error) {
	if x.refused != nil {
		return eip1559.Tx{}, x.refused
	}
	tip, feeCap, err := a.Fees.Prices()
	if err != nil {
		return eip1559.Tx{}, err
	}
	tx, err := x.does.Tx(uint64(a.Nonce), uint64(a.Fees.Gas), tip, feeCap)
	if err == nil && !x.does.Covers(tx) {
		err = fmt.Errorf("%d gas at max_fee_per_gas %s may cost more than the %s %s that were approved", a.Fees.Gas, a.Fees.FeeCap, x.movement.Fee.Amount, x.movement.Fee.Asset)
	}
	return tx, err
}

// Account is whose address sends it.
func (x *Sending) Account() string { return x.movement.Account }

// transfer is the request of the transfer whose nonce it has: its own, or that of what it
// replaces.
func (x *Sending) transfer() string { return cmp.Or(x.replaces, x.Request) }

// Latest is the request, among a transfer and those that replace it, that has the newest
// attempt: only that one, and what was approved after it, may make more. nil: there is no attempt yet, or it is over.
func (s *State) Latest(x *Sending) *Sending {
	latest := s.sends[x.transfer()]
	if latest == nil || len(latest.Attempts) == 0 {
		return nil
	}
	for _, other := range s.sends {
		if other.transfer() == x.transfer() && len(other.Attempts) > 0 && other.Since > latest.Since {
			latest = other
		}
	}
	return latest
}

// Over reports whether what a request replaces is over: nothing has its nonce any more.
func (s *State) Over(x *Sending) bool { return x.replaces != "" && s.Latest(x) == nil }

// Behind reports whether what has the newest attempt with its nonce, if anything, has replaced it for
// good: because it had attempts before, or was approved before.
func (x *Sending) Behind(latest *Sending) bool {
	return latest != nil && latest != x && (len(x.Attempts) > 0 || latest.Since > x.Since)
}

// Last is its newest attempt. It has one.
func (x *Sending) Last() Attempt { return x.Attempts[len(x.Attempts)-1] }

// mostGas is the most gas that an attempt has.
func (x *Sending) mostGas() (most int64) {
	for _, a := range x.Attempts {
		most = max(most, a.Fees.Gas)
	}
	return most
}

// Next is the attempt that a request may make with these fees after those that were made
// with its nonce. It fails when it may not: the approval ended, or another request replaced it,
// or the fees are neither above those of the newest attempt with that nonce, nor with twice the gas of each of its own
// before, or are more than what was approved. A chain
// never takes what has too little gas: whatever price it has, another one may be signed in
// its place. Both bound how many attempts there are.
func (s *State) Next(x *Sending, fees gas.Fees, at int64) (Attempt, error) {
	next := Attempt{Nonce: s.accounts[x.Account()].nonce, Fees: fees, At: at}
	if x.replaces != "" {
		next.Nonce = x.nonce
	}
	newest := s.Latest(x)
	switch n := len(x.Attempts); {
	case n == 0 && at >= x.UseBy:
		return next, errors.New("its approval has ended")
	case s.excerpt: // of another request nothing is known
		if newest = x; n == 0 {
			newest = nil
		}
	case s.Over(x):
		return next, errors.New("what it replaces is over")
	case x.Behind(newest):
		return next, fmt.Errorf("%s has replaced it", newest.Request)
	}
	if newest != nil {
		last, n := newest.Last(), len(newest.Attempts)
		of := fmt.Sprintf("attempt %d", n)
		if newest != x {
			of += " of " + newest.Request
		}
		if last.Raw == "" {
			return next, fmt.Errorf("%s is not signed yet", of)
		}
		if !fees.Above(last.Fees) && (newest != x || fees.Gas < 2*x.mostGas()) {
			return next, fmt.Errorf("both prices must be a tenth above those of %s, or the gas twice that of each before", of)
		}
		next.Nonce = last.Nonce
	}
	_, err := x.Tx(next)
	return next, err
}

// Sent implements [intent.Vault].
func (s *State) Sent(request string) (intent.Sent, error) {
	x := s.sends[request]
	why := ""
	switch {
	case x == nil:
		why = "the vault has no transaction of this request that can still be replaced"
	case x.replaces != "":
		why = "the request replaces another one: name the transfer, " + x.replaces
	case len(x.Attempts) == 0 || x.Attempts[0].Raw == "":
		why = "nothing was signed of this transfer: let its approval end"
	default:
		newest := s.Latest(x)
		m := x.movement
		m.Fee = newest.movement.Fee
		return intent.Sent{Movement: m, Nonce: x.Last().Nonce}, nil
	}
	return intent.Sent{}, fault.New(fault.Conflict, why).With("field", "request")
}

// told is a vault for whoever has an excerpt: what a request replaces is not in it, and is
// the signer's word.
type told struct {
	*State
	of intent.Replace
}

// Sent implements [intent.Vault].
func (t told) Sent(string) (intent.Sent, error) {
	m := intent.Movement{Account: t.of.Account, Chain: t.of.Chain, What: t.of.Crypto, To: t.of.To.Address, Fee: t.of.FeeBefore}
	return intent.Sent{Movement: m, Nonce: t.of.Nonce}, nil
}

// knows is what the intent of an entry is filled from.
func (s *State) knows(i intent.Intent) intent.Vault {
	if r, ok := i.(intent.Replace); ok && s.excerpt {
		return told{s, r}
	}
	return s
}

// begin keeps a request that was approved and ends in a transaction.
func (s *State) begin(r *Request, at int64) {
	m, sends := r.Wants.(intent.Sender)
	if !sends {
		return
	}
	account := m.Sends().Account
	for id, x := range s.sends {
		if x.Account() == account && len(x.Attempts) == 0 && at >= x.UseBy {
			delete(s.sends, id)
		}
	}
	if r.Outcome != string(governance.Approved) {
		return
	}
	x := Sending{Request: r.Request, Intent: r.Intent, UseBy: r.ends, Attempts: []Attempt{}}
	if err := x.open(); err != nil { // it is not: it was opened when it was asked for
		return
	}
	if x.replaces == "" {
		s.sends[r.Request] = &x
		return
	}
	x.Since = r.asOf + 1
	if s.sends[x.replaces] != nil || s.excerpt { // else the transfer is over by now
		s.sends[r.Request] = &x
	}
}

// open reads the intent. What this version cannot send is kept all the same: the state does
// not depend on which assets and chains a version knows.
func (x *Sending) open() error {
	wants, err := intent.Open(x.Intent)
	if err != nil {
		return err
	}
	sender, ok := wants.(intent.Sender)
	if !ok {
		return errors.New("it ends in no transaction")
	}
	x.movement = sender.Sends()
	does, err := effects.Of(wants)
	if err == nil {
		x.does = *does
		_, err = effects.Number(x.does.Chain)
	}
	if r, ok := wants.(intent.Replace); ok {
		x.replaces, x.nonce = r.Request, r.Nonce
	}
	x.refused = err
	return nil
}

// Refused is why this version can send nothing of it: NOT_SUPPORTED or INVALID_REQUEST; nil: it
// can.
func (x *Sending) Refused() error { return x.refused }

// resume takes what a snapshot has of a request.
func (s *State) resume(x Sending) error {
	if err := x.open(); err != nil {
		return err
	}
	if s.accounts[x.Account()] == nil {
		return errors.New("it is of no account")
	}
	s.sends[x.Request] = &x
	return nil
}

// applySigning takes which transaction is about to be signed: the only ones that may ever
// have its nonce are those of the same request, and of those that were approved to replace it.
func (s *State) applySigning(e signedlog.Entry) error {
	var b signedlog.SigningBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	x := s.sends[b.Request]
	if x == nil {
		return fmt.Errorf("there is no approved request %s that sends something", b.Request)
	}
	account := s.accounts[x.Account()]
	first := len(x.Attempts) == 0 && x.replaces == "" // the others have the nonce of the transfer
	if s.excerpt && first {                           // that it is the next one is the signer's word
		account.nonce = b.Nonce
	}
	next, err := s.Next(x, b.Fees, e.At)
	if err != nil {
		return fmt.Errorf("the transaction of %s: %w", b.Request, err)
	}
	if b.Attempt != len(x.Attempts)+1 || b.Nonce != next.Nonce {
		return fmt.Errorf("the transaction of %s is not attempt %d with nonce %d", b.Request, b.Attempt, b.Nonce)
	}
	x.Attempts = append(x.Attempts, next)
	if first {
		account.nonce++
		s.forget(account)
	}
	s.past.Note(b.Request, e.Seq)
	return nil
}

// forget lets go of transactions of an account that are over, and of what would replace them.
// One that is still to be signed is not over: without it no later one could be taken into a block.
func (s *State) forget(a *account) {
	for id, x := range s.sends {
		nonce, over := x.nonce, x.replaces != ""
		if len(x.Attempts) > 0 {
			nonce, over = x.Last().Nonce, x.Last().Raw != ""
		}
		if over && x.Account() == a.Account && nonce < a.nonce-maxBehind {
			delete(s.sends, id)
		}
	}
}

// applySigned takes the signature of the transaction that was about to be signed.
func (s *State) applySigned(e signedlog.Entry) error {
	var b signedlog.SignedBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	x := s.sends[b.Request]
	if x == nil || b.Attempt != len(x.Attempts) || x.Attempts[b.Attempt-1].Raw != "" {
		return fmt.Errorf("no transaction of %s is about to be signed", b.Request)
	}
	a := &x.Attempts[b.Attempt-1]
	want, err := x.Tx(*a)
	if err != nil {
		return err
	}
	got, _, err := Attempt{Raw: b.Raw}.Signed()
	if err != nil {
		return fmt.Errorf("the transaction of %s: %w", b.Request, err)
	}
	if from := s.addressOf(s.accounts[x.Account()].GenesisAccount, Newest); !got.Same(want) || got.From != from {
		return fmt.Errorf("the transaction of %s is not the one that was approved, signed by %s", b.Request, from)
	}
	a.Raw = b.Raw
	s.past.Note(b.Request, e.Seq)
	return nil
}

// sends reports whether entries of a type are about the transaction of a closed request.
func sends(typ string) bool { return typ == signedlog.Signing || typ == signedlog.Signed }

// sent adds what an entry says of the transaction of a closed request.
func sent(all []Attempt, e signedlog.Entry, of string) ([]Attempt, error) {
	stray := fmt.Errorf("entry %d does not follow", e.Seq)
	if e.Type == signedlog.Signing {
		var b signedlog.SigningBody
		if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
			return nil, err
		}
		if b.Request != of || b.Attempt != len(all)+1 {
			return nil, stray
		}
		return append(all, Attempt{Nonce: b.Nonce, Fees: b.Fees, At: e.At}), nil
	}
	var b signedlog.SignedBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return nil, err
	}
	if b.Request != of || b.Attempt != len(all) || b.Attempt < 1 || all[b.Attempt-1].Raw != "" {
		return nil, stray
	}
	all[b.Attempt-1].Raw = b.Raw
	return all, nil
}
