package store

import "time"

// Invitation asks somebody to register as a member; the secret of its address is not stored.
type Invitation struct {
	Entity       string
	Member       string // one each
	Hash         [32]byte
	Name         string
	Role         string // empty: the member's own
	Is           string // PERSON or PROGRAM; empty: as the vault knows
	Expires      time.Time
	Registration string // JWS; empty: nobody registered yet
}

// Invitations are kept until they are withdrawn, or others make them leave.
type Invitations interface {
	PutInvitation(Invitation) error // adds, or replaces that of the member, in its place
	Invitation(hash [32]byte) (Invitation, error)
	Invitations(entity string) ([]Invitation, error) // the oldest first
	DropInvitation(entity, member string) error      // ErrNotFound when there is none
	TrimInvitations(entity string, rows int) error   // keeps the newest
}
