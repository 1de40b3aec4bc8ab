package app

import (
	"time"

	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/wasm/core"
	"countersign/wasm/internal/quoteui"
)

// Msg is something that happened: what stands here, and what the core tells.
type Msg any

// Command is something to do. The surface does it and reports with messages.
type Command any

type (
	// What the core tells (wasm/core).
	TokenChanged   = core.TokenChanged
	ClockSet       = core.ClockSet
	Visible        = core.Visible
	NetworkChanged = core.NetworkChanged
	Listening      = core.Listening
	Changed        = core.Changed
	BridgeChanged  = core.BridgeChanged
	DevicesChanged = core.DevicesChanged
	PromptChanged  = core.PromptChanged
	PromptShown    = core.PromptShown
	DecisionMoved  = core.DecisionMoved
	BatchMoved     = core.BatchMoved
	ItemEnded      = core.ItemEnded

	// Started is the first message.
	Started struct {
		Path   string
		Form   *quoteui.Form // kept from before a reload
		Paired bool          // this page knows a bridge from an earlier visit
	}
	// Acted is what the person did, as the painter reports it.
	Acted struct{ Action, Value string }
	// Tick comes once a second while the page is visible and changes, and less often
	// while it rests.
	Tick struct{ Now time.Time }
	// Loaded brings what a Load asked for; Value has the type that What implies.
	Loaded struct {
		What  What
		ID    string
		Value any
		Err   error
	}
	// OfferCame is one row of quotes.
	OfferCame struct {
		Seq   int
		Offer quoteui.Offer
	}
	// QuotesEnded tells that all quotes are in, or why not.
	QuotesEnded struct {
		Seq    int
		Result *quote.Result
		Err    error
	}
	// RequestMade answers MakeRequest.
	RequestMade struct {
		Operation string
		Request   wire.Request
		Err       error
	}
	// OrderMade answers MakeOrder and MakeTicket.
	OrderMade struct {
		Operation string
		Order     wire.Order
		Err       error
	}

	// DecisionEnded reports the end of a decision.
	DecisionEnded struct {
		Text   string
		State  string
		Done   int
		Needed int
		Err    error
	}
	// Waited answers After.
	Waited struct {
		Name string
		Seq  int
	}
)

// What names what can be loaded.
type What string

// The things that can be loaded.
const (
	TheEntity    What = "entity"    // wire.Entity
	TheProviders What = "providers" // []quote.Provider
	TheRequests  What = "requests"  // wire.Page[wire.Request]: the newest, and all that are open
	TheOlder     What = "older"     // wire.Page[wire.Request]; ID is the cursor
	TheRequest   What = "request"   // wire.Request
	TheOrders    What = "orders"    // []wire.Order
	TheOrder     What = "order"     // wire.Order
	TheAccounts  What = "accounts"  // []wire.Account
	TheAccount   What = "account"   // wire.Account
	TheStatement What = "statement" // string; ID is "request member"
)

type (
	// Load asks the gateway.
	Load struct {
		What What
		ID   string
	}
	// Listen has the gateway tell what changes; StopListening ends that.
	Listen        struct{}
	StopListening struct{}
	// AskQuotes streams quotes; an older question is cancelled.
	AskQuotes struct {
		Seq     int
		Input   quote.Input
		Account string
	}
	// StopQuotes gives the question up.
	StopQuotes struct{}
	// MakeRequest pins a quote in a governed request.
	MakeRequest struct{ Operation, Key, Quote, Account, Purpose, Reference string }
	// MakeOrder hands an approved request to its provider.
	MakeOrder struct{ Operation, Key, Request string }
	// MakeTicket makes a fresh hand-off ticket.
	MakeTicket struct {
		Operation, Key, Order string
		PayAgain              bool // the person knows that a deposit was seen
	}
	// ConnectBridge opens the link. Gesture: the person asked for it just now.
	// Relay is the name under which the bridge is at the gateway, when the person
	// typed it; the page then looks nowhere else.
	ConnectBridge struct {
		Gesture bool
		Relay   string
	}
	// StopConnecting gives the attempt up.
	StopConnecting struct{}
	// AskDevices asks the bridge again who is there: nothing tells when another page
	// takes a device or gives it back.
	AskDevices struct{}
	// ForgetBridge forgets the pinned key, then connects.
	ForgetBridge struct{}
	// Decide approves or rejects through the bridge.
	Decide struct{ Entity, Member, Request, Decision string }
	// DecideAll decides on several requests as one list.
	DecideAll struct {
		Entity, Member, Decision string
		Requests                 []string
	}
	// StopDeciding gives the decision up.
	StopDeciding struct{}
	// RenewToken gets a new entity token now.
	RenewToken struct{}
	// SaveForm keeps the form across a reload.
	SaveForm struct{ Form quoteui.Form }
	// Tell tells the page around: one of the Tell constants.
	Tell struct {
		What   string
		Detail any // nil, or what has a JSON form
	}
	// After reports Waited after a delay.
	After struct {
		Delay time.Duration
		Name  string
		Seq   int
	}
	// MeasureClock asks the server for its time.
	MeasureClock struct{}
)

// What the page around is told.
const (
	TellOpen   = "open"   // leave for another address: an Address
	TellReload = "reload" // load the page again
	TellEntity = "entity" // load it again for another entity: its id
	TellSave   = "save"   // save a File
	// The rest is news; of requests and orders, their id.
	TellNavigated = "navigated" // a path of this page's, which a part does not show itself
	TellRequested = "requested"
	TellApproved  = "approved" // by this decision; others may have to
	TellRejected  = "rejected"
	TellOrdered   = "ordered"
	TellDelivered = "delivered"
	TellStep      = "step"  // of a decision, each once: connecting, pairing, pin, on the bridge, signed, verified
	TellQuote     = "quote" // the price that was chosen: a Choice
	TellError     = "error" // an error, which is on screen too
)

// File is a text for the person to keep.
type File struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// Choice is a price and the account that it buys into.
type Choice struct {
	Row     *quote.Row `json:"row"`
	Account string     `json:"account"`
}

// Address is where to go. A path is of the gateway.
type Address struct {
	URL    string `json:"url"`
	NewTab bool   `json:"new_tab"`
}
