package wire

import (
	"slices"
	"strings"
	"time"

	"countersign/shared/name"
)

// EntityTypes are the legal forms that an entity may say it has.
func EntityTypes() []string {
	return []string{"LLC", "CORPORATION", "PARTNERSHIP", "SOLE_PROPRIETORSHIP", "NON_PROFIT"}
}

// EntityInput is the body of POST and PUT /v1/entities, in the camel case of the API
// that it follows.
type EntityInput struct {
	LegalName  string `json:"legalName"`
	ExternalID string `json:"externalId,omitempty"` // the developer's own name for it
	EntityType string `json:"entityType,omitempty"`
}

// Validate checks names and the legal form.
func (e EntityInput) Validate() error {
	if why := name.Problem(e.LegalName); why != "" {
		return invalid("legalName", why)
	}
	if e.ExternalID != "" && !plain(e.ExternalID, 64) {
		return invalid("externalId", "must be at most 64 printable characters")
	}
	if e.EntityType != "" && !slices.Contains(EntityTypes(), e.EntityType) {
		return invalid("entityType", "must be one of "+strings.Join(EntityTypes(), ", "))
	}
	return nil
}

// States of an entity of a developer.
const (
	EntityActive   = "ACTIVE"
	EntityInactive = "INACTIVE" // removed; what it did is kept
)

// EntityRecord is an entity as its developer has it.
type EntityRecord struct {
	ID         string     `json:"id"`
	Developer  string     `json:"developerId"`
	LegalName  string     `json:"legalName"`
	ExternalID string     `json:"externalId,omitempty"`
	EntityType string     `json:"entityType,omitempty"`
	Status     string     `json:"status"`
	Enrolled   bool       `json:"enrolled"` // a signer knows it
	MadeBy     string     `json:"madeBy"`   // configuration, developer or sandbox
	CreatedAt  *time.Time `json:"createdAt,omitempty"`
	UpdatedAt  *time.Time `json:"updatedAt,omitempty"`
}

// EntityReply answers what is about one entity of a developer.
type EntityReply struct {
	Entity EntityRecord `json:"entity"`
}
