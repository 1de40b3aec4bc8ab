package story

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"countersign/shared/intent"
	"countersign/shared/wire"
)

// payee is somebody's address, outside the vault.
const payee = "0x52908400098527886E0F7030069857D2E4169EE7"

// Send sends half an ether from the account, has alice and bob approve, and returns when the
// chain has confirmed it and its receipt verifies. The account must have some.
func (s *Story) Send(ctx context.Context) error {
	if err := s.funded(ctx); err != nil {
		return err
	}
	var cost wire.TransferCost
	if err := s.Gateway.Do(ctx, http.MethodGet, "/v1/accounts/"+s.Vault.Account+"/transfer-cost?asset=ethereum&amount=0.5&to="+payee, nil, &cost); err != nil {
		return fmt.Errorf("ask what a transfer costs: %w", err)
	}
	s.tell("\n1. %s ETH can be sent. A fee of at most %s ETH is usual now, of %s fast.", cost.Available, cost.Speeds[1].MaxFee, cost.Speeds[2].MaxFee)
	doc, err := intent.Encode(intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: s.Vault.Account, Crypto: intent.Crypto{Amount: "0.5", Asset: "ethereum"},
		To: intent.Recipient{Address: payee}, MaxFee: intent.Crypto{Amount: cost.Speeds[2].MaxFee, Asset: "ethereum"}, Purpose: "Invoice 2026-117",
	})
	if err != nil {
		return err
	}
	var r wire.Request
	if err := s.Gateway.Do(ctx, http.MethodPost, "/v1/requests", wire.RequestInput{Intent: doc}, &r); err != nil {
		return fmt.Errorf("request the transfer: %w", err)
	}
	s.tell("\n3. Requested: %s", r.Sentence)
	bridge, err := s.Connect(ctx)
	if err != nil {
		return err
	}
	defer bridge.Close()
	if err := s.Approvals(ctx, bridge, r.ID); err != nil {
		return err
	}
	if r, err = s.Confirmed(ctx, r.ID); err != nil {
		return err
	}
	s.tell("\n6. The vault's HSM signed the transaction that was approved: %s, nonce %d.", r.Sending.Hash, r.Sending.Attempts[0].Nonce)
	s.tell("7. It is in block %d, and took a fee of %s ETH.", *r.Sending.Block, r.Sending.Fee)
	return s.Receipt(ctx, r)
}

// until asks again until done says so.
func (s *Story) until(ctx context.Context, path string, into any, done func() bool) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		if err := s.Gateway.Do(ctx, http.MethodGet, path, nil, into); err != nil || done() {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}

// funded waits until what the sandbox gave the account is in its books.
func (s *Story) funded(ctx context.Context) error {
	var a wire.Account
	err := s.until(ctx, "/v1/accounts/"+s.Vault.Account, &a, func() bool { return len(a.Balances) > 0 })
	if err != nil {
		return fmt.Errorf("wait for something to send: %w", err)
	}
	return nil
}

// Confirmed waits until a transfer is confirmed, or a message signed.
func (s *Story) Confirmed(ctx context.Context, request string) (r wire.Request, err error) {
	err = s.until(ctx, "/v1/requests/"+request, &r, func() bool { return r.State == wire.RequestCompleted })
	if err != nil {
		return r, fmt.Errorf("%s is %s (%+v): %w", r.Sentence, r.State, r.Sending, err)
	}
	return r, nil
}

// Receipt reads the receipt of a transfer and verifies it with the vault's root key alone.
func (s *Story) Receipt(ctx context.Context, r wire.Request) error {
	proof, err := s.proof(ctx, r)
	if err != nil {
		return err
	}
	tx, _, err := proof.Attempts[0].Signed()
	if err != nil || tx.Hash != r.Sending.Hash {
		return fmt.Errorf("the receipt proves transaction %s, and %s is in the chain: %w", tx.Hash, r.Sending.Hash, err)
	}
	s.tell("8. The receipt verifies with the vault's root key alone, down to the hash of the transaction.")
	return nil
}
