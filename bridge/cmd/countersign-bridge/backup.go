package main

import (
	"context"

	"countersign/bridge/internal/signer"
)

type signerBackup struct {
	signerFlag
	SignerFile string `required:"" type:"path" placeholder:"FILE" help:"signer.json, as complete wrote it: the key that the log must be signed with."`
	To         string `arg:"" type:"path" placeholder:"DIR" help:"The folder of the copy."`
}

// Help is shown by `countersign-bridge signer backup --help`.
func (signerBackup) Help() string {
	return `Copies what the folder does not have yet, verifies the copy from its genesis, and says
how far it goes. The signer may run meanwhile. The copy is not secret, and cannot be
changed without being noticed. Keep it on another computer. It has no key: the token
is backed up with its maker's tools (the README, "Disaster").

Example:
  sudo -u countersign-signer countersign-bridge signer backup --config /etc/countersign/signer/signer.json \
    --signer-file /var/lib/countersign-signer/enrolment/signer.json /var/backups/countersign`
}

func (c *signerBackup) Run(ctx context.Context, std stdio) error {
	cfg, err := loadSigner(c.Config)
	if err != nil {
		return err
	}
	return signer.Backup(ctx, cfg, c.To, c.SignerFile, signer.Stdio{Out: std.out, Err: std.err})
}

type signerRestore struct {
	signerFlag
	SignerFile string `required:"" type:"path" placeholder:"FILE" help:"signer.json, as complete wrote it: the key that the log must be signed with."`
	Head       string `placeholder:"HASH" help:"The head of the log, from an auditor, a witness or the gateway: the log must end with it. Give it whenever the vault's token is an older copy: such a token cannot tell whether the log ends there."`
	From       string `arg:"" optional:"" type:"existingdir" placeholder:"DIR" help:"The folder of the copy. Without it, the log that is there is held against the token."`
}

// Help is shown by `countersign-bridge signer restore --help`.
func (signerRestore) Help() string {
	return `Verifies the copy from its genesis, compares it with what the vault's token remembers of
the log, and puts it into state_dir. Entries that are there already must be the same. The
signer must not run. When the copy is older than the token remembers, nothing is
changed: a vault never forgets what it decided. The newest entries are in the gateway's
copy, which "countersign-bridge audit --keep DIR" writes.

When the token is an older copy of the vault's token, it cannot tell where the log ends:
say it with --head. With a token of new keys --head may be said too. Addresses whose keys it does not have are named.

Example:
  sudo -u countersign-signer countersign-bridge signer restore --config /etc/countersign/signer/signer.json \
    --signer-file /var/lib/countersign-signer/enrolment/signer.json /var/backups/countersign`
}

func (c *signerRestore) Run(ctx context.Context, std stdio) error {
	cfg, err := loadTrusted(c.Config, std)
	if err != nil {
		return err
	}
	return signer.Restore(ctx, cfg, c.From, c.SignerFile, c.Head, signer.Stdio{Out: std.out, Err: std.err})
}

type signerRotate struct {
	signerFlag
	SignerFile string `required:"" type:"path" placeholder:"FILE" help:"signer.json of the vault: the key that its log must be signed with."`
	Out        string `required:"" type:"path" placeholder:"FILE" help:"Where the request goes that the administrators approve."`
	From       string `arg:"" type:"existingdir" placeholder:"DIR" help:"A copy of the vault's log, or the state_dir of its signer."`
}

// Help is shown by `countersign-bridge signer rotate --help`.
func (signerRotate) Help() string {
	return `Makes new keys for a vault in another token, which --config names with a state_dir of its
own, and new addresses for its accounts. Nothing of the vault changes yet: it writes the
request with which the administrators give them to the vault (POST /v1/requests of the
gateway, or the dashboard), and prints the fingerprint of the new key. They see it in
their prompts: compare it by voice. With the last approval the signer on the old token
signs that the new key follows, and nothing from then on. Then:

  countersign-bridge signer restore --config NEW --signer-file signer.json STATE_DIR
  countersign-bridge signer serve --config NEW

Coins stay at the addresses of before, whose keys are in the old token alone. Members
follow with countersign-bridge vault follow (the README, "Disaster").`
}

func (c *signerRotate) Run(ctx context.Context, std stdio) error {
	cfg, err := loadTrusted(c.Config, std)
	if err != nil {
		return err
	}
	return signer.Rotate(ctx, cfg, c.From, c.SignerFile, c.Out, signer.Stdio{Out: std.out, Err: std.err})
}
