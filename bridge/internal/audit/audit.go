// Package audit is what an auditor does on a computer of their own, with a token of the
// entity and the vault's signer.json: it replays the signer's log from its genesis and
// holds the gateway's answers against it, and it is a witness who keeps the newest note
// about the log, so that it cannot be rewound or shown in two ways. It trusts the gateway
// for nothing. `countersign-bridge audit` uses it. Specs: shared/spec/signedlog.md,
// shared/spec/wire.md.
package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/bridge/internal/dialout"
	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// Config says whose log is audited, and where it is.
type Config struct {
	Gateway    string            // https://host, or http on loopback
	TokenFile  string            // an entity token with the scope read
	SignerFile string            // signer.json, as `signer init` wrote it
	Keep       string            // the folder in which [Run] keeps a copy of the log; empty: none is kept
	Roots      http.RoundTripper // how the gateway is reached; nil: as this computer does
}

// maxAnswer is the longest answer that is read, in bytes.
const maxAnswer = 16 << 20

// auditor reads from a gateway.
type auditor struct {
	base, token string
	http        *http.Client
	vault       vault.Signer
}

func open(cfg Config) (*auditor, error) {
	base, err := dialout.ParseGateway(cfg.Gateway)
	if err != nil {
		return nil, err
	}
	data, err := statefile.Read(cfg.SignerFile)
	if err != nil {
		return nil, fmt.Errorf("read the signer's public file: %w", err)
	}
	a := &auditor{base: strings.TrimSuffix(base.String(), "/")}
	if a.vault, err = vault.ReadSigner(data); err != nil {
		return nil, fmt.Errorf("read the signer's public file %s: %w", cfg.SignerFile, err)
	}
	token, err := statefile.Read(cfg.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("read the entity token: %w", err)
	}
	if a.token = strings.TrimSpace(string(token)); a.token == "" || strings.ContainsAny(a.token, " \t\r\n") {
		return nil, fault.New(fault.Invalid, "the file of the entity token must hold a token and nothing else")
	}
	a.http = &http.Client{
		Timeout: time.Minute, Transport: cfg.Roots,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return a, nil
}

// get reads an answer of the gateway. It fails with the gateway's own fault, and with
// UNAVAILABLE.
func (a *auditor) get(ctx context.Context, path string, query url.Values, into any) error {
	down := func(err error) error {
		return fault.Wrap(fmt.Errorf("ask the gateway %s: %w", path, err), fault.Unavailable, "the gateway does not answer as it should")
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path, nil)
	if err != nil {
		return down(err)
	}
	req.Header.Set("Authorization", "Bearer "+a.token)
	res, err := a.http.Do(req)
	if err != nil {
		return down(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(data) > maxAnswer {
		err = errors.New("the answer is too long")
	}
	if err != nil {
		return down(err)
	}
	if res.StatusCode != http.StatusOK {
		var p wire.Problem
		if err := strictjson.Unmarshal(data, &p, maxAnswer); err != nil || !fault.Known(p.Error.Code) {
			return down(fmt.Errorf("status %d", res.StatusCode))
		}
		return p.Fault()
	}
	if err := strictjson.Unmarshal(data, into, maxAnswer); err != nil {
		return down(err)
	}
	return nil
}
