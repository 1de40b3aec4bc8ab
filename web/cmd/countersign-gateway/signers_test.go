package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"countersign/web/internal/gateway/gatewaytest"
)

func TestSignersThatAreMissingOrGivenTwiceAreNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Config)
		says   string
	}{
		"none":                           {func(c *Config) { c.Signers = nil }, "needs signers"},
		"without a socket":               {func(c *Config) { c.Signers[0].Socket = "" }, "signers[0] needs socket and file"},
		"one socket for two":             {func(c *Config) { c.Signers = append(c.Signers, c.Signers[0]) }, "signers[1].socket is that of signers[0] too"},
		"one entity twice":               {func(c *Config) { c.Signers = append(c.Signers, Signer{Socket: "/another", File: c.Signers[0].File}) }, "signers[0] and signers[1] are both of ent_sandbox"},
		"a reviewer in the clear":        {func(c *Config) { c.Signers[0].Reviewers = map[string]string{"mem_carol": "http://chainwatch.example"} }, `signers[0].reviewers["mem_carol"] needs`},
		"a source of rates in the clear": {func(c *Config) { c.Signers[0].Rates = map[string]string{"mem_carol": "http://northrates.example"} }, `signers[0].rates["mem_carol"] needs`},
		"a reviewer by its name": {func(c *Config) {
			c.Signers[0].Reviewers = map[string]string{"chainwatch": "https://chainwatch.example"}
		}, `signers[0].reviewers["chainwatch"] needs`},
		"a file that is not it": {func(c *Config) { c.Signers[0].File = c.Developers[0].APIKeyFile }, "read the signer's public file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, cfg := config(t)
			c.change(&cfg)
			text, err := json.Marshal(cfg)
			if err != nil {
				t.Fatal(err)
			}
			file(t, path, string(text))
			if err := run(t.Context(), []string{"serve", "-config", path}, stdio{io.Discard, io.Discard}); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
}

func TestServeFollowsTheSignerOfEachEntity(t *testing.T) {
	t.Parallel()
	path, cfg := config(t)
	other := signer(t, gatewaytest.Other)
	cfg.Signers = append(cfg.Signers, other)
	cfg.Developers[0].Entities = append(cfg.Developers[0].Entities, gatewaytest.Other)
	text, err := json.Marshal(cfg)
	if err != nil {
		t.Fatal(err)
	}
	file(t, path, string(text))
	ctx, stop := context.WithCancel(t.Context())
	url, done := served(ctx, t, path)
	var h struct {
		Signers []struct{ Entity, Status string }
	}
	res, err := http.Get(url + "/_health")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&h); err != nil {
		t.Fatal(err)
	}
	if len(h.Signers) != 2 || h.Signers[0].Entity != gatewaytest.Other || h.Signers[0].Status != "ok" || h.Signers[1].Status != "ok" {
		t.Errorf("health %+v", h)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
