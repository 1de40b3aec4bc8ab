package core

import (
	"context"
	"encoding/base64"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/relay"
)

// pinned is the bridge's key from an earlier visit.
func (c *Core) pinned(ctx context.Context) []byte {
	text, err := c.cfg.Store.Get(ctx, storeBridge)
	if err != nil {
		return nil
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(key) != link.KeySize {
		return nil
	}
	return key
}

// Connect is how to look for the bridge.
type Connect struct {
	Gesture bool   // the person asked for it just now: the browser may ask them for permission
	Forget  bool   // forget the pinned key first
	Relay   string // the name under which the bridge is at the gateway: look nowhere else
}

// search is one attempt to connect, from the look for a bridge to the end of the
// line.
type search struct {
	ctx     context.Context
	cancel  context.CancelFunc
	gesture bool
	over    bool // guarded by Core.mu
}

// newSearch makes a new attempt the current one and cancels the one before.
func (c *Core) newSearch(gesture bool) *search {
	a := &search{gesture: gesture}
	a.ctx, a.cancel = context.WithCancel(c.ctx)
	c.mu.Lock()
	before, line := c.search, c.line
	c.search, c.line, c.relay = a, nil, nil
	c.bridge = BridgeChanged{State: BridgeConnecting}
	c.mu.Unlock()
	if before != nil {
		before.cancel()
	}
	if line != nil {
		line.Close()
	}
	return a
}

// about reports about an attempt unless a newer one has begun.
func (c *Core) about(a *search, e BridgeChanged) {
	c.mu.Lock()
	current := c.search == a && c.ctx.Err() == nil
	a.over = a.over || e.State == BridgeFailed
	c.mu.Unlock()
	if current {
		c.tell(e)
	}
}

// StopConnecting cancels the current attempt; a line that stands stays.
func (c *Core) StopConnecting() {
	c.mu.Lock()
	a := c.search
	c.mu.Unlock()
	if a != nil {
		a.cancel()
	}
}

// Connect opens the line to the bridge and follows it until it ends; it returns at
// once, and subscribers are told. A line that stands, or an attempt that may do as
// much as this one, serves this caller too: tell learns how it stands.
func (c *Core) Connect(how Connect, tell func(any)) {
	c.mu.Lock()
	a, last := c.search, c.bridge
	joined := a != nil && !a.over && !how.Forget && how.Relay == "" && (a.gesture || !how.Gesture || c.line != nil)
	c.mu.Unlock()
	switch {
	case !joined:
		a = c.newSearch(how.Gesture)
		go c.connect(a, how)
	case last.State != BridgeConnecting:
		tell(last)
	}
}

// connect is one attempt.
func (c *Core) connect(a *search, how Connect) {
	defer a.cancel()
	if how.Forget {
		_ = c.cfg.Store.Delete(c.ctx, storeBridge) // what cannot be deleted is refused below as before
	}
	found, err := c.find(a, how)
	if err != nil {
		c.about(a, BridgeChanged{State: BridgeFailed, Err: err})
		return
	}
	client := found.Client
	c.mu.Lock()
	if c.search == a {
		c.line = client
		c.relay = relay.New(client, records{c.gateway})
	}
	c.mu.Unlock()
	if err := c.greet(a, found, how.Gesture); err != nil {
		client.Close()
		c.forgetRevoked(err)
		if a.ctx.Err() != nil {
			err = &bridgeclient.Error{Problem: bridgeclient.Stopped, Fault: fault.Wrap(err, fault.Cancelled, "the connection was cancelled")}
		}
		c.about(a, BridgeChanged{State: BridgeFailed, Err: err})
		return
	}
	<-client.Done()
	c.mu.Lock()
	if c.line == client {
		c.line, c.relay = nil, nil
	}
	c.mu.Unlock()
	c.forgetRevoked(client.Err())
	c.about(a, BridgeChanged{State: BridgeFailed, Err: client.Err()})
}

// forgetRevoked forgets the bridge when it does not know this page any more, so that
// no later visit pairs without the person's press.
func (c *Core) forgetRevoked(err error) {
	if fault.CodeOf(err) == fault.NotPaired {
		_ = c.cfg.Store.Delete(c.ctx, storeBridge) // then the next visit finds out again
	}
}

// find looks for the bridge, first where it was the last time.
func (c *Core) find(a *search, how Connect) (*bridgeclient.Found, error) {
	key, err := c.cfg.LinkKey(a.ctx)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "this browser cannot keep the page's key")
	}
	cfg := bridgeclient.Config{DH: key, Origin: c.cfg.Origin, Remote: c.pinned(a.ctx), Rand: c.cfg.Rand, Notify: c.notify}
	if how.Relay != "" {
		return c.atGateway(a, how.Relay, cfg)
	}
	last, err := c.cfg.Store.Get(a.ctx, storePlace)
	if err != nil {
		last = "" // then all are tried in their order
	}
	local := c.cfg.Local
	local.Addresses = bridgeclient.Addresses(last, c.cfg.BridgeURLs)
	return bridgeclient.Find(a.ctx, &bridgeclient.Search{
		Local: local, Routes: c.cfg.Routes, Gesture: how.Gesture, Now: c.cfg.Now, Link: cfg,
		Step: func(step bridgeclient.Step) { c.about(a, BridgeChanged{State: BridgeConnecting, Step: step}) },
	})
}

// greet pairs when that is needed and the person pressed for it, keeps the bridge's
// key and place, and asks who is there.
func (c *Core) greet(a *search, found *bridgeclient.Found, pressed bool) error {
	client := found.Client
	if client.State().State == frame.Pairing {
		if !pressed {
			return &bridgeclient.Error{Problem: bridgeclient.Refused, Fault: fault.New(fault.NotPaired, "the bridge does not know this page any more")}
		}
		c.about(a, BridgeChanged{State: BridgePairing, Code: client.Code(), Route: found.Route})
		if err := client.WaitReady(a.ctx); err != nil {
			return err
		}
	}
	if err := c.cfg.Store.Set(a.ctx, storeBridge, base64.RawURLEncoding.EncodeToString(client.BridgeKey())); err != nil {
		return fault.Wrap(err, fault.Internal, "this browser cannot keep the bridge's key")
	}
	c.met()
	if found.Address != "" {
		_ = c.cfg.Store.Set(a.ctx, storePlace, found.Address) // it only saves a moment the next time
	}
	info, err := client.Info(a.ctx)
	if err != nil {
		return err
	}
	state := client.State()
	c.about(a, BridgeChanged{State: BridgeReady, Name: state.Bridge, Version: info.Version, Identities: info.Identities, Route: found.Route})
	return nil
}

// notify follows the bridge's notifications; it must not block.
func (c *Core) notify(e bridgeclient.Event) {
	switch e.Method {
	case frame.DeviceAdded, frame.DeviceRemoved:
		go c.AskDevices()
	case frame.PromptOpened:
		c.mu.Lock()
		r := c.relay
		c.mu.Unlock()
		if r != nil {
			r.PromptOpened(*e.Prompt)
		}
		c.step(PromptChanged{Open: true, Kind: e.Prompt.Kind, Where: e.Prompt.Where, Again: e.Prompt.Again, Ends: c.ends(e.Prompt.Left)})
	case frame.PromptText:
		c.step(PromptShown{Text: e.Text.Text})
	case frame.PromptClosed:
		c.step(PromptChanged{})
	case frame.ApprovalProgress:
		c.step(BatchMoved{Done: e.Progress.Done, Of: e.Progress.Of})
	}
}

// ends is the time in so many seconds; zero for none.
func (c *Core) ends(left int) time.Time {
	if left == 0 {
		return time.Time{}
	}
	return c.cfg.Now().Add(time.Duration(left) * time.Second)
}

// AskDevices asks the bridge who is there; subscribers are told. Nothing tells when
// another page takes a device or gives it back.
func (c *Core) AskDevices() {
	c.mu.Lock()
	client := c.line
	c.mu.Unlock()
	if client == nil {
		return
	}
	if info, err := client.Info(c.ctx); err == nil {
		c.tell(DevicesChanged{Identities: info.Identities})
	}
}

// Paired reports whether this page knows a bridge from an earlier visit.
func (c *Core) Paired(ctx context.Context) bool { return len(c.pinned(ctx)) > 0 }

// Forget ends the line and forgets the bridge's key and place.
func (c *Core) Forget(ctx context.Context) error {
	c.mu.Lock()
	line := c.line
	c.mu.Unlock()
	c.StopConnecting()
	if line != nil {
		line.Close()
	}
	if err := c.cfg.Store.Delete(ctx, storeBridge); err != nil {
		return fault.Wrap(err, fault.Internal, "this browser cannot forget the bridge's key")
	}
	_ = c.cfg.Store.Delete(ctx, storePlace) // it only says where to look first
	return nil
}
