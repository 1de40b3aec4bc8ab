package wire

// EventChange is the event of GET /v1/events beside open and error; its data is a
// [Change]. The data of open is an [Opened].
const EventChange = "change"

// Change says what changed: one of the Changed constants, and its id. What is in the
// answers of others changes with it: an order with its request, and accounts with
// their orders.
type Change struct {
	What string `json:"what"`
	ID   string `json:"id"`
}

// What changes.
const (
	ChangedEntity  = "entity"  // its members, accounts or rules
	ChangedRequest = "request" // also a new one
	ChangedOrder   = "order"
	ChangedAccount = "account" // what arrived or is booked
)

// Opened begins the stream: from here on it tells every change.
type Opened struct {
	Entity string `json:"entity"`
}
