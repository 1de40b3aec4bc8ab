package main

import (
	"fmt"

	"countersign/bridge/internal/approver"
	"countersign/shared/rendezvous"
)

type relayCommand struct {
	configFlag
}

// Help is shown by `countersign-bridge relay --help`.
func (relayCommand) Help() string {
	return `Prints under which name this bridge waits at its gateway. Type it into a page that
cannot reach this computer: in Safari, in a remote desktop, or where the browser
blocks it. Who has the name may ask to be paired, and nothing more; it follows
from the bridge's key and stays the same.

The configuration names the gateway:
  "relay": {"gateway": "https://gateway.example.com"}

Example:
  countersign-bridge relay`
}

func (c *relayCommand) Run(std stdio) error {
	cfg, err := approver.Load(c.Config)
	if err != nil {
		return err
	}
	name, err := approver.RelayName(cfg)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.out, "%s\nat %s\n", rendezvous.Show(name), cfg.Relay.Gateway)
	return err
}
