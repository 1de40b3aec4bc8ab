package signer

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/intent"
)

// pool are the deposit addresses of an account, as the log tells it: each is of one
// open request, or was approved and is that request's for good, or is free, because
// its request ended before a provider could be given it.
type pool struct {
	numbers map[string]int // the number of an address's key: 0, 1, 2, … as they first appear in the log
	free    []string       // the longest unused first
}

func newPool() *pool { return &pool{numbers: map[string]int{}} }

// take gives an address to a request: a free one, or the next new one.
func (p *pool) take(address string) error {
	if _, known := p.numbers[address]; !known {
		p.numbers[address] = len(p.numbers)
		return nil
	}
	i := slices.Index(p.free, address)
	if i < 0 {
		return errors.New("it belongs to another request")
	}
	p.free = slices.Delete(p.free, i, i+1)
	return nil
}

// put gives an address back.
func (p *pool) put(address string) { p.free = append(p.free, address) }

// depositLabel names the key of an account's deposit address with a number.
func depositLabel(account string, number int) string {
	return fmt.Sprintf("%s%s/%d", labelDeposit, account, number)
}

// depositKey is the key of a free address of the account, or a new key: one that a
// crash kept from the log is found again. s.mu is held.
func (s *Service) depositKey(ctx context.Context, to intent.Deposit) (keys.Key, error) {
	p := s.state.pools[to.Account]
	for _, address := range p.free {
		t, err := addressKey(to.Chain, depositLabel(to.Account, p.numbers[address]))
		if err != nil {
			return nil, err
		}
		key, err := knownKey(ctx, s.deps.Vault, t)
		if err == nil {
			if now, aerr := addressOn(to.Chain, key.PublicKey()); aerr == nil && now == address {
				return key, nil
			}
			err = fault.New(fault.KeyUnsuited, "the vault token holds another key under its label")
		}
		if code := fault.CodeOf(err); code != fault.KeyMissing && code != fault.KeyUnsuited {
			return nil, err
		}
		s.deps.Log.Warn("a free deposit address is skipped", "address", address, "label", t.Label, "cause", err)
	}
	t, err := addressKey(to.Chain, depositLabel(to.Account, len(p.numbers)))
	if err != nil {
		return nil, err
	}
	return keyOrNew(ctx, s.deps.Vault, t)
}
