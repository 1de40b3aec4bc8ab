package api

import (
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/wire"
)

func (a *api) invitations(q *question) (any, error) {
	return a.Gateway.Invitations(q.r.Context(), q.caller)
}

func (a *api) invite(q *question) (any, error) {
	var in wire.InvitationInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.Invite(q.r.Context(), q.caller, in)
}

func (a *api) withdraw(q *question) (any, error) {
	name, err := a.object(q, id.Member, "the invitation")
	if err != nil {
		return nil, err
	}
	return a.Gateway.Withdraw(q.r.Context(), q.caller, name)
}

func (a *api) invited(q *question) (any, error) {
	code, err := invitationCode(q)
	if err != nil {
		return nil, err
	}
	return a.Gateway.Invited(q.r.Context(), code)
}

func (a *api) register(q *question) (any, error) {
	code, err := invitationCode(q)
	if err != nil {
		return nil, err
	}
	var in wire.RegistrationInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.Register(q.r.Context(), code, in)
}

// invitationCode is the secret in the address of an invitation.
func invitationCode(q *question) (string, error) {
	code := q.r.PathValue("code")
	if len(code) > 64 {
		return "", fault.New(fault.NotFound, "the invitation was not found")
	}
	return code, nil
}
