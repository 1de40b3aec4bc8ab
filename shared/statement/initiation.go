package statement

import (
	"bytes"

	"countersign/shared/intent"
)

// Initiate is the decision of an [Initiation], as [Approval.Decision] says it.
const Initiate = "INITIATE"

// Initiation is what a member signs to have asked for a request, so that it is known
// who did. It approves nothing.
type Initiation struct {
	V          int        `json:"v"`    // 1
	Type       string     `json:"type"` // "initiation"
	Entity     string     `json:"entity"`
	EntityName string     `json:"entity_name"`
	Request    string     `json:"request"`
	Member     string     `json:"member"`
	MemberName string     `json:"member_name"`
	Key        string     `json:"key"` // thumbprint of the member's approval key
	GovernedBy GovernedBy `json:"governed_by"`
	Intent     intent.Doc `json:"intent"`
	Nonce      string     `json:"nonce"` // 32 bytes, lower-case hexadecimal; single use
	IssuedAt   int64      `json:"iat"`   // Unix seconds
	NotBefore  int64      `json:"nbf"`
	Expires    int64      `json:"exp"`
	Channel    string     `json:"channel"` // handshake hash of the channel that served it, base64url
	Log        Log        `json:"log"`     // the signer's log when it was served
}

// Typ is the purpose of the statement that says a decision.
func Typ(decision string) string {
	if decision == Initiate {
		return TypInitiation
	}
	return TypApproval
}

// EncodeDecision is [Encode] of the statement that says a decision: of an [Initiation]
// when a.Decision is [Initiate], else of the approval.
func EncodeDecision(a Approval) ([]byte, error) {
	if a.Decision != Initiate {
		return Encode(a)
	}
	return Encode(Initiation{
		V: 1, Type: "initiation", Entity: a.Entity, EntityName: a.EntityName, Request: a.Request, Member: a.Member, MemberName: a.MemberName,
		Key: a.Key, GovernedBy: a.GovernedBy, Intent: a.Intent, Nonce: a.Nonce, IssuedAt: a.IssuedAt, NotBefore: a.NotBefore, Expires: a.Expires,
		Channel: a.Channel, Log: a.Log,
	})
}

// DecodeDecision is [Decode] of an approval or of an initiation, whichever the bytes
// are. A reader holds the purpose under which they are signed against [Typ] of the
// decision.
func DecodeDecision(data []byte) (Approval, error) {
	if !bytes.HasPrefix(data, []byte(`{"v":1,"type":"initiation",`)) {
		return Decode[Approval](data)
	}
	i, err := Decode[Initiation](data)
	if err != nil {
		return Approval{}, err
	}
	return i.decision(), nil
}

// decision is an initiation as the decision INITIATE, at no step.
func (i Initiation) decision() Approval {
	return Approval{
		Entity: i.Entity, EntityName: i.EntityName, Request: i.Request, Decision: Initiate, Member: i.Member, MemberName: i.MemberName,
		Key: i.Key, GovernedBy: i.GovernedBy, Intent: i.Intent, Nonce: i.Nonce, IssuedAt: i.IssuedAt, NotBefore: i.NotBefore, Expires: i.Expires,
		Channel: i.Channel, Log: i.Log,
	}
}

func (i Initiation) check() error {
	var c checks
	c.kind(1, i.V, i.Type, "initiation")
	return c.decision(i.decision())
}
