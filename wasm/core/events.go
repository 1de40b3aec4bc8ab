package core

import (
	"time"

	"countersign/shared/frame"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
	"countersign/wasm/internal/auth"
	"countersign/wasm/internal/bridgeclient"
)

// BridgeState is how the link to the bridge stands.
type BridgeState int

// The states of the link.
const (
	BridgeUnknown    BridgeState = iota // not tried: the browser may ask the person, so a gesture comes first
	BridgeConnecting                    // trying
	BridgePairing                       // both show the code
	BridgeReady
	BridgeFailed
)

// What subscribers are told.
type (
	// TokenChanged tells about the entity token, never the token.
	TokenChanged struct{ Status auth.Status }
	// ClockSet measures the server's clock: Skew is server minus this computer.
	ClockSet struct{ Skew time.Duration }
	// Visible tells that the page is shown again, or hidden.
	Visible struct{ On bool }
	// NetworkChanged tells that the computer is online or not.
	NetworkChanged struct{ Online bool }
	// Listening tells that the gateway tells what changes from now on, or stopped to.
	Listening struct{ On bool }
	// Changed is what the gateway tells.
	Changed struct{ wire.Change }

	// BridgeChanged is the link to the bridge.
	BridgeChanged struct {
		State      BridgeState
		Code       string // while pairing
		Name       string
		Version    string
		Identities []frame.Identity
		Err        error
		Step       bridgeclient.Step // while connecting
		Route      string            // bridgeclient.Loopback or Relay
	}
	// DevicesChanged brings the identities again.
	DevicesChanged struct{ Identities []frame.Identity }
)

// What happens during a decision: whoever asked for it is told. Without one, all who
// subscribed are.
type (
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
	// BatchMoved tells how many of several the bridge is done with.
	BatchMoved struct{ Done, Of int }
	// ItemEnded reports the end of one of several decisions.
	ItemEnded struct {
		Request string
		State   string
		Text    string
		Done    int
		Needed  int
		Err     error
	}
)
