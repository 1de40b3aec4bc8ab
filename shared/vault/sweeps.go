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

// Sweeping is a deposit address whose balance is sent on to its account's own address. It
// is kept as [Sending] is.
type Sweeping struct {
	Account  string    `json:"account"`
	Address  string    `json:"address"`
	Attempts []Attempt `json:"attempts"` // of the newest transaction, all with the same nonce
	Amount   string    `json:"amount"`   // of it, in the smallest unit of the chain's coin
}

// sweptFee is what a sweep may have cost, when.
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
func (s *State) SweepTx(account, units string, a Attempt) (eip1559.Tx, error) {
	tip, feeCap, err := a.Fees.Prices()
	if err != nil {
		return eip1559.Tx{}, err
	}
	of, ok := s.Account(account)
	if !ok {
		return eip1559.Tx{}, errors.New("there is no such account")
	}
	return effects.Effects{V: 1, Chain: of.Chain, To: of.Address, Value: units, Data: "0x"}.Tx(uint64(a.Nonce), uint64(a.Fees.Gas), tip, feeCap)
}

// NextSweep is the sweep that an address may have next with these fees: another attempt of
// the newest one, which was not enough, when units is empty. It fails where the standing
// rule of the account does not allow it.
func (s *State) NextSweep(account, address, units string, fees gas.Fees, at int64) (Attempt, error) {
	next := Attempt{Fees: fees, At: at}
	terms, _ := s.Account(account)
	if terms.Sweep == nil {
		return next, errors.New("the account has no standing rule to sweep by")
	}
	before := s.sweeps[address]
	switch {
	case before != nil && before.Attempts[len(before.Attempts)-1].Raw == "":
		return next, errors.New("the sweep before is not signed yet")
	case before == nil && units == "":
		return next, errors.New("there is no sweep to sign again")
	case units == "":
		last := before.Attempts[len(before.Attempts)-1]
		if !fees.Above(last.Fees) {
			return next, errors.New("both prices must be above those of the attempt before")
		}
		next.Nonce, units = last.Nonce, before.Amount
	default:
		seqs, err := s.past.Find(sweptName(address))
		if err != nil {
			return next, err
		}
		next.Nonce = int64(len(seqs))
	}
	if n, ok := new(big.Int).SetString(units, 10); !ok || n.Sign() <= 0 || n.String() != units {
		return next, errors.New("the amount is not more than nothing, in the smallest unit")
	}
	tx, err := s.SweepTx(account, units, next)
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
// fails for what is no deposit address of it.
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
		return at, fmt.Errorf("%s is no deposit address of account %s", address, account)
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
	units, before := b.Amount, s.sweeps[b.Address]
	again := before != nil && b.Nonce == before.Attempts[0].Nonce
	if again {
		if units != before.Amount || b.Account != before.Account {
			return fmt.Errorf("the sweep of %s is another one than before, with the same nonce", b.Address)
		}
		units = ""
	}
	next, err := s.NextSweep(b.Account, b.Address, units, b.Fees, e.At)
	if err != nil {
		return fmt.Errorf("the sweep of %s: %w", b.Address, err)
	}
	if next.Nonce != b.Nonce {
		return fmt.Errorf("the sweep of %s does not have nonce %d", b.Address, b.Nonce)
	}
	tx, err := s.SweepTx(b.Account, b.Amount, next)
	if err != nil {
		return err
	}
	a := s.accounts[b.Account]
	a.swept = append(slices.DeleteFunc(slices.Clone(a.swept), func(f sweptFee) bool { return f.At <= e.At-day }), sweptFee{e.At, tx.MaxFee().String()})
	if again {
		before.Attempts = append(before.Attempts, next)
		return nil
	}
	s.past.Note(sweptName(b.Address), e.Seq)
	s.sweeps[b.Address] = &Sweeping{Account: b.Account, Address: b.Address, Attempts: []Attempt{next}, Amount: b.Amount}
	s.dropSweeps(b.Account)
	return nil
}

// maxSweeps is how many sweeps of an account may be signed again.
const maxSweeps = 256

// dropSweeps lets go of the oldest sweeps of an account that are signed, when there are many.
func (s *State) dropSweeps(account string) {
	var all []*Sweeping
	for _, x := range s.sweeps {
		if x.Account == account && x.Attempts[len(x.Attempts)-1].Raw != "" {
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
	if x == nil || x.Attempts[len(x.Attempts)-1].Raw != "" {
		return fmt.Errorf("no sweep of %s is about to be signed", b.Address)
	}
	a := &x.Attempts[len(x.Attempts)-1]
	want, err := s.SweepTx(x.Account, x.Amount, *a)
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
