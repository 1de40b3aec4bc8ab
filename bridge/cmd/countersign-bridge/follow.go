package main

import (
	"context"
	"fmt"
	"slices"

	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/receipt"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
)

type vaultFollow struct {
	SignerFile string `required:"" type:"existingfile" placeholder:"FILE" help:"signer.json, as you have it: it is replaced."`
	Receipt    string `arg:"" type:"existingfile" help:"The receipt of the request that gave the vault new keys, or of any later one: GET /v1/requests/req_…/receipt."`
}

// Help is shown by `countersign-bridge vault follow --help`.
func (vaultFollow) Help() string {
	return `Verifies a receipt with the root key that signer.json pins, and everything in it: that the
administrators approved the vault's new keys, and that the old key signed that the new
one follows. Then it writes the new keys into signer.json. The root key stays the one
that was read to you when the vault began: receipts and audits are verified with it.
A receipt that leads to no new keys changes nothing. Then ask for a new certificate
(countersign-bridge member enrol), and start the bridge again.

Example:
  countersign-bridge vault follow --signer-file signer.json receipt.json`
}

// followed are the keys to which a receipt leads from those of a file. It fails as
// [receipt.Verify] does, and with CONFLICT for a receipt of another entity, or of before the keys
// of the file.
func followed(from vault.SignerFile, proof []byte) (vault.SignerFile, error) {
	root := from.StatementKey
	if from.RootKey != nil {
		root = *from.RootKey
	}
	key, err := jws.FromJWK(root)
	if err != nil {
		return from, err
	}
	r, err := receipt.Verify(proof, key.Thumbprint())
	if err != nil {
		return from, err
	}
	if r.Genesis.Entity != from.Entity {
		return from, fault.New(fault.Conflict, "the receipt is of "+r.Genesis.Entity+", and not of "+from.Entity)
	}
	if !slices.Contains(r.Keys, from.StatementKey) {
		return from, fault.New(fault.Conflict, "the receipt is of before the vault had the keys that you have: ask for a newer one")
	}
	if from.StatementKey != r.Signer.Statement {
		from.StatementKey, from.ChannelKeys, from.RootKey = r.Signer.Statement, r.Signer.Channel, &root
	}
	return from, nil
}

func (c *vaultFollow) Run(_ context.Context, std stdio) error {
	data, err := readFile(c.SignerFile, vault.MaxSignerFile)
	if err != nil {
		return fmt.Errorf("read signer.json: %w", err)
	}
	has, pinned, err := vault.ReadSignerFile(data)
	if err != nil {
		return fmt.Errorf("read %s: %w", c.SignerFile, err)
	}
	proof, err := readFile(c.Receipt, receipt.MaxSize)
	if err != nil {
		return fmt.Errorf("read the receipt: %w", err)
	}
	now, err := followed(has, proof)
	if err != nil {
		return err
	}
	if now.StatementKey == has.StatementKey {
		_, err = fmt.Fprintf(std.out, "%s has the keys that %s says\n", has.Entity, c.SignerFile)
		return err
	}
	text, err := strictjson.Canonical(now)
	if err != nil {
		return err
	}
	if err := statefile.Write(c.SignerFile, append(text, '\n')); err != nil {
		return fmt.Errorf("write signer.json: %w", err)
	}
	_, err = fmt.Fprintf(std.out, "%s has new keys, which its administrators approved: %s has them now. Its root key stays %s\nAsk for a new certificate, then start the bridge again: countersign-bridge member enrol\n",
		now.Entity, c.SignerFile, pinned.Root.Thumbprint())
	return err
}
