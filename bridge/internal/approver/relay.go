package approver

import (
	"context"
	"crypto/rand"
	"path/filepath"

	"countersign/bridge/internal/dialout"
	"countersign/bridge/internal/instance"
	"countersign/shared/fault"
	"countersign/shared/link"
	"countersign/shared/rendezvous"
)

// RelayConfig lets pages reach this bridge through a gateway.
type RelayConfig struct {
	// Gateway is the origin to dial: "https://gateway.example.com".
	Gateway string `json:"gateway"`
}

// relay keeps the bridge known at the gateway until ctx ends.
func (b *Bridge) relay(ctx context.Context) (run func(), err error) {
	if b.cfg.Relay.Gateway == "" {
		return func() {}, nil
	}
	d, err := dialout.New(dialout.Config{
		Gateway: b.cfg.Relay.Gateway, Key: b.key, Rand: b.deps.Rand, Log: b.deps.Log,
		Origins: b.origins.Allowed,
		Handle:  func(c dialout.Connection) { b.pages.Serve(c.Context, c.Socket, c.Origin, c.Gateway) },
	})
	if err != nil {
		return nil, err
	}
	return func() { d.Run(ctx) }, nil
}

// RelayName is what this bridge is called at the gateway of its configuration.
// It fails when none is configured. The bridge's key is made when there is none
// yet.
func RelayName(cfg Config) (string, error) {
	if cfg.Relay.Gateway == "" {
		return "", fault.New(fault.Invalid, `the configuration names no gateway: add "relay": {"gateway": "https://…"}`)
	}
	if err := instance.Make(cfg.StateDir, func() error { return cfg.Trust(nil) }); err != nil {
		return "", err
	}
	key, err := loadLinkKey(filepath.Join(cfg.StateDir, "link.key"), rand.Reader)
	if err != nil {
		return "", err
	}
	return rendezvous.Name(key.Static()), nil
}

// ProbeRelay reports whether the gateway of a configuration has a relay that
// answers. It registers nothing.
func ProbeRelay(ctx context.Context, cfg Config) error {
	once, err := link.NewKey(rand.Reader)
	if err != nil {
		return err
	}
	d, err := dialout.New(dialout.Config{Gateway: cfg.Relay.Gateway, Key: once, Rand: rand.Reader,
		Origins: func() []string { return nil }, Handle: func(dialout.Connection) {}})
	if err != nil {
		return err
	}
	return d.Probe(ctx)
}
