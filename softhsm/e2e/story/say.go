package story

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"

	"countersign/shared/intent"
	"countersign/shared/receipt"
	"countersign/shared/wire"
)

// Vote is typed data as a program writes it, for the sandbox chain.
const Vote = `{"types":{"EIP712Domain":[{"name":"name","type":"string"},{"name":"version","type":"string"},{"name":"chainId","type":"uint256"}],"Vote":[{"name":"proposal","type":"uint256"},{"name":"support","type":"bool"},{"name":"reason","type":"string"}]},"primaryType":"Vote","domain":{"name":"Sandbox Council","version":"1","chainId":31337},"message":{"proposal":12,"support":true,"reason":"The mill needs a roof"}}`

// Say asks for the signature of typed data by the account, has alice and bob approve, and
// returns when the signature is there, is that of the account's address, and its receipt
// verifies.
func (s *Story) Say(ctx context.Context) error {
	doc, err := intent.Encode(intent.Message{Kind: intent.KindMessage, V: 1, Account: s.Vault.Account, TypedData: intent.Doc(Vote), Purpose: "Proposal 12"})
	if err != nil {
		return err
	}
	var r wire.Request
	if err := s.Gateway.Do(ctx, http.MethodPost, "/v1/requests", wire.RequestInput{Intent: doc}, &r); err != nil {
		return fmt.Errorf("request the signature: %w", err)
	}
	s.tell("\n1. Requested: %s", r.Sentence)
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
	digest, err := base64.RawURLEncoding.DecodeString(r.Signature.Digest)
	if err != nil {
		return err
	}
	raw := common.FromHex(r.Signature.Signature)
	raw[len(raw)-1] -= 27
	key, err := crypto.SigToPub(digest, raw)
	if err != nil {
		return err
	}
	if own := crypto.PubkeyToAddress(*key).Hex(); own != r.Signature.Address {
		return fmt.Errorf("it is signed by %s, not by %s", own, r.Signature.Address)
	}
	s.tell("\n4. The vault's HSM signed the message that was approved, as %s.", r.Signature.Address)
	proof, err := s.proof(ctx, r)
	if err != nil {
		return err
	}
	if proof.Signature == nil || proof.Signature.Signature != r.Signature.Signature {
		return fmt.Errorf("the receipt proves another signature than %s", r.Signature.Signature)
	}
	s.tell("5. The receipt verifies with the vault's root key alone, down to the signature.")
	return nil
}

// proof reads the receipt of a request and verifies it with the vault's root key alone.
func (s *Story) proof(ctx context.Context, r wire.Request) (receipt.Report, error) {
	var file json.RawMessage
	if err := s.Gateway.Do(ctx, http.MethodGet, "/v1/requests/"+r.ID+"/receipt", nil, &file); err != nil {
		return receipt.Report{}, fmt.Errorf("read the receipt: %w", err)
	}
	root, err := s.System.State.Root(s.Vault)
	if err != nil {
		return receipt.Report{}, err
	}
	return receipt.Verify(file, root)
}
