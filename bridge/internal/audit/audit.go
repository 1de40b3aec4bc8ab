// Package audit is what an auditor does on a computer of their own, with a token of the
// entity and the vault's signer.json: it replays the signer's log from its genesis and
// holds the gateway's answers against it, and it is a witness who keeps the newest note
// about the log, so that it cannot be rewound or shown in two ways. It trusts the gateway
// for nothing. `countersign-bridge audit` uses it. Specs: shared/spec/signedlog.md,
// shared/spec/wire.md.
package audit

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"countersign/bridge/internal/gatewayclient"
	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
	"countersign/shared/vault"
)

// Config says whose log is audited, and where it is.
type Config struct {
	Gateway    string            // https://host, or http on loopback
	TokenFile  string            // an entity token with the scope read
	SignerFile string            // signer.json, as `signer init` wrote it
	Keep       string            // the folder in which [Run] keeps a copy of the log; empty: none is kept
	Roots      http.RoundTripper // how the gateway is reached; nil: as this computer does
}

// auditor reads from a gateway.
type auditor struct {
	gateway *gatewayclient.Client
	vault   vault.Signer
}

func open(cfg Config) (*auditor, error) {
	data, err := statefile.Read(cfg.SignerFile)
	if err != nil {
		return nil, fmt.Errorf("read the signer's public file: %w", err)
	}
	a := &auditor{}
	if a.vault, err = vault.ReadSigner(data); err != nil {
		return nil, fmt.Errorf("read the signer's public file %s: %w", cfg.SignerFile, err)
	}
	data, err = statefile.Read(cfg.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("read the entity token: %w", err)
	}
	token := strings.TrimSpace(string(data))
	if token == "" || strings.ContainsAny(token, " \t\r\n") {
		return nil, fault.New(fault.Invalid, "the file of the entity token must hold a token and nothing else")
	}
	a.gateway, err = gatewayclient.New(cfg.Gateway, token, cfg.Roots)
	return a, err
}

// get reads an answer of the gateway. It fails as [gatewayclient.Client.Ask] does.
func (a *auditor) get(ctx context.Context, path string, query url.Values, into any) error {
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return a.gateway.Ask(ctx, http.MethodGet, path, nil, into)
}
