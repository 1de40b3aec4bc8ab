package buy

import (
	"context"

	"countersign/shared/quote"
)

// Desk asks providers. It is safe for concurrent use.
type Desk struct{ cfg Config }

// New checks the configuration; it does not call anybody.
func New(cfg Config) (*Desk, error) { return &Desk{cfg: cfg}, nil }

// Providers returns all providers in the order of the configuration with what
// is known about them. It reads what is missing and refreshes what is old.
func (d *Desk) Providers(ctx context.Context) []quote.Provider { panic("todo") }

// Quote asks every eligible provider at the same time. emit, if not nil, is
// called from one goroutine at a time, as answers arrive and not after Quote
// has returned; rows have no rank then. An error is a *fault.Error about the
// input: INVALID_REQUEST with details by field.
func (d *Desk) Quote(ctx context.Context, in quote.Input, emit func(Event)) (quote.Result, error) {
	panic("todo")
}

// Requote asks one provider again. The error is a *fault.Error: NOT_ELIGIBLE,
// PROVIDER_UNAVAILABLE, or INVALID_REQUEST.
func (d *Desk) Requote(ctx context.Context, provider string, in quote.Input) (quote.Row, error) {
	panic("todo")
}

// Redirect returns the address of the provider's widget for this order. The
// address is checked: an allowed host, https, and no other destination, amount
// or asset than the order's.
func (d *Desk) Redirect(ctx context.Context, o Order) (string, error) { panic("todo") }
