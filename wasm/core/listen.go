package core

import (
	"context"
	"time"

	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/wasm/internal/gatewayclient"
)

// silence is how long the gateway's stream may say nothing: three of its pauses.
const silence = time.Minute

// Listen has the gateway tell what changes, until StopListening or until the stream
// breaks; subscribers are told of all three. There is one stream for all: Listen
// reports whether it has begun already.
func (c *Core) Listen() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.events == nil {
		ctx, cancel := context.WithCancel(c.ctx)
		c.events = cancel
		go c.listen(ctx)
	}
	return c.live
}

func (c *Core) listen(ctx context.Context) {
	err := c.gateway.Listen(ctx, "/v1/events", silence, func(e gatewayclient.Event) error {
		switch e.Name {
		case wire.EventOpen:
			c.mu.Lock()
			c.live = ctx.Err() == nil
			c.mu.Unlock()
			c.tell(Listening{On: true})
		case wire.EventChange:
			var change wire.Change
			if err := strictjson.Unmarshal(e.Data, &change, gatewayclient.MaxEvent); err != nil {
				return err
			}
			c.tell(Changed{Change: change})
		}
		return nil
	})
	_ = err // why it ended changes nothing: subscribers listen again later, and ask meanwhile
	if ctx.Err() == nil {
		c.StopListening()
		c.tell(Listening{})
	}
}

// StopListening ends the stream, for a page that is hidden or closed.
func (c *Core) StopListening() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.events != nil {
		c.events()
	}
	c.events, c.live = nil, false
}
