package main

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
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
		secrets, err := noticeSecrets(p.NoticeSecretFile)
		if err != nil {
			return nil, fmt.Errorf("the notices of %s: %w", p.ID, err)
		}
		for other, h := range hooks {
			if slices.ContainsFunc(h.Secrets, func(s []byte) bool {
				return slices.ContainsFunc(secrets, func(own []byte) bool { return bytes.Equal(s, own) })
			}) {
				return nil, fmt.Errorf("the notices of %s and %s have the same secret: each could sign for the other", other, p.ID)
			}
		}
		hooks[p.ID] = gateway.Hook{Secrets: secrets, Words: p.States}
	}
	return hooks, nil
}

// noticeSecrets are the lines of a file: the secret, and the one before it.
func noticeSecrets(path string) ([][]byte, error) {
	data, _, err := secret.Read(path, 2048)
	if err != nil {
		return nil, fmt.Errorf("read the secret of notices: %w", err)
	}
	lines := bytes.Split(bytes.TrimRight(data, "\r\n"), []byte("\n"))
	if len(lines) > 2 {
		return nil, fmt.Errorf("%s has more than two lines: the first is the secret, the second the one before it", path)
	}
	for i, line := range lines {
		if lines[i] = bytes.TrimRight(line, "\r"); len(lines[i]) < 16 || len(lines[i]) > 512 {
			return nil, fmt.Errorf("a secret in %s does not have 16 to 512 characters", path)
		}
	}
	return lines, nil
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
