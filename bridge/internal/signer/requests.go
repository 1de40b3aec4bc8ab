package signer

import (
	"context"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // the zones, on computers without a table of their own

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// Request makes a governed request with a deposit address of its own, or returns
// the one that was made before with the same id and the same input. It fails
// with INVALID_REQUEST, NOT_FOUND (account), DENIED_BY_RULES, CONFLICT (same id,
// other input), and RATE_LIMITED (details retry_after, in seconds).
func (s *Service) Request(ctx context.Context, in wire.SignerRequestInput) (_ wire.SignerRequest, err error) {
	draft, err := intent.Draft(in.Intent)
	if err != nil {
		return wire.SignerRequest{}, err
	}
	if made, before, err := s.repeats(ctx, in, draft); err != nil || before {
		return made, err
	}
	if err := s.proves(ctx, draft); err != nil {
		return wire.SignerRequest{}, err
	}
	foreseen, err := s.foresee(ctx, in, draft)
	if err != nil {
		return wire.SignerRequest{}, err
	}
	if err := s.begin(); err != nil {
		return wire.SignerRequest{}, err
	}
	defer s.end(ctx, &err)
	if made, before, err := s.made(ctx, in, draft); err != nil || before { // meanwhile
		return made, err
	}
	r, err := s.fresh(in, draft)
	if err != nil {
		return wire.SignerRequest{}, err
	}
	d := s.state.Govern(r)
	if !d.State.Open() {
		return wire.SignerRequest{}, fault.New(fault.Denied, strings.Join(d.Reasons, "; "))
	}
	if err := s.limits.charge(s.deps.steady()); err != nil {
		return wire.SignerRequest{}, err
	}
	if r.Impact, err = foreseen.of(r, s.state.Governance); err != nil {
		return wire.SignerRequest{}, err
	}
	r.GovernedBy, r.Expires = r.Pin(d), d.Expires.Unix() // a rule may allow less time
	if err := s.receive(ctx, r); err != nil {
		return wire.SignerRequest{}, err
	}
	if r.Intent, err = intent.Encode(r.Wants); err != nil {
		return wire.SignerRequest{}, err
	}
	if err := s.append(ctx, signedlog.Request, r.RequestBody); err != nil {
		return wire.SignerRequest{}, err
	}
	return s.view(s.state.Request(in.Request)), nil
}

// repeats is [Service.made] before anything else of a draft is looked at: what it has to prove,
// and what it would change, does not matter once the log has it.
func (s *Service) repeats(ctx context.Context, in wire.SignerRequestInput, draft intent.Intent) (r wire.SignerRequest, before bool, err error) {
	if err := s.begin(); err != nil {
		return r, false, err
	}
	defer s.end(ctx, &err)
	return s.made(ctx, in, draft)
}

// made is the request that was made before of the same draft, if one was. It fails with
// CONFLICT when another one has its id. s.mu is held.
func (s *Service) made(ctx context.Context, in wire.SignerRequestInput, draft intent.Intent) (_ wire.SignerRequest, before bool, err error) {
	r, err := s.find(ctx, in.Request)
	if err != nil || r == nil {
		return wire.SignerRequest{}, false, err
	}
	if same, err := s.again(draft, r); err != nil {
		return wire.SignerRequest{}, false, err
	} else if !same || in.ExpiresAt.Unix() < r.Expires {
		return wire.SignerRequest{}, false, fault.New(fault.Conflict, "this request exists already, and it is another one")
	}
	return s.view(r), true, nil
}

// fresh is a request that is made now, of a draft that fits the vault. s.mu is held.
func (s *Service) fresh(in wire.SignerRequestInput, draft intent.Intent) (*vault.Request, error) {
	wants, err := draft.Fill(s.state)
	if err != nil {
		return nil, err
	}
	if err := s.checkNew(in, wants); err != nil {
		return nil, err
	}
	r := &vault.Request{
		RequestBody: signedlog.RequestBody{
			Request: in.Request, Created: s.at.Unix(), Expires: in.ExpiresAt.Unix(), Recorded: recorded(s.state.Zones(wants), s.at),
		},
		Wants: wants, CreatedAt: s.at,
	}
	r.Recorded.Value, r.Rate = s.value(wants)
	return r, nil
}

// DryRun says what the rules would say of a request now, and makes none: nothing is
// written, no key is made, nothing counts as spent or towards a limit. It fails as
// [Service.Request] does, except that a denial is an answer.
func (s *Service) DryRun(ctx context.Context, in wire.SignerRequestInput) (out wire.Explanation, err error) {
	draft, err := intent.Draft(in.Intent)
	if err != nil {
		return out, err
	}
	if in.Try != nil {
		if err := in.Try.Validate(); err != nil {
			return out, err
		}
	}
	if err := s.proves(ctx, draft); err != nil {
		return out, err
	}
	foreseen, err := s.foresee(ctx, in, draft)
	if err != nil {
		return out, err
	}
	if err := s.begin(); err != nil {
		return out, err
	}
	defer s.end(ctx, &err)
	r, err := s.fresh(in, draft)
	if err != nil {
		return out, err
	}
	out.Impact, err = foreseen.of(r, s.state.Governance)
	out.Findings = foreseen.findings()
	out.Explanation, out.Value = s.state.Explain(r), r.Recorded.Value
	if err == nil && in.Try != nil {
		out.Trial, err = s.try(r, *in.Try)
	}
	return out, err
}

// try explains a request as if a change had taken effect. s.mu is held.
func (s *Service) try(r *vault.Request, t wire.Trial) (*governance.Explanation, error) {
	change, ok := r.Wants.(intent.Change)
	if !ok {
		return nil, noChange(r.Wants)
	}
	e, err := s.state.Try(change, t.Facts(), s.at, time.Unix(r.Expires, 0), func(zones []string) governance.Recorded { return recorded(zones, s.at) })
	return &e, err
}

// recorded is what rules look at of a moment, for its entry: the local times of zones.
// One that is not known is left out, and a rule that names it lets nothing through.
func recorded(zones []string, now time.Time) (r governance.Recorded) {
	for _, name := range zones {
		if zone, err := time.LoadLocation(name); err == nil {
			_, offset := now.In(zone).Zone()
			r.Zones = append(r.Zones, governance.Zone{Name: name, Offset: int64(offset)})
		}
	}
	return r
}

// again reports whether a draft is that of a request, whatever the vault has become since.
func (s *Service) again(draft intent.Intent, r *vault.Request) (bool, error) {
	if again, ok := draft.(intent.Drafted); ok {
		was, ok := r.Wants.(intent.Drafted)
		return ok && intent.Same(again.Drafted(), was.Drafted()), nil
	}
	wants, err := draft.Fill(s.state)
	if own, ok := wants.(intent.Receiver); ok {
		to, _ := r.Receives()
		wants = own.To(to.Address)
	}
	return err == nil && intent.Same(wants, r.Wants), err
}

// checkNew checks all input before a key is made for it.
func (s *Service) checkNew(in wire.SignerRequestInput, wants intent.Intent) error {
	invalid := func(field, why string) error {
		return fault.New(fault.Invalid, field+" "+why).With("field", field)
	}
	if !id.Is(id.Request, in.Request) {
		return invalid("request", "is not an id that starts with req_")
	}
	if _, offset := in.ExpiresAt.Zone(); offset != 0 || in.ExpiresAt.Nanosecond() != 0 || in.ExpiresAt.Before(s.at.Add(shortestReq)) {
		return invalid("expires_at", "must be whole seconds in UTC, at least a minute ahead")
	}
	if err := s.limits.room(s.state.Open(), s.at); err != nil {
		return err
	}
	if err := s.state.Fits(wants); err != nil {
		return err
	}
	if own, ok := wants.(intent.Receiver); ok { // any proper address will do: the request's own is made last
		proper, err := vault.AddressOn(own.Receives().Chain, s.key.PublicKey())
		if err != nil {
			return err
		}
		wants = own.To(proper)
	}
	if err := wants.CheckNow(); err != nil {
		return intent.Refused(err)
	}
	switch c := wants.(type) {
	case intent.AccountCreate:
		return s.checkAccount(DraftAccount{Account: c.Account, Name: c.Name, Chain: c.Chain, Rules: c.Rules})
	case intent.AccountEdit:
		account, _ := s.state.Account(c.Account)
		return s.checkAccount(DraftAccount{Account: c.Account, Name: c.Name, Chain: account.Chain, Rules: c.Rules})
	}
	return nil
}

// checkAccount refuses an account that `signer init` would refuse in a draft.
func (s *Service) checkAccount(account DraftAccount) error {
	now := s.state.Current()
	d := Draft{Entity: now.Entity, EntityName: now.EntityName, Groups: now.Groups, Whitelists: now.Whitelists, Accounts: []DraftAccount{account}}
	for _, m := range now.Members {
		if s.state.Member(m.Member).State == intent.Active {
			d.Members = append(d.Members, m)
		}
	}
	if err := d.checkUnits(); err != nil {
		return err
	}
	return checkApprovable(d, s.at)
}

// receive gives a request that receives an address of its own, and attests it.
func (s *Service) receive(ctx context.Context, r *vault.Request) error {
	own, ok := r.Wants.(intent.Receiver)
	if !ok {
		return nil
	}
	to := own.Receives()
	key, err := s.receivingKey(ctx, own)
	if err != nil {
		return fmt.Errorf("find a key to receive with: %w", err)
	}
	if to.Address, err = vault.AddressOn(to.Chain, key.PublicKey()); err != nil {
		return err
	}
	r.Wants = own.To(to.Address)
	r.Attestation, err = sign(ctx, s.key, statement.TypAddress, statement.Address{
		V: 1, Type: "address", Entity: s.state.Genesis.Entity, Account: to.Account, Request: r.Request,
		Chain: to.Chain, Address: to.Address, PublicKey: key.PublicKey().JWK(), IssuedAt: s.at.Unix(),
	})
	return err
}

// Get returns a request. It fails with NOT_FOUND.
func (s *Service) Get(ctx context.Context, id string) (_ wire.SignerRequest, err error) {
	if err := s.begin(); err != nil {
		return wire.SignerRequest{}, err
	}
	defer s.end(ctx, &err)
	r, err := s.request(ctx, id)
	if err != nil {
		return wire.SignerRequest{}, err
	}
	return s.view(r), nil
}

// request finds a request, and closes it first when its time is over. s.mu is
// held.
func (s *Service) request(ctx context.Context, id string) (*vault.Request, error) {
	r, err := s.find(ctx, id)
	if err != nil {
		return nil, err
	}
	if r == nil {
		return nil, fault.New(fault.NotFound, "the signer knows no such request").With("field", "request")
	}
	return r, s.settle(ctx, r)
}

// find finds a request, one that is closed in the log; nil when there is none. s.mu is
// held.
func (s *Service) find(ctx context.Context, id string) (*vault.Request, error) {
	if r := s.state.Request(id); r != nil {
		return r, nil
	}
	entries, err := s.state.Past().Find(id)
	if err != nil || len(entries) == 0 {
		return nil, err
	}
	lines := make([]vault.Line, len(entries))
	for i, seq := range entries {
		if lines[i], err = s.entry(ctx, seq); err != nil {
			return nil, fmt.Errorf("read what the log says of %s: %w", id, err)
		}
	}
	return s.state.Recall(id, lines)
}

func (s *Service) view(r *vault.Request) wire.SignerRequest {
	d := s.state.Decide(r, s.at)
	v := wire.SignerRequest{
		Request: r.Request, State: string(d.State), Step: d.Step, Initiator: r.Initiator(), Initiators: d.Initiators, Intent: r.Intent, IntentDigest: intent.Digest(r.Intent),
		GovernedBy: r.GovernedBy, Steps: append([]governance.Progress{}, d.Steps...), Approvals: []wire.SignerApproval{}, Reasons: d.Reasons,
		Impact: r.Impact, Attestation: r.Attestation, ExpiresAt: time.Unix(r.Expires, 0).UTC(), LogSize: s.log.Tip().Size,
	}
	if r.Outcome != "" {
		v.State, v.Reasons = r.Outcome, r.Reasons
	}
	if by := r.UseBy(d); by != 0 {
		at := time.Unix(by, 0).UTC()
		v.UseBy = &at
	}
	for _, a := range r.Accepted {
		if a.Decision == statement.Initiate || a.Verdict != "" {
			continue
		}
		v.Approvals = append(v.Approvals, wire.SignerApproval{Member: a.Member, Step: a.Step, Decision: a.Decision, At: a.At, Seq: a.Seq})
	}
	return v
}
