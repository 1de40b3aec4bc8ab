package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/jwk"
	"countersign/shared/wire"
	"countersign/web/internal/projection"
	"countersign/web/internal/store"
)

// Bounds of invitations.
const (
	InvitationLife  = 7 * 24 * time.Hour
	InvitationsKept = 64 // of one entity; the oldest makes room
)

// Invite makes the address at which somebody registers as a member, in place of an earlier
// one of the member. It fails with INVALID_REQUEST when neither the vault nor the input says who it
// is, and with CONFLICT for a member who was revoked.
func (g *Gateway) Invite(ctx context.Context, c Caller, in wire.InvitationInput) (wire.Invitation, error) {
	var secret [24]byte
	if _, err := io.ReadFull(g.cfg.Rand, secret[:]); err != nil {
		return wire.Invitation{}, fmt.Errorf("make an invitation: %w", err)
	}
	code := base64.RawURLEncoding.EncodeToString(secret[:])
	i := store.Invitation{
		Entity: c.Entity, Member: in.Member, Hash: sha256.Sum256([]byte(code)), Name: in.Name, Role: in.Role, Is: in.Is,
		Expires: g.now().Add(InvitationLife).Truncate(time.Second),
	}
	if err := g.Enrolled(ctx, c); err != nil {
		return wire.Invitation{}, err
	}
	err := g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		by, err := projection.Governs(tx, c.Entity)
		if err != nil {
			return err
		}
		p, there := by.Person(in.Member)
		switch {
		case there && p.State == intent.Revoked:
			return fault.New(fault.Conflict, "the member was revoked").With("field", "member")
		case there && in.Name != "":
			return fault.New(fault.Conflict, "the vault has this member: leave out name, role and is, and they register other keys").With("field", "member")
		case there:
			i.Name, i.Role = p.Name, p.Role
		case in.Name == "":
			return fault.New(fault.Invalid, "name is missing: the vault has no such member").With("field", "name")
		}
		if err := tx.PutInvitation(i); err != nil {
			return err
		}
		return tx.TrimInvitations(c.Entity, InvitationsKept)
	})
	v := invitationView(i, nil)
	v.URL = g.cfg.PageURL + "/v1/join/" + code
	return v, err
}

// Invitations are those of the entity that have not expired, the oldest first.
func (g *Gateway) Invitations(ctx context.Context, c Caller) (wire.Invitations, error) {
	v := wire.Invitations{Invitations: []wire.Invitation{}}
	if err := g.Enrolled(ctx, c); err != nil {
		return v, err
	}
	err := g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		by, err := projection.Governs(tx, c.Entity)
		if err != nil {
			return err
		}
		all, err := tx.Invitations(c.Entity)
		for _, i := range all {
			if g.now().Before(i.Expires) {
				v.Invitations = append(v.Invitations, invitationView(i, by))
			}
		}
		return err
	})
	return v, err
}

// Withdraw ends an invitation: its address is of no use any more. It fails with NOT_FOUND.
func (g *Gateway) Withdraw(ctx context.Context, c Caller, member string) (wire.Invitations, error) {
	err := g.cfg.Store.Write(ctx, func(tx store.Tx) error { return found(tx.DropInvitation(c.Entity, member), "the invitation") })
	if err != nil {
		return wire.Invitations{}, err
	}
	return g.Invitations(ctx, c)
}

// Invited is what whoever has the code of an invitation is asked for. It fails with
// NOT_FOUND when it has expired, was withdrawn, or never was, and with RATE_LIMITED for a
// client that tried many such codes.
func (g *Gateway) Invited(ctx context.Context, code, client string) (wire.Invited, error) {
	i, by, err := g.invitation(ctx, code, client)
	if err != nil {
		return wire.Invited{}, err
	}
	v := wire.Invited{
		Entity: i.Entity, EntityName: by.Genesis.EntityName, Member: i.Member, Name: i.Name, Role: i.Role, State: invitationView(i, by).State, ExpiresAt: i.Expires, ChannelKeys: by.Signer().Channel,
	}
	if v.State != wire.InvitationJoined {
		return v, nil
	}
	own, err := g.vault(i.Entity)
	if err != nil {
		return v, err
	}
	signed, err := own.Signer.Certificate(ctx, i.Member)
	if err != nil {
		return v, err
	}
	v.Certificate = signed.Certificate
	if n := len(by.Rotations); n > 0 { // the genesis names keys that are not the vault's any more
		receipt, err := g.receipt(ctx, i.Entity, by.Rotations[n-1].Request)
		if err != nil {
			return v, err
		}
		v.Receipt = string(receipt)
	}
	return v, g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		lines, err := tx.Lines(i.Entity, 0, 1)
		if err == nil && len(lines) > 0 {
			v.Genesis = lines[0].Text
		}
		return err
	})
}

// Register takes what whoever was invited registered; the same again is the same. It fails as
// [Gateway.Invited] does, with INVALID_REQUEST, STATEMENT_INVALID and SIGNATURE_INVALID for
// what is not a registration of who was invited, and with CONFLICT when another is there.
func (g *Gateway) Register(ctx context.Context, code string, in wire.RegistrationInput, client string) (wire.Invited, error) {
	i, _, err := g.invitation(ctx, code, client)
	if err != nil {
		return wire.Invited{}, err
	}
	r, err := ceremony.ForVault(in.Registration, i.Entity)
	if err == nil && (r.Member != i.Member || r.Name != i.Name) {
		err = fault.New(fault.Invalid, "the registration is of another member, or under another name, than the invitation").With("field", "registration")
	}
	if err != nil {
		return wire.Invited{}, err
	}
	err = g.cfg.Store.Write(ctx, func(tx store.Tx) error {
		now, err := tx.Invitation(i.Hash)
		if err != nil {
			return found(err, "the invitation")
		}
		if now.Registration != "" && now.Registration != in.Registration {
			return fault.New(fault.Conflict, "somebody registered with this invitation already: when that was not you, tell who invited you")
		}
		now.Registration = in.Registration
		return tx.PutInvitation(now)
	})
	if err != nil {
		return wire.Invited{}, err
	}
	return g.Invited(ctx, code, client)
}

// invitation finds what a code stands for, and who governs the vault that it is for. A wrong
// code is charged to the client that tries it.
func (g *Gateway) invitation(ctx context.Context, code, client string) (i store.Invitation, by *projection.Governance, err error) {
	err = g.cfg.Store.Read(ctx, func(tx store.Tx) error {
		if i, err = tx.Invitation(sha256.Sum256([]byte(code))); err == nil && !g.now().Before(i.Expires) {
			err = store.ErrNotFound
		}
		if err != nil {
			return found(err, "the invitation")
		}
		by, err = projection.Governs(tx, i.Entity)
		return err
	})
	if fault.CodeOf(err) == fault.NotFound {
		if limited := g.limit.wrongCodes.Spend(client); limited != nil {
			err = limited
		}
	}
	return i, by, err
}

// invitationView is an invitation as the entity sees it; by is who governs its vault, nil for
// one that nobody can have registered with.
func invitationView(i store.Invitation, by *projection.Governance) wire.Invitation {
	v := wire.Invitation{Member: i.Member, Name: i.Name, Role: i.Role, Is: i.Is, State: wire.InvitationOpen, ExpiresAt: i.Expires, Registration: i.Registration}
	if i.Registration == "" {
		return v
	}
	v.State = wire.InvitationRegistered
	r, err := ceremony.ForVault(i.Registration, i.Entity)
	if err == nil && approvalKey(by, i.Member) == r.Keys.Approval {
		v.State = wire.InvitationJoined
	}
	return v
}

// approvalKey is that of a member as the vault knows them now; none when it does not.
func approvalKey(by *projection.Governance, member string) jwk.Key {
	for _, m := range by.Joined() {
		if m.Member == member {
			return m.Approval
		}
	}
	return jwk.Key{}
}
