package signer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/statefile"
	"countersign/shared/ceremony"
	"countersign/shared/fault"
	"countersign/shared/fingerprint"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// Rotate makes new keys for a vault in the token of a configuration, which is another one than
// the vault's, and writes to the file out the body of the request with which the administrators
// give them to the vault. The log in the folder from, which is a copy, or that of the signer on
// the old token, says for which accounts. Nothing of the vault changes yet. It fails with CONFLICT
// when the token already belongs to a log, and as [VerifyLog] does; run again, it finds the keys
// that it made.
func Rotate(ctx context.Context, cfg Config, from, signerFile, out string, stdio Stdio) error {
	return RotateWith(ctx, cfg, from, signerFile, out, stdio, openHSM)
}

// RotateWith is [Rotate] with a vault of the caller's.
func RotateWith(ctx context.Context, cfg Config, from, signerFile, out string, stdio Stdio, open OpenVault) (err error) {
	pinned, err := readSigner(signerFile)
	if err != nil {
		return err
	}
	state, mark, err := walk(ctx, from, pinned.Root, "verified", stdio, func(_ *vault.State, _ signedlog.Entry, apply func() error) error { return apply() })
	if err != nil {
		return err
	}
	deps, done, err := prepare(ctx, cfg, stdio, open)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	if err := unmarked(ctx, deps); err != nil {
		return err
	}
	r, err := newKeys(ctx, deps, state)
	if err != nil {
		return err
	}
	filled, err := r.Fill(state)
	if err != nil {
		return err
	}
	if err := state.Fits(filled); err != nil {
		return err
	}
	doc, err := intent.Encode(r)
	if err != nil {
		return err
	}
	body, err := strictjson.Canonical(wire.RequestInput{Intent: doc})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(out), 0o755); err != nil {
		return err
	}
	if err := statefile.Write(out, append(body, '\n')); err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	print, err := fingerprint.Of(r.Thumbprint)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdio.Out, "%s: new keys, and new addresses of %s, are in the token, as the log up to entry %d asks for them. Nothing has changed yet.\n"+
		"The administrators approve, at their bridges, the request in %s\nThe new key, which they see there too:\n%s\n",
		state.Genesis.Entity, fold.Count(len(r.Accounts), "account", "accounts"), mark.Size-1, out,
		statement.Align(append([]intent.Line{{Label: "New key", Value: r.Thumbprint}}, intent.Aloud(print)...)))
	return err
}

// newKeys makes the keys of a vault in another token, where they are not there yet, and has the
// statement key sign that it follows the one of the log.
func newKeys(ctx context.Context, deps Deps, state *vault.State) (r intent.VaultRotateKeys, err error) {
	now := state.Keys()
	r = intent.VaultRotateKeys{Kind: intent.KindVaultRotateKeys, V: 1, FromVersion: now.Version}
	key, err := keyOrNew(ctx, deps.Vault, statementKey())
	if err != nil {
		return r, fmt.Errorf("make the statement key: %w", err)
	}
	if key.PublicKey().Equal(state.Key()) {
		return r, fault.New(fault.Conflict, "the token is the vault's own: new keys are made in another one")
	}
	r.Statement, r.Thumbprint = key.PublicKey().JWK(), key.PublicKey().Thumbprint()
	for _, t := range channelKeys() {
		k, err := keyOrNew(ctx, deps.Vault, t)
		if err != nil {
			return r, fmt.Errorf("make the channel key on %s: %w", t.Curve, err)
		}
		r.Channel = append(r.Channel, k.PublicKey().JWK())
	}
	for _, a := range state.Current().Accounts {
		t, err := addressKey(a.Chain, ownLabel(state, a.Account))
		if err != nil {
			return r, err
		}
		k, err := keyOrNew(ctx, deps.Vault, t)
		if err != nil {
			return r, fmt.Errorf("make the key of account %s: %w", a.Account, err)
		}
		address, err := vault.AddressOn(a.Chain, k.PublicKey())
		if err != nil {
			return r, err
		}
		r.Accounts = append(r.Accounts, intent.NewAddress{Account: a.Account, Address: address})
	}
	r.Succession, err = ceremony.Succeed(ctx, key, statement.Succession{
		V: 1, Type: "succession", Entity: state.Genesis.Entity, Before: now.Thumbprint, Statement: r.Statement, Channel: r.Channel,
		Accounts: intent.AddressesDigest(r.Accounts), IssuedAt: deps.Now().Unix(),
	})
	return r, err
}

// adopts reports whether a token that belongs to no log yet may take up one: the log ends with
// the entry that gave the vault this token's keys.
func adopts(state *vault.State, key jws.PublicKey, end signedlog.Mark) bool {
	return state.Rotated() > 0 && state.Rotated() == end.Size-1 && state.Key().Equal(key)
}
