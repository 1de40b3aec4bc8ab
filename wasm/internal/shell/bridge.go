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

// search is one attempt to connect, from the look for a bridge to the end of the
// line.
type search struct {
	ctx    context.Context
	cancel context.CancelFunc
}

// newSearch makes a new attempt the current one and gives the one before up.
func (s *Shell) newSearch() *search {
	a := new(search)
	a.ctx, a.cancel = context.WithCancel(s.ctx)
	s.mu.Lock()
	before, line := s.search, s.line
	s.search, s.line, s.relay = a, nil, nil
	s.mu.Unlock()
	if before != nil {
		before.cancel()
	}
	if line != nil {
		line.Close()
	}
	return a
}

// tell reports about an attempt unless a newer one has begun.
func (s *Shell) tell(a *search, msg app.BridgeChanged) {
	s.mu.Lock()
	current := s.search == a && s.ctx.Err() == nil
	s.mu.Unlock()
	if current {
		s.Post(msg)
	}
}

// stopConnecting gives the current attempt up; a line that stands stays.
func (s *Shell) stopConnecting() {
	s.mu.Lock()
	a := s.search
	s.mu.Unlock()
	if a != nil {
		a.cancel()
	}
}

// connect opens the link to the bridge and follows it until it ends. Only after a
// gesture of the person may the browser ask them for permission.
func (s *Shell) connect(how app.ConnectBridge, forget bool) {
	a := s.newSearch()
	defer a.cancel()
	if forget {
		_ = s.cfg.Host.Delete(s.ctx, storeBridge) // what cannot be deleted is refused below as before
	}
	found, err := s.find(a, how)
	if err != nil {
		s.tell(a, app.BridgeChanged{State: app.BridgeFailed, Err: err})
		return
	}
	client := found.Client
	s.mu.Lock()
	if s.search == a {
		s.line = client
		s.relay = relay.New(client, records{s.gateway})
	}
	s.mu.Unlock()
	if err := s.greet(a, found, how.Gesture || forget); err != nil {
		client.Close()
		s.forgetRevoked(err)
		if a.ctx.Err() != nil {
			err = &bridgeclient.Error{Problem: bridgeclient.Stopped, Fault: fault.Wrap(err, fault.Cancelled, "the connection was cancelled")}
		}
		s.tell(a, app.BridgeChanged{State: app.BridgeFailed, Err: err})
		return
	}
	<-client.Done()
	s.mu.Lock()
	if s.line == client {
		s.line, s.relay = nil, nil
	}
	s.mu.Unlock()
	s.forgetRevoked(client.Err())
	s.tell(a, app.BridgeChanged{State: app.BridgeFailed, Err: client.Err()})
}

// forgetRevoked forgets the bridge when it does not know this page any more, so that
// no later visit pairs without the person's press.
func (s *Shell) forgetRevoked(err error) {
	if fault.CodeOf(err) == fault.NotPaired {
		_ = s.cfg.Host.Delete(s.ctx, storeBridge) // then the next visit finds out again
	}
}

// find looks for the bridge, first where it was the last time.
func (s *Shell) find(a *search, how app.ConnectBridge) (*bridgeclient.Found, error) {
	key, err := s.cfg.LinkKey(a.ctx)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "this browser cannot keep the page's key")
	}
	cfg := bridgeclient.Config{DH: key, Origin: s.cfg.Origin, Remote: s.pinned(a.ctx), Rand: s.cfg.Rand, Notify: s.notify}
	if how.Relay != "" {
		return s.atGateway(a, how.Relay, cfg)
	}
	last, err := s.cfg.Host.Get(a.ctx, storePlace)
	if err != nil {
		last = "" // then all are tried in their order
	}
	local := s.cfg.Local
	local.Addresses = bridgeclient.Addresses(last, s.cfg.BridgeURLs)
	return bridgeclient.Find(a.ctx, &bridgeclient.Search{
		Local: local, Routes: s.cfg.Routes, Gesture: how.Gesture, Now: s.cfg.Now, Link: cfg,
		Step: func(step bridgeclient.Step) { s.tell(a, app.BridgeChanged{State: app.BridgeConnecting, Step: step}) },
	})
}

// greet pairs when that is needed and the person pressed for it, keeps the bridge's
// key and place, and asks who is there.
func (s *Shell) greet(a *search, found *bridgeclient.Found, pressed bool) error {
	client := found.Client
	if client.State().State == frame.Pairing {
		if !pressed {
			return &bridgeclient.Error{Problem: bridgeclient.Refused, Fault: fault.New(fault.NotPaired, "the bridge does not know this page any more")}
		}
		s.tell(a, app.BridgeChanged{State: app.BridgePairing, Code: client.Code(), Route: found.Route})
		if err := client.WaitReady(a.ctx); err != nil {
			return err
		}
	}
	if err := s.cfg.Host.Set(a.ctx, storeBridge, base64.RawURLEncoding.EncodeToString(client.BridgeKey())); err != nil {
		return fault.Wrap(err, fault.Internal, "this browser cannot keep the bridge's key")
	}
	s.met()
	if found.Address != "" {
		_ = s.cfg.Host.Set(a.ctx, storePlace, found.Address) // it only saves a moment the next time
	}
	info, err := client.Info(a.ctx)
	if err != nil {
		return err
	}
	state := client.State()
	s.tell(a, app.BridgeChanged{State: app.BridgeReady, Name: state.Bridge, Version: info.Version, Identities: info.Identities, Route: found.Route})
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
		s.Post(app.PromptChanged{Open: true, Kind: e.Prompt.Kind, Where: e.Prompt.Where, Again: e.Prompt.Again, Ends: s.ends(e.Prompt.Left)})
	case frame.PromptText:
		s.Post(app.PromptShown{Text: e.Text.Text})
	case frame.PromptClosed:
		s.Post(app.PromptChanged{})
	case frame.ApprovalProgress:
		s.Post(app.BatchMoved{Done: e.Progress.Done, Of: e.Progress.Of})
	}
}

// ends is the time in so many seconds; zero for none.
func (s *Shell) ends(left int) time.Time {
	if left == 0 {
		return time.Time{}
	}
	return s.cfg.Now().Add(time.Duration(left) * time.Second)
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

// newDecision is what a decision goes through, and how long it may take.
func (s *Shell) newDecision() (context.Context, context.CancelFunc, *relay.Relay) {
	ctx, cancel := context.WithTimeout(s.ctx, decideTime)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decision = cancel
	return ctx, cancel, s.relay
}

func (s *Shell) decide(c app.Decide) {
	ctx, cancel, r := s.newDecision()
	defer cancel()
	if r == nil {
		s.Post(app.DecisionEnded{Err: notConnected()})
		return
	}
	result, err := r.Run(ctx, relay.Job{Entity: c.Entity, Member: c.Member, Request: c.Request, Decision: c.Decision,
		Progress: func(p relay.Progress) { // until then the bridge's prompts say how far it is
			if p.Stage == relay.Signed {
				s.Post(app.DecisionMoved{Stage: approvals.Signed})
			}
		}})
	if err != nil {
		s.Post(app.DecisionEnded{Err: told(err)})
		return
	}
	s.Post(app.DecisionEnded{Text: result.Text, State: result.State, Done: len(result.Approvals), Needed: result.Needed})
}

// decideAll decides on several requests; each of them is reported as it ends.
func (s *Shell) decideAll(c app.DecideAll) {
	ctx, cancel, r := s.newDecision()
	defer cancel()
	if r == nil {
		for _, request := range c.Requests {
			s.Post(app.ItemEnded{Request: request, Err: notConnected()})
		}
		return
	}
	r.RunBatch(ctx, relay.Batch{Entity: c.Entity, Member: c.Member, Decision: c.Decision, Requests: c.Requests, Progress: func(relay.Progress) {},
		Ended: func(request string, result relay.Result, err error) {
			s.Post(app.ItemEnded{Request: request, Text: result.Text, Done: len(result.Approvals), Needed: result.Needed, Err: told(err)})
		}})
}

func notConnected() error { return fault.New(fault.NotPaired, "the bridge is not connected") }

// told is an error of the relay as the page explains it.
func told(err error) error {
	if e := (*relay.Error)(nil); errors.As(err, &e) && e.Unknown {
		return e.Fault.With(approvals.Unknown, "true")
	}
	return err
}
