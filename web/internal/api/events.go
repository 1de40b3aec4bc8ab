package api

import (
	"net/http"
	"time"

	"countersign/shared/wire"
)

// events tells what changes, for as long as the client listens and its token holds.
func (a *api) events(q *question) (any, error) {
	s := &stream{w: q.w, flush: http.NewResponseController(q.w)}
	_ = s.flush.SetReadDeadline(time.Time{}) // the question was read; the client may be silent from here on
	err := a.Gateway.Events(q.r.Context(), q.caller, func(changes []wire.Change) error {
		switch {
		case s.n == 0:
			s.send(wire.EventOpen, wire.Opened{Entity: q.caller.Entity})
		case len(changes) == 0:
			s.beat()
		}
		for _, c := range changes {
			s.send(wire.EventChange, c)
		}
		return s.err
	})
	if s.n == 0 && err != nil {
		return nil, err
	}
	if err != nil && s.err == nil { // else the client went away
		_, p := a.problem(q.r, q.id, err)
		s.send(wire.EventError, p)
	}
	return raw{done: true}, nil
}
