// Package buy is the gateway's side of buying crypto: it reads what providers
// can do and keeps it, asks all that are eligible for a quote at the same time,
// checks every answer, and builds the address that hands a person over to the
// provider that was chosen. The contract with providers is
// shared/spec/providers.md. The gateway's use cases are its only user.
package buy

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"countersign/web/internal/report"
)

// Provider says how one provider is reached and in which ways it differs.
type Provider struct {
	ID     string // slug, ^[a-z0-9-]{2,32}$
	Name   string // for people
	URL    string // base of its endpoints, without a slash at the end
	APIKey string // sent as X-API-KEY to the endpoints that need it; never logged

	QuotePath string   // "/quote" or "/quotes"; empty: /quote, and the other one after a 404
	WidgetURL string   // base of the widget; empty: the provider is asked through /buy-redirect
	Hosts     []string // hosts that a hand-off may lead to; empty: the host of URL (and of WidgetURL)
	// Warn names parameters of this provider's hand-off. What they say against the
	// order is logged and shown in spec_deviations; what others say refuses the
	// hand-off. "*" stands for all but those with a value of the form of a deposit
	// address, or of none where one must be.
	Warn []string
	// Params renames the LiveApp parameters of the hand-off for this provider;
	// an empty value leaves one out.
	Params map[string]string
	// Spelling of the LiveApp parameters that are added: [Camel], [Kebab] or [Both]; empty:
	// Kebab where the address has one in it, and else Camel.
	Spelling string
	// OrdersPath is where the provider says how an order is, OrdersPath + "/" + its id;
	// empty: it is not asked.
	OrdersPath string
	// Cents: it takes amounts with the decimals of the currency; the contract's are whole.
	Cents bool
	Words report.Words // of its own for the states of orders
}

// Spellings of the LiveApp parameters.
const (
	Camel = "camel" // accountAddress, as today
	Kebab = "kebab" // account-address, as in the older set
	Both  = "both"
)

// Doer sends a request. *http.Client is one; it must not follow redirects.
type Doer interface {
	Do(*http.Request) (*http.Response, error)
}

// Memory keeps providers' documents over a restart.
type Memory interface {
	Load(ctx context.Context, provider, endpoint string) (Kept, error) // zero: there is none
	Save(ctx context.Context, provider, endpoint string, doc Kept) error
}

// Kept is a document as it was received.
type Kept struct {
	Body    []byte
	Tag     string    // the ETag that it came with (RFC 9110, 8.8.3); empty: none
	Fetched time.Time // or found unchanged
}

// Config is what a desk needs. Zero values have sensible meanings.
type Config struct {
	Providers []Provider
	Sandbox   bool             // also allow http:// to loopback addresses
	HTTP      Doer             // nil: a client that refuses private addresses, proxies and redirects
	Memory    Memory           // nil: nothing survives a restart
	Now       func() time.Time // nil: time.Now
	NewID     func() string    // makes quote ids; nil: quo_ and 26 random characters
	Deadline  time.Duration    // for all answers of one question; 0: 5 s
	Life      time.Duration    // of a quote; 0: quote.Life
	PerHost   int              // questions to one provider at the same time; 0: 4
	Jitter    func() float64   // 0 up to 1: how much sooner a document is refreshed; nil: at random
	Log       *slog.Logger     // nil: discards
}
