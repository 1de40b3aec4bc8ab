package vaulttest

import (
	"encoding/base64"

	"countersign/shared/gas"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
)

// AccountKey is the own key of the account.
const AccountKey Key = 7

var accountAddress, _ = vault.AddressOn("eip155:31337", AccountKey.PublicKey())

// Transfer is the draft of a transfer of 1.5 ether, whose fee is at most 0.0021 ether.
func Transfer() intent.Transfer {
	return intent.Transfer{
		Kind: intent.KindTransfer, V: 1, Account: Account, AccountName: "Treasury", Chain: "eip155:31337", Crypto: intent.Crypto{Amount: "1.5", Asset: "ethereum"},
		To: intent.Recipient{Address: "0x52908400098527886E0F7030069857D2E4169EE7"}, MaxFee: intent.Crypto{Amount: "0.0021", Asset: "ethereum"}, Purpose: "Invoice 2026-117",
	}
}

// Send asks for a transfer, and has both members approve it.
func (s *Log) Send(request string) {
	s.t.Helper()
	s.ask(signedlog.RequestBody{Request: request, Created: s.at, Expires: s.at + 3600}, Transfer())
	s.agree(request)
}

// Replace asks to replace the transfer of another request for a fee of at most 0.0042
// ether, and has both members approve it.
func (s *Log) Replace(request, transfer, action string) {
	s.t.Helper()
	s.Change(request, intent.Replace{Kind: intent.KindReplace, V: 1, Account: Account, Request: transfer, Action: action, MaxFee: intent.Crypto{Amount: "0.0042", Asset: "ethereum"}})
}

// Sign writes both entries of the next transaction of a request, signed with the
// account's key.
func (s *Log) Sign(request string, fees gas.Fees) {
	s.t.Helper()
	x := s.State.Sending(request)
	next, err := s.State.Next(x, fees, s.at)
	if err != nil {
		s.t.Fatal(err)
	}
	n := len(x.Attempts) + 1
	s.append(request, signedlog.Signing, signedlog.SigningBody{Request: request, Attempt: n, Nonce: next.Nonce, Fees: fees})
	tx, err := x.Tx(next)
	if err != nil {
		s.t.Fatal(err)
	}
	digest, err := tx.Digest()
	if err != nil {
		s.t.Fatal(err)
	}
	signature, err := AccountKey.SignDigest(s.t.Context(), digest[:])
	if err != nil {
		s.t.Fatal(err)
	}
	raw, err := tx.Sign(signature, accountAddress)
	if err != nil {
		s.t.Fatal(err)
	}
	s.append(request, signedlog.Signed, signedlog.SignedBody{Request: request, Attempt: n, Raw: base64.RawURLEncoding.EncodeToString(raw)})
}
