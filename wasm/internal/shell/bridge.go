package shell

import (
	"context"
	"encoding/base64"
	"errors"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/relay"
)

// pinned is the bridge's key from an earlier visit.
func (s *Shell) pinned(ctx context.Context) []byte {
	text, err := s.cfg.Host.Get(ctx, storeBridge)
	if err != nil {
		return nil
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(key) != link.KeySize {
		return nil
	}
	return key
}

// connect opens the link to the bridge and follows it until it ends.
func (s *Shell) connect(forget bool) {
	if forget {
		_ = s.cfg.Host.Delete(s.ctx, storeBridge) // what cannot be deleted is refused below as before
	}
	s.mu.Lock()
	old := s.line
	s.line, s.relay = nil, nil
	s.mu.Unlock()
	if old != nil {
		old.Close()
	}
	client, route, err := s.reach()
	if err != nil {
		s.Post(app.BridgeChanged{State: app.BridgeFailed, Err: err, Blocked: bridgeclient.ProblemOf(err) == bridgeclient.NotRunning && s.cfg.Blocked(s.ctx)})
		return
	}
	s.mu.Lock()
	s.line = client
	s.relay = relay.New(client, records{s.gateway})
	s.mu.Unlock()
	if err := s.greet(client, route); err != nil {
		client.Close()
		s.Post(app.BridgeChanged{State: app.BridgeFailed, Err: err})
		return
	}
	<-client.Done()
	s.mu.Lock()
	current := s.line == client
	if current {
		s.line, s.relay = nil, nil
	}
	s.mu.Unlock()
	if current && s.ctx.Err() == nil {
		s.Post(app.BridgeChanged{State: app.BridgeFailed, Err: client.Err()})
	}
}

// reach connects on loopback, or by another route when that is impossible. When
// all fail, the problem of the first is told.
func (s *Shell) reach() (client *bridgeclient.Client, route string, err error) {
	if client, err = s.dial(); err == nil {
		return client, bridgeclient.Loopback, nil
	}
	if !bridgeclient.Impossible(bridgeclient.ProblemOf(err)) {
		return nil, "", err
	}
	for _, r := range s.cfg.Routes {
		if client, other := s.link(r.Dial); other == nil {
			return client, r.Name, nil
		}
	}
	return nil, "", err
}

// link connects over one dialled connection.
func (s *Shell) link(dial func(context.Context) (bridgeclient.Socket, error)) (*bridgeclient.Client, error) {
	key, err := s.cfg.LinkKey(s.ctx)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "this browser cannot keep the page's key")
	}
	return bridgeclient.Connect(s.ctx, bridgeclient.Config{
		Dial: dial, DH: key, Origin: s.cfg.Origin, Remote: s.pinned(s.ctx), Rand: s.cfg.Rand, Notify: s.notify,
	})
}

// dial tries the addresses in their order. Only "nobody there" leads to the next
// one: a program that answers wrongly is not passed over in silence.
func (s *Shell) dial() (*bridgeclient.Client, error) {
	var err error = fault.New(fault.Unavailable, "the dashboard names no address of a bridge")
	for _, url := range s.cfg.BridgeURLs {
		var client *bridgeclient.Client
		client, err = s.link(func(ctx context.Context) (bridgeclient.Socket, error) { return s.cfg.Dial(ctx, url) })
		if err == nil {
			return client, nil
		}
		if bridgeclient.ProblemOf(err) != bridgeclient.NotRunning {
			return nil, err
		}
	}
	return nil, err
}

// greet pairs when that is needed, keeps the bridge's key, and asks who is there.
func (s *Shell) greet(client *bridgeclient.Client, route string) error {
	if client.State().State == frame.Pairing {
		s.Post(app.BridgeChanged{State: app.BridgePairing, Code: client.Code(), Relayed: route == bridgeclient.Relay})
		if err := client.WaitReady(s.ctx); err != nil {
			return err
		}
	}
	if err := s.cfg.Host.Set(s.ctx, storeBridge, base64.RawURLEncoding.EncodeToString(client.BridgeKey())); err != nil {
		return fault.Wrap(err, fault.Internal, "this browser cannot keep the bridge's key")
	}
	info, err := client.Info(s.ctx)
	if err != nil {
		return err
	}
	state := client.State()
	s.Post(app.BridgeChanged{State: app.BridgeReady, Name: state.Bridge, Version: info.Version, Identities: info.Identities, Relayed: route == bridgeclient.Relay})
	return nil
}

// notify follows the bridge's notifications; it must not block.
func (s *Shell) notify(e bridgeclient.Event) {
	switch e.Method {
	case frame.DeviceAdded, frame.DeviceRemoved:
		go s.devices()
	case frame.PromptOpened:
		s.mu.Lock()
		r := s.relay
		s.mu.Unlock()
		if r != nil {
			r.PromptOpened(*e.Prompt)
		}
		s.Post(app.PromptChanged{Open: true, Kind: e.Prompt.Kind, Where: e.Prompt.Where})
	case frame.PromptClosed:
		s.Post(app.PromptChanged{})
	}
}

func (s *Shell) devices() {
	s.mu.Lock()
	client := s.line
	s.mu.Unlock()
	if client == nil {
		return
	}
	if info, err := client.Info(s.ctx); err == nil {
		s.Post(app.DevicesChanged{Identities: info.Identities})
	}
}

// decideTime is the longest that one decision may take.
const decideTime = 15 * time.Minute

func (s *Shell) decide(c app.Decide) {
	ctx, cancel := context.WithTimeout(s.ctx, decideTime)
	defer cancel()
	s.mu.Lock()
	r := s.relay
	s.decision = cancel
	s.mu.Unlock()
	if r == nil {
		s.Post(app.DecisionEnded{Err: fault.New(fault.NotPaired, "the bridge is not connected")})
		return
	}
	result, err := r.Run(ctx, relay.Job{Entity: c.Entity, Member: c.Member, Request: c.Request, Decision: c.Decision,
		Progress: func(p relay.Progress) { // until then the bridge's prompts say how far it is
			if p.Stage == relay.Signed {
				s.Post(app.DecisionMoved{Stage: approvals.Signed})
			}
		}})
	if e := (*relay.Error)(nil); errors.As(err, &e) && e.Unknown {
		err = e.Fault.With(approvals.Unknown, "true")
	}
	if err != nil {
		s.Post(app.DecisionEnded{Err: err})
		return
	}
	s.Post(app.DecisionEnded{Text: result.Text, State: result.State, Done: len(result.Approvals), Needed: result.Needed})
}
