package frame

import (
	"encoding/base64"
	"strconv"

	"countersign/shared/fault"
	"countersign/shared/id"
)

// The limits of single fields.
const (
	MaxRecord     = 32768 // bytes of a channel record, before base64url
	MaxText       = 16384 // bytes of a statement's text
	MaxShown      = 32768 // bytes of the lines of a prompt
	MaxName       = 200   // bytes of a name that a person reads
	MaxIdentities = 16
	MaxApprovals  = 64
	MaxLacks      = 8
	MaxLeft       = 3600 // seconds that a prompt may stay open
	MinBatch      = 2    // approvals that are decided together
	MaxBatch      = 16
)

// Record is a message of the channel between bridge and signer: opaque to the
// page, which carries it. In JSON it is base64url without padding.
type Record []byte

// MarshalText writes base64url without padding.
func (r Record) MarshalText() ([]byte, error) {
	return []byte(base64.RawURLEncoding.EncodeToString(r)), nil
}

// UnmarshalText reads canonical base64url without padding.
func (r *Record) UnmarshalText(text []byte) error {
	b, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || base64.RawURLEncoding.EncodedLen(len(b)) != len(text) {
		return fault.New(fault.Invalid, "a record must be base64url without padding")
	}
	*r = b
	return nil
}

// The decisions that a member may ask to sign.
const (
	Approve  = "APPROVE"
	Reject   = "REJECT"
	Initiate = "INITIATE" // to sign and send a request: to have asked for it
)

// The states of a link, in [LinkStateParams].
const (
	Ready   = "ready"   // the page may call methods
	Pairing = "pairing" // the bridge's prompt asks the person to compare the code
	Refused = "refused" // Error says why; the bridge closes the connection
)

// OutcomeSigned is the one outcome of approval.decide that is not an error.
const OutcomeSigned = "signed"

// Where a member's channel key lives, in [Identity].
const (
	InToken    = "token"
	InSoftware = "software"
)

// The kinds of a prompt and the places where it appears, in [PromptParams].
const (
	PromptConfirm = "confirm"
	PromptPIN     = "pin"
	PromptPairing = "pairing"
	WherePinentry = "pinentry"
	WhereTerminal = "terminal"
	WhereReader   = "reader" // the PIN is typed on the reader's pad
)

// BridgeInfoParams asks what this bridge is.
type BridgeInfoParams struct{}

// BridgeInfoResult says which identities the bridge can act for.
type BridgeInfoResult struct {
	Version    string     `json:"version"`
	Identities []Identity `json:"identities"`
}

// Identity is a member of an entity whose keys this bridge can reach.
type Identity struct {
	Entity     string `json:"entity"`
	EntityName string `json:"entity_name"`
	Member     string `json:"member"`
	MemberName string `json:"member_name"`
	Device     string `json:"device"`     // label of the token
	Curve      string `json:"curve"`      // of the approval key: secp256k1 or P-256
	Present    bool   `json:"present"`    // the token is plugged in
	Locked     bool   `json:"locked"`     // the token will ask for its PIN
	ChannelIn  string `json:"channel_in"` // token or software

	// Holder is the origin of the page that uses the token now, when it is not
	// the one that asks; empty when the token is free.
	Holder string `json:"holder,omitempty"`
	// Lacks names what the token cannot do and the bridge may be asked for, such
	// as "ECDH" or "secp256k1".
	Lacks []string `json:"lacks,omitempty"`
}

// ChannelOpenParams starts an end-to-end channel for one identity.
type ChannelOpenParams struct {
	Entity string `json:"entity"`
	Member string `json:"member"`
}

// ChannelOpenResult has the bridge's name for the channel and act 1, which goes
// to the signer through the gateway.
type ChannelOpenResult struct {
	Channel string `json:"channel"`
	Record  Record `json:"record"`
}

// ChannelAcceptParams brings act 2.
type ChannelAcceptParams struct {
	Channel string `json:"channel"`
	Record  Record `json:"record"`
}

// ChannelAcceptResult has act 3.
type ChannelAcceptResult struct {
	Record Record `json:"record"`
}

// ChannelReadyParams brings the signer's sealed welcome.
type ChannelReadyParams struct {
	Channel string `json:"channel"`
	Record  Record `json:"record"`
}

// ChannelReadyResult says for whom the channel is open.
type ChannelReadyResult struct {
	Entity string `json:"entity"`
	Member string `json:"member"`
}

// ChannelCloseParams ends a channel; an unknown one is already closed.
type ChannelCloseParams struct {
	Channel string `json:"channel"`
}

// ChannelCloseResult is empty.
type ChannelCloseResult struct{}

// ApprovalPrepareParams asks for the sealed question for a statement.
type ApprovalPrepareParams struct {
	Channel  string `json:"channel"`
	Request  string `json:"request"`
	Decision string `json:"decision"` // APPROVE, REJECT or INITIATE
}

// ApprovalPrepareResult has the bridge's name for the approval and the sealed
// statement.get.
type ApprovalPrepareResult struct {
	Approval string `json:"approval"`
	Record   Record `json:"record"`
}

// ApprovalBatchParams says that these approvals, all prepared in one channel, are
// decided together: the person reads one list and answers once.
type ApprovalBatchParams struct {
	Approvals []string `json:"approvals"`
}

// ApprovalBatchResult has the bridge's name for the batch, which its prompts and
// its progress carry.
type ApprovalBatchResult struct {
	Batch string `json:"batch"`
}

// ApprovalDecideParams brings the sealed statement. The call lasts as long as
// the person takes to read and decide.
type ApprovalDecideParams struct {
	Approval string `json:"approval"`
	Record   Record `json:"record"`
}

// ApprovalDecideResult has the sealed, signed submission, and the text that the
// person read.
type ApprovalDecideResult struct {
	Outcome       string `json:"outcome"` // signed
	StatementText string `json:"statement_text"`
	Record        Record `json:"record"`
}

// ApprovalFinishParams brings the signer's sealed receipt.
type ApprovalFinishParams struct {
	Approval string `json:"approval"`
	Record   Record `json:"record"`
}

// ApprovalFinishResult is what the signer recorded.
type ApprovalFinishResult struct {
	Request   string   `json:"request"`
	State     string   `json:"state"`
	Approvals []string `json:"approvals"` // ids of the members whose approval counts
	Needed    int      `json:"needed"`    // how many approvals the request needs in all
}

// ApprovalCancelParams gives an approval up; its prompt closes.
type ApprovalCancelParams struct {
	Approval string `json:"approval"`
}

// ApprovalCancelResult is empty.
type ApprovalCancelResult struct{}

// LinkStateParams is the first message on every link, and comes again when the
// state changes. Bridge and Version are for people; Error is there when State is
// refused, and only then.
type LinkStateParams struct {
	State   string `json:"state"`
	Bridge  string `json:"bridge"`
	Version string `json:"version"`
	Error   *Error `json:"error,omitempty"`
}

// DeviceParams names the token that came or went by its label.
type DeviceParams struct {
	Device string `json:"device"`
}

// PromptParams says that the bridge asks the person something, and where.
type PromptParams struct {
	Approval string `json:"approval,omitempty"` // or a batch; absent for a pairing and for a channel
	Kind     string `json:"kind"`
	Where    string `json:"where"`
	Left     int    `json:"left,omitempty"`  // seconds until it closes by itself, when it opens
	Again    bool   `json:"again,omitempty"` // for a PIN, because the one before was wrong
}

// PromptTextParams are the lines that the open prompt shows about an approval or
// a batch, as the bridge breaks them: a page shows them beside, for comparing.
type PromptTextParams struct {
	Approval string `json:"approval"` // or a batch
	Text     string `json:"text"`     // lines with a line feed between them
}

// ApprovalProgressParams says how far a batch has come after the person approved
// it: how many of the items that the person read are over, signed or not.
type ApprovalProgressParams struct {
	Batch string `json:"batch"`
	Done  int    `json:"done"`
	Of    int    `json:"of"`
}

// checker is what parameters and results have that are more than their types.
type checker interface{ check() error }

func (p *BridgeInfoResult) check() error {
	if len(p.Identities) > MaxIdentities {
		return bad("identities")
	}
	for _, who := range p.Identities {
		if err := all(anID("entity", id.Entity, who.Entity), anID("member", id.Member, who.Member), name("entity_name", who.EntityName),
			name("member_name", who.MemberName), name("device", who.Device), oneOf("curve", who.Curve, "secp256k1", "P-256"),
			oneOf("channel_in", who.ChannelIn, InToken, InSoftware), holder(who.Holder), lacks(who.Lacks)); err != nil {
			return err
		}
	}
	return name("version", p.Version)
}

func (p *ChannelOpenParams) check() error {
	return all(anID("entity", id.Entity, p.Entity), anID("member", id.Member, p.Member))
}
func (p *ChannelOpenResult) check() error {
	return all(anID("channel", id.Channel, p.Channel), record(p.Record))
}
func (p *ChannelAcceptParams) check() error {
	return all(anID("channel", id.Channel, p.Channel), record(p.Record))
}
func (p *ChannelAcceptResult) check() error { return record(p.Record) }
func (p *ChannelReadyParams) check() error {
	return all(anID("channel", id.Channel, p.Channel), record(p.Record))
}
func (p *ChannelReadyResult) check() error {
	return all(anID("entity", id.Entity, p.Entity), anID("member", id.Member, p.Member))
}
func (p *ChannelCloseParams) check() error { return anID("channel", id.Channel, p.Channel) }
func (p *ApprovalPrepareParams) check() error {
	return all(anID("channel", id.Channel, p.Channel), anID("request", id.Request, p.Request), oneOf("decision", p.Decision, Approve, Reject, Initiate))
}
func (p *ApprovalPrepareResult) check() error {
	return all(anID("approval", id.Approval, p.Approval), record(p.Record))
}
func (p *ApprovalBatchParams) check() error {
	if len(p.Approvals) < MinBatch || len(p.Approvals) > MaxBatch {
		return bad("approvals")
	}
	seen := map[string]bool{}
	for _, a := range p.Approvals {
		if !id.Is(id.Approval, a) || seen[a] {
			return bad("approvals")
		}
		seen[a] = true
	}
	return nil
}
func (p *ApprovalBatchResult) check() error { return anID("batch", id.Batch, p.Batch) }
func (p *ApprovalDecideParams) check() error {
	return all(anID("approval", id.Approval, p.Approval), record(p.Record))
}
func (p *ApprovalDecideResult) check() error {
	if len(p.StatementText) > MaxText {
		return bad("statement_text")
	}
	return all(oneOf("outcome", p.Outcome, OutcomeSigned), record(p.Record))
}
func (p *ApprovalFinishParams) check() error {
	return all(anID("approval", id.Approval, p.Approval), record(p.Record))
}
func (p *ApprovalFinishResult) check() error {
	if len(p.Approvals) > MaxApprovals {
		return bad("approvals")
	}
	for _, m := range p.Approvals {
		if !id.Is(id.Member, m) {
			return bad("approvals")
		}
	}
	if p.Needed < 0 || p.Needed > MaxApprovals {
		return bad("needed")
	}
	return all(anID("request", id.Request, p.Request), name("state", p.State))
}
func (p *ApprovalCancelParams) check() error { return anID("approval", id.Approval, p.Approval) }

func (p *LinkStateParams) check() error {
	if (p.State == Refused) != (p.Error != nil) {
		return bad("error")
	}
	if p.Error != nil {
		if err := p.Error.check(); err != nil {
			return err
		}
	}
	return all(oneOf("state", p.State, Ready, Pairing, Refused), name("bridge", p.Bridge), name("version", p.Version))
}
func (p *DeviceParams) check() error { return name("device", p.Device) }
func (p *PromptParams) check() error {
	if p.Approval != "" && !id.Is(id.Approval, p.Approval) && !id.Is(id.Batch, p.Approval) {
		return bad("approval")
	}
	if p.Left < 0 || p.Left > MaxLeft {
		return bad("left")
	}
	if p.Again && p.Kind != PromptPIN {
		return bad("again")
	}
	return all(oneOf("kind", p.Kind, PromptConfirm, PromptPIN, PromptPairing), oneOf("where", p.Where, WherePinentry, WhereTerminal, WhereReader))
}
func (p *PromptTextParams) check() error {
	if p.Text == "" || len(p.Text) > MaxShown {
		return bad("text")
	}
	if !id.Is(id.Approval, p.Approval) && !id.Is(id.Batch, p.Approval) {
		return bad("approval")
	}
	return nil
}
func (p *ApprovalProgressParams) check() error {
	if p.Of < 1 || p.Of > MaxBatch {
		return bad("of")
	}
	if p.Done < 0 || p.Done > p.Of {
		return bad("done")
	}
	return anID("batch", id.Batch, p.Batch)
}

func all(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func bad(field string) error {
	return fault.New(fault.Invalid, "the field "+strconv.Quote(field)+" is not valid").With("field", field)
}

func anID(field, kind, s string) error {
	if !id.Is(kind, s) {
		return bad(field)
	}
	return nil
}

func name(field, s string) error {
	if s == "" || len(s) > MaxName {
		return bad(field)
	}
	return nil
}

func holder(origin string) error {
	if len(origin) > MaxName {
		return bad("holder")
	}
	return nil
}

func lacks(names []string) error {
	if len(names) > MaxLacks {
		return bad("lacks")
	}
	for _, n := range names {
		if err := name("lacks", n); err != nil {
			return err
		}
	}
	return nil
}

func oneOf(field, s string, allowed ...string) error {
	for _, a := range allowed {
		if s == a {
			return nil
		}
	}
	return bad(field)
}

func record(r Record) error {
	if len(r) == 0 || len(r) > MaxRecord {
		return bad("record")
	}
	return nil
}
