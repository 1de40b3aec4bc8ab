package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/signer"
	"countersign/shared/strictjson"
)

// maxConfig is the largest configuration file, in bytes.
const maxConfig = 256 << 10

func loadSigner(path string) (signer.Config, error) {
	var cfg signer.Config
	data, err := os.ReadFile(path)
	if err != nil {
		return cfg, err
	}
	if err := strictjson.Unmarshal(data, &cfg, maxConfig); err != nil {
		return cfg, fmt.Errorf("read %s: %w", path, err)
	}
	dir := filepath.Dir(path)
	for _, p := range []*string{&cfg.Socket, &cfg.PINFile, &cfg.StateDir} {
		if *p != "" && !filepath.IsAbs(*p) {
			*p = filepath.Join(dir, *p)
		}
	}
	return cfg, nil
}

type keysCommand struct {
	List keysList `cmd:"" help:"List each identity's keys: where they are, their curve and thumbprint."`
}

type keysList struct {
	configFlag
}

func (c *keysList) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	list, err := approver.ListKeys(ctx, cfg)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "MEMBER\tPURPOSE\tTOKEN\tCURVE\tTHUMBPRINT\tSTATE")
	for _, k := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.Member, k.Purpose, k.Device, k.Curve, k.Thumbprint, k.State)
	}
	return w.Flush()
}

type pairingsCommand struct {
	List   pairingsList   `cmd:"" help:"List the pages that are paired."`
	Revoke pairingsRevoke `cmd:"" help:"Forget a page: it must pair again. Also while the bridge runs."`
}

type pairingsList struct {
	configFlag
}

func (c *pairingsList) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	list, err := approver.OpenPairings(cfg.StateDir).List()
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tORIGIN\tPAIRED\tLAST USED")
	for _, p := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", p.ID, p.Origin, p.Created.Format(time.DateTime), p.LastUsed.Format(time.DateTime))
	}
	return w.Flush()
}

type pairingsRevoke struct {
	configFlag
	Which string `arg:"" help:"An id or an origin from \"pairings list\", or all."`
}

func (c *pairingsRevoke) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	gone, err := approver.OpenPairings(cfg.StateDir).Revoke(c.Which)
	if err != nil {
		return err
	}
	if len(gone) == 0 {
		return fmt.Errorf("nothing is paired under %q", c.Which)
	}
	for _, p := range gone {
		fmt.Fprintf(std.out, "revoked %s of %s\n", p.ID, p.Origin)
	}
	return nil
}

type journalCommand struct {
	Show   journalShow   `cmd:"" help:"Print the entries, verifying the chain."`
	Verify journalVerify `cmd:"" help:"Verify the chain and print its head."`
}

// entries reads the journal of a configuration.
func entries(path string, each func(journal.Entry) error) (journal.Head, error) {
	cfg, err := approver.Load(path)
	if err != nil {
		return journal.Head{}, err
	}
	f, err := os.Open(filepath.Join(cfg.StateDir, "journal.log"))
	if err != nil {
		return journal.Head{}, err
	}
	defer f.Close()
	return journal.Verify(f, each)
}

type journalShow struct {
	configFlag
}

func (c *journalShow) Run(std stdio) error {
	w := tabwriter.NewWriter(std.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "SEQ\tTIME\tEVENT\tORIGIN\tMEMBER\tTOKEN\tREQUEST\tDECISION\tCODE")
	_, err := entries(c.Config, func(e journal.Entry) error {
		_, err := fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", e.Seq, e.Time, e.Kind, e.Origin, e.Member, e.Device, e.Request, e.Decision, e.Code)
		return err
	})
	if ferr := w.Flush(); ferr != nil {
		return ferr
	}
	return err
}

type journalVerify struct {
	configFlag
}

func (c *journalVerify) Run(std stdio) error {
	head, err := entries(c.Config, nil)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%d entries, head %s\n", head.Size, head.Hash)
	return err
}

type doctorCommand struct {
	configFlag
}

// Help is shown by `countersign-bridge doctor --help`.
func (doctorCommand) Help() string {
	return `Checks what the approver needs and says how to repair what is missing. It asks
for no PIN and changes nothing. Exit status 1 when something is wrong.

Example:
  countersign-bridge doctor --config bridge.json`
}

func (c *doctorCommand) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	bad := 0
	for _, f := range approver.Diagnose(ctx, cfg) {
		mark := "ok  "
		if f.Err != nil {
			mark, bad = "BAD ", bad+1
		}
		fmt.Fprintln(std.out, mark, f.What)
		if f.Err != nil {
			fmt.Fprintln(std.out, "     ", explain(f.Err))
		}
	}
	if bad > 0 {
		return fmt.Errorf("%d of the checks failed", bad)
	}
	return nil
}
