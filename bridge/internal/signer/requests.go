package signer

import (
	"context"
	"fmt"
	"strings"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// Request makes a governed request with a deposit address of its own, or returns
// the one that was made before with the same id and the same input. It fails
// with INVALID_REQUEST, NOT_FOUND (account), DENIED_BY_RULES, CONFLICT (same id,
// other input), and RATE_LIMITED (details retry_after, in seconds).
func (s *Service) Request(ctx context.Context, in wire.SignerRequestInput) (wire.SignerRequest, error) {
	if err := s.begin(); err != nil {
		return wire.SignerRequest{}, err
	}
	defer s.mu.Unlock()
	intent, err := s.intent(in)
	if err != nil {
		return wire.SignerRequest{}, err
	}
	if r := s.state.requests[in.Request]; r != nil {
		intent.Address = r.Intent.Address
		if intent != r.Intent || in.Initiator != r.Initiator || in.ExpiresAt.Unix() < r.Expires {
			return wire.SignerRequest{}, fault.New(fault.Conflict, "this request exists already, and it is another one")
		}
		return s.view(r)
	}
	if err := s.checkNew(in, intent); err != nil {
		return wire.SignerRequest{}, err
	}
	r := &request{
		RequestBody: signedlog.RequestBody{
			Request: in.Request, Initiator: in.Initiator, Created: s.at.Unix(), Expires: in.ExpiresAt.Unix(), Intent: intent,
		},
		created: s.at,
	}
	d := s.state.govern(r)
	if d.State != governance.Pending {
		return wire.SignerRequest{}, fault.New(fault.Denied, strings.Join(d.Reasons, "; "))
	}
	if err := s.limits.charge(s.deps.steady()); err != nil {
		return wire.SignerRequest{}, err
	}
	r.GovernedBy, r.Expires = governedBy(d), d.Expires.Unix() // a rule may allow less time
	if err := s.address(ctx, &r.RequestBody); err != nil {
		return wire.SignerRequest{}, err
	}
	if err := s.append(ctx, signedlog.Request, r.RequestBody); err != nil {
		return wire.SignerRequest{}, err
	}
	return s.view(s.state.requests[in.Request])
}

// intent is what the input asks for, but for the address.
func (s *Service) intent(in wire.SignerRequestInput) (statement.Buy, error) {
	account, ok := s.state.accounts[in.Account]
	if !ok {
		return statement.Buy{}, fault.New(fault.NotFound, "the vault has no such account").With("field", "account")
	}
	return statement.Buy{
		Type: "buy", Account: in.Account, AccountName: account.Name, Provider: in.Provider, ProviderName: in.ProviderName,
		Fiat: in.Fiat, Crypto: in.Crypto, Minimum: in.Minimum, Chain: account.Chain,
		PaymentMethod: in.PaymentMethod, Country: in.Country, Quote: in.Quote,
	}, nil
}

// checkNew checks all input before a key is made for it.
func (s *Service) checkNew(in wire.SignerRequestInput, intent statement.Buy) error {
	invalid := func(field, why string) error {
		return fault.New(fault.Invalid, field+" "+why).With("field", field)
	}
	if !id.Is(id.Request, in.Request) {
		return invalid("request", "is not an id that starts with req_")
	}
	if in.Initiator != "" && s.state.members[in.Initiator] == nil {
		return invalid("initiator", "is not a member")
	}
	if _, offset := in.ExpiresAt.Zone(); offset != 0 || in.ExpiresAt.Nanosecond() != 0 || in.ExpiresAt.Before(s.at.Add(shortestReq)) {
		return invalid("expires_at", "must be whole seconds in UTC, at least a minute ahead")
	}
	if err := s.limits.room(s.state.open, s.at); err != nil {
		return err
	}
	intent.Address = s.state.accounts[in.Account].Address // any proper one: the real one is made last
	if err := intent.CheckUnits(""); err != nil {
		f, ok := fault.As(err)
		if !ok {
			return err
		}
		return invalid(f.Details["field"], strings.TrimPrefix(f.Message, "the statement was refused: "+f.Details["field"]+" "))
	}
	return nil
}

// address gives the request a deposit address, and attests it for this request.
func (s *Service) address(ctx context.Context, r *signedlog.RequestBody) error {
	key, err := s.depositKey(ctx, r.Intent)
	if err != nil {
		return fmt.Errorf("find a deposit key: %w", err)
	}
	if r.Intent.Address, err = addressOn(r.Intent.Chain, key.PublicKey()); err != nil {
		return err
	}
	r.Attestation, err = sign(ctx, s.key, statement.TypAddress, statement.Address{
		V: 1, Type: "address", Entity: s.state.genesis.Entity, Account: r.Intent.Account, Request: r.Request,
		Chain: r.Intent.Chain, Address: r.Intent.Address, PublicKey: jwkOf(key.PublicKey()), IssuedAt: s.at.Unix(),
	})
	return err
}

// Get returns a request. It fails with NOT_FOUND.
func (s *Service) Get(ctx context.Context, id string) (wire.SignerRequest, error) {
	if err := s.begin(); err != nil {
		return wire.SignerRequest{}, err
	}
	defer s.mu.Unlock()
	r, err := s.request(ctx, id)
	if err != nil {
		return wire.SignerRequest{}, err
	}
	return s.view(r)
}

// request finds a request, and closes it first when its time is over. s.mu is
// held.
func (s *Service) request(ctx context.Context, id string) (*request, error) {
	r := s.state.requests[id]
	if r == nil {
		return nil, fault.New(fault.NotFound, "the signer knows no such request").With("field", "request")
	}
	return r, s.settle(ctx, r)
}

func (s *Service) view(r *request) (wire.SignerRequest, error) {
	digest, err := intentDigest(r.Intent)
	if err != nil {
		return wire.SignerRequest{}, err
	}
	d := s.state.decide(r, s.at)
	v := wire.SignerRequest{
		Request: r.Request, State: string(d.State), Step: d.Step, Initiator: r.Initiator, Intent: r.Intent, IntentDigest: digest,
		GovernedBy: r.GovernedBy, Steps: []wire.SignerStep{}, Approvals: []wire.SignerApproval{}, Reasons: d.Reasons,
		Attestation: r.Attestation, ExpiresAt: time.Unix(r.Expires, 0).UTC(), LogSize: s.log.Mark().Size,
	}
	if r.outcome != "" {
		v.State, v.Reasons = r.outcome, r.reasons
	}
	if by := r.useBy(d); by != 0 {
		at := time.Unix(by, 0).UTC()
		v.UseBy = &at
	}
	for _, p := range d.Steps {
		v.Steps = append(v.Steps, wire.SignerStep{Name: p.Name, Needed: p.Needed, Approved: p.Approved, Waiting: p.Waiting})
	}
	for _, a := range r.accepted {
		v.Approvals = append(v.Approvals, wire.SignerApproval{Member: a.member, Step: a.step, Decision: a.decision, At: a.at, Seq: a.seq})
	}
	return v, nil
}
