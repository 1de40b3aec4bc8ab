package shell

import (
	"context"
	"strings"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/rendezvous"
	"countersign/shared/wire"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/bridgeclient"
)

// meeting is how the page and the bridge find each other at the gateway
// (shared/spec/relay.md). Guarded by Shell.mu.
type meeting struct {
	typed string // the bridge's name, from the person; kept as long as the page lives
	name  string // the last one that was tried
	err   error  // why it did not work
}

// dialRelay is the route through the gateway. A page that is paired computes the
// bridge's name; one that is not was told it by the person.
func (s *Shell) dialRelay(ctx context.Context) (bridgeclient.Socket, error) {
	s.mu.Lock()
	name := s.meeting.typed
	s.mu.Unlock()
	if key := s.pinned(ctx); name == "" && len(key) > 0 {
		name = rendezvous.Name(key)
	}
	socket, err := s.meet(ctx, name)
	s.mu.Lock()
	s.meeting.name, s.meeting.err = name, err
	s.mu.Unlock()
	return socket, err
}

// meet asks the gateway for a ticket and uses it.
func (s *Shell) meet(ctx context.Context, name string) (bridgeclient.Socket, error) {
	if name == "" {
		return nil, fault.New(fault.NotPaired, "the page does not know the bridge's relay name")
	}
	var t wire.RelayTicket
	if err := s.gateway.Post(ctx, rendezvous.TicketsPath, "", wire.RelayInput{Name: name}, &t); err != nil {
		return nil, err
	}
	base := s.cfg.GatewayURL
	if base == "" {
		base = s.cfg.Origin
	}
	return s.cfg.DialGateway(ctx, "ws"+strings.TrimPrefix(base, "http")+rendezvous.PagePath, frame.SubProtocol, rendezvous.Ticket(t.Ticket))
}

// atGateway connects to the bridge with the name that the person typed.
func (s *Shell) atGateway(a *search, name string, cfg bridgeclient.Config) (*bridgeclient.Found, error) {
	s.mu.Lock()
	s.meeting.typed = name
	s.mu.Unlock()
	s.tell(a, app.BridgeChanged{State: app.BridgeConnecting, Step: bridgeclient.Relaying})
	cfg.Dial = s.dialRelay
	client, err := bridgeclient.Connect(a.ctx, cfg)
	if err == nil {
		if err = s.meant(client); err == nil {
			return &bridgeclient.Found{Client: client, Route: bridgeclient.Relay}, nil
		}
		client.Close()
		return nil, err
	}
	s.mu.Lock()
	why := s.meeting.err
	s.mu.Unlock()
	switch f, ok := fault.As(why); {
	case ok && f.Code != fault.Unavailable: // the gateway says what is wrong
		return nil, &bridgeclient.Error{Problem: bridgeclient.Refused, Fault: f}
	case fault.CodeOf(err) == fault.Unavailable:
		return nil, &bridgeclient.Error{Problem: bridgeclient.NotThere, Fault: fault.Wrap(err, fault.Unavailable, "no bridge with this name waits at the gateway")}
	}
	return nil, err
}

// met forgets the typed name once the bridge's key is kept, from which it follows.
func (s *Shell) met() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.meeting.typed = ""
}

// meant reports whether a bridge that was reached through the gateway is the one
// whose name was used: the name commits to the key, so the gateway cannot put
// another in its place even before the codes are compared.
func (s *Shell) meant(client *bridgeclient.Client) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if rendezvous.Name(client.BridgeKey()) != s.meeting.name {
		return &bridgeclient.Error{Problem: bridgeclient.KeyChanged, Fault: fault.New(fault.BridgeKeyChanged, "the bridge that answered through the gateway is not the one with this relay name")}
	}
	return nil
}
