package vault

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"countersign/shared/amount"
	"countersign/shared/asset"
	"countersign/shared/effects"
	"countersign/shared/eip1559"
	"countersign/shared/gas"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// day is for how long the fee of a sweep counts, in seconds.
const day = 24 * hour

// Sweeping is a deposit address whose balance is sent on to its account's own address, and
// the attempts of the sweep that was signed last, the newest of them. It is kept as [Sending] is.
type Sweeping struct {
	Account  string         `json:"account"`
	Address  string         `json:"address"`
	Attempts []SweepAttempt `json:"attempts"` // all with the same nonce; not empty
}

// SweepAttempt is a transaction of a deposit address. Those with one nonce may bring different
// amounts: only one of them can be in a block, and all go to the same place.
type SweepAttempt struct {
	Attempt
	Amount string `json:"amount"` // in the smallest unit of the chain's coin
}

// maxSweepAttempts is how many attempts of a sweep are kept, the newest.
const maxSweepAttempts = 8

// Last is the newest attempt.
func (x *Sweeping) Last() *SweepAttempt { return &x.Attempts[len(x.Attempts)-1] }

// sweptFee is what sweeps may have cost, and when the last of them was.
type sweptFee struct {
	At  int64  `json:"at"`
	Fee string `json:"fee"` // in the smallest unit
}

// sweptName is the name under which the entries of an address's sweeps are found: one for
// each nonce.
func sweptName(address string) string { return "sweep " + address }

// Sweeping finds the newest sweep of a deposit address, unless it is over; nil: there is
// none.
func (s *State) Sweeping(address string) *Sweeping { return s.sweeps[address] }

// SweepTx is the transaction that an attempt signs: all that it can do is to bring an
// amount to the account's own address.
func (s *State) SweepTx(account string, a SweepAttempt) (eip1559.Tx, error) {
	tip, feeCap, err := a.Fees.Prices()
	if err != nil {
		return eip1559.Tx{}, err
	}
	of, ok := s.Account(account)
	if !ok {
		return eip1559.Tx{}, errors.New("there is no such account")
	}
	return effects.Effects{V: 1, Chain: of.Chain, To: of.Address, Value: a.Amount, Data: "0x"}.Tx(uint64(a.Nonce), uint64(a.Fees.Gas), tip, feeCap)
}

// maxUnits is how many bits an amount has at most: no chain counts more.
const maxUnits = 256

// NextSweep is the attempt that a deposit address may make next: of its next sweep, or again of
// one that it began before, because no block takes what was signed for it. Nobody but the
// chain knows which those are, and at most one of each nonce can do anything. An attempt after
// the newest one has a smaller amount, which an address may have had too little for, or
// higher fees. It fails where the standing rule of the account does not allow it.
func (s *State) NextSweep(account, address string, nonce int64, units string, fees gas.Fees, at int64) (SweepAttempt, error) {
	next := SweepAttempt{Attempt{Nonce: nonce, Fees: fees, At: at}, units}
	terms, _ := s.Account(account)
	if terms.Sweep == nil {
		return next, errors.New("the account has no standing rule to sweep by")
	}
	n, ok := new(big.Int).SetString(units, 10)
	if !ok || n.Sign() <= 0 || n.String() != units || n.BitLen() > maxUnits {
		return next, errors.New("the amount is not more than nothing, in the smallest unit, and one that a chain can count")
	}
	begun, err := s.past.Find(sweptName(address))
	if err != nil {
		return next, err
	}
	if nonce < 0 || nonce > int64(len(begun)) {
		return next, fmt.Errorf("the next sweep of the address has nonce %d", len(begun))
	}
	if before := s.sweeps[address]; before != nil {
		last := before.Last()
		if last.Raw == "" {
			return next, errors.New("the sweep before is not signed yet")
		}
		was, _ := new(big.Int).SetString(last.Amount, 10)
		if last.Nonce == nonce && n.Cmp(was) >= 0 && !fees.Above(last.Fees) {
			return next, errors.New("the amount must be less than that of the attempt before, or both prices a tenth above")
		}
	}
	tx, err := s.SweepTx(account, next)
	if err != nil {
		return next, err
	}
	return next, s.sweepAllowed(account, tx.MaxFee(), at)
}

// sweepAllowed holds a fee against the standing rule of an account.
func (s *State) sweepAllowed(account string, fee *big.Int, at int64) error {
	terms, _ := s.Account(account)
	n, _ := asset.Chain(terms.Chain)
	coin, _ := asset.On(terms.Chain, n.Coin)
	units := func(of string) (*big.Int, error) {
		u, err := amount.Must(of).Units(coin.Places)
		if err != nil {
			return nil, err
		}
		b, _ := new(big.Int).SetString(u, 10)
		return b, nil
	}
	most, err := units(terms.Sweep.MaxFee)
	if err != nil {
		return err
	}
	if fee.Cmp(most) > 0 {
		return fmt.Errorf("it may cost more than %s, which the standing rule allows", terms.Sweep.MaxFee)
	}
	if most, err = units(terms.Sweep.PerDay); err != nil {
		return err
	}
	sum := new(big.Int).Set(fee)
	for _, f := range s.accounts[account].swept {
		if f.At > at-day {
			b, _ := new(big.Int).SetString(f.Fee, 10)
			sum.Add(sum, b)
		}
	}
	if sum.Cmp(most) > 0 {
		return fmt.Errorf("with those of the last 24 hours it may cost more than %s, which the standing rule allows", terms.Sweep.PerDay)
	}
	return nil
}

// Made is how many deposit addresses of an account there are, or may be: their keys are
// numbered from 0.
func (s *State) Made(account string) int { return s.accounts[account].pool.next }

// Deposit reads the vault's own word about an address, and holds it against an account: it
// fails for an address that is not one of its deposit addresses.
func (s *State) Deposit(attestation, account, address string) (statement.Address, error) {
	payload, err := s.Ahead.Verify(attestation, statement.TypAddress, s.key)
	if err != nil {
		return statement.Address{}, err
	}
	at, err := statement.Decode[statement.Address](payload)
	if err != nil {
		return at, err
	}
	of, ok := s.Account(account)
	if !ok || at.Entity != s.Genesis.Entity || at.Account != account || at.Address != address || at.Chain != of.Chain || address == of.Address {
		return at, fmt.Errorf("%s is not a deposit address of account %s", address, account)
	}
	return at, nil
}

// applySweeping takes which sweep is about to be signed.
func (s *State) applySweeping(e signedlog.Entry) error {
	var b signedlog.SweepingBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	if _, err := s.Deposit(b.Attestation, b.Account, b.Address); err != nil {
		return err
	}
	next, err := s.NextSweep(b.Account, b.Address, b.Nonce, b.Amount, b.Fees, e.At)
	if err != nil {
		return fmt.Errorf("the sweep of %s: %w", b.Address, err)
	}
	tx, err := s.SweepTx(b.Account, next)
	if err != nil {
		return err
	}
	begun, err := s.past.Find(sweptName(b.Address))
	if err != nil {
		return err
	}
	if b.Nonce == int64(len(begun)) {
		s.past.Note(sweptName(b.Address), e.Seq)
	}
	s.accounts[b.Account].spendOnSweep(e.At, tx.MaxFee())
	x := s.sweeps[b.Address]
	if x == nil || x.Last().Nonce != b.Nonce {
		x = &Sweeping{Account: b.Account, Address: b.Address}
		s.sweeps[b.Address] = x
	}
	x.Attempts = append(slices.Clone(x.Attempts[max(len(x.Attempts)-maxSweepAttempts+1, 0):]), next)
	s.dropSweeps(b.Account)
	return nil
}

// together is for how long fees of sweeps are kept as one sum, in seconds: some of it then
// counts for up to as much longer.
const together = 600

// spendOnSweep adds a fee to those of the last day.
func (a *account) spendOnSweep(at int64, fee *big.Int) {
	a.swept = slices.DeleteFunc(slices.Clone(a.swept), func(f sweptFee) bool { return f.At <= at-day })
	if n := len(a.swept); n > 0 && a.swept[n-1].At/together == at/together {
		last := &a.swept[n-1]
		sum, _ := new(big.Int).SetString(last.Fee, 10)
		last.At, last.Fee = max(last.At, at), sum.Add(sum, fee).String()
		return
	}
	a.swept = append(a.swept, sweptFee{at, fee.String()})
}

// maxSweeps is how many sweeps of an account may be signed again.
const maxSweeps = 256

// dropSweeps lets go of the oldest sweeps of an account that are signed, when there are many.
func (s *State) dropSweeps(account string) {
	var all []*Sweeping
	for _, x := range s.sweeps {
		if x.Account == account && x.Last().Raw != "" {
			all = append(all, x)
		}
	}
	slices.SortFunc(all, func(a, b *Sweeping) int {
		if d := a.Attempts[0].At - b.Attempts[0].At; d != 0 {
			return int(d)
		}
		return strings.Compare(a.Address, b.Address)
	})
	for _, x := range all[:max(len(all)-maxSweeps, 0)] {
		delete(s.sweeps, x.Address)
	}
}

// applySwept takes the signature of the sweep that was about to be signed.
func (s *State) applySwept(e signedlog.Entry) error {
	var b signedlog.SweptBody
	if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil {
		return err
	}
	x := s.sweeps[b.Address]
	if x == nil || x.Last().Raw != "" {
		return fmt.Errorf("no sweep of %s is about to be signed", b.Address)
	}
	a := x.Last()
	want, err := s.SweepTx(x.Account, *a)
	if err != nil {
		return err
	}
	got, _, err := Attempt{Raw: b.Raw}.Signed()
	if err != nil {
		return fmt.Errorf("the sweep of %s: %w", b.Address, err)
	}
	if !got.Same(want) || got.From != b.Address {
		return fmt.Errorf("the sweep of %s is another transaction", b.Address)
	}
	a.Raw = b.Raw
	return nil
}

// resweep takes what a snapshot has of a sweep.
func (s *State) resweep(x Sweeping) error {
	if s.accounts[x.Account] == nil || len(x.Attempts) == 0 {
		return errors.New("it is of no account")
	}
	s.sweeps[x.Address] = &x
	return nil
}
