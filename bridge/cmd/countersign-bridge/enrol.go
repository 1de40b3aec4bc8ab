package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/gatewayclient"
	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
	"countersign/shared/fingerprint"
	"countersign/shared/name"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

type memberEnrol struct {
	configFlag
	Certificate string `arg:"" name:"certificate" help:"mem_….jws, your certificate, or the gateway's answer with it; or the address of your invitation, once you have joined."`
	Token       string `placeholder:"LABEL|URI" help:"The token that has your keys. Needed the first time, and when they are in another token since."`
	Approval    string `default:"approval" placeholder:"NAME" help:"What the approval key is called in the token (${default})."`
	Channel     string `default:"channel" placeholder:"NAME" help:"What the channel key is called in the token (${default})."`
	SignerFile  string `xor:"signer" type:"path" placeholder:"FILE" help:"signer.json, from the vault's operator, when the configuration names none, or that of another vault."`
	Root        string `xor:"signer" placeholder:"KEY" help:"Instead of signer.json, with an invitation: the vault's root key as an administrator reads it to you, its fingerprint in words or digits, in quotes."`
}

// Help is shown by `countersign-bridge member enrol --help`.
func (memberEnrol) Help() string {
	return `Verifies the certificate with the keys of the pinned signer, keeps it beside the
configuration in place of an older one, and says in the configuration who you are, when
it does not say so yet. Run it when you have joined a vault, when your keys were
replaced, and before your certificate expires: the gateway has a newer one each day
(GET /v1/members/mem_…/certificate), for which nobody is asked. It counts from the next
start of the bridge on.

Examples:
  countersign-bridge member enrol mem_alice.jws --token alice --signer-file signer.json
  countersign-bridge member enrol mem_alice.jws
  countersign-bridge member enrol https://gateway.example.com/v1/join/… --token alice \
    --root "43893 45094 56549 54992 55307 02579 55442 41823"`
}

func (c *memberEnrol) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	if err := cfg.Trust(nil); err != nil {
		return err
	}
	e, err := c.given(ctx)
	if err != nil {
		return err
	}
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

// given is the certificate that the argument names, and the signer that it is verified with.
func (c *memberEnrol) given(ctx context.Context) (approver.Enrolment, error) {
	e := approver.Enrolment{SignerFile: c.SignerFile}
	if !gatewayclient.IsInvitation(c.Certificate) {
		if c.Root != "" {
			return e, fault.New(fault.Invalid, "--root is for the address of an invitation: with a file, name signer.json")
		}
		data, err := readFile(c.Certificate, statefile.Max)
		if err != nil {
			return e, fmt.Errorf("read the certificate: %w", err)
		}
		if e.Certificate = strings.TrimSpace(string(data)); strings.HasPrefix(e.Certificate, "{") { // as the gateway answers
			var c wire.Certificate
			if err := strictjson.Unmarshal(data, &c, statefile.Max); err != nil {
				return e, fmt.Errorf("read the certificate: %w", err)
			}
			e.Certificate = c.Certificate
		}
		return e, nil
	}
	i, err := gatewayclient.OpenInvitation(c.Certificate, nil)
	if err != nil {
		return e, err
	}
	v, err := i.Get(ctx)
	if err != nil {
		return e, err
	}
	if v.Certificate == "" {
		return e, fault.New(fault.Conflict, "you have not joined yet: the invitation is "+v.State+". The administrators approve what you registered, after they compared its fingerprint with you").With("state", v.State)
	}
	e.Certificate = v.Certificate
	if c.Root == "" {
		return e, nil
	}
	signer, err := pinned(v.Genesis, c.Root)
	if err == nil && v.Receipt != "" {
		signer, err = followed(signer, []byte(v.Receipt))
	}
	if err != nil {
		return e, err
	}
	data, err := strictjson.Canonical(signer)
	if err != nil {
		return e, err
	}
	e.SignerFile = filepath.Join(filepath.Dir(c.Config), signer.Entity+".signer.json")
	if err := statefile.Write(e.SignerFile, append(data, '\n')); err != nil {
		return e, fmt.Errorf("write the signer's keys: %w", err)
	}
	return e, nil
}

// pinned are the keys of the vault that begins with a line, which the root key must have
// signed. It fails with SIGNATURE_INVALID, and with INVALID_REQUEST for what names no key.
func pinned(line, root string) (vault.SignerFile, error) {
	is, err := fingerprint.Named(root)
	if err != nil {
		return vault.SignerFile{}, err
	}
	g, key, err := vault.Begins(line)
	if err != nil {
		return vault.SignerFile{}, fault.Wrap(err, fault.SignatureInvalid, "the gateway shows no genesis of a vault")
	}
	if !is(key.Thumbprint()) {
		return vault.SignerFile{}, fault.New(fault.SignatureInvalid, "the gateway shows a vault with another root key than the one that was read to you: one of the two is wrong, and nothing was kept")
	}
	if _, err := signedlog.Read(line, key); err != nil {
		return vault.SignerFile{}, fault.Wrap(err, fault.SignatureInvalid, "the genesis that the gateway shows is not signed with the root key that was read to you: it was changed, and nothing was kept")
	}
	return vault.SignerFile{Entity: g.Entity, EntityName: g.EntityName, StatementKey: g.Signer.Statement, ChannelKeys: g.Signer.Channel}, nil
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
