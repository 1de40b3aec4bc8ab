package wire

import (
	"time"

	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/quote"
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
	OrderPending    = "pending"    // its provider has it, and waits for the payment
	OrderOnHold     = "on_hold"    // its provider examines the payment
	OrderProcessing = "processing" // paid, as its provider says, or something was seen at its address; and not yet the minimum
	OrderCompleted  = "completed"  // the approved minimum or more was delivered and booked
	OrderFailed     = "failed"     // its provider will not deliver
	OrderExpired    = "expired"    // it was not paid in time, as its provider says
	OrderRefunded   = "refunded"   // its provider paid back what was paid
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
	// AtProvider is what the provider last said of it; absent: nothing. It is shown, and
	// never booked: what was delivered is seen on the chain.
	AtProvider   *AtProvider  `json:"at_provider,omitempty"`
	BelowMinimum bool         `json:"below_minimum"` // something was delivered, and less than was approved
	Deposits     []Deposit    `json:"deposits"`      // at the address, newest first, at most 100
	Chain        string       `json:"chain"`
	Address      string       `json:"address"`
	TxHash       string       `json:"tx_hash,omitempty"`
	Ticket       *Ticket      `json:"ticket,omitempty"` // only in the answer that made it
	UseBy        *time.Time   `json:"use_by,omitempty"` // when the approval ends, and tickets with it
	Again        *quote.Input `json:"again,omitempty"`  // what to ask for to buy the same again; absent: not known
	History      []Event      `json:"history"`
	CreatedAt    time.Time    `json:"created_at"`
	UpdatedAt    time.Time    `json:"updated_at"`
	ServerTime   time.Time    `json:"server_time"`
}

// AtProvider is what a provider says of an order.
type AtProvider struct {
	State  string    `json:"state"` // pending, on_hold, processing, completed, failed, expired, refunded or unknown
	Word   string    `json:"word"`  // the provider's own, in printable ASCII
	At     time.Time `json:"at"`    // of what it says
	By     string    `json:"by"`    // notice or poll
	TxHash string    `json:"tx_hash,omitempty"`
}

// Ways in which a provider's word comes.
const (
	ByNotice = "notice"
	ByPoll   = "poll"
)

// Noticed answers POST /v1/providers/{id}/notices.
type Noticed struct {
	Order string `json:"order"`
	State string `json:"state"` // of the order, after it
	// Changed: it says something newer than what was known. One that came before, or
	// again, is received all the same.
	Changed bool `json:"changed"`
}

// OrderStates are all states of an order.
func OrderStates() []string {
	return []string{OrderCreated, OrderRedirected, OrderPending, OrderOnHold, OrderProcessing, OrderCompleted, OrderFailed, OrderExpired, OrderRefunded}
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
