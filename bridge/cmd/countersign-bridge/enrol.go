package main

import (
	"fmt"
	"strings"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/statefile"
	"countersign/shared/name"
)

type memberEnrol struct {
	configFlag
	Certificate string `arg:"" type:"path" help:"mem_….jws, your certificate."`
	Token       string `placeholder:"LABEL|URI" help:"The token that has your keys. Needed the first time, and when they are in another token since."`
	Approval    string `default:"approval" placeholder:"NAME" help:"What the approval key is called in the token (${default})."`
	Channel     string `default:"channel" placeholder:"NAME" help:"What the channel key is called in the token (${default})."`
	SignerFile  string `type:"path" placeholder:"FILE" help:"signer.json, from the vault's operator, when the configuration names none, or that of another vault."`
}

// Help is shown by `countersign-bridge member enrol --help`.
func (memberEnrol) Help() string {
	return `Verifies the certificate with the keys of the pinned signer, keeps it beside the
configuration in place of an older one, and says in the configuration who you are, when
it does not say so yet. Run it when you have joined a vault, when your keys were
replaced, and before your certificate expires: your dashboard has a newer one each day,
for which nobody is asked. It counts from the next start of the bridge on.

Examples:
  countersign-bridge member enrol mem_alice.jws --token alice --signer-file signer.json
  countersign-bridge member enrol mem_alice.jws`
}

func (c *memberEnrol) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	if err := cfg.Trust(nil); err != nil {
		return err
	}
	data, err := readFile(c.Certificate, statefile.Max)
	if err != nil {
		return fmt.Errorf("read the certificate: %w", err)
	}
	e := approver.Enrolment{Certificate: strings.TrimSpace(string(data)), SignerFile: c.SignerFile}
	if c.Token != "" {
		if e.ApprovalKey, err = keyIn(c.Token, c.Approval); err == nil {
			e.ChannelKey, err = keyIn(c.Token, c.Channel)
		}
		if err != nil {
			return err
		}
	}
	id, err := cfg.Enrol(e, time.Now())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "you are %s of %s until %s. Is everything there? countersign-bridge doctor\nThen start the bridge again.\n",
		name.WithID(id.Name, id.Member), name.WithID(id.EntityName, id.Entity), id.Expires.UTC().Format(time.DateOnly))
	return err
}

// keyIn is the URI of a key in a token, which is named by its label or a URI.
func keyIn(token, key string) (string, error) {
	if !strings.HasPrefix(strings.ToLower(token), "pkcs11:") {
		return device.URI{Token: token, Object: key}.String(), nil
	}
	u, err := device.ParseURI(token)
	u.Object = key
	return u.String(), err
}
