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

// Prompts reports whether the bridge may ask the person before it replies: for the
// decision, and for the PIN of a token that a channel needs. It is beside the table,
// which is not small, for the browser's sake.
func Prompts(method string) bool {
	switch method {
	case ChannelOpen, ChannelAccept, ApprovalDecide:
		return true
	}
	return false
}

// Spec is one row of the table of methods. The examples are in JSON, in the form that
// [NewRequest] and [NewReply] write, so that a new optional field leaves them as they are.
type Spec struct {
	Method  string
	Kind    Kind       // Request: the page calls the bridge. Notification: the bridge tells the page.
	Params  func() any // a new pointer to the type of the parameters
	Result  func() any // a new pointer to the type of the result; nil for a notification
	Example string     // of the parameters
	Answer  string     // an example of the result; empty for a notification
}

func blank[P any]() any { return new(P) }

// Methods is the whole table: every method that this version of the protocol
// has; [Prompts] says which may ask the person. shared/spec/frame.md is compared with it
// by tests.
func Methods() []Spec {
	return []Spec{
		{BridgeInfo, Request, blank[BridgeInfoParams], blank[BridgeInfoResult], `{}`,
			`{"version":"1.0","identities":[{"entity":"ent_sandbox","entity_name":"Sandbox","member":"mem_alice","member_name":"Alice","device":"alice","curve":"secp256k1","present":true,"locked":true,"channel_in":"token"}]}`},
		{ChannelOpen, Request, blank[ChannelOpenParams], blank[ChannelOpenResult],
			`{"entity":"ent_sandbox","member":"mem_alice"}`, `{"channel":"chn_aaaa","record":"AQID"}`},
		{ChannelAccept, Request, blank[ChannelAcceptParams], blank[ChannelAcceptResult],
			`{"channel":"chn_aaaa","record":"BAUG"}`, `{"record":"BwgJ"}`},
		{ChannelReady, Request, blank[ChannelReadyParams], blank[ChannelReadyResult],
			`{"channel":"chn_aaaa","record":"CgsM"}`, `{"entity":"ent_sandbox","member":"mem_alice"}`},
		{ChannelClose, Request, blank[ChannelCloseParams], blank[ChannelCloseResult],
			`{"channel":"chn_aaaa"}`, `{}`},
		{ApprovalPrepare, Request, blank[ApprovalPrepareParams], blank[ApprovalPrepareResult],
			`{"channel":"chn_aaaa","request":"req_aaaa","decision":"APPROVE"}`, `{"approval":"apv_aaaa","record":"DQ4P"}`},
		{ApprovalBatch, Request, blank[ApprovalBatchParams], blank[ApprovalBatchResult],
			`{"approvals":["apv_aaaa","apv_bbbb"]}`, `{"batch":"bat_aaaa"}`},
		{ApprovalDecide, Request, blank[ApprovalDecideParams], blank[ApprovalDecideResult],
			`{"approval":"apv_aaaa","record":"EBES"}`, `{"outcome":"signed","statement_text":"Decision  APPROVE this purchase","record":"ExQV"}`},
		{ApprovalFinish, Request, blank[ApprovalFinishParams], blank[ApprovalFinishResult],
			`{"approval":"apv_aaaa","record":"FhcY"}`, `{"request":"req_aaaa","state":"PENDING_APPROVAL","approvals":["mem_alice"],"needed":2}`},
		{ApprovalCancel, Request, blank[ApprovalCancelParams], blank[ApprovalCancelResult],
			`{"approval":"apv_aaaa"}`, `{}`},
		{LinkState, Notification, blank[LinkStateParams], nil,
			`{"state":"refused","bridge":"Countersign bridge","version":"1.0","error":{"code":-32000,"message":"the pairing was declined at the bridge's prompt","data":{"code":"PAIRING_REFUSED"}}}`, ""},
		{DeviceAdded, Notification, blank[DeviceParams], nil, `{"device":"alice"}`, ""},
		{DeviceRemoved, Notification, blank[DeviceParams], nil, `{"device":"alice"}`, ""},
		{PromptOpened, Notification, blank[PromptParams], nil,
			`{"approval":"apv_aaaa","kind":"pin","where":"pinentry","left":300,"again":true}`, ""},
		{PromptClosed, Notification, blank[PromptParams], nil, `{"kind":"pairing","where":"terminal"}`, ""},
		{PromptText, Notification, blank[PromptTextParams], nil,
			`{"approval":"apv_aaaa","text":"Decision  APPROVE this purchase\nYou pay   250.00 EUR"}`, ""},
		{ApprovalProgress, Notification, blank[ApprovalProgressParams], nil, `{"batch":"bat_aaaa","done":3,"of":5}`, ""},
	}
}
