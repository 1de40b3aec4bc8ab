package api

import (
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
	code := invitationCode(q)
	return a.Gateway.Invited(q.r.Context(), code, q.visit().Client)
}

func (a *api) register(q *question) (any, error) {
	code := invitationCode(q)
	var in wire.RegistrationInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Gateway.Register(q.r.Context(), code, in, q.visit().Client)
}

// invitationCode is the secret in the address of an invitation.
func invitationCode(q *question) string {
	code := q.r.PathValue("code")
	if len(code) > 64 {
		code = "" // which is none's, and costs as much as any wrong one
	}
	return code
}
