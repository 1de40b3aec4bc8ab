package signer

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"time"

	"countersign/shared/channel"
	"countersign/shared/effects"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// backdate is how far before its issue a statement is valid, for an approver
// whose clock is behind.
const backdate = statement.Skew

// serve writes the statement that this member, in this channel, would sign now.
// It fails with NOT_FOUND, as [Service.mayDecide], and with BUSY.
func (s *Service) serve(ctx context.Context, n *session, get *channel.StatementGet) (_ channel.Message, err error) {
	if get.Decision == statement.Approve {
		if err := s.refresh(ctx, get.Request); err != nil {
			return nil, err
		}
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.end(ctx, &err)
	if err := s.active(n.member); err != nil {
		return nil, err
	}
	r, err := s.request(ctx, get.Request)
	if err != nil {
		return nil, err
	}
	d, err := s.mayDecide(r, n.member.Member, get.Decision)
	if err != nil {
		return nil, err
	}
	if get.Decision == statement.Approve && s.state.Outdated(r) {
		return nil, fault.New(fault.Conflict, "the vault changed while it was computed what this does: ask again")
	}
	nonce := make([]byte, 32)
	if _, err := io.ReadFull(s.deps.Rand, nonce); err != nil {
		return nil, fmt.Errorf("make a nonce: %w", err)
	}
	issued := s.at
	expires := issued.Add(statement.Lifetime - backdate)
	if ends := later(d.Expires, d.Until()); expires.After(ends) {
		expires = ends
	}
	g := s.state.Genesis
	a := statement.Approval{
		V: 2, Type: "approval", Entity: g.Entity, EntityName: g.EntityName, Request: r.Request, Step: d.Step,
		Decision: get.Decision, Member: n.member.Member, MemberName: n.member.Name, Key: n.member.ApprovalKey.Thumbprint(),
		GovernedBy: r.GovernedBy, Initiator: r.Initiator(), Intent: r.Intent, Impact: r.Impact, Nonce: hex.EncodeToString(nonce),
		IssuedAt: issued.Unix(), NotBefore: issued.Add(-backdate).Unix(), Expires: expires.Unix(),
		Channel: base64.RawURLEncoding.EncodeToString(n.channel.HandshakeHash()), Log: s.mark(),
	}
	if get.Decision != statement.Initiate {
		if a.Effects, err = effects.DigestOf(r.Wants); err != nil {
			return nil, err
		}
	}
	if m := s.state.Member(a.Initiator); m != nil {
		a.InitiatorName = m.Name
	}
	data, err := statement.EncodeDecision(a)
	if err != nil {
		return nil, err
	}
	if err := n.remember(a, data, s.deps.steady()); err != nil {
		return nil, err
	}
	return &channel.Statement{Statement: data}, nil
}

// active refuses a member who was suspended or revoked, or whose keys were replaced, since
// the channel was opened: AUTHORIZATION_ERROR. s.mu is held.
func (s *Service) active(m *vault.Member) error {
	now := s.state.Member(m.Member)
	if now != nil && now.GenesisMember != m.GenesisMember {
		return fault.New(fault.Forbidden, "the vault knows you by other keys: open another channel with them")
	}
	if now == nil || now.State != intent.Active {
		return fault.New(fault.Forbidden, "the vault does not count you as a member who is active")
	}
	return nil
}

// later is the later of two times.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// remember keeps a served statement until it expires or is answered; a newer one
// for the same decision replaces an older one.
// now is the steady time.
func (n *session) remember(a statement.Approval, data []byte, now time.Time) error {
	for nonce, o := range n.served {
		if !now.Before(o.ends) || (o.request == a.Request && o.decision == a.Decision) {
			delete(n.served, nonce)
		}
	}
	if len(n.served) >= maxOutstanding {
		return fault.New(fault.Busy, "too many statements wait for an answer in this channel")
	}
	n.served[a.Nonce] = served{
		request: a.Request, decision: a.Decision, step: a.Step, bytes: string(data), ends: now.Add(time.Duration(a.Expires-a.IssuedAt) * time.Second),
	}
	return nil
}

// mayDecide reports why a member cannot decide on r now: REQUEST_CLOSED, CONFLICT (to
// initiate what waits for no initiator, or to decide on what waits for one),
// ALREADY_APPROVED, AUTHORIZATION_ERROR (it does not wait for this member). s.mu is held.
func (s *Service) mayDecide(r *vault.Request, id, decision string) (governance.Decision, error) {
	d := s.state.Decide(r, s.at)
	if r.Outcome != "" || !d.State.Open() {
		state := r.Outcome
		if state == "" {
			state = string(d.State)
		}
		return d, fault.New(fault.RequestClosed, "the request is closed: "+state).With("state", state)
	}
	switch initiate := decision == statement.Initiate; {
	case initiate && d.State == governance.Uninitiated && d.MayInitiate(id):
		return d, nil
	case initiate && d.State == governance.Uninitiated:
		return d, fault.New(fault.Forbidden, "the rule of this request does not let you sign and send it")
	case initiate && r.Initiator() != "":
		return d, fault.New(fault.Conflict, "the request was signed and sent already").With("initiator", r.Initiator())
	case initiate:
		return d, fault.New(fault.Conflict, "the request does not wait to be signed and sent")
	case d.State == governance.Uninitiated:
		return d, fault.New(fault.Conflict, "no member can decide before one has signed and sent the request")
	}
	stops := decision == statement.Reject && d.MayReject(id) // also who approved before a delay
	if !stops && slices.ContainsFunc(d.Steps, func(p governance.Progress) bool { return slices.Contains(p.Approved, id) }) {
		return d, fault.New(fault.AlreadyApproved, "you approved this request already; the same member does not count twice")
	}
	if !d.MayApprove(id) && !stops {
		return d, fault.New(fault.Forbidden, "this step of the request does not ask you")
	}
	return d, nil
}

// submit verifies a signed statement, in this order, and appends it to the log:
//
//  1. it is a compact JWS whose payload is a canonical approval or initiation
//  2. a statement that is in the log already gets the same receipt again
//  3. entity, member, key and channel are those of this channel
//  4. the nonce was served in this channel and is unspent; request, step and
//     decision are those that it was served for; the time is right
//  5. the signature is by the member's approval key, in its one valid form (which is
//     verified first of all, and once, so that others need not wait for it)
//  6. the bytes are exactly those that were served
//  7. the request is open, the member has not decided, and the step asks them
func (s *Service) submit(ctx context.Context, n *session, token string) (_ channel.Message, err error) {
	payload, err := jws.Payload(token)
	if err != nil {
		return nil, err
	}
	a, err := statement.DecodeDecision(payload)
	if err != nil {
		return nil, err
	}
	_, forged := s.state.Ahead.Look(token, statement.Typ(a.Decision), n.member.ApprovalKey)
	defer s.state.Ahead.Forget(token)
	if err := s.begin(); err != nil {
		return nil, err
	}
	defer s.end(ctx, &err)
	if err := s.active(n.member); err != nil {
		return nil, err
	}
	if acc, err := s.retried(ctx, a.Request, n.member.Member, token); err != nil {
		return nil, err
	} else if acc != nil {
		return receipt(a.Request, *acc)
	}
	if err := s.verify(ctx, n, a, payload, forged); err != nil {
		return nil, err
	}
	r, err := s.request(ctx, a.Request)
	if err != nil {
		return nil, err
	}
	d, err := s.mayDecide(r, n.member.Member, a.Decision)
	if err != nil {
		return nil, err
	}
	if a.Step != d.Step {
		return nil, fault.New(fault.StatementInvalid, "the statement was refused: step is over, the request moved on").With("field", "step")
	}
	if a.Decision == statement.Approve && s.state.Outdated(r) {
		return nil, fault.New(fault.StatementInvalid, "the statement was refused: impact is of the vault before another change: read it again").With("field", "impact")
	}
	entry := signedlog.Approval
	if a.Decision == statement.Initiate {
		entry = signedlog.Initiation
	}
	if err := s.append(ctx, entry, signedlog.DecisionBody{Request: a.Request, Member: n.member.Member, JWS: token}); err != nil {
		return nil, err
	}
	delete(n.served, a.Nonce)
	s.deps.Log.Info("decision logged", "request", a.Request, "member", a.Member, "decision", a.Decision)
	if err := s.settle(ctx, r); err != nil {
		return nil, err
	}
	return receipt(a.Request, r.Accepted[len(r.Accepted)-1])
}

// verify holds a signed statement against the channel it came through and what
// was served there. forged is why its signature was refused. s.mu is held.
func (s *Service) verify(ctx context.Context, n *session, a statement.Approval, payload []byte, forged error) error {
	m := n.member
	want := statement.Want{
		Entity: s.state.Genesis.Entity, Member: m.Member, Key: m.ApprovalKey.Thumbprint(),
		Channel: base64.RawURLEncoding.EncodeToString(n.channel.HandshakeHash()), Now: s.at,
	}
	if err := statement.CheckParties(a, want); err != nil {
		return err
	}
	was, ok := n.served[a.Nonce]
	if !ok {
		return s.unserved(ctx, a)
	}
	want.Request, want.Step, want.Decision = was.request, was.step, was.decision
	if err := statement.Check(a, want); err != nil {
		return err
	}
	if !s.deps.steady().Before(was.ends) { // however the clock on the wall was set meanwhile
		return fault.New(fault.StatementInvalid, "the statement was refused: it has expired (exp)").With("field", "exp")
	}
	if forged != nil {
		return forged
	}
	if string(payload) != was.bytes {
		return fault.New(fault.StatementInvalid, "the statement was refused: it is not the one that was served").With("field", "statement")
	}
	return nil
}

// unserved says why a nonce is not among those that wait: the request is not
// known, or the nonce is another channel's, spent or made up.
func (s *Service) unserved(ctx context.Context, a statement.Approval) error {
	if r, err := s.find(ctx, a.Request); err != nil {
		return err
	} else if r == nil {
		return fault.New(fault.StatementInvalid, "the statement was refused: request is not known").With("field", "request")
	}
	return fault.New(fault.StatementInvalid, "the statement was refused: nonce was not issued for this, or is spent").With("field", "nonce")
}

// retried finds the decision that the very same JWS already made.
func (s *Service) retried(ctx context.Context, request, member, token string) (*vault.Accepted, error) {
	r, err := s.find(ctx, request)
	if err != nil || r == nil {
		return nil, err
	}
	for i := range r.Accepted {
		if a := &r.Accepted[i]; a.Member == member && a.JWS == token {
			return a, nil
		}
	}
	return nil, nil
}

func receipt(request string, a vault.Accepted) (channel.Message, error) {
	hash, err := base64.RawURLEncoding.DecodeString(a.Hash)
	if err != nil {
		return nil, fmt.Errorf("hash of entry %d: %w", a.Seq, err)
	}
	return &channel.Receipt{
		Request: request, State: string(a.State), Approvals: a.Approved, Needed: a.Needed,
		Entry: channel.Entry{Seq: uint64(a.Seq), Hash: hash},
	}, nil
}
