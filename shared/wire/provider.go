package wire

import (
	"time"

	"countersign/shared/intent"
	"countersign/shared/quote"
)

// Providers answers GET /v1/providers.
type Providers struct {
	Providers  []quote.Provider `json:"providers"`
	Ranking    *quote.Ranking   `json:"ranking,omitempty"` // what their records are for
	ServerTime time.Time        `json:"server_time"`
}

// History answers GET /v1/providers/{id}/history: what the provider promised and delivered
// to the entity.
type History struct {
	Provider   string         `json:"provider"`
	Record     quote.Record   `json:"record"` // over the newest orders
	Ranking    *quote.Ranking `json:"ranking"`
	Items      []Delivery     `json:"items"`
	NextCursor string         `json:"next_cursor,omitempty"`
}

// Delivery is one order in it.
type Delivery struct {
	Order         string         `json:"order"`
	State         string         `json:"state"` // of the order
	Fiat          intent.Fiat    `json:"fiat"`
	Promised      intent.Crypto  `json:"promised"`
	Delivered     *intent.Crypto `json:"delivered,omitempty"` // as of an order, with its difference
	Difference    string         `json:"difference,omitempty"`
	DifferencePct string         `json:"difference_pct,omitempty"`
	Seconds       *int64         `json:"seconds,omitempty"` // from the hand-over to the delivery
	CreatedAt     time.Time      `json:"created_at"`
}
