package app

import (
	"time"

	"countersign/shared/frame"
	"countersign/shared/quote"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/bridgeclient"
	"countersign/wasm/internal/quoteui"
)

// Msg is something that happened.
type Msg interface{ msg() }

// Command is something to do. The shell does it and reports with messages.
type Command interface{ command() }

type (
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
	// ClockSet measures the server's clock: Skew is server minus this computer.
	ClockSet struct{ Skew time.Duration }
	// TokenChanged tells about the entity token, never the token.
	TokenChanged struct{ Status auth.Status }
	// Visible tells that the page is shown again, or hidden.
	Visible struct{ On bool }
	// NetworkChanged tells that the computer is online or not.
	NetworkChanged struct{ Online bool }

	// Loaded brings what a Load asked for; Value has the type that What implies.
	Loaded struct {
		What  What
		ID    string
		Value any
		Err   error
	}
	// Listening tells that the gateway tells what changes from now on, or stopped to.
	Listening struct{ On bool }
	// Changed is what the gateway tells.
	Changed struct{ wire.Change }
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

	// BridgeChanged is the link to the bridge.
	BridgeChanged struct {
		State      BridgeState
		Code       string // while pairing
		Name       string
		Version    string
		Paired     bool
		Identities []frame.Identity
		Err        error
		Step       bridgeclient.Step // while connecting
		Route      string            // bridgeclient.Loopback or Relay
	}
	// DevicesChanged brings the identities again.
	DevicesChanged struct{ Identities []frame.Identity }
	// PromptChanged tells that the bridge's prompt opened or closed.
	PromptChanged struct {
		Open        bool
		Kind, Where string
		Again       bool      // the PIN that was typed before was wrong
		Ends        time.Time // when it closes by itself; zero when the bridge does not tell
	}
	// PromptShown brings the lines that the open prompt shows.
	PromptShown struct{ Text string }
	// DecisionMoved reports the progress of a decision.
	DecisionMoved struct{ Stage approvals.Stage }
	// DecisionEnded reports its end.
	DecisionEnded struct {
		Text   string
		State  string
		Done   int
		Needed int
		Err    error
	}
	// BatchMoved tells how many of several the bridge is done with.
	BatchMoved struct{ Done, Of int }
	// ItemEnded reports the end of one of several decisions.
	ItemEnded struct {
		Request string
		Text    string
		Done    int
		Needed  int
		Err     error
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
	TheRequests  What = "requests"  // []wire.Request
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
	MakeRequest struct{ Operation, Key, Quote, Account, Purpose string }
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
	// Open leaves for another address.
	Open struct {
		URL    string
		NewTab bool
	}
	// Reload loads the page again.
	Reload struct{}
	// ChangeEntity loads it again for another entity.
	ChangeEntity struct{ ID string }
	// After reports Waited after a delay.
	After struct {
		Delay time.Duration
		Name  string
		Seq   int
	}
	// MeasureClock asks the server for its time.
	MeasureClock struct{}
)

func (Started) msg()        {}
func (Acted) msg()          {}
func (Tick) msg()           {}
func (ClockSet) msg()       {}
func (TokenChanged) msg()   {}
func (Visible) msg()        {}
func (NetworkChanged) msg() {}
func (Loaded) msg()         {}
func (Listening) msg()      {}
func (Changed) msg()        {}
func (OfferCame) msg()      {}
func (QuotesEnded) msg()    {}
func (RequestMade) msg()    {}
func (OrderMade) msg()      {}
func (BridgeChanged) msg()  {}
func (DevicesChanged) msg() {}
func (PromptChanged) msg()  {}
func (PromptShown) msg()    {}
func (DecisionMoved) msg()  {}
func (DecisionEnded) msg()  {}
func (BatchMoved) msg()     {}
func (ItemEnded) msg()      {}
func (Waited) msg()         {}

func (Load) command()           {}
func (Listen) command()         {}
func (StopListening) command()  {}
func (AskQuotes) command()      {}
func (StopQuotes) command()     {}
func (MakeRequest) command()    {}
func (MakeOrder) command()      {}
func (MakeTicket) command()     {}
func (ConnectBridge) command()  {}
func (AskDevices) command()     {}
func (StopConnecting) command() {}
func (ForgetBridge) command()   {}
func (Decide) command()         {}
func (DecideAll) command()      {}
func (StopDeciding) command()   {}
func (RenewToken) command()     {}
func (SaveForm) command()       {}
func (Open) command()           {}
func (Reload) command()         {}
func (ChangeEntity) command()   {}
func (After) command()          {}
func (MeasureClock) command()   {}
