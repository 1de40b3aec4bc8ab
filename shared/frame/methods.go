package frame

// The methods that a page may call.
const (
	BridgeInfo      = "bridge.info"
	ChannelOpen     = "channel.open"
	ChannelAccept   = "channel.accept"
	ChannelReady    = "channel.ready"
	ChannelClose    = "channel.close"
	ApprovalPrepare = "approval.prepare"
	ApprovalDecide  = "approval.decide"
	ApprovalFinish  = "approval.finish"
	ApprovalCancel  = "approval.cancel"
)

// The notifications that a bridge sends.
const (
	LinkState     = "link.state"
	DeviceAdded   = "device.added"
	DeviceRemoved = "device.removed"
	PromptOpened  = "prompt.opened"
	PromptClosed  = "prompt.closed"
)

// Spec is one row of the table of methods.
type Spec struct {
	Method string
	Kind   Kind       // Request: the page calls the bridge. Notification: the bridge tells the page.
	Params func() any // a new pointer to the type of the parameters
	Result func() any // a new pointer to the type of the result; nil for a notification
}

func make1[P any]() any { return new(P) }

// Methods is the whole table: every method that this version of the protocol
// has. shared/spec/frame.md is compared with it by a test.
func Methods() []Spec {
	return []Spec{
		{BridgeInfo, Request, make1[BridgeInfoParams], make1[BridgeInfoResult]},
		{ChannelOpen, Request, make1[ChannelOpenParams], make1[ChannelOpenResult]},
		{ChannelAccept, Request, make1[ChannelAcceptParams], make1[ChannelAcceptResult]},
		{ChannelReady, Request, make1[ChannelReadyParams], make1[ChannelReadyResult]},
		{ChannelClose, Request, make1[ChannelCloseParams], make1[ChannelCloseResult]},
		{ApprovalPrepare, Request, make1[ApprovalPrepareParams], make1[ApprovalPrepareResult]},
		{ApprovalDecide, Request, make1[ApprovalDecideParams], make1[ApprovalDecideResult]},
		{ApprovalFinish, Request, make1[ApprovalFinishParams], make1[ApprovalFinishResult]},
		{ApprovalCancel, Request, make1[ApprovalCancelParams], make1[ApprovalCancelResult]},
		{LinkState, Notification, make1[LinkStateParams], nil},
		{DeviceAdded, Notification, make1[DeviceParams], nil},
		{DeviceRemoved, Notification, make1[DeviceParams], nil},
		{PromptOpened, Notification, make1[PromptParams], nil},
		{PromptClosed, Notification, make1[PromptParams], nil},
	}
}
