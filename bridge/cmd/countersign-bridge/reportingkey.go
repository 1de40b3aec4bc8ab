package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"countersign/shared/apikey"
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/fingerprint"
	"countersign/shared/id"
	"countersign/shared/intent"
	"countersign/shared/secret"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

type reportingKeyCommand struct {
	New  reportingKeyNew  `cmd:"" help:"Make a secret here, and print the request for a key of it."`
	Show reportingKeyShow `cmd:"" help:"Print what the administrators compare, of a secret that was made before."`
}

type reportingKeyNew struct {
	Name        string    `required:"" placeholder:"NAME" help:"What people call it: Accounting."`
	Account     []string  `xor:"reads" placeholder:"ID" help:"An account that it may read; several times for several."`
	AllAccounts bool      `xor:"reads" help:"It may read every account, also those that are created later, and the whole log."`
	Until       time.Time `format:"2006-01-02" placeholder:"DATE" help:"It ends at the beginning of this day, UTC: 2027-11-20. Without it: when it is revoked."`
	Sandbox     bool      `help:"For a gateway whose environment is sandbox."`
	Out         string    `required:"" short:"o" type:"path" placeholder:"FILE" help:"Where the secret is written, for you alone. An existing file is not overwritten."`
}

// Help is shown by `countersign-bridge reporting-key new --help`.
func (reportingKeyNew) Help() string {
	return `A reporting key lets a back office read accounts, their balances, transactions and
approvals, and nothing else. The vault's administrators make it and revoke it.

The secret is made on this computer and written to a file. What is printed has none of it:
send that line as the body of a POST to /v1/requests, and read the words or the digits to
the administrators, who compare them before they approve. From then on the secret is traded
for a token, with a POST to /v1/auth/tokens: {"apiKey":"…","entityId":"ent_…"}.

Examples:
  countersign-bridge reporting-key new --name Accounting --account acc_treasury --until 2027-11-20 --out accounting.key
  countersign-bridge reporting-key new --name "Audit of the year" --all-accounts --out auditor.key`
}

func (c *reportingKeyNew) Run(std stdio) (err error) {
	env := "production"
	if c.Sandbox {
		env = "sandbox"
	}
	key, err := apikey.New(rand.Reader, env)
	if err != nil {
		return err
	}
	named, err := id.New(rand.Reader, id.ReportingKey)
	if err != nil {
		return err
	}
	draft := intent.ReportingKeyCreate{Kind: intent.KindReportingKeyCreate, V: 1, ReportingKey: named, Name: c.Name, Reads: intent.ReadsAll, Verifier: apikey.Verifier(key)}
	if !c.Until.IsZero() {
		draft.Expires = c.Until.Unix()
	}
	if !c.AllAccounts {
		draft.Reads = intent.ReadsAccounts
	}
	for _, a := range c.Account {
		draft.Accounts = append(draft.Accounts, intent.NamedAccount{Account: a})
	}
	if err := c.check(draft); err != nil {
		return err
	}
	doc, err := intent.Encode(draft)
	if err != nil {
		return err
	}
	body, err := strictjson.Canonical(wire.RequestInput{Intent: doc})
	if err != nil {
		return err
	}
	f, err := os.OpenFile(c.Out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write the secret: %w", err)
	}
	_, err = io.WriteString(f, key+"\n")
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the secret: %w", err)
	}
	if _, err := std.out.Write(append(body, '\n')); err != nil {
		return err
	}
	return tell(std.err, draft.Verifier)
}

// check finds what is wrong with the flags: the names of the accounts are the vault's to fill.
func (c *reportingKeyNew) check(draft intent.ReportingKeyCreate) error {
	draft.Accounts = slices.Clone(draft.Accounts)
	for i, a := range draft.Accounts {
		draft.Accounts[i].Name = a.Account
	}
	err := draft.CheckFields()
	var p *field.Problem
	if errors.As(err, &p) && p.Field == "accounts" {
		return fault.New(fault.Invalid, "say what it may read: --account ID, several times for several, or --all-accounts")
	}
	return intent.Refused(err)
}

type reportingKeyShow struct {
	File string `arg:"" type:"path" placeholder:"FILE" help:"The secret."`
}

// Help is shown by `countersign-bridge reporting-key show --help`.
func (reportingKeyShow) Help() string {
	return `Prints the verifier of a secret, in words and digits, to read to the administrators again.
The secret itself is not printed. The file must be yours alone to read (mode 0600).

Examples:
  countersign-bridge reporting-key show accounting.key`
}

func (c *reportingKeyShow) Run(std stdio) error {
	line, _, err := secret.Line(c.File, wire.MaxAPIKey+2)
	if err != nil {
		return err
	}
	defer clear(line)
	if !apikey.WellFormed(string(line)) {
		return fault.New(fault.Invalid, c.File+" has no secret of a reporting key")
	}
	return tell(std.out, apikey.Verifier(string(line)))
}

// tell says what the administrators compare.
func tell(out io.Writer, verifier string) error {
	print, err := fingerprint.Of(verifier)
	if err != nil {
		return err
	}
	words, digits := print.Lines()
	_, err = fmt.Fprintf(out, "Read the words or the digits to the administrators:\n  %s\n\n  %s\n", strings.Join(words, "\n  "), strings.Join(digits, "\n  "))
	return err
}
