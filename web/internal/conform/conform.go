// Package conform tries a provider's endpoints against the contract (shared/spec/providers.md) and
// against each of the contract's own contradictions, and reports what it found. It reads
// answers with the code of package buy, so that what it says is what a gateway does. simulate.go
// is a provider that gets one thing wrong at each of its addresses, to try the checks, and any
// other reader of providers, against. countersign-gateway providers lint and simulate are its users.
package conform

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/shared/quote"
)

// Config says what is checked.
type Config struct {
	URL      string // base of the endpoints
	APIKey   string // empty: none is sent
	Input    quote.Input
	Dest     string        // deposit address for the hand-off; empty: one of a test vector
	Hosts    []string      // that the widget may be on, beside that of URL
	Orders   string        // path under which orders are answered, such as /orders; empty: not checked
	Deadline time.Duration // for one answer; 0: 5 s, as a gateway waits
	Now      func() time.Time
}

// Levels of a finding.
const (
	OK      = "ok"
	Note    = "note"    // it differs from the contract, and a gateway copes
	Fail    = "fail"    // a gateway cannot use it
	Skipped = "skipped" // it could not be tried, for the reason given
)

// Finding is the outcome of one check.
type Finding struct {
	Check string `json:"check"` // of [Checks]
	Level string `json:"level"`
	Text  string `json:"text"` // for people; empty when all is well
}

// Report is the outcome of all.
type Report struct {
	URL      string      `json:"url"`
	At       time.Time   `json:"at"`
	Verdict  string      `json:"verdict"` // the worst level: ok, note or fail
	Asked    quote.Input `json:"asked"`   // what was asked for
	Findings []Finding   `json:"findings"`
}

// Check is what a finding is about.
type Check struct {
	Name string
	What string
	// Contradiction numbers those of the contract that the check is about, as on the page; 0:
	// none of them.
	Contradiction int
}

// Checks are all, in the order in which they are made.
var Checks = []Check{
	{"address", "the address is https, or this computer", 0},
	{"capabilities", "GET /capabilities without a key answers 200 with JSON that can be read", 0},
	{"countries-name", "the list of countries is called countriesCapabilities, once", 1},
	{"codes", "codes are in their canonical case", 0},
	{"methods", "payment methods are names of the contract, as texts", 3},
	{"limits", "limits are whole numbers", 6},
	{"left-out", "no item of a list is left out", 0},
	{"assets", "GET /crypto-currencies without a key answers 200 with LedgerIds", 0},
	{"tag", "documents have an ETag, and 304 for it", 0},
	{"quote-path", "quotes are at /quote or /quotes", 2},
	{"quote", "the quote answers the question", 0},
	{"amounts", "amounts are JSON numbers without an exponent", 6},
	{"precision", "cryptoAmount has no more decimals than the asset", 6},
	{"time", "the quote comes in time", 0},
	{"extension", "the optional fields are there: fees, expiry, identity check, arrival", 0},
	{"key", "quotes need the API key", 0},
	{"errors", "a wrong question is 400, in text/plain or JSON", 5},
	{"below-minimum", "an amount below the minimum is 400", 0},
	{"redirect", "GET /buy-redirect leads to the widget of the order", 0},
	{"parameters", "the widget's parameters are of one spelling, without brackets", 0},
	{"same-order", "the same order again continues it; another purchase under its id is 400", 0},
	{"order", "the order is answered as the contract's Order", 4},
}

// run is one report in the making.
type run struct {
	Config
	http   *http.Client
	report Report
	caps   *quote.Capabilities
	assets []string
	path   string // of quotes
	row    *quote.Row
	placed string // the order of the hand-off
}

// Run makes all checks. What is wrong with the provider is in the report; the error is for
// what cannot be checked at all: an address that is none, or ctx that ended.
func Run(ctx context.Context, cfg Config) (Report, error) {
	if cfg.Deadline <= 0 {
		cfg.Deadline = 5 * time.Second
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Dest == "" {
		cfg.Dest = "0x52908400098527886E0F7030069857D2E4169EE7"
	}
	cfg.URL = strings.TrimSuffix(cfg.URL, "/")
	u, err := url.Parse(cfg.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return Report{}, errors.New("the address must be that of a provider's endpoints, such as https://api.provider.example/buy")
	}
	r := &run{Config: cfg, report: Report{URL: cfg.URL, At: cfg.Now().UTC().Truncate(time.Second), Verdict: OK}}
	r.http = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer r.http.CloseIdleConnections()
	if ip, err := netip.ParseAddr(u.Hostname()); u.Scheme == "http" && u.Hostname() != "localhost" && (err != nil || !ip.IsLoopback()) {
		r.find("address", Fail, "a gateway asks over https only")
	} else {
		r.find("address", OK, "")
	}
	for _, step := range []func(context.Context){r.documents, r.tags, r.quotes, r.refusals, r.redirects, r.order} {
		if step(ctx); ctx.Err() != nil {
			return Report{}, ctx.Err()
		}
	}
	for _, c := range Checks {
		if !slices.ContainsFunc(r.report.Findings, func(f Finding) bool { return f.Check == c.Name }) {
			r.find(c.Name, Skipped, "what comes before it failed")
		}
	}
	slices.SortStableFunc(r.report.Findings, func(a, b Finding) int { return at(a.Check) - at(b.Check) })
	return r.report, nil
}

func at(check string) int {
	return slices.IndexFunc(Checks, func(c Check) bool { return c.Name == check })
}

// find adds a finding, and makes the verdict what it is.
func (r *run) find(check, level, text string) {
	r.report.Findings = append(r.report.Findings, Finding{check, level, text})
	if level == Fail || level == Note && r.report.Verdict == OK {
		r.report.Verdict = level
	}
}
