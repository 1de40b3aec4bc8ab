// Package quote is what the page and the gateway both know about buying:
// the capabilities of providers in one normal form, whether a provider can
// serve an input and what would make it so, what a quote looks like, how quotes
// are ranked, and when they run out. It is pure: the same code validates in the
// browser and decides in the gateway. The spec is shared/spec/providers.md; the
// types with JSON tags stand in the gateway's HTTP bodies as they are.
package quote

import "time"

// Input is what is to be bought. All fields are text as in the query of
// GET /v1/quotes; [Normalise] gives the form that everything else expects.
type Input struct {
	From          string `json:"from"`           // fiat, ISO 4217: EUR
	To            string `json:"to"`             // asset, LedgerId: ethereum
	Amount        string `json:"amount"`         // fiat to spend: 250, or 250.5 where a provider takes that
	PaymentMethod string `json:"payment_method"` // lower case, see PaymentMethod: card
	Country       string `json:"country"`        // of residence, ISO 3166 alpha-2: FR
	Dest          string `json:"dest,omitempty"` // deposit address, where one is known
}

// Problem is what is wrong with one field of an input, and how to fix it.
type Problem struct {
	Field   string `json:"field"` // as in the JSON of Input
	Code    string `json:"code"`  // INVALID or one of the eligibility codes
	Message string `json:"message"`
}

// FiatLimit bounds what a provider takes of one currency; both ends included.
type FiatLimit struct {
	Fiat string `json:"fiat"`
	Min  string `json:"min"`
	Max  string `json:"max"`
}

// Country lists what can be paid with where.
type Country struct {
	Country        string   `json:"country"`
	PaymentMethods []string `json:"payment_methods"` // sorted
}

// Capabilities is what a provider can do, normalised: codes in their canonical
// case, lists sorted and free of duplicates.
type Capabilities struct {
	Fiats     []FiatLimit `json:"fiats"`
	Countries []Country   `json:"countries"`
	Assets    []string    `json:"assets"` // LedgerIds
	// Cents: it takes amounts in the smallest unit of the currency, and not only whole ones.
	// No document says so; the gateway is told.
	Cents bool `json:"cents,omitempty"`
}

// Freshness of a provider's capabilities.
const (
	Fresh       = "fresh"
	Stale       = "stale"       // the last good document; newer ones failed
	Unavailable = "unavailable" // none was ever read, or it is too old to use
)

// State of a provider's circuit breaker.
const (
	CircuitClosed   = "closed"    // works
	CircuitOpen     = "open"      // failing; not asked for a while
	CircuitHalfOpen = "half-open" // the next answer decides
)

// Provider is one provider as GET /v1/providers shows it.
type Provider struct {
	ID             string        `json:"id"`
	Name           string        `json:"name"`
	Capabilities   *Capabilities `json:"capabilities,omitempty"`
	FetchedAt      *time.Time    `json:"fetched_at,omitempty"` // of the older document
	Freshness      string        `json:"freshness"`            // of the worse one
	Documents      []Document    `json:"documents,omitempty"`
	Circuit        string        `json:"circuit"`
	Failing        *Failing      `json:"failing,omitempty"` // absent: its last answer was good
	Record         *Record       `json:"record,omitempty"`  // with the entity that asks
	SpecDeviations []string      `json:"spec_deviations"`
}

// Document is what one of a provider's documents is worth.
type Document struct {
	Endpoint  string     `json:"endpoint"` // capabilities, crypto-currencies
	Freshness string     `json:"freshness"`
	FetchedAt *time.Time `json:"fetched_at,omitempty"` // that of the one in use; absent: none is
	Failed    string     `json:"failed,omitempty"`     // why the last fetch gave none: a code of an exclusion, or [Shrunk]
}

// Shrunk says that a document lost more than half, and waits for a second fetch.
const Shrunk = "SHRUNK"

// Failing is how long a provider has not answered questions for quotes well.
type Failing struct {
	Code    string     `json:"code"`               // of the last failure
	Times   int        `json:"times"`              // in a row
	Since   time.Time  `json:"since"`              // of the first
	RetryAt *time.Time `json:"retry_at,omitempty"` // while the circuit is open: when it is asked again
}

// Fee is one disclosed part of what a provider keeps. Quoted amounts are net of
// all fees; fees are shown, never subtracted again.
type Fee struct {
	Type     string `json:"type"` // provider, network, partner or spread
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// Range is an estimate in seconds.
type Range struct {
	Min int `json:"min"`
	Max int `json:"max"`
}

// Warnings on a row.
const (
	RateOutlier     = "RATE_OUTLIER"     // more than 15 % from the median of the others
	ExcessPrecision = "EXCESS_PRECISION" // more decimals than the asset has; rounded down
)

// Row is one quote.
type Row struct {
	ID           string    `json:"id"`                           // quo_…, given by the gateway
	Provider     string    `json:"provider"`                     // its slug
	ProviderName string    `json:"provider_name"`                //
	ProviderRef  string    `json:"provider_reference,omitempty"` // the provider's own quote id
	Rank         int       `json:"rank"`                         // 1 is best; equal offers share a rank; 0 is not ranked yet
	Best         bool      `json:"best"`
	Fiat         string    `json:"fiat"`
	FiatAmount   string    `json:"fiat_amount"` // what is paid, fees included
	Asset        string    `json:"asset"`
	AssetPlaces  int       `json:"asset_places"`
	CryptoAmount string    `json:"crypto_amount"`  // what is received, all fees taken
	UnitPrice    string    `json:"unit_price"`     // fiat for one unit of the asset, rounded up
	Fees         []Fee     `json:"fees,omitempty"` // absent: not disclosed, which is not zero
	KYC          string    `json:"kyc"`            // none, light, full or unknown
	PriceType    string    `json:"price_type"`     // firm or indicative
	Settlement   *Range    `json:"settlement_seconds,omitempty"`
	ReceivedAt   time.Time `json:"received_at"`
	ExpiresAt    time.Time `json:"expires_at"`
	LatencyMS    int64     `json:"latency_ms"`
	Warnings     []string  `json:"warnings,omitempty"`
	Expected     *Expected `json:"expected,omitempty"` // by the provider's record
}

// Where an offer was lost.
const (
	StageEligibility = "eligibility" // not asked: it could not have served this input
	StageTransport   = "transport"   // asked, no answer
	StageValidation  = "validation"  // answered, but the answer cannot be used
)

// Codes of an exclusion, by stage.
const (
	CountryUnsupported       = "COUNTRY_UNSUPPORTED"
	PaymentMethodUnsupported = "PAYMENT_METHOD_UNSUPPORTED_IN_COUNTRY"
	FiatUnsupported          = "FIAT_UNSUPPORTED"
	CryptoUnsupported        = "CRYPTO_UNSUPPORTED"
	AmountBelowMin           = "AMOUNT_BELOW_MIN"
	AmountAboveMax           = "AMOUNT_ABOVE_MAX"
	AmountNotWhole           = "AMOUNT_NOT_WHOLE"
	CapabilitiesUnavailable  = "CAPABILITIES_UNAVAILABLE"
	CircuitIsOpen            = "CIRCUIT_OPEN"

	TimedOut         = "TIMEOUT"
	ConnectError     = "CONNECT_ERROR"
	TLSError         = "TLS_ERROR"
	HTTP4xx          = "HTTP_4XX"
	HTTP5xx          = "HTTP_5XX"
	HTTPStatus       = "HTTP_STATUS" // neither 200 nor an error: a redirect, for instance
	RateLimited      = "RATE_LIMITED"
	RegionRestricted = "REGION_RESTRICTED"
	NotAwaited       = "NOT_AWAITED" // the others had answered, and the client does not wait

	MalformedJSON     = "MALFORMED_JSON"
	MissingField      = "MISSING_FIELD"
	EchoMismatch      = "ECHO_MISMATCH"
	NonPositiveAmount = "NON_POSITIVE_AMOUNT"
	BodyTooLarge      = "BODY_TOO_LARGE"
	WrongContentType  = "WRONG_CONTENT_TYPE"
	AlreadyExpired    = "QUOTE_EXPIRED"
)

// Params are the limits behind an exclusion.
type Params struct {
	Min      string `json:"min,omitempty"`
	Max      string `json:"max,omitempty"`
	Currency string `json:"currency,omitempty"`
}

// Change is a field of the input, as in the JSON of Input, and what to set it to.
type Change struct {
	Field string `json:"field"`
	Value string `json:"value"`
}

// Fix is a change of the input that would let providers in: the least that does.
type Fix struct {
	Field string   `json:"field"` // as in the JSON of Input
	Value string   `json:"value"`
	Also  []Change `json:"also,omitempty"` // what else must change for it
	Opens int      `json:"opens"`          // how many more providers could quote
	Text  string   `json:"text"`           // of the HTTP API, by [English]: "With EUR 50, 3 more providers can sell"
}

// Excluded is a provider that gives no quote, and why.
type Excluded struct {
	Provider     string  `json:"provider"`
	ProviderName string  `json:"provider_name"`
	Stage        string  `json:"stage"`
	Code         string  `json:"code"`
	Message      string  `json:"message"` // a sentence for people, by [English] in the HTTP API
	Params       *Params `json:"params,omitempty"`
	Fix          *Fix    `json:"fix,omitempty"`
	// RetryAt is when a provider whose circuit is open is asked again.
	RetryAt *time.Time `json:"retry_at,omitempty"`
}

// Event is one step of a question: exactly one of the fields is set.
type Event struct {
	Quote    *Row
	Excluded *Excluded
	Settled  *Settled
}

// Settled says that what has answered can be ranked: those still awaited are slower than
// they usually are, or than the rest. It comes at most once, before the end.
type Settled struct {
	Asked    int      `json:"asked"`
	Answered int      `json:"answered"`
	Waiting  []string `json:"waiting"` // slugs, sorted
}

// Result is the whole answer to one question: the JSON body of GET /v1/quotes,
// and the data of the last event of its stream.
type Result struct {
	Input      Input      `json:"input"` // normalised
	ServerTime time.Time  `json:"server_time"`
	Complete   bool       `json:"complete"` // false: cut short by a deadline or by the client
	Asked      int        `json:"asked"`    // providers that were asked
	Quotes     []Row      `json:"quotes"`   // best first
	Excluded   []Excluded `json:"excluded"`
	Fixes      []Fix      `json:"fixes"` // most helpful first
	Ranking    *Ranking   `json:"ranking,omitempty"`
}
