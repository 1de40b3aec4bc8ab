// Package sandbox is the world around the gateway, to try it without real
// money: a chain that speaks Ethereum JSON-RPC, three providers that each read
// the contract (shared/spec/providers.md) in their own way, and the small
// dashboard back end that holds the API key. It is served over real HTTP by
// `countersign-gateway sandbox`.
package sandbox

import (
	"io"

	"countersign/web/internal/sandbox/backend"
)

// Config is the file of `countersign-gateway sandbox`.
type Config struct {
	ProvidersListen string   `json:"providers_listen"` // host:port; providers are at /northpay, /coinharbor and /meridian
	ChainListen     string   `json:"chain_listen"`     // host:port of the JSON-RPC node
	DashboardListen string   `json:"dashboard_listen"` // host:port of the dashboard and its back end
	GatewayURL      string   `json:"gateway_url"`      // where the gateway listens
	DeveloperID     string   `json:"developer_id"`     // whose API key it is; may be empty
	Entities        []Entity `json:"entities"`         // those that the dashboard's user may act for, the first at the start
	APIKeyFile      string   `json:"api_key_file"`     // holds the developer's API key
	BridgeURLs      []string `json:"bridge_urls"`      // told to the page: where its bridge may be
	StateDir        string   `json:"state_dir"`        // the chain and the paid orders are kept here
	UserName        string   `json:"user_name"`        // whom the page greets; empty: Sandbox user
	// NoticeSecretFiles are those that providers sign their notices with, by provider; one
	// without sends none.
	NoticeSecretFiles map[string]string `json:"notice_secret_files"`
	// Funded are addresses of vaults that get 10 ether and 25,000 sandbox dollars once, so
	// that there is something to send.
	Funded []string `json:"funded"`
}

// Entity is one that the dashboard's user may act for.
type Entity = backend.Entity

// Stdio is what a program may print to.
type Stdio struct {
	Out, Err io.Writer
}
