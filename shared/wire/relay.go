package wire

import (
	"time"

	"countersign/shared/rendezvous"
)

// RelayInput is the body of POST /v1/relays.
type RelayInput struct {
	Name string `json:"name"` // of the bridge, see rendezvous.Name
}

// Validate checks the name's form.
func (r RelayInput) Validate() error {
	if !rendezvous.Valid(r.Name) {
		return invalid("name", "is not a relay name")
	}
	return nil
}

// RelayTicket lets one page reach one bridge, once.
type RelayTicket struct {
	Ticket    string    `json:"ticket"` // for the sub-protocol "ticket.…" of GET /v1/relays/page
	ExpiresAt time.Time `json:"expires_at"`
}
