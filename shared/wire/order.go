package wire

import (
	"time"

	"countersign/shared/id"
	"countersign/shared/intent"
)

// OrderInput is the body of POST /v1/orders.
type OrderInput struct {
	RequestID string `json:"request_id"`
}

// Validate checks the id.
func (o OrderInput) Validate() error { return anID("request_id", id.Request, o.RequestID) }

// States of an order.
const (
	OrderCreated    = "created"    // not handed over yet
	OrderRedirected = "redirected" // a ticket was used
	OrderProcessing = "processing" // something was seen at its address, final or not, and not yet the minimum
	OrderCompleted  = "completed"  // the approved minimum or more was delivered and booked
)

// Order is a purchase at a provider, under an approved request.
type Order struct {
	ID           string        `json:"id"`
	Entity       string        `json:"entity"`
	Request      string        `json:"request"`
	Account      string        `json:"account"`
	State        string        `json:"state"`
	Provider     string        `json:"provider"`
	ProviderName string        `json:"provider_name"`
	Fiat         intent.Fiat   `json:"fiat"`
	Promised     intent.Crypto `json:"promised"` // the quote of the hand-off
	Minimum      string        `json:"minimum"`  // that was approved
	// Delivered is the sum of all final deposits of the asset at the order's
	// address; absent while there is none. Difference is delivered minus promised,
	// with its sign; DifferencePct in percent with two places. Pending is the sum
	// of those that are not final yet.
	Delivered     *intent.Crypto `json:"delivered,omitempty"`
	Difference    string         `json:"difference,omitempty"`
	DifferencePct string         `json:"difference_pct,omitempty"`
	Pending       string         `json:"pending,omitempty"`
	BelowMinimum  bool           `json:"below_minimum"` // something was delivered, and less than was approved
	Deposits      []Deposit      `json:"deposits"`      // at the address, newest first, at most 100
	Chain         string         `json:"chain"`
	Address       string         `json:"address"`
	TxHash        string         `json:"tx_hash,omitempty"`
	Ticket        *Ticket        `json:"ticket,omitempty"` // only in the answer that made it
	UseBy         *time.Time     `json:"use_by,omitempty"` // when the approval ends, and tickets with it
	History       []Event        `json:"history"`
	CreatedAt     time.Time      `json:"created_at"`
	UpdatedAt     time.Time      `json:"updated_at"`
	ServerTime    time.Time      `json:"server_time"`
}

// Ticket hands over to the provider: opening URL works once, and until it
// expires.
type Ticket struct {
	URL       string    `json:"url"` // /v1/redirect/…, relative to the gateway
	ExpiresAt time.Time `json:"expires_at"`
}

// TicketInput is the body of POST /v1/orders/{id}/tickets.
type TicketInput struct {
	Language string `json:"language,omitempty"` // BCP 47
	Theme    string `json:"theme,omitempty"`    // dark or light
	// PayAgain says that the person knows that a deposit was seen, and wants to pay
	// once more all the same. Without it there is no ticket then: DEPOSIT_SEEN.
	PayAgain bool `json:"pay_again,omitempty"`
}

// Validate checks both.
func (t TicketInput) Validate() error {
	if len(t.Language) > 35 || t.Language != "" && !plain(t.Language, 35) {
		return invalid("language", "is not a language")
	}
	if t.Theme != "" && t.Theme != "dark" && t.Theme != "light" {
		return invalid("theme", "must be dark or light")
	}
	return nil
}
