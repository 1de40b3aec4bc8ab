package bridgeclient

import "context"

// The names of the routes, as the page shows them.
const (
	Loopback = "loopback" // a WebSocket to this computer; the one that is tried first
	Relay    = "relay"    // through the gateway, with the same link inside
)

// Route is one way to a bridge. What travels on it is the link, so a route is
// trusted with nothing: it sees sealed records, and a bridge at its other end has
// to prove the pinned key or to be compared by a person.
type Route struct {
	Name string
	// Dial opens the connection. Its error means that nobody is at the other end.
	Dial func(ctx context.Context) (Socket, error)
	// Check refuses a bridge that is not the one that was meant; nil: every one is.
	Check func(*Client) error
}
