package vaulttest

import (
	"countersign/shared/ecrecover"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
)

// Say asks to have the account sign a text, and has both members approve it.
func (s *Log) Say(request, text string) {
	s.t.Helper()
	draft, err := intent.Draft(intent.Doc(`{"kind":"message","v":1,"account":"` + Account + `","account_name":"","chain":"","address":"","text":"` + text + `"}`))
	if err != nil {
		s.t.Fatal(err)
	}
	s.Change(request, draft)
}

// SignMessage writes both entries of the signature of a message, by the account's key.
func (s *Log) SignMessage(request string) {
	s.t.Helper()
	x := s.State.Message(request)
	signs := x.Signs()
	s.append(request, signedlog.SigningMessage, signedlog.SigningMessageBody{Request: request, Digest: x.Digest()})
	signature, err := AccountKey.SignDigest(s.t.Context(), signs.Digest[:])
	if err != nil {
		s.t.Fatal(err)
	}
	text, err := ecrecover.Message(signs.Digest, signature, signs.Address)
	if err != nil {
		s.t.Fatal(err)
	}
	s.append(request, signedlog.SignedMessage, signedlog.SignedMessageBody{Request: request, Signature: text})
}
