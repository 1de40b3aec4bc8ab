package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"countersign/shared/secret"
	"countersign/web/internal/buy"
	"countersign/web/internal/gateway"
	"countersign/web/internal/report"
	"countersign/web/internal/store"
)

// hooksOf are the providers of a configuration that send notices.
func hooksOf(all []Provider) (map[string]gateway.Hook, error) {
	hooks := map[string]gateway.Hook{}
	for _, p := range all {
		if word := report.Words(p.States).Check(); word != "" {
			return nil, fmt.Errorf("providers: %s: states: %q is none of pending, on_hold, processing, completed, failed, expired, refunded", p.ID, p.States[word])
		}
		if p.NoticeSecretFile == "" {
			continue
		}
		data, _, err := secret.Read(p.NoticeSecretFile, 2048)
		if err != nil {
			return nil, fmt.Errorf("read the secret of %s's notices: %w", p.ID, err)
		}
		lines := bytes.Split(bytes.TrimRight(data, "\r\n"), []byte("\n"))
		if len(lines) > 2 {
			return nil, fmt.Errorf("%s has more than two lines: the first is the secret of the notices of %s, the second the one before it", p.NoticeSecretFile, p.ID)
		}
		h := gateway.Hook{Words: p.States}
		for _, line := range lines {
			line = bytes.TrimRight(line, "\r")
			if len(line) < 16 || len(line) > 512 {
				return nil, fmt.Errorf("a secret in %s does not have 16 to 512 characters", p.NoticeSecretFile)
			}
			h.Secrets = append(h.Secrets, line)
		}
		hooks[p.ID] = h
	}
	return hooks, nil
}

func deskOf(cfg Config, db store.Store, now func() time.Time, log *slog.Logger) (gateway.Desk, error) {
	var all []buy.Provider
	for _, p := range cfg.Providers {
		key, err := apiKey(p.APIKeyFile)
		if err != nil {
			return nil, err
		}
		all = append(all, buy.Provider{ID: p.ID, Name: p.Name, URL: strings.TrimSuffix(p.URL, "/"), APIKey: key, Warn: p.Warn, OrdersPath: p.OrdersPath, Words: p.States,
			Spelling: p.Spelling, Params: p.Params, WidgetURL: p.WidgetURL, Hosts: p.Hosts, QuotePath: p.QuotePath, Cents: p.Cents})
	}
	d, err := buy.New(buy.Config{Providers: all, Sandbox: cfg.Environment == "sandbox", Memory: memory{db}, Now: now, Log: log})
	if err != nil {
		return nil, fmt.Errorf("providers: %w", err)
	}
	return d, nil
}
