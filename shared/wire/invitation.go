package wire

import (
	"countersign/shared/jwk"
	"slices"
	"time"

	"countersign/shared/id"
	"countersign/shared/name"
)

// States of an invitation.
const (
	InvitationOpen       = "open"       // nobody registered yet
	InvitationRegistered = "registered" // the administrators have not approved it yet
	InvitationJoined     = "joined"     // the vault has the keys that were registered
)

// InvitationInput is the body of POST /v1/invitations. Of a member whose keys are to be
// replaced the vault knows name, role and is, which are absent.
type InvitationInput struct {
	Member string `json:"member"`
	Name   string `json:"name,omitempty"`
	Role   string `json:"role,omitempty"`
	Is     string `json:"is,omitempty"` // PERSON or PROGRAM
}

// Validate checks the form of what is there.
func (i InvitationInput) Validate() error {
	if err := anID("member", id.Member, i.Member); err != nil {
		return err
	}
	if i.Name == "" && i.Role == "" && i.Is == "" {
		return nil
	}
	if why := name.Problem(i.Name); why != "" {
		return invalid("name", why)
	}
	if !slices.Contains([]string{"ADMIN", "OPERATOR", "AUDITOR"}, i.Role) {
		return invalid("role", "is not ADMIN, OPERATOR or AUDITOR")
	}
	if i.Is != "PERSON" && i.Is != "PROGRAM" {
		return invalid("is", "is neither PERSON nor PROGRAM")
	}
	return nil
}

// Invitation is an invitation as the entity sees it.
type Invitation struct {
	Member       string    `json:"member"`
	Name         string    `json:"name"`
	Role         string    `json:"role"`
	Is           string    `json:"is,omitempty"`
	State        string    `json:"state"`
	ExpiresAt    time.Time `json:"expires_at"`
	Registration string    `json:"registration,omitempty"` // JWS, once there is one
	URL          string    `json:"url,omitempty"`          // a secret of whoever is invited; when it is made, and never again
}

// Invitations answers GET /v1/invitations.
type Invitations struct {
	Invitations []Invitation `json:"invitations"`
}

// Invited answers GET and POST /v1/join/{code}: what whoever is invited is asked for, and
// their certificate once they have joined.
type Invited struct {
	Entity      string    `json:"entity"`
	EntityName  string    `json:"entity_name"`
	Member      string    `json:"member"`
	Name        string    `json:"name"`
	Role        string    `json:"role"`
	State       string    `json:"state"`
	ExpiresAt   time.Time `json:"expires_at"`
	ChannelKeys []jwk.Key `json:"channel_keys"`          // the vault's, to which a registration proves its channel key
	Receipt     string    `json:"receipt,omitempty"`     // of the newest rotation of the vault's keys, once they have joined; absent: there was none
	Genesis     string    `json:"genesis,omitempty"`     // the first line of the vault's log, once they have joined: whose keys their bridge pins
	Certificate string    `json:"certificate,omitempty"` // JWS, once they have joined
}

// RegistrationInput is the body of POST /v1/join/{code}.
type RegistrationInput struct {
	Registration string `json:"registration"` // JWS, typ countersign-registration+jws
}

// Validate checks that there is one.
func (r RegistrationInput) Validate() error {
	if r.Registration == "" {
		return invalid("registration", "is missing")
	}
	return nil
}
