package signer

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"sync"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/gas"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// Transaction signs the transaction of an approved request, with fees that its sender
// would pay now. It takes nothing else from whoever asks: the transaction is built from the
// intent that was approved, and its nonce is the next one that the log has not given away.
// The log says which transaction will be signed, durably and under the watermark, before
// the account's key signs, and what was signed before anybody gets it: a signer that was killed in between
// signs the same one again. The same fees again give the same bytes.
//
// It fails with NOT_FOUND; CONFLICT for a request that ends in no transaction; NOT_SUPPORTED on a
// chain on which nothing can be sent; REQUEST_CLOSED
// (details state) for one that is not approved, whose approval ended, that another one
// replaced (details request), or that is over;
// INVALID_REQUEST, details field, for fees that are more than what was approved, or not enough
// above those of the attempts before; RATE_LIMITED (details retry_after).
func (s *Service) Transaction(ctx context.Context, request string, fees gas.Fees) (wire.SignerTransaction, error) {
	for {
		x, err := s.prepare(ctx, request, fees)
		if err != nil {
			return wire.SignerTransaction{}, err
		}
		if x.attempt.Raw == "" {
			if x.attempt, err = s.signAttempt(ctx, x.request, x.account, x.attempt); err != nil {
				return wire.SignerTransaction{}, err
			}
		}
		if x.request != request { // what it replaces was about to be signed
			continue
		}
		tx, _, err := x.attempt.Signed()
		if err != nil {
			return wire.SignerTransaction{}, err
		}
		return wire.SignerTransaction{Nonce: x.attempt.Nonce, Fees: x.attempt.Fees, Hash: tx.Hash, Raw: x.attempt.Raw, LogSize: s.log.Mark().Size}, nil
	}
}

// prepared is an attempt that the log has: signed, or about to be.
type prepared struct {
	request, account string
	attempt          vault.Attempt
}

// prepare returns the attempt with these fees, or the one that is to be signed first, once
// the log counts that it is about to be signed.
func (s *Service) prepare(ctx context.Context, request string, fees gas.Fees) (p prepared, err error) {
	if err := s.begin(); err != nil {
		return p, err
	}
	defer s.end(ctx, &err)
	r, err := s.request(ctx, request)
	if err != nil {
		return p, err
	}
	x := s.state.Sending(request)
	if x == nil {
		return p, sendsNothing(r)
	}
	if err := x.Refused(); err != nil {
		return p, err
	}
	for _, made := range x.Attempts {
		if made.Raw == "" || made.Fees == fees {
			return prepared{request, x.Account(), made}, nil
		}
	}
	latest := s.state.Latest(x)
	switch {
	case len(x.Attempts) == 0 && s.at.Unix() >= x.UseBy:
		return p, fault.New(fault.RequestClosed, "the approval of this request has ended: make another one").With("state", "ENDED")
	case s.state.Over(x):
		return p, fault.New(fault.RequestClosed, "the transfer that this request replaces is over").With("state", "ENDED")
	case latest == nil || latest == x:
	case x.Behind(latest):
		return p, fault.New(fault.RequestClosed, "another request, "+latest.Request+", has replaced the transaction of this one").With("state", "REPLACED").With("request", latest.Request)
	case latest.Last().Raw == "":
		return prepared{latest.Request, latest.Account(), latest.Last()}, nil
	}
	a, err := s.state.Next(x, fees, s.at.Unix())
	if err != nil {
		return p, fault.New(fault.Invalid, "the fees do not fit: "+err.Error()).With("field", "fees")
	}
	if err := s.limits.begins(s.deps.steady()); err != nil {
		return p, err
	}
	return prepared{request, x.Account(), a}, s.append(ctx, signedlog.Signing, signedlog.SigningBody{Request: request, Attempt: len(x.Attempts) + 1, Nonce: a.Nonce, Fees: fees})
}

// sendsNothing says why a request has no transaction to be signed.
func sendsNothing(r *vault.Request) error {
	if _, sends := r.Wants.(intent.Sender); !sends {
		return fault.New(fault.Conflict, intent.One(r.Wants)+" ends in no transaction")
	}
	if r.Outcome != string(governance.Approved) {
		return fault.New(fault.RequestClosed, "the request is not approved").With("state", cmp.Or(r.Outcome, "PENDING"))
	}
	return fault.New(fault.RequestClosed, "the transaction of this request is over, or its approval has ended").With("state", "ENDED")
}

// signAttempt has the account's key sign what the log says is about to be signed, and logs
// what came of it. Of two that sign it at once, the first that is logged is the one.
func (s *Service) signAttempt(ctx context.Context, request, account string, a vault.Attempt) (_ vault.Attempt, err error) {
	ctx = context.WithoutCancel(ctx) // who asked may go: what was begun is ended
	raw, err := s.signed(ctx, request, account, a)
	if err != nil {
		return a, err
	}
	if err := s.begin(); err != nil {
		return a, err
	}
	defer s.end(ctx, &err)
	x := s.state.Sending(request)
	if x == nil {
		return a, fault.New(fault.RequestClosed, "the transaction of this request is over").With("state", "ENDED")
	}
	n := len(x.Attempts)
	if last := x.Attempts[n-1]; last.Fees != a.Fees || last.Raw != "" {
		for _, made := range x.Attempts {
			if made.Fees == a.Fees {
				return made, nil
			}
		}
		return a, fault.New(fault.Conflict, "another attempt is signed meanwhile")
	}
	a.Raw = base64.RawURLEncoding.EncodeToString(raw)
	if err := s.append(ctx, signedlog.Signed, signedlog.SignedBody{Request: request, Attempt: n, Raw: a.Raw}); err != nil {
		return a, err
	}
	s.deps.Log.Info("transaction signed", "request", request, "attempt", n, "nonce", a.Nonce)
	return a, nil
}

// signed is the signed bytes of an attempt.
func (s *Service) signed(ctx context.Context, request, account string, a vault.Attempt) ([]byte, error) {
	s.mu.Lock()
	x := s.state.Sending(request)
	var key accountKey
	if x != nil {
		key = s.accountKeyOf(account)
	}
	s.mu.Unlock()
	if x == nil {
		return nil, fault.New(fault.RequestClosed, "the transaction of this request is over").With("state", "ENDED")
	}
	tx, err := x.Tx(a)
	if err != nil {
		return nil, err
	}
	digest, err := tx.Digest()
	if err != nil {
		return nil, err
	}
	signature, err := s.signWith(ctx, key, digest)
	if err != nil {
		return nil, fmt.Errorf("sign with the key of account %s: %w", account, err)
	}
	return tx.Sign(signature, key.address)
}

// signWith has an account's own key sign a digest: r and s of 32 bytes each.
func (s *Service) signWith(ctx context.Context, key accountKey, digest [32]byte) ([]byte, error) {
	k, err := s.owns.get(ctx, s.deps.Vault, key)
	if err != nil {
		return nil, err
	}
	signature, err := k.SignDigest(ctx, digest[:])
	if err != nil {
		s.owns.drop(key)
	}
	return signature, err
}

// accountKeyOf says where the own key of an account is. The caller holds mu.
func (s *Service) accountKeyOf(account string) accountKey {
	terms, _ := s.state.Account(account)
	return accountKey{chain: terms.Chain, label: s.accountLabel(account), address: terms.Address}
}

// accountKey says where an account's own key is, and which address it must have.
type accountKey struct{ chain, label, address string }

// ownKeys are the accounts' own keys that were found in the token and proved themselves.
type ownKeys struct {
	mu    sync.Mutex
	found map[accountKey]keys.Key
}

func (o *ownKeys) get(ctx context.Context, v Vault, want accountKey) (keys.Key, error) {
	o.mu.Lock()
	key := o.found[want]
	o.mu.Unlock()
	if key != nil {
		return key, nil
	}
	t, err := addressKey(want.chain, want.label)
	if err != nil {
		return nil, err
	}
	if key, err = knownKey(ctx, v, t); err != nil {
		return nil, fmt.Errorf("find the key %q: %w", want.label, err)
	}
	if address, err := vault.AddressOn(want.chain, key.PublicKey()); err != nil || address != want.address {
		return nil, fault.New(fault.KeyUnsuited, fmt.Sprintf("the key %q is not that of address %s", want.label, want.address))
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found == nil {
		o.found = map[accountKey]keys.Key{}
	}
	o.found[want] = key
	return key, nil
}

// drop has a key looked for again: the token may have been pulled.
func (o *ownKeys) drop(k accountKey) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.found, k)
}
