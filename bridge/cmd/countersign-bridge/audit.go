package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"countersign/bridge/internal/audit"
	"countersign/shared/receipt"
	"countersign/shared/vault"
)

type receiptCommand struct {
	Verify receiptVerify `cmd:"" help:"Verify a receipt, offline, with the vault's root key alone."`
}

type receiptVerify struct {
	File       string `arg:"" type:"path" help:"The receipt, as the gateway gave it."`
	Root       string `xor:"root" required:"" placeholder:"KEY" help:"The vault's root key: its thumbprint, or its fingerprint in words or digits, in quotes."`
	SignerFile string `xor:"root" required:"" type:"path" placeholder:"FILE" help:"signer.json, which has the root key."`
}

// Help is shown by `countersign-bridge receipt verify --help`.
func (receiptVerify) Help() string {
	return `Verifies one request from its receipt: the rules of the vault's genesis, who asked and
who approved by their own signatures, the address, the outcome, and that all of it is
in the vault's log. It needs no network. What was changed is named, and the exit status
is 1. What the gateway adds (the order, the transaction) is marked: the vault does not
vouch for it.

Examples:
  countersign-bridge receipt verify receipt.json --signer-file signer.json
  countersign-bridge receipt verify receipt.json --root "43893 45094 56549 54992 55307 02579 55442 41823"`
}

func (c *receiptVerify) Run(std stdio) error {
	data, err := readFile(c.File, receipt.MaxSize)
	if err != nil {
		return fmt.Errorf("read the receipt: %w", err)
	}
	root := c.Root
	if c.SignerFile != "" {
		file, err := readFile(c.SignerFile, vault.MaxSignerFile)
		if err != nil {
			return fmt.Errorf("read the signer's public file: %w", err)
		}
		signer, err := vault.ReadSigner(file)
		if err != nil {
			return fmt.Errorf("read the signer's public file %s: %w", c.SignerFile, err)
		}
		root = signer.Root.Thumbprint()
	}
	report, err := receipt.Verify(data, root)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s\n\nEverything above is verified%s.\n", report.Text(), map[bool]string{true: ", but for what the gateway says"}[report.LedTo != nil])
	return err
}

// readFile reads a file of at most limit bytes; one byte more is read of a longer one, which
// its reader refuses.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

type auditCommand struct {
	Log     auditLog     `cmd:"" default:"withargs" help:"Replay the vault's log from its genesis, and compare the gateway's answers with it."`
	Witness auditWitness `cmd:"" help:"Keep the newest note about the vault's log, and refuse a log that was rewound."`
}

// auditFlags say whose log is audited.
type auditFlags struct {
	Gateway    string `required:"" placeholder:"URL" help:"The gateway, such as https://gateway.example.com."`
	TokenFile  string `required:"" type:"path" placeholder:"FILE" help:"A file with an entity token that may read, and nothing else."`
	SignerFile string `required:"" type:"path" placeholder:"FILE" help:"signer.json, as the vault's operator gave it to you: the key that the log must be signed with."`
}

func (f auditFlags) config() audit.Config {
	return audit.Config{Gateway: f.Gateway, TokenFile: f.TokenFile, SignerFile: f.SignerFile}
}

type auditLog struct {
	auditFlags
	Keep string `type:"path" placeholder:"DIR" help:"A folder for a copy of the log, which is brought up to date: signer restore takes it."`
}

// Help is shown by `countersign-bridge audit --help`.
func (auditLog) Help() string {
	return `Run it on a computer of your own. Every signature, every member's decision, every
address and every decision of the rules is verified again, from the genesis on, and
the log must be the one that the signer's newest note is about. Then the gateway is
asked about members, accounts and requests. What it says otherwise is printed, a line
for each, and the exit status is 1.

Example:
  countersign-bridge audit --gateway https://gateway.example.com --token-file token --signer-file signer.json`
}

func (c *auditLog) Run(ctx context.Context, std stdio) error {
	cfg := c.config()
	cfg.Keep = c.Keep
	return audit.Run(ctx, cfg, std.out, std.err)
}

type auditWitness struct {
	auditFlags
	Dir  string `required:"" type:"path" placeholder:"DIR" help:"Where the witness keeps its key and the newest note."`
	Name string `placeholder:"NAME" help:"What a new witness is called, such as witness.example.com."`
}

// Help is shown by `countersign-bridge audit witness --help`.
func (auditWitness) Help() string {
	return `Asks once for the signer's newest note about its log, checks that this log has every
entry of the one that was seen last, cosigns the note (C2SP cosignature/v1, Ed25519),
keeps it, and prints it. When the log was rewound, or another one is shown, it signs
nothing, says so, and the exit status is 1. Run it every few minutes, on a computer
that neither the gateway's nor the signer's operator can change.

Example:
  countersign-bridge audit witness --gateway https://gateway.example.com --token-file token \
    --signer-file signer.json --dir ~/witness --name witness.example.com`
}

func (c *auditWitness) Run(ctx context.Context, std stdio) error {
	return audit.Witness(ctx, c.config(), c.Dir, c.Name, time.Now, std.out, std.err)
}
