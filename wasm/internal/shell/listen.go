package shell

import (
	"context"
	"time"

	"countersign/shared/strictjson"
	"countersign/shared/wire"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/gatewayclient"
)

// silence is how long the gateway's stream may say nothing: three of its pauses.
const silence = time.Minute

// listen tells the model what changes, until the stream ends or another begins.
func (s *Shell) listen(ctx context.Context) {
	err := s.gateway.Listen(ctx, "/v1/events", silence, func(e gatewayclient.Event) error {
		switch e.Name {
		case wire.EventOpen:
			s.Post(app.Listening{On: true})
		case wire.EventChange:
			var c wire.Change
			if err := strictjson.Unmarshal(e.Data, &c, gatewayclient.MaxEvent); err != nil {
				return err
			}
			s.Post(app.Changed{Change: c})
		}
		return nil
	})
	_ = err // why it ended changes nothing: the model listens again later, and asks meanwhile
	if ctx.Err() == nil {
		s.Post(app.Listening{})
	}
}

// newStream ends the stream before.
func (s *Shell) newStream() context.Context {
	ctx, cancel := context.WithCancel(s.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events != nil {
		s.events()
	}
	s.events = cancel
	return ctx
}

func (s *Shell) stopListening() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events != nil {
		s.events()
		s.events = nil
	}
}
