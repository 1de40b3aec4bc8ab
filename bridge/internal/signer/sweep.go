package signer

import (
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"sync"

	"countersign/bridge/internal/keys"
	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// SweepDeposit signs a transaction that brings what is at a deposit address to its account's own
// address, by the standing rule of the account: nobody is asked, it can go nowhere else, and
// what it may cost is limited. Its nonce says which sweep of the address it is, so that one of
// as much as the one before is another one. Order and repetition are as of [Service.Transaction].
//
// It fails with NOT_FOUND for an address that is not a deposit address of the account, NOT_SUPPORTED on a chain on
// which nothing can be sent, DENIED_BY_RULES when its standing rule, or that it has none, does not allow it,
// INVALID_REQUEST, details field, and RATE_LIMITED (details retry_after).
func (s *Service) SweepDeposit(ctx context.Context, in wire.SignerSweepInput) (wire.SignerTransaction, error) {
	a, err := s.prepareSweep(ctx, in)
	if err != nil {
		return wire.SignerTransaction{}, err
	}
	if a.Raw == "" {
		if a, err = s.signSweep(ctx, in.Account, in.Address, a); err != nil {
			return wire.SignerTransaction{}, err
		}
	}
	tx, _, err := a.Signed()
	if err != nil {
		return wire.SignerTransaction{}, err
	}
	return wire.SignerTransaction{Nonce: a.Nonce, Fees: a.Fees, Hash: tx.Hash, Raw: a.Raw, LogSize: s.log.Mark().Size}, nil
}

// prepareSweep returns the sweep with these fees, or the one that is to be signed first,
// once the log counts that it is about to be signed.
func (s *Service) prepareSweep(ctx context.Context, in wire.SignerSweepInput) (a vault.SweepAttempt, err error) {
	if err := s.begin(); err != nil {
		return a, err
	}
	defer s.end(ctx, &err)
	attestation, err := s.attestation(ctx, in.Address)
	if err != nil {
		return a, err
	}
	if _, err := s.state.Deposit(attestation, in.Account, in.Address); err != nil {
		return a, fault.Wrap(err, fault.NotFound, "the account has no such deposit address").With("field", "address")
	}
	of, _ := s.state.Account(in.Account)
	if _, err := effects.Number(of.Chain); err != nil {
		return a, err
	}
	x := s.state.Sweeping(in.Address)
	if x != nil {
		for _, made := range x.Attempts {
			if made.Raw == "" || made.Nonce == in.Nonce && made.Fees == in.Fees && made.Amount == in.Amount {
				return made, nil
			}
		}
	}
	if _, _, err := in.Fees.Prices(); err != nil {
		return a, fault.New(fault.Invalid, err.Error()).With("field", "fees")
	}
	if a, err = s.state.NextSweep(in.Account, in.Address, in.Nonce, in.Amount, in.Fees, s.at.Unix()); err != nil {
		return a, fault.New(fault.Denied, "nothing is swept: "+err.Error())
	}
	if err := s.limits.begins(s.deps.steady()); err != nil {
		return a, err
	}
	return a, s.append(ctx, signedlog.Sweeping, signedlog.SweepingBody{
		Account: in.Account, Address: in.Address, Attestation: attestation, Nonce: a.Nonce, Amount: a.Amount, Fees: in.Fees,
	})
}

// attestation is the vault's word about an address, from the entry of the first request that
// had it.
func (s *Service) attestation(ctx context.Context, address string) (string, error) {
	unknown := fault.New(fault.NotFound, "the vault made no such deposit address").With("field", "address")
	seqs, err := s.state.Past().Find(address)
	if err != nil || len(seqs) == 0 {
		if err == nil {
			err = unknown
		}
		return "", err
	}
	line, err := s.entry(ctx, seqs[0])
	if err != nil {
		return "", err
	}
	if line.Type != signedlog.Request {
		return "", unknown
	}
	var b signedlog.RequestBody
	if err := strictjson.UnmarshalCanonical(line.Body, &b, signedlog.MaxBody); err != nil {
		return "", err
	}
	return b.Attestation, nil
}

// signSweep has the key of the deposit address sign what the log says is about to be signed.
func (s *Service) signSweep(ctx context.Context, account, address string, a vault.SweepAttempt) (_ vault.SweepAttempt, err error) {
	ctx = context.WithoutCancel(ctx)
	s.mu.Lock()
	tx, err := s.state.SweepTx(account, a)
	terms, _ := s.state.Account(account)
	made := s.state.Made(account)
	s.mu.Unlock()
	if err != nil {
		return a, err
	}
	key, err := s.deposits.key(ctx, s.deps.Vault, terms.Chain, account, address, made)
	if err != nil {
		return a, err
	}
	digest, err := tx.Digest()
	if err != nil {
		return a, err
	}
	signature, err := key.SignDigest(ctx, digest[:])
	if err != nil {
		return a, fmt.Errorf("sign with the key of %s: %w", address, err)
	}
	raw, err := tx.Sign(signature, address)
	if err != nil {
		return a, err
	}
	return s.keepSweep(ctx, address, a, base64.RawURLEncoding.EncodeToString(raw))
}

// keepSweep logs a sweep that was signed. Of two that sign it at once, the first that is
// logged is the one.
func (s *Service) keepSweep(ctx context.Context, address string, a vault.SweepAttempt, raw string) (_ vault.SweepAttempt, err error) {
	if err := s.begin(); err != nil {
		return a, err
	}
	defer s.end(ctx, &err)
	x := s.state.Sweeping(address)
	if x == nil {
		return a, fault.New(fault.RequestClosed, "the sweep of this address is over").With("state", "ENDED")
	}
	for _, made := range x.Attempts {
		if made.Nonce == a.Nonce && made.Fees == a.Fees && made.Amount == a.Amount && made.Raw != "" {
			return made, nil
		}
	}
	if last := x.Last(); last.Nonce != a.Nonce || last.Fees != a.Fees || last.Amount != a.Amount {
		return a, fault.New(fault.Conflict, "another sweep is signed meanwhile")
	}
	a.Raw = raw
	if err := s.append(ctx, signedlog.Swept, signedlog.SweptBody{Address: address, Raw: raw}); err != nil {
		return a, err
	}
	s.deps.Log.Info("sweep signed", "address", address, "nonce", a.Nonce)
	return a, nil
}

// depositKeys finds the keys of deposit addresses in the token by their addresses: it
// remembers which number each has, and looks at none twice that it found.
type depositKeys struct {
	mu      sync.Mutex
	looked  map[string]int          // at how many of an account
	missing map[string]map[int]bool // those among them that were not there: a token may get them back from a copy
	numbers map[string]int          // by address
}

func (d *depositKeys) key(ctx context.Context, v Vault, chain, account, address string, made int) (keys.Key, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.looked == nil {
		d.looked, d.missing, d.numbers = map[string]int{}, map[string]map[int]bool{}, map[string]int{}
	}
	if err := d.find(ctx, v, chain, account, address, made); err != nil {
		return nil, err
	}
	n, known := d.numbers[address]
	if !known {
		return nil, fault.New(fault.KeyMissing, "the vault token has no key of the address "+address)
	}
	t, err := addressKey(chain, depositLabel(account, n))
	if err != nil {
		return nil, err
	}
	k, err := knownKey(ctx, v, t)
	if err != nil {
		return nil, err
	}
	if at, err := vault.AddressOn(chain, k.PublicKey()); err != nil || at != address {
		return nil, fault.New(fault.KeyUnsuited, "the vault token holds another key under the label of "+address)
	}
	return k, nil
}

// find looks for the number of an address among those of an account: at what was not looked at
// yet, and then again at what was missing.
func (d *depositKeys) find(ctx context.Context, v Vault, chain, account, address string, made int) error {
	again := slices.Sorted(maps.Keys(d.missing[account]))
	for _, known := d.numbers[address]; !known && d.looked[account] < made; _, known = d.numbers[address] {
		if err := d.look(ctx, v, chain, account, d.looked[account]); err != nil {
			return err
		}
		d.looked[account]++
	}
	for _, n := range again {
		if _, known := d.numbers[address]; known {
			return nil
		}
		if err := d.look(ctx, v, chain, account, n); err != nil {
			return err
		}
	}
	return nil
}

// look looks at the key with a number.
func (d *depositKeys) look(ctx context.Context, v Vault, chain, account string, n int) error {
	t, err := addressKey(chain, depositLabel(account, n))
	if err != nil {
		return err
	}
	k, err := v.Key(ctx, t)
	switch code := fault.CodeOf(err); {
	case code == fault.KeyMissing || code == fault.KeyUnsuited: // what is there is somebody else's
		if d.missing[account] == nil {
			d.missing[account] = map[int]bool{}
		}
		d.missing[account][n] = true
		return nil
	case err != nil:
		return err
	}
	delete(d.missing[account], n)
	if at, err := vault.AddressOn(chain, k.PublicKey()); err == nil {
		d.numbers[at] = n
	}
	return nil
}
