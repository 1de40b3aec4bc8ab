package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"time"

	"countersign/shared/secret"
	"countersign/web/internal/rebuild"
	"countersign/web/internal/store/sqlstore"
)

// backup copies the database.
func backup(ctx context.Context, args []string, std stdio) (err error) {
	var to string
	file, ok, err := arguments("backup", args, std, func(flags *flag.FlagSet) { flags.StringVar(&to, "to", "", "the new file") })
	if err != nil || !ok {
		return err
	}
	if to == "" {
		return errors.New("backup needs -to FILE; see countersign-gateway --help")
	}
	var cfg Config
	if err := readConfig(file, &cfg); err != nil {
		return err
	}
	db, err := sqlstore.View(cfg.Database)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Backup(ctx, to); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s is a copy of %s\n", to, cfg.Database)
	return err
}

// rebuildVerb makes the rows again that follow from the signers' logs, or compares them.
func rebuildVerb(ctx context.Context, args []string, std stdio) error {
	var check bool
	file, ok, err := arguments("migrate rebuild", args, std, func(flags *flag.FlagSet) {
		flags.BoolVar(&check, "check", false, "change nothing, and name what differs")
	})
	if err != nil || !ok {
		return err
	}
	var cfg Config
	if err := readConfig(file, &cfg); err != nil {
		return err
	}
	if err := checkSigners(cfg.Signers); err != nil {
		return err
	}
	signers, closeLinks, err := vaults(cfg.Signers)
	if err != nil {
		return err
	}
	defer closeLinks()
	do := rebuild.Run
	if check {
		do = rebuild.Check
	}
	return do(ctx, rebuild.Config{Path: cfg.Database, Vaults: signers, Log: slog.New(secret.NewLog(std.err, cfg.addresses()...)), Out: std.out, Now: time.Now})
}
