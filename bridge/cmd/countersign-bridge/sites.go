package main

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/fold"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/site"
	"countersign/shared/fault"
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

func (c *pairingsList) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	list, err := site.OpenPairings(cfg.StateDir).List()
	if err != nil {
		return err
	}
	program := map[string]string{}
	_, journalErr := journal.Read(journalPath(cfg), func(e journal.Entry, _ []byte) error {
		if e.Kind == journal.Paired {
			program[e.Pairing] = e.Process
		}
		return nil
	})
	if errors.Is(journalErr, fs.ErrNotExist) {
		journalErr = nil
	}
	if len(list) == 0 {
		err = remark(std.out, "no page is paired")
	}
	for _, p := range list {
		by := ""
		if program[p.ID] != "" {
			by = "by " + printable(program[p.ID])
		}
		err = errors.Join(err, item(std.out, p.Origin, "pairing "+p.ID, "paired "+p.Created.Format(time.DateTime), "last used "+p.LastUsed.Format(time.DateTime), by))
	}
	return errors.Join(err, journalErr)
}

type pairingsRevoke struct {
	configFlag
	Which string `arg:"" help:"An id or an origin from \"pairings list\", or all."`
}

// Help is shown by `countersign-bridge pairings revoke --help`.
func (pairingsRevoke) Help() string {
	return `Takes effect at once, also while the bridge runs: the page can sign nothing more
and must pair again. The journal says so.

Examples:
  countersign-bridge pairings revoke https://dashboard.example.com
  countersign-bridge pairings revoke all`
}

func (c *pairingsRevoke) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	pairings := site.OpenPairings(cfg.StateDir)
	list, err := pairings.List()
	if err != nil {
		return err
	}
	var events []journal.Event
	for _, p := range list {
		if c.Which == "all" || p.ID == c.Which || p.Origin == c.Which {
			events = append(events, journal.Event{Kind: journal.Revoked, Origin: p.Origin, Pairing: p.ID})
		}
	}
	if len(events) == 0 {
		return fault.New(fault.NotFound, fmt.Sprintf("nothing is paired under %q", c.Which))
	}
	unnoted := unwritten(noted(cfg, events...))
	gone, err := pairings.Revoke(c.Which)
	for _, p := range gone {
		fmt.Fprintf(std.out, "revoked %s of %s\n", p.ID, p.Origin)
	}
	return errors.Join(err, unnoted)
}

// unwritten is the error of a command that took a right back, which it does even
// when the journal cannot be written.
func unwritten(err error) error {
	if err != nil {
		return fmt.Errorf("it is done, but no line of the journal says so: %w", err)
	}
	return nil
}

type originsCommand struct {
	List    originsList    `cmd:"" help:"List the dashboards that may connect, and those that were blocked at the prompt."`
	Add     originsAdd     `cmd:"" help:"Let a dashboard connect. A running bridge notices."`
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

func (c *originsList) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	blocked, err := site.OpenBlocks(cfg.StateDir).List()
	if err != nil {
		return err
	}
	paired, err := site.OpenPairings(cfg.StateDir).List()
	if err != nil {
		return err
	}
	since := map[string]string{}
	for _, b := range blocked {
		since[b.Origin] = b.Since.Format(time.DateTime)
	}
	pages := map[string]int{}
	for _, p := range paired {
		pages[p.Origin]++
	}
	state := func(o string) []string {
		facts := []string{fold.Count(pages[o], "page paired", "pages paired")}
		if since[o] != "" {
			facts = append(facts, "blocked since "+since[o])
		}
		return facts
	}
	origins, leftOut := cfg.Dashboards()
	for _, o := range origins {
		err = errors.Join(err, item(std.out, o, state(o)...))
	}
	for _, b := range blocked {
		if !slices.Contains(origins, b.Origin) {
			err = errors.Join(err, item(std.out, b.Origin, append([]string{"not in the configuration"}, state(b.Origin)...)...))
		}
	}
	for _, o := range leftOut {
		err = errors.Join(err, remark(std.out, fmt.Sprintf("left out: %v", o.Err)))
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
runs sees it within a second; a new page still has to pair.

Example:
  countersign-bridge origins add https://dashboard.example.com`
}

func (c *originsAdd) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	added, err := approver.OpenOrigins(c.Config).AddOrigin(c.Origin, func() error {
		return noted(cfg, journal.Event{Kind: journal.OriginAdded, Origin: c.Origin})
	})
	switch {
	case err != nil:
		return err
	case !added:
		_, err = fmt.Fprintf(std.out, "%s is in the list already\n", c.Origin)
	default:
		_, err = fmt.Fprintf(std.out, "added %s: a running bridge lets it connect within a second\n", c.Origin)
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
runs disconnects the site's pages within a second. Their pairings stay, and count
again when the origin is added again: revoke them to make them ask again.

Example:
  countersign-bridge origins remove https://dashboard.example.com`
}

func (c *originsRemove) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	var unnoted error
	origins := approver.OpenOrigins(c.Config)
	if err := origins.RemoveOrigin(c.Origin, func() {
		unnoted = unwritten(noted(cfg, journal.Event{Kind: journal.OriginRemoved, Origin: c.Origin}))
	}); err != nil {
		return err
	}
	fmt.Fprintf(std.out, "removed %s: a running bridge disconnects its pages within a second\n", c.Origin)
	paired, err := site.OpenPairings(cfg.StateDir).List()
	for _, p := range paired {
		if p.Origin == c.Origin {
			fmt.Fprintf(std.out, "its pairing %s stays: countersign-bridge pairings revoke --config %s %s\n", p.ID, c.Config, p.ID)
		}
	}
	if left, lerr := origins.List(); lerr == nil && len(left) == 0 {
		fmt.Fprintln(std.out, "no origin is left: the bridge does not start again before you add one")
	}
	return errors.Join(unnoted, err)
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

func (c *originsUnblock) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	blocks := site.OpenBlocks(cfg.StateDir)
	list, err := blocks.List()
	if err != nil {
		return err
	}
	var events []journal.Event
	for _, b := range list {
		if c.Origin == "all" || b.Origin == c.Origin {
			events = append(events, journal.Event{Kind: journal.Unblocked, Origin: b.Origin})
		}
	}
	if len(events) == 0 {
		return fault.New(fault.NotFound, fmt.Sprintf("%q is not blocked", c.Origin))
	}
	if err := noted(cfg, events...); err != nil {
		return err
	}
	gone, err := blocks.Unblock(c.Origin)
	for _, b := range gone {
		fmt.Fprintf(std.out, "%s may ask again: connect again on its page\n", b.Origin)
	}
	return err
}
