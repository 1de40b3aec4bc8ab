package signer

import (
	"cmp"
	"context"
	"fmt"

	"countersign/shared/ecrecover"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// SignMessage signs the message of an approved request. It takes nothing from whoever asks:
// the digest is computed from the intent that was approved. The log says that it will be
// signed, durably and under the watermark, before the account's key signs, and what was
// signed before anybody gets it. The same request again gives the same signature.
//
// It fails with NOT_FOUND; CONFLICT for a request that ends in no signature; REQUEST_CLOSED
// (details state) for one that is not approved, or whose approval ended; RATE_LIMITED
// (details retry_after).
func (s *Service) SignMessage(ctx context.Context, request string) (out wire.SignerSignature, err error) {
	ready, x, key, err := s.beginMessage(ctx, request)
	if err != nil || ready.Signature != "" {
		return ready, err
	}
	ctx = context.WithoutCancel(ctx) // who asked may go: what was begun is ended
	signs := x.Signs()
	rs, err := s.signWith(ctx, key, signs.Digest)
	if err != nil {
		return out, fmt.Errorf("sign with the key of account %s: %w", signs.Account, err)
	}
	signature, err := ecrecover.Message(signs.Digest, rs, key.address)
	if err != nil {
		return out, err
	}
	return s.endMessage(ctx, request, signature)
}

// beginMessage returns the signature of a message, or has the log say that it is about to be
// signed, and by which key.
func (s *Service) beginMessage(ctx context.Context, request string) (ready wire.SignerSignature, x *vault.Message, key accountKey, err error) {
	if err := s.begin(); err != nil {
		return ready, nil, key, err
	}
	defer s.end(ctx, &err)
	r, err := s.request(ctx, request)
	if err != nil {
		return ready, nil, key, err
	}
	if x = s.state.Message(request); x == nil {
		ready, err = s.signedMessage(r)
		return ready, nil, key, err
	}
	key = s.accountKeyOf(x.Signs().Account)
	if x.Begun != 0 {
		return ready, x, key, nil
	}
	if s.at.Unix() >= x.UseBy {
		return ready, nil, key, fault.New(fault.RequestClosed, "the approval of this request has ended: make another one").With("state", "ENDED")
	}
	if err := s.limits.begins(s.deps.steady()); err != nil {
		return ready, nil, key, err
	}
	return ready, x, key, s.append(ctx, signedlog.SigningMessage, signedlog.SigningMessageBody{Request: request, Digest: x.Digest()})
}

// endMessage logs the signature of a message. Of two that were made at once, the first that is
// logged is the one.
func (s *Service) endMessage(ctx context.Context, request, signature string) (out wire.SignerSignature, err error) {
	if err := s.begin(); err != nil {
		return out, err
	}
	defer s.end(ctx, &err)
	if x := s.state.Message(request); x != nil && x.Begun != 0 {
		if err := s.append(ctx, signedlog.SignedMessage, signedlog.SignedMessageBody{Request: request, Signature: signature}); err != nil {
			return out, err
		}
		s.deps.Log.Info("message signed", "request", request, "digest", x.Digest())
	}
	r, err := s.request(ctx, request)
	if err != nil {
		return out, err
	}
	return s.signedMessage(r)
}

// signedMessage is the signature that the log has of a request. It fails when there is none,
// and says why.
func (s *Service) signedMessage(r *vault.Request) (out wire.SignerSignature, err error) {
	m, ok := r.Wants.(intent.Messenger)
	switch {
	case !ok:
		return out, fault.New(fault.Conflict, intent.One(r.Wants)+" ends in no signature of a message")
	case r.Outcome != string(governance.Approved):
		return out, fault.New(fault.RequestClosed, "the request is not approved").With("state", cmp.Or(r.Outcome, "PENDING"))
	case r.Signature == nil || r.Signature.Signature == "":
		return out, fault.New(fault.RequestClosed, "the approval of this request has ended, or the vault's keys were rotated before it was signed").With("state", "ENDED")
	}
	signs, err := m.Signs()
	return wire.SignerSignature{Digest: r.Signature.Digest, Signature: r.Signature.Signature, Address: signs.Address, LogSize: s.log.Mark().Size}, err
}
