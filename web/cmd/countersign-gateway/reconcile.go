package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/reconcile"
	"countersign/web/internal/store/sqlstore"
)

// errDiffers says that books, chains and logs do not agree. What differs was written.
var errDiffers = errors.New("books, chains and logs differ")

// reconcileVerb compares books, chains and logs, and changes nothing.
func reconcileVerb(ctx context.Context, args []string, std stdio) (err error) {
	var asJSON bool
	file, ok, err := arguments("reconcile", args, std, func(flags *flag.FlagSet) { flags.BoolVar(&asJSON, "json", false, "write JSON") })
	if err != nil || !ok {
		return err
	}
	var cfg Config
	if err := readConfig(file, &cfg); err != nil {
		return err
	}
	if err := errors.Join(checkSigners(cfg.Signers), checkChains(cfg.Chains)); err != nil {
		return err
	}
	vaults, closeLinks, err := vaults(cfg.Signers)
	if err != nil {
		return err
	}
	defer closeLinks()
	chains, closeChains, err := watched(cfg.Chains)
	if err != nil {
		return err
	}
	defer closeChains()
	db, err := sqlstore.View(cfg.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	do := reconcile.Config{Store: db, Chains: map[string]reconcile.Node{}, Now: time.Now, Progress: progress(std.err, time.Now)}
	for id, w := range chains {
		do.Chains[id] = w.Node
	}
	for _, v := range vaults {
		do.Entities = append(do.Entities, v.Entity)
	}
	slices.Sort(do.Entities)
	r, err := reconcile.Run(ctx, do)
	if err != nil {
		return err
	}
	if asJSON {
		enc := json.NewEncoder(std.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(r)
	} else {
		_, err = io.WriteString(std.out, words(r))
	}
	if err == nil && r.Count > 0 {
		err = errDiffers
	}
	return err
}

// progress tells how far it is, at most once a second.
func progress(w io.Writer, now func() time.Time) func(string, int64) {
	last := now()
	return func(what string, done int64) {
		if at := now(); at.Sub(last) >= time.Second {
			last = at
			fmt.Fprintf(w, "%s: %d\n", what, done)
		}
	}
}

// words say what was compared, and each difference in a paragraph.
func words(r wire.Reconciliation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d postings were added up\n", r.Postings)
	for _, l := range r.Logs {
		fmt.Fprintf(&b, "%s: %d entries of its log were compared, %d differences\n", l.Entity, l.Entries, l.Differences)
	}
	for _, c := range r.Chains {
		if c.Status == wire.ChainNotCompared {
			fmt.Fprintf(&b, "%s: not compared: %s\n", c.Chain, c.Reason)
			continue
		}
		fmt.Fprintf(&b, "%s: the balances of %d addresses were compared at block %d (%s)", c.Chain, c.Addresses, c.Block, c.BlockHash)
		if c.Unseen > 0 {
			fmt.Fprintf(&b, "; %d were not looked at yet", c.Unseen)
		}
		b.WriteString("\n")
	}
	for _, d := range r.Differences {
		fmt.Fprintf(&b, "\n%s: %s\n", d.Kind, d.Text)
		for _, f := range [][2]string{{"entity", d.Entity}, {"account", d.Account}, {"asset", d.Asset}, {"address", d.Address}, {"by the books", d.Books}, {"otherwise", d.Other}, {"hash", d.Hash}, {"request", d.Request}} {
			if f[1] != "" {
				fmt.Fprintf(&b, "  %-12s  %s\n", f[0], f[1])
			}
		}
	}
	if n := r.Count - len(r.Differences); n > 0 {
		fmt.Fprintf(&b, "\n%d more differences\n", n)
	}
	if r.Count == 0 {
		b.WriteString("ok: nothing differs\n")
	}
	return b.String()
}
