// Package api is the gateway's HTTP surface: routes.go is the whole table, then
// one file per noun, and fault → status in problem.go alone. It reads questions
// strictly, asks web/internal/gateway, and writes answers. Spec:
// shared/spec/wire.md, whose headings a test compares with the table.
package api

import (
	"errors"
	"log/slog"
	"net/http"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/party"
	"countersign/web/internal/report"
)

// Config is what the API needs.
type Config struct {
	Gateway   *gateway.Gateway
	Relay     Relay
	Dashboard Dashboard     // serves what is not a route; may be nil
	Origins   []string      // of dashboards elsewhere whose pages may read answers
	Proxies   party.Proxies // whose word is taken for where a request comes from
	Log       *slog.Logger
	NewID     func() string // of answers, for the log
}

// Dashboard is the page at the gateway's address.
type Dashboard interface {
	http.Handler
	Serves(path string) bool // GET and HEAD; any other path it answers as not found
	// Module is a module of WebAssembly, and the hash of its contents; empty when there is none.
	Module(name string) (hash string, file http.Handler)
}

// access says who may ask.
type access int

const (
	open      access = iota // anybody
	noBrowser               // anybody but a page: an API key must not be in a browser
	entity                  // a token, in the name of an entity: with the scope read for a GET, write for any other; not of a reporting key
	reported                // as entity, and of a reporting key: the answer is about its accounts alone
	whole                   // as entity, and of a reporting key that reads all accounts: the answer is about more than one
	anyToken                // a token, in nobody else's name
	entities                // a developer's token with the scope entities
	keys                    // a developer's token with the scope keys
	signed                  // whoever signs the body: a provider, or who registers
)

// route is one line of the table.
type route struct {
	pattern string
	access  access
	query   string        // the parameters that it knows, with spaces between them; in the name of an entity also entityId, with limit also pageSize
	secret  bool          // the answer to this POST is never stored
	limit   int           // of the body, in bytes; 0: it has none
	wait    time.Duration // how long the answer may take; 0: it is a WebSocket, a stream or a file
	handle  func(*api, *question) (any, error)
}

// ofEntity reports whether the route answers in the name of an entity.
func (r route) ofEntity() bool {
	return r.access == entity || r.access == reported || r.access == whole
}

// dry reports whether a question to the address can be answered and not carried out.
func (r route) dry() bool { return r.pattern == "POST /v1/requests" }

// plain and slow are how long answers may take.
const (
	plain = 15 * time.Second
	slow  = 30 * time.Second
)

// routes is everything that a client may ask. A handler returns the body of the
// answer, or a raw for what is not JSON.
var routes = []route{
	{"GET /_health", open, "", false, 0, plain, (*api).health},
	{"GET /.well-known/jwks.json", open, "", false, 0, plain, (*api).jwks},
	{"GET /v1/clock", open, "", false, 0, plain, (*api).clock},
	{"GET /core/{hash}/countersign.wasm", open, "", false, 0, 0, module("countersign.wasm")},
	{"GET /core/{hash}/verify.wasm", open, "", false, 0, 0, module("verify.wasm")},
	{"POST /v1/auth/tokens", noBrowser, "", true, wire.MaxBody, plain, tokenFor("")},
	{"POST /v1/auth/developer-token", noBrowser, "", true, wire.MaxBody, plain, tokenFor(wire.UserDeveloper)},
	{"POST /v1/auth/entity-token", noBrowser, "", true, wire.MaxBody, plain, tokenFor(wire.UserEntity)},
	{"POST /v1/developers/auth/generate-token", noBrowser, "", true, wire.MaxBody, plain, tokenFor(wire.UserDeveloper)},
	{"POST /v1/entities/auth/generate-token", noBrowser, "", true, wire.MaxBody, plain, tokenFor("")},
	{"POST /v1/auth/introspect", anyToken, "", true, wire.MaxBody, plain, (*api).introspect},
	{"POST /v1/auth/revoke", anyToken, "", true, wire.MaxBody, plain, (*api).revoke},
	{"GET /v1/auth/usage", keys, "key entityId result cursor limit", false, 0, plain, (*api).usage},
	{"GET /v1/rate_limits", anyToken, "", false, 0, plain, (*api).rateLimits},
	{"GET /v1/entities", entities, "entityId cursor limit", false, 0, plain, (*api).entities},
	{"POST /v1/entities", entities, "", false, wire.MaxBody, plain, (*api).newEntity},
	{"PUT /v1/entities", entities, "entityId", false, wire.MaxBody, plain, (*api).changeEntity},
	{"DELETE /v1/entities", entities, "entityId", false, 0, plain, (*api).removeEntity},
	{"GET /v1/keys", keys, "", false, 0, plain, (*api).keys},
	{"POST /v1/keys", keys, "", true, wire.MaxBody, plain, (*api).newKey},
	{"POST /v1/keys/{id}/rotate", keys, "", true, wire.MaxBody, plain, (*api).rotateKey},
	{"DELETE /v1/keys/{id}", keys, "made", false, 0, plain, (*api).revokeKey},
	{"POST /v1/sandbox", noBrowser, "", true, wire.MaxBody, plain, (*api).sandbox},
	{"POST /v1/sandbox/reset", entity, "", false, wire.MaxBody, plain, (*api).resetSandbox},
	{"POST /v1/sandbox/link", entity, "", true, wire.MaxBody, plain, (*api).bankLogin},
	{"POST /v1/sandbox/reset-login", entity, "", false, wire.MaxBody, plain, (*api).resetLogin},
	{"GET /v1/banks/create-link", entity, "item", false, 0, plain, (*api).bankLink},
	{"GET /v1/banks/accounts", entity, "", false, 0, plain, (*api).bankItems},
	{"POST /v1/banks/accounts", entity, "", false, wire.MaxBody, plain, (*api).connectBank},
	{"POST /v1/banks/sync", entity, "", false, wire.MaxBody, plain, (*api).syncBanks},
	{"GET /v1/banks/sync-status", entity, "", false, 0, plain, (*api).bankSyncStatus},
	{"GET /v1/entity", reported, "", false, 0, plain, (*api).entity},
	{"GET /v1/vault", reported, "", false, 0, plain, (*api).vault},
	{"GET /v1/vault/{id}", reported, "before limit", false, 0, plain, (*api).vaultObject},
	{"GET /v1/members/{id}/certificate", entity, "", false, 0, slow, (*api).certificate},
	{"POST /v1/reporting-keys", entity, "", true, wire.MaxBody, plain, (*api).reportingSecret},
	{"GET /v1/invitations", entity, "", false, 0, plain, (*api).invitations},
	{"POST /v1/invitations", entity, "", true, wire.MaxBody, plain, (*api).invite},
	{"DELETE /v1/invitations/{id}", entity, "", false, 0, plain, (*api).withdraw},
	{"GET /v1/join/{code}", open, "", false, 0, slow, (*api).invited},
	{"POST /v1/join/{code}", signed, "", false, wire.MaxBody, slow, (*api).register},
	{"GET /v1/log", whole, "after limit words", false, 0, plain, (*api).log},
	{"GET /v1/log/checkpoint", reported, "since", false, 0, slow, (*api).checkpoint},
	{"GET /v1/providers", entity, "", false, 0, plain, (*api).providers},
	{"GET /v1/providers/{id}/history", entity, "cursor limit", false, 0, plain, (*api).history},
	{"POST /v1/providers/{id}/notices", signed, "", false, report.MaxBody, plain, (*api).notice},
	{"GET /v1/quotes", entity, "from to amount payment-method country account wait", false, 0, slow, (*api).quotes},
	{"GET /v1/requests", reported, "state cursor limit", false, 0, plain, (*api).requests},
	{"POST /v1/requests", entity, "", false, wire.MaxBody, slow, (*api).newRequest},
	{"GET /v1/requests/{id}", reported, "", false, 0, plain, (*api).request},
	{"GET /v1/requests/{id}/impact", whole, "", false, 0, slow, (*api).impact},
	{"GET /v1/requests/{id}/receipt", whole, "", false, 0, slow, (*api).receipt},
	{"GET /v1/requests/{id}/statement", entity, "member decision", false, 0, plain, (*api).statement},
	{"GET /v1/requests/{id}/replace-cost", entity, "action", false, 0, slow, (*api).replaceCost},
	{"GET /v1/events", reported, "", false, 0, 0, (*api).events},
	{"GET /v1/orders", reported, "cursor limit", false, 0, plain, (*api).orders},
	{"POST /v1/orders", entity, "", true, wire.MaxBody, slow, (*api).newOrder},
	{"GET /v1/orders/{id}", reported, "", false, 0, plain, (*api).order},
	{"POST /v1/orders/{id}/tickets", entity, "", true, wire.MaxBody, slow, (*api).newTicket},
	{"GET /v1/redirect/{ticket}", open, "", false, 0, slow, (*api).redirect},
	{"GET /v1/accounts", reported, "", false, 0, plain, (*api).accounts},
	{"GET /v1/accounts/{id}", reported, "", false, 0, plain, (*api).account},
	{"GET /v1/accounts/{id}/balances", reported, "at currency", false, 0, plain, (*api).accountBalances},
	{"GET /v1/accounts/{id}/statements", reported, "from to currency format", false, 0, slow, (*api).accountStatement},
	{"GET /v1/accounts/{id}/transfer-cost", entity, "asset to amount", false, 0, slow, (*api).transferCost},
	{"GET /v1/reconciliation", whole, "", false, 0, plain, (*api).reconciliation},
	{"GET /v1/reports/accounts", reported, "account cursor limit format", false, 0, plain, (*api).reportAccounts},
	{"GET /v1/reports/balances", reported, "account asset at currency cursor limit format", false, 0, slow, (*api).reportBalances},
	{"GET /v1/reports/transfers", reported, "account asset state direction from to cursor limit format", false, 0, slow, (*api).reportTransfers},
	{"GET /v1/reports/approvals", reported, "account asset state from to cursor limit format", false, 0, slow, (*api).reportApprovals},
	{"GET /v1/reports/fees", reported, "account asset from to currency cursor limit format", false, 0, slow, (*api).reportFees},
	{"GET /v1/reports/providers", reported, "account asset state from to cursor limit format", false, 0, slow, (*api).reportProviders},
	{"GET /v1/transactions", reported, "accountId ledger currency kind order from to cursor limit", false, 0, plain, (*api).transactions},
	{"GET /v1/transactions/by-month", reported, "from to", false, 0, plain, (*api).transactionsByMonth},
	{"GET /v1/transactions/{id}", reported, "", false, 0, plain, (*api).transaction},
	{"POST /v1/channels", entity, "", false, wire.MaxRecordBody, slow, (*api).openChannel},
	{"POST /v1/channels/{id}/records", entity, "", false, wire.MaxRecordBody, slow, (*api).relay},
	{"POST /v1/relays", entity, "", true, wire.MaxBody, plain, (*api).relayTicket},
	{"GET /v1/relays/page", open, "", false, 0, 0, (*api).relayPage},
	{"GET /v1/relays/bridge", open, "", false, 0, 0, (*api).relayBridge},
	{"GET /v1/relays/stream", open, "", false, 0, 0, (*api).relayStream},
}

// New makes the handler of everything.
func New(cfg Config) (http.Handler, error) {
	if cfg.Gateway == nil || cfg.Relay == nil || cfg.NewID == nil {
		return nil, errors.New("api: a gateway, a relay and a source of ids are needed")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	a := &api{cfg}
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.Handle(r.pattern, a.serve(r))
	}
	return a.front(mux), nil
}
