package wire

import (
	"time"

	"countersign/shared/quote"
)

// Quotes answers GET /v1/quotes as JSON; it is also the data of the stream's
// last event, done.
type Quotes struct {
	Question string `json:"question"` // names this question in both logs
	Account  string `json:"account"`
	quote.Result
}

// The events of the stream that GET /v1/quotes gives for Accept:
// text/event-stream. The data of quote is a quote.Row, of excluded a
// quote.Excluded, of settled a quote.Settled, of done a Quotes.
const (
	EventOpen     = "open"
	EventQuote    = "quote"
	EventExcluded = "excluded"
	EventSettled  = "settled"
	EventDone     = "done"
	EventError    = "error" // the data is a Problem; the stream ends
)

// QuoteOpen is the data of the event open.
type QuoteOpen struct {
	Question   string      `json:"question"`
	Account    string      `json:"account"`
	Input      quote.Input `json:"input"` // normalised
	ServerTime time.Time   `json:"server_time"`
}
