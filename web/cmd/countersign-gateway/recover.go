package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"time"

	"countersign/shared/secret"
	"countersign/web/internal/rebuild"
	"countersign/web/internal/store/sqlstore"
)

// recovery reads the flags of a verb that define adds to, and the configuration. It reports
// false when only help was asked for.
func recovery(verb string, args []string, std stdio, define func(*flag.FlagSet)) (cfg Config, ok bool, err error) {
	flags := flag.NewFlagSet(verb, flag.ContinueOnError)
	flags.SetOutput(std.err)
	flags.Usage = func() { _, _ = io.WriteString(std.out, usage) }
	file := flags.String("config", "", "the configuration, a JSON file")
	define(flags)
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return cfg, false, nil
	case err != nil:
		return cfg, false, err
	case flags.NArg() > 0:
		return cfg, false, fmt.Errorf("%s takes no argument %q; see countersign-gateway --help", verb, flags.Arg(0))
	case *file == "":
		return cfg, false, fmt.Errorf("%s needs -config FILE; see countersign-gateway --help", verb)
	}
	return cfg, true, readConfig(*file, &cfg)
}

// backup copies the database.
func backup(ctx context.Context, args []string, std stdio) (err error) {
	var to string
	cfg, ok, err := recovery("backup", args, std, func(flags *flag.FlagSet) {
		flags.StringVar(&to, "to", "", "the new file")
	})
	if err != nil || !ok {
		return err
	}
	if to == "" {
		return errors.New("backup needs -to FILE; see countersign-gateway --help")
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
	cfg, ok, err := recovery("migrate rebuild", args, std, func(flags *flag.FlagSet) {
		flags.BoolVar(&check, "check", false, "change nothing, and name what differs")
	})
	if err != nil || !ok {
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
