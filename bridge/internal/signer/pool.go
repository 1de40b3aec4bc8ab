package signer

import (
	"context"
	"fmt"
	"strconv"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/vault"
)

// depositLabel names the key of an account's deposit address with a number.
func depositLabel(account string, number int) string {
	return fmt.Sprintf("%s%s/%d", labelDeposit, account, number)
}

// accountLabel names the own key of an account.
func (s *Service) accountLabel(account string) string { return ownLabel(s.state, account) }

func ownLabel(state *vault.State, account string) string {
	if number, created := state.OwnKey(account); created {
		return createdLabel(number)
	}
	return labelAccount + account
}

// createdLabel names the own key with a number, of accounts that were created.
func createdLabel(number int) string { return labelAccount + strconv.Itoa(number) }

// labels name the keys of what receives, by their numbers.
func labels(wants intent.Receiver) func(number int) string {
	if _, creates := wants.(intent.AccountCreate); creates {
		return createdLabel
	}
	account := wants.Receives().Account
	return func(number int) string { return depositLabel(account, number) }
}

// receivingKey is the key of a free address for what receives, or a new key: one that a
// crash kept from the log is found again. s.mu is held.
func (s *Service) receivingKey(ctx context.Context, wants intent.Receiver) (keys.Key, error) {
	to, p, label := wants.Receives(), s.state.Pool(wants), labels(wants)
	for _, free := range p.Free() {
		t, err := addressKey(to.Chain, label(free.Number))
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
		s.deps.Log.Warn("a free address is skipped", "address", free.Address, "label", t.Label, "cause", err)
	}
	t, err := addressKey(to.Chain, label(p.Next()))
	if err != nil {
		return nil, err
	}
	return keyOrNew(ctx, s.deps.Vault, t)
}
