package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/bridge/internal/approver"
	"countersign/bridge/internal/doctor"
)

type doctorCommand struct {
	configFlag
	JSON bool `name:"json" help:"For programs: one JSON object; bridge/README.md says what is in it."`
}

// Help is shown by `countersign-bridge doctor --help`.
func (doctorCommand) Help() string {
	return `Checks what the approver needs and says how to repair what is missing. It asks
for no PIN and changes nothing. Exit status 1 when something is bad; a warning is
none.

Examples:
  countersign-bridge doctor
  countersign-bridge doctor --json | jq '.findings[] | select(.level != "ok")'`
}

// report is what doctor --json prints.
type report struct {
	Schema   string           `json:"schema"` // "countersign-doctor/1"
	Version  string           `json:"version"`
	Time     time.Time        `json:"time"`
	OK       bool             `json:"ok"` // nothing is bad
	Findings []doctor.Finding `json:"findings"`
}

func (c *doctorCommand) Run(ctx context.Context, std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		if c.JSON {
			err = errors.Join(err, printReport(std, []doctor.Finding{{ID: "config", Level: doctor.Bad, What: err.Error(), SeenBy: doctor.ByCommand, Remedy: "Repair the file: the README says what is in it."}}))
		}
		return err
	}
	all := doctor.Diagnose(ctx, doctor.Config{Bridge: cfg, File: c.Config})
	if c.JSON {
		err = printReport(std, all)
	} else {
		err = printFindings(std, all)
	}
	if n := bad(all); err == nil && n > 0 {
		err = fmt.Errorf("%d of the checks failed", n)
	}
	return err
}

func bad(all []doctor.Finding) (n int) {
	for _, f := range all {
		if f.Level == doctor.Bad {
			n++
		}
	}
	return n
}

func printReport(std stdio, all []doctor.Finding) error {
	enc := json.NewEncoder(std.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(report{"countersign-doctor/1", approver.Version, time.Now().UTC().Truncate(time.Second), bad(all) == 0, all})
}

// seenBy says who sees what follows.
func seenBy(by string, running bool) string {
	switch {
	case by == doctor.ByBridge:
		return "as the running bridge sees it:"
	case running:
		return "seen by this command:"
	}
	return "no bridge runs; seen by this command:"
}

func printFindings(std stdio, all []doctor.Finding) error {
	marks := map[doctor.Level]string{doctor.OK: "ok  ", doctor.Warn: "warn", doctor.Bad: "BAD "}
	running := slices.ContainsFunc(all, func(f doctor.Finding) bool { return f.SeenBy == doctor.ByBridge })
	by := ""
	for _, f := range all {
		if f.SeenBy != by {
			by = f.SeenBy
			if _, err := fmt.Fprintln(std.out, seenBy(by, running)); err != nil {
				return err
			}
		}
		if _, err := fmt.Fprintln(std.out, marks[f.Level], f.What); err != nil {
			return err
		}
		if f.Remedy != "" {
			if _, err := fmt.Fprintln(std.out, "      →", f.Remedy); err != nil {
				return err
			}
		}
	}
	return nil
}
