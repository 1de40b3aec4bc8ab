package wire

import (
	"time"

	"countersign/shared/statement"
)

// Entity answers GET /v1/entity: the entity of the token, as its signer's log
// tells it.
type Entity struct {
	ID         string        `json:"id"`
	Name       string        `json:"name"`
	Enrolled   bool          `json:"enrolled"` // the signer knows it
	Members    []Member      `json:"members"`
	Log        statement.Log `json:"log"`
	Signer     string        `json:"signer"` // ok; stopped: it decides nothing until its clock is right; unavailable: what is shown may be old; none: the gateway has none of the entity
	SyncedAt   *time.Time    `json:"synced_at,omitempty"`
	Env        string        `json:"environment"`
	ServerTime time.Time     `json:"server_time"`
}

// Certificate answers GET /v1/members/{id}/certificate, here and on the signer link.
type Certificate struct {
	Certificate string `json:"certificate"` // JWS, typ countersign-member+jws
}

// Member is a person or program who may approve.
type Member struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Role      string `json:"role"`
	Is        string `json:"is,omitempty"` // PERSON or PROGRAM; absent: the genesis does not say
	Curve     string `json:"curve"`        // of the approval key
	Key       string `json:"key"`          // its thumbprint
	ChannelIn string `json:"channel_in"`
}
