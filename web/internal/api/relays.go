package api

import (
	"net/http"

	"countersign/shared/wire"
)

// Relay introduces pages to bridges: web/internal/relay. The three WebSockets
// return when the connection is over; an error means that nothing was answered
// yet.
type Relay interface {
	Ticket(entity, name string) (wire.RelayTicket, error)
	Page(w http.ResponseWriter, r *http.Request) error
	Bridge(w http.ResponseWriter, r *http.Request) error
	Stream(w http.ResponseWriter, r *http.Request) error
}

func (a *api) relayTicket(q *question) (any, error) {
	var in wire.RelayInput
	if err := wire.Decode(q.body, &in, wire.MaxBody); err != nil {
		return nil, err
	}
	return a.Relay.Ticket(q.caller.Entity, in.Name)
}

func (a *api) relayPage(q *question) (any, error)   { return q.socket(a.Relay.Page) }
func (a *api) relayBridge(q *question) (any, error) { return q.socket(a.Relay.Bridge) }
func (a *api) relayStream(q *question) (any, error) { return q.socket(a.Relay.Stream) }

// socket serves a WebSocket.
func (q *question) socket(serve func(http.ResponseWriter, *http.Request) error) (any, error) {
	return raw{done: true}, serve(q.w, q.r)
}
