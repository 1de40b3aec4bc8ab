package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/control"
	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/shell"
)

type pairingsCommand struct {
	List   pairingsList   `cmd:"" help:"List the pages that are paired."`
	Revoke pairingsRevoke `cmd:"" help:"Forget a page: it must pair again. Also while the bridge runs."`
}

type pairingsList struct {
	configFlag
}

// Help is shown by `countersign-bridge pairings list --help`.
func (pairingsList) Help() string {
	return `Which site paired when, when it was used last, and by which program: that is in
the journal.

Example:
  countersign-bridge pairings list`
}

func (c *pairingsList) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	list, err := control.Call(ctx, approver.Client(cfg), control.ListPairings, control.None{})
	if err != nil {
		return err
	}
	program := map[string]string{}
	_, journalErr := readJournal(ctx, cfg, func(e journal.Entry, _ []byte) error {
		if e.Kind == journal.Paired {
			program[e.Pairing] = e.Process
		}
		return nil
	})
	if errors.Is(journalErr, errNoJournal) {
		journalErr = nil
	}
	if len(list.Pairings) == 0 {
		err = remark(std.out, "no page is paired")
	}
	for _, p := range list.Pairings {
		by, now := "", ""
		if program[p.ID] != "" {
			by = "by " + printable(program[p.ID])
		}
		if slices.Contains(list.Connected, p.ID) {
			now = "connected now"
		}
		err = errors.Join(err, item(std.out, p.Origin, "pairing "+p.ID, "paired "+p.Created.Format(time.DateTime), "last used "+p.LastUsed.Format(time.DateTime), now, by))
	}
	return errors.Join(err, journalErr)
}

type pairingsRevoke struct {
	configFlag
	Which string `arg:"" help:"An id or an origin from \"pairings list\", or all."`
}

// Help is shown by `countersign-bridge pairings revoke --help`.
func (pairingsRevoke) Help() string {
	return `Takes effect at once, also while the bridge runs: the page is disconnected and must
pair again. The journal says so.

Examples:
  countersign-bridge pairings revoke https://dashboard.example.com
  countersign-bridge pairings revoke all`
}

func (c *pairingsRevoke) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	r, err := control.Call(ctx, approver.Client(cfg), control.RevokePairings, control.WhichParams{Which: c.Which})
	for _, p := range r.Gone {
		fmt.Fprintf(std.out, "revoked %s of %s\n", p.ID, p.Origin)
	}
	return errors.Join(err, unwritten(r.Unnoted))
}

// unwritten is the error of a command that took a right back, which it does even
// when the journal cannot be written.
func unwritten(why *fault.Body) error {
	if why != nil {
		return fmt.Errorf("it is done, but no line of the journal says so: %w", why.Fault())
	}
	return nil
}

type originsCommand struct {
	List    originsList    `cmd:"" help:"List the dashboards that may connect, and those that were blocked at the prompt."`
	Add     originsAdd     `cmd:"" help:"Let a dashboard connect, also at a bridge that runs."`
	Remove  originsRemove  `cmd:"" help:"Let it connect no more. A running bridge disconnects its pages."`
	Unblock originsUnblock `cmd:"" help:"Let a dashboard ask again that was blocked at the prompt."`
}

type originsList struct {
	configFlag
}

// Help is shown by `countersign-bridge origins list --help`.
func (originsList) Help() string {
	return `Example:
  countersign-bridge origins list`
}

func (c *originsList) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	r, err := control.Call(ctx, approver.Client(cfg), control.ListOrigins, control.None{})
	if err != nil {
		return err
	}
	since := map[string]string{}
	for _, b := range r.Blocked {
		since[b.Origin] = b.Since.Format(time.DateTime)
	}
	pages := map[string]int{}
	for _, p := range r.Pairings {
		pages[p.Origin]++
	}
	state := func(o string) []string {
		facts := []string{fold.Count(pages[o], "page paired", "pages paired")}
		if since[o] != "" {
			facts = append(facts, "blocked since "+since[o])
		}
		return facts
	}
	if len(r.Origins) == 0 {
		err = remark(std.out, "no dashboard may connect: countersign-bridge origins add https://dashboard.example.com")
	}
	for _, o := range r.Origins {
		err = errors.Join(err, item(std.out, o, state(o)...))
	}
	for _, b := range r.Blocked {
		if !slices.Contains(r.Origins, b.Origin) {
			err = errors.Join(err, item(std.out, b.Origin, append([]string{"not in the configuration"}, state(b.Origin)...)...))
		}
	}
	for _, o := range r.LeftOut {
		err = errors.Join(err, remark(std.out, "left out: "+o.Why))
	}
	now, _ := cfg.Dashboards()
	if r.Running && !slices.Equal(now, r.Origins) {
		err = errors.Join(err, remark(std.out, "the configuration file was changed by hand and has other origins now: the bridge takes them when you start it again, or add or remove one"))
	}
	return err
}

type originsAdd struct {
	configFlag
	Origin string `arg:"" help:"As the browser writes it: https://dashboard.example.com, without a path."`
}

// Help is shown by `countersign-bridge origins add --help`.
func (originsAdd) Help() string {
	return `Edits "origins" in the configuration file and nothing else there. A bridge that
runs lets it connect at once; a new page still has to pair.

Example:
  countersign-bridge origins add https://dashboard.example.com`
}

func (c *originsAdd) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	r, err := control.Call(ctx, approver.Client(cfg), control.AddOrigin, control.OriginParams{Origin: c.Origin})
	switch {
	case err != nil:
		return err
	case !r.Added:
		_, err = fmt.Fprintf(std.out, "%s is in the list already\n", c.Origin)
	case r.Running:
		_, err = fmt.Fprintf(std.out, "added %s: the running bridge lets it connect now\n", c.Origin)
	default:
		_, err = fmt.Fprintf(std.out, "added %s: it may connect when the bridge starts\n", c.Origin)
	}
	return err
}

type originsRemove struct {
	configFlag
	Origin string `arg:"" help:"As \"origins list\" has it."`
}

// Help is shown by `countersign-bridge origins remove --help`.
func (originsRemove) Help() string {
	return `Edits "origins" in the configuration file and nothing else there. A bridge that
runs disconnects the site's pages at once. Their pairings stay, and count again when
the origin is added again: revoke them to make them ask again.

Example:
  countersign-bridge origins remove https://dashboard.example.com`
}

func (c *originsRemove) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	r, err := control.Call(ctx, approver.Client(cfg), control.RemoveOrigin, control.OriginParams{Origin: c.Origin})
	if err != nil {
		return err
	}
	ended := ""
	if r.Ended > 0 {
		ended = ": the running bridge disconnected " + fold.Count(r.Ended, "page", "pages")
	}
	fmt.Fprintf(std.out, "removed %s%s\n", c.Origin, ended)
	for _, p := range r.Pairings {
		fmt.Fprintf(std.out, "its pairing %s stays: countersign-bridge pairings revoke --config %s %s\n", p.ID, shell.Word(c.Config), p.ID)
	}
	if r.Left == 0 {
		fmt.Fprintln(std.out, "no origin is left: the bridge does not start again before you add one")
	}
	return unwritten(r.Unnoted)
}

type originsUnblock struct {
	configFlag
	Origin string `arg:"" help:"As \"origins list\" has it, or all."`
}

// Help is shown by `countersign-bridge origins unblock --help`.
func (originsUnblock) Help() string {
	return `Example:
  countersign-bridge origins unblock https://dashboard.example.com`
}

func (c *originsUnblock) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	r, err := control.Call(ctx, approver.Client(cfg), control.UnblockOrigins, control.WhichParams{Which: c.Origin})
	for _, b := range r.Gone {
		fmt.Fprintf(std.out, "%s may ask again: connect again on its page\n", b.Origin)
	}
	return err
}
