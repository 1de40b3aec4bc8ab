package core

import (
	"context"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/rendezvous"
	"countersign/shared/wire"
	"countersign/wasm/internal/bridgeclient"
)

// meeting is how the page and the bridge find each other at the gateway
// (shared/spec/relay.md). Guarded by Core.mu.
type meeting struct {
	typed string // the bridge's name, from the person; kept as long as the page lives
	name  string // the last one that was tried
	err   error  // why it did not work
}

// dialRelay is the route through the gateway. A page that is paired computes the
// bridge's name; one that is not was told it by the person.
func (c *Core) dialRelay(ctx context.Context) (bridgeclient.Socket, error) {
	c.mu.Lock()
	name := c.meeting.typed
	c.mu.Unlock()
	if key := c.pinned(ctx); name == "" && len(key) > 0 {
		name = rendezvous.Name(key)
	}
	socket, err := c.meet(ctx, name)
	c.mu.Lock()
	c.meeting.name, c.meeting.err = name, err
	c.mu.Unlock()
	return socket, err
}

// meet asks the gateway for a ticket and uses it.
func (c *Core) meet(ctx context.Context, name string) (bridgeclient.Socket, error) {
	if name == "" {
		return nil, fault.New(fault.NotPaired, "the page does not know the bridge's relay name")
	}
	var t wire.RelayTicket
	if err := c.gateway.Post(ctx, rendezvous.TicketsPath, "", wire.RelayInput{Name: name}, &t); err != nil {
		return nil, err
	}
	base := c.cfg.GatewayURL
	if base == "" {
		base = c.cfg.Origin
	}
	return c.cfg.DialGateway(ctx, "ws"+strings.TrimPrefix(base, "http")+rendezvous.PagePath, frame.SubProtocol, rendezvous.Ticket(t.Ticket))
}

// atGateway connects to the bridge with the name that the person typed.
func (c *Core) atGateway(a *search, name string, cfg bridgeclient.Config) (*bridgeclient.Found, error) {
	c.mu.Lock()
	c.meeting.typed = name
	c.mu.Unlock()
	c.about(a, BridgeChanged{State: BridgeConnecting, Step: bridgeclient.Relaying})
	cfg.Dial = c.dialRelay
	client, err := bridgeclient.Connect(a.ctx, cfg)
	if err == nil {
		if err = c.meant(client); err == nil {
			return &bridgeclient.Found{Client: client, Route: bridgeclient.Relay}, nil
		}
		client.Close()
		return nil, err
	}
	c.mu.Lock()
	why := c.meeting.err
	c.mu.Unlock()
	switch f, ok := fault.As(why); {
	case ok && f.Code != fault.Unavailable: // the gateway says what is wrong
		return nil, &bridgeclient.Error{Problem: bridgeclient.Refused, Fault: f}
	case fault.CodeOf(err) == fault.Unavailable:
		return nil, &bridgeclient.Error{Problem: bridgeclient.NotThere, Fault: fault.Wrap(err, fault.Unavailable, "no bridge with this name waits at the gateway")}
	}
	return nil, err
}

// met forgets the typed name once the bridge's key is kept, from which it follows.
func (c *Core) met() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.meeting.typed = ""
}

// meant reports whether a bridge that was reached through the gateway is the one
// whose name was used: the name commits to the key, so the gateway cannot put
// another in its place even before the codes are compared.
func (c *Core) meant(client *bridgeclient.Client) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rendezvous.Name(client.BridgeKey()) != c.meeting.name {
		return &bridgeclient.Error{Problem: bridgeclient.KeyChanged, Fault: fault.New(fault.BridgeKeyChanged, "the bridge that answered through the gateway is not the one with this relay name")}
	}
	return nil
}
