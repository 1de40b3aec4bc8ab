package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"countersign/shared/id"
	"countersign/shared/quote"
	"countersign/web/internal/conform"
)

// errCannot says that the checks of a provider could not be made: exit status 2.
var errCannot = errors.New("nothing could be checked")

// errConform says that a provider failed a check; the report says which.
var errConform = errors.New("the provider does not keep the contract as a gateway needs it")

// providersVerb checks a provider's endpoints, and simulates ones with faults.
func providersVerb(ctx context.Context, args []string, std stdio) error {
	if len(args) == 0 || !slices.Contains([]string{"lint", "simulate", "notices"}, args[0]) {
		return errors.New("providers needs one of lint, simulate or notices; see countersign-gateway --help")
	}
	flags := flag.NewFlagSet("providers "+args[0], flag.ContinueOnError)
	flags.SetOutput(std.err)
	flags.Usage = func() { _, _ = io.WriteString(std.out, usage) }
	switch args[0] {
	case "simulate":
		return simulate(ctx, flags, args[1:], std)
	case "notices":
		return notices(ctx, flags, args[1:], std)
	}
	var in quote.Input
	for _, f := range []struct {
		to         *string
		name, what string
	}{
		{&in.From, "from", "currency to pay with"}, {&in.To, "to", "LedgerId of the asset"}, {&in.Amount, "amount", "whole amount to pay"},
		{&in.Country, "country", "of residence"}, {&in.PaymentMethod, "method", "payment method"}, {&in.Dest, "dest", "deposit address"},
	} {
		flags.StringVar(f.to, f.name, "", f.what)
	}
	keyFile := flags.String("api-key-file", "", "the provider's API key")
	hosts := flags.String("hosts", "", "where the widget may be, beside the address, with commas between")
	orders := flags.String("orders", "", "the path under which orders are answered")
	deadline := flags.Duration("deadline", 5*time.Second, "for one answer")
	asJSON := flags.Bool("json", false, "write the report as JSON")
	address, err := addressIn(flags, args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return errors.Join(errCannot, err)
	}
	cfg := conform.Config{URL: address, Input: in, Dest: in.Dest, Orders: *orders, Deadline: *deadline}
	cfg.Input.Dest = ""
	if *hosts != "" {
		cfg.Hosts = strings.Split(*hosts, ",")
	}
	if *keyFile != "" {
		key, err := apiKey(*keyFile)
		if err != nil {
			return errors.Join(errCannot, err)
		}
		cfg.APIKey = key
	}
	report, err := conform.Run(ctx, cfg)
	if err != nil {
		return errors.Join(errCannot, err)
	}
	if *asJSON {
		out := json.NewEncoder(std.out)
		out.SetIndent("", "  ")
		err = out.Encode(report)
	} else {
		err = report.Print(std.out)
	}
	if err == nil && report.Verdict == conform.Fail {
		err = errConform
	}
	return err
}

// addressIn parses the flags, before and behind the one address.
func addressIn(flags *flag.FlagSet, args []string) (address string, err error) {
	for {
		if err := flags.Parse(args); err != nil {
			return "", err
		}
		if flags.NArg() == 0 {
			break
		}
		if address != "" {
			return "", fmt.Errorf("%s takes one address", flags.Name())
		}
		address, args = flags.Arg(0), flags.Args()[1:]
	}
	if address == "" {
		return "", fmt.Errorf("%s needs an address; see countersign-gateway --help", flags.Name())
	}
	return address, nil
}

// notices sends a gateway notices in every order.
func notices(ctx context.Context, flags *flag.FlagSet, args []string, std stdio) error {
	file := flags.String("secret-file", "", "the secret of the provider's notices")
	order := flags.String("order", "", "an order of the provider's")
	address, err := addressIn(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case !id.Is(id.Order, *order):
		return errors.New("providers notices needs -order, an id that starts with ord_")
	}
	secrets, err := noticeSecrets(*file)
	if err != nil {
		return err
	}
	return conform.SendNotices(ctx, conform.NoticesConfig{URL: address, Secret: secrets[0], Order: *order}, std.out)
}

// simulate serves providers with faults until ctx ends.
func simulate(ctx context.Context, flags *flag.FlagSet, args []string, std stdio) (err error) {
	listen := flags.String("listen", "127.0.0.1:8099", "where they are served")
	upstream := flags.String("upstream", "", "a provider's own endpoints, to put the faults before")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case flags.NArg() > 0:
		return fmt.Errorf("providers simulate takes no argument %q; see countersign-gateway --help", flags.Arg(0))
	}
	dir, err := os.MkdirTemp("", "countersign-simulate")
	if err != nil {
		return fmt.Errorf("make a directory for the orders: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	var s *conform.Simulator
	if *upstream != "" {
		s, err = conform.NewSimulator(*upstream)
	} else {
		s, err = conform.NewReferenceSimulator("http://"+l.Addr().String(), dir)
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	h := &http.Server{Handler: s, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = h.Close() })
	defer stop()
	fmt.Fprintf(std.out, "listening on http://%s\n", l.Addr())
	for _, f := range conform.Faults {
		fmt.Fprintf(std.out, "  /%-22s %s\n", f.Name, f.What)
	}
	if err := h.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
