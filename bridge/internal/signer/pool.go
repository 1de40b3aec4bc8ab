package signer

import (
	"context"
	"fmt"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/vault"
)

// depositLabel names the key of an account's deposit address with a number.
func depositLabel(account string, number int) string {
	return fmt.Sprintf("%s%s/%d", labelDeposit, account, number)
}

// depositKey is the key of a free address of the account, or a new key: one that a
// crash kept from the log is found again. s.mu is held.
func (s *Service) depositKey(ctx context.Context, to intent.Deposit) (keys.Key, error) {
	p := s.state.Pool(to.Account)
	for _, free := range p.Free() {
		t, err := addressKey(to.Chain, depositLabel(to.Account, free.Number))
		if err != nil {
			return nil, err
		}
		key, err := knownKey(ctx, s.deps.Vault, t)
		if err == nil {
			if now, aerr := vault.AddressOn(to.Chain, key.PublicKey()); aerr == nil && now == free.Address {
				return key, nil
			}
			err = fault.New(fault.KeyUnsuited, "the vault token holds another key under its label")
		}
		if code := fault.CodeOf(err); code != fault.KeyMissing && code != fault.KeyUnsuited {
			return nil, err
		}
		s.deps.Log.Warn("a free deposit address is skipped", "address", free.Address, "label", t.Label, "cause", err)
	}
	t, err := addressKey(to.Chain, depositLabel(to.Account, p.Next()))
	if err != nil {
		return nil, err
	}
	return keyOrNew(ctx, s.deps.Vault, t)
}
