package frame

// The methods that a page may call.
const (
	BridgeInfo      = "bridge.info"
	ChannelOpen     = "channel.open"
	ChannelAccept   = "channel.accept"
	ChannelReady    = "channel.ready"
	ChannelClose    = "channel.close"
	ApprovalPrepare = "approval.prepare"
	ApprovalBatch   = "approval.batch"
	ApprovalDecide  = "approval.decide"
	ApprovalFinish  = "approval.finish"
	ApprovalCancel  = "approval.cancel"
)

// The notifications that a bridge sends.
const (
	LinkState        = "link.state"
	DeviceAdded      = "device.added"
	DeviceRemoved    = "device.removed"
	PromptOpened     = "prompt.opened"
	PromptClosed     = "prompt.closed"
	PromptText       = "prompt.text"
	ApprovalProgress = "approval.progress"
)

// Spec is one row of the table of methods.
type Spec struct {
	Method string
	Kind   Kind       // Request: the page calls the bridge. Notification: the bridge tells the page.
	Params func() any // a new pointer to the type of the parameters
	Result func() any // a new pointer to the type of the result; nil for a notification
}

func blank[P any]() any { return new(P) }

// Methods is the whole table: every method that this version of the protocol
// has. shared/spec/frame.md is compared with it by a test.
func Methods() []Spec {
	return []Spec{
		{BridgeInfo, Request, blank[BridgeInfoParams], blank[BridgeInfoResult]},
		{ChannelOpen, Request, blank[ChannelOpenParams], blank[ChannelOpenResult]},
		{ChannelAccept, Request, blank[ChannelAcceptParams], blank[ChannelAcceptResult]},
		{ChannelReady, Request, blank[ChannelReadyParams], blank[ChannelReadyResult]},
		{ChannelClose, Request, blank[ChannelCloseParams], blank[ChannelCloseResult]},
		{ApprovalPrepare, Request, blank[ApprovalPrepareParams], blank[ApprovalPrepareResult]},
		{ApprovalBatch, Request, blank[ApprovalBatchParams], blank[ApprovalBatchResult]},
		{ApprovalDecide, Request, blank[ApprovalDecideParams], blank[ApprovalDecideResult]},
		{ApprovalFinish, Request, blank[ApprovalFinishParams], blank[ApprovalFinishResult]},
		{ApprovalCancel, Request, blank[ApprovalCancelParams], blank[ApprovalCancelResult]},
		{LinkState, Notification, blank[LinkStateParams], nil},
		{DeviceAdded, Notification, blank[DeviceParams], nil},
		{DeviceRemoved, Notification, blank[DeviceParams], nil},
		{PromptOpened, Notification, blank[PromptParams], nil},
		{PromptClosed, Notification, blank[PromptParams], nil},
		{PromptText, Notification, blank[PromptTextParams], nil},
		{ApprovalProgress, Notification, blank[ApprovalProgressParams], nil},
	}
}
