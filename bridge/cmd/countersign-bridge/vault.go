package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"strings"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/journal"
	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/name"
	"countersign/shared/statement"
)

type vaultCommand struct {
	SignGenesis vaultSignGenesis `cmd:"" help:"Read the draft of a vault in which you are an administrator, and sign it."`
	Follow      vaultFollow      `cmd:"" help:"Take up the keys that a vault whose signer.json you have was given since."`
}

type vaultSignGenesis struct {
	configFlag
	File string `arg:"" type:"existingfile" help:"genesis-draft.json, from the vault's operator."`
	Key  string `required:"" placeholder:"URI" help:"Your approval key: pkcs11:token=alice;object=approval."`
	Out  string `type:"path" placeholder:"FILE" help:"Where what you signed goes; without it mem_….genesis.jws in this folder."`
}

// Help is shown by `countersign-bridge vault sign-genesis --help`.
func (vaultSignGenesis) Help() string {
	return `Shows at the prompt who and what the vault begins with: members, administrators,
groups, whitelists, accounts with their rules, and the fingerprint of the root key.
Read the fingerprint to the other administrators and to the vault's operator, and sign
when all have the same one. Asks for the PIN. Send the file that it writes to the
operator: when every administrator has signed, the vault begins.

Example:
  countersign-bridge vault sign-genesis genesis-draft.json --key 'pkcs11:token=alice;object=approval'`
}

func (c *vaultSignGenesis) Run(ctx context.Context, std stdio) error {
	genesis, g, err := readGenesis(c.File)
	if err != nil {
		return err
	}
	return withKey(ctx, c.Config, c.Key, func(s *tokens, key *device.Key) error {
		m, ok := ceremony.Of(g, key.PublicKey())
		if !ok {
			return fault.New(fault.KeyUnsuited, "the key is not the approval key of an administrator in this draft. Its administrators are "+administrators(g))
		}
		token, err := s.signGenesis(ctx, key, genesis, g, m)
		if err != nil {
			return err
		}
		path := c.Out
		if path == "" {
			path = m.Member + ".genesis.jws"
		}
		if err := os.WriteFile(path, []byte(token+"\n"), 0o644); err != nil {
			return fmt.Errorf("write what was signed: %w", err)
		}
		_, err = fmt.Fprintf(std.out, "signed as %s: send %s to the vault's operator\n%s\n", name.WithID(m.Name, m.Member), path, statement.Align(ceremony.RootKey(g)))
		return err
	})
}

// readGenesis reads the draft of a genesis.
func readGenesis(path string) (data []byte, g statement.Genesis, err error) {
	if data, err = readFile(path, statement.MaxSize+1); err != nil {
		return nil, g, err
	}
	data = bytes.TrimSuffix(data, []byte("\n"))
	if g, err = statement.Decode[statement.Genesis](data); err != nil {
		return nil, g, fmt.Errorf("read %s as the draft of a genesis: %w", path, err)
	}
	return data, g, nil
}

func administrators(g statement.Genesis) string {
	var all []string
	for _, m := range ceremony.Administrators(g) {
		all = append(all, name.WithID(m.Name, m.Member))
	}
	return strings.Join(all, ", ")
}

// signGenesis shows a genesis and has the token of an administrator sign it.
func (s *tokens) signGenesis(ctx context.Context, key *device.Key, genesis []byte, g statement.Genesis, m statement.GenesisMember) (string, error) {
	if err := s.asker.Confirm(ctx, consent.Question{Title: "Begin the vault of " + g.EntityName, Text: ceremony.Text(g, m)}); err != nil {
		return "", err
	}
	const why = "It signs the genesis of a vault."
	if err := s.unlock(ctx, key, why); err != nil {
		return "", err
	}
	digest := sha256.Sum256(genesis)
	event := journal.Event{Kind: journal.GenesisSigned, Entity: g.Entity, Member: m.Member, Statement: statement.TypGenesisApproval, Digest: hex.EncodeToString(digest[:])}
	return s.journaled(ctx, key, event, func(journal.Head) (string, error) {
		return ceremony.Sign(ctx, s.using(key, why), genesis, time.Now().Unix())
	})
}
