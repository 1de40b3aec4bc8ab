// Package statement is the exact bytes that a key signs, one type per purpose,
// and the text that a person reads before it does. Every statement is canonical
// JSON: the fields in the order of the Go struct, no white space; a decoder
// refuses bytes that it would not itself have written. No cryptography, no
// clock, no I/O: shared/jws signs, the caller says what time it is. The signer
// writes statements, the approver's bridge checks and shows them, the page shows
// the same text. Spec: shared/spec/statement.md.
package statement

import (
	"strconv"
	"time"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jwk"
)

// The purposes: the typ of the JWS that carries each statement.
const (
	TypMember          = "countersign-member+jws"
	TypAddress         = "countersign-address+jws"
	TypApproval        = "countersign-approval+jws"
	TypInitiation      = "countersign-initiation+jws"
	TypReview          = "countersign-review+jws"
	TypVerdict         = "countersign-verdict+jws"
	TypRate            = "countersign-rate+jws"
	TypRegistration    = "countersign-registration+jws"
	TypGenesisApproval = "countersign-genesis-approval+jws"
	TypSuccession      = "countersign-succession+jws"
	TypEntry           = "countersign-entry+jws"
	TypCheckpoint      = "countersign-checkpoint+jws"
)

// MaxSize is the longest statement, in bytes.
const MaxSize = 32 << 10

// Decisions that an [Approval] says; see [Initiate] for the one that it does not.
const (
	Approve = "APPROVE"
	Reject  = "REJECT"
)

// Roles of members.
const (
	Admin    = "ADMIN"
	Operator = "OPERATOR"
	Auditor  = "AUDITOR"
)

// Where a member's channel key lives.
const (
	InToken    = "token"
	InSoftware = "software"
)

// Approval is what a member signs to approve or reject one step of a request.
type Approval struct {
	V          int        `json:"v"`    // 2
	Type       string     `json:"type"` // "approval"
	Entity     string     `json:"entity"`
	EntityName string     `json:"entity_name"`
	Request    string     `json:"request"`
	Step       int        `json:"step"`     // from 1
	Decision   string     `json:"decision"` // APPROVE or REJECT
	Member     string     `json:"member"`
	MemberName string     `json:"member_name"`
	Key        string     `json:"key"` // thumbprint of the member's approval key
	GovernedBy GovernedBy `json:"governed_by"`
	// Initiator is the member who is proven to have asked, if one is.
	Initiator     string     `json:"initiator,omitempty"`
	InitiatorName string     `json:"initiator_name,omitempty"`
	Intent        intent.Doc `json:"intent"`
	Impact        *Impact    `json:"impact,omitempty"` // of a change of the vault
	// Effects is the digest of what the transaction does (shared/effects), of what sends one; of
	// a message, what the key signs.
	Effects   string `json:"effects,omitempty"`
	Nonce     string `json:"nonce"` // 32 bytes, lower-case hexadecimal; single use
	IssuedAt  int64  `json:"iat"`   // Unix seconds
	NotBefore int64  `json:"nbf"`
	Expires   int64  `json:"exp"`
	Channel   string `json:"channel"` // handshake hash of the channel that served it, base64url
	Log       Log    `json:"log"`     // the signer's log when it was served
}

// GovernedBy pins the rule that governs a request: one rule of one version of a rule
// set, whatever the set becomes.
type GovernedBy struct {
	RuleSet string `json:"rule_set"` // the id of what it governs: an account; or admin
	Version int    `json:"version"`
	Digest  string `json:"digest"` // of the whole set in this version, base64url of SHA-256
	Rule    string `json:"rule"`   // its name in the set
	// UseWithin is for how many seconds the approval can be used after it was given;
	// 0: 24 hours.
	UseWithin int64 `json:"use_within,omitempty"`
}

// Use says for how long an approval can be used after it was given: "24 hours".
func (g GovernedBy) Use() string {
	n := int(governance.Use(g.UseWithin) / time.Second)
	for _, u := range []struct {
		seconds int
		name    string
	}{{86400, "day"}, {3600, "hour"}, {60, "minute"}} {
		if n%u.seconds == 0 && (n >= 2*u.seconds || u.name != "day") {
			return count(n/u.seconds, u.name)
		}
	}
	return count(n, "second")
}

func count(n int, unit string) string {
	if n != 1 {
		unit += "s"
	}
	return strconv.Itoa(n) + " " + unit
}

// Log is the state of the signer's log: how many entries, and the hash of the
// last.
type Log struct {
	Size int64  `json:"size"`
	Head string `json:"head"` // base64url of SHA-256
}

// Member is a member's certificate, signed by the signer's statement key. It is
// also the payload of the channel's third message.
type Member struct {
	V         int     `json:"v"`    // 1
	Type      string  `json:"type"` // "member"
	Entity    string  `json:"entity"`
	Member    string  `json:"member"`
	Name      string  `json:"name"`
	Role      string  `json:"role"`
	Approval  jwk.Key `json:"approval"`
	Channel   jwk.Key `json:"channel"`
	ChannelIn string  `json:"channel_in"` // "token" or "software"
	IssuedAt  int64   `json:"iat"`
	Expires   int64   `json:"exp"`
}

// Address is the signer's word that the key of an address was made inside the
// vault's HSM, for one request.
type Address struct {
	V         int     `json:"v"`    // 1
	Type      string  `json:"type"` // "address"
	Entity    string  `json:"entity"`
	Account   string  `json:"account"`
	Request   string  `json:"request"`
	Chain     string  `json:"chain"`
	Address   string  `json:"address"`
	PublicKey jwk.Key `json:"public_key"`
	IssuedAt  int64   `json:"iat"`
}

// Genesis is what everything after it is verified against: the first entry of
// the signer's log.
type Genesis struct {
	V          int    `json:"v"`    // 3: what is in the log after it has the form of this version
	Type       string `json:"type"` // "genesis"
	Entity     string `json:"entity"`
	EntityName string `json:"entity_name"`
	// Sandbox says that the vault is for trying things out: it may have fewer
	// administrators than one that money is trusted to.
	Sandbox    bool               `json:"sandbox,omitempty"`
	Signer     SignerKeys         `json:"signer"`
	AdminRule  AdminRule          `json:"admin_rule"`
	Members    []GenesisMember    `json:"members"`
	Groups     []governance.Group `json:"groups,omitempty"`
	Whitelists []governance.List  `json:"whitelists,omitempty"`
	Accounts   []GenesisAccount   `json:"accounts"`
	IssuedAt   int64              `json:"iat"`
}

// Registration is what whoever wants to be a member signs with their own approval key:
// the keys that they made. It says nothing of who they are, which others compare by voice.
type Registration struct {
	V         int     `json:"v"`    // 1
	Type      string  `json:"type"` // "registration"
	Entity    string  `json:"entity"`
	Member    string  `json:"member"`
	Name      string  `json:"name"`
	Approval  jwk.Key `json:"approval"`
	Channel   jwk.Key `json:"channel"`
	ChannelIn string  `json:"channel_in"` // "token" or "software"
	// Proof is that they hold the channel key, which cannot sign, for a vault that has begun.
	Proof    ChannelProof  `json:"channel_proof,omitzero"`
	Driver   intent.Driver `json:"driver,omitzero"` // what the token's driver says of both keys
	IssuedAt int64         `json:"iat"`
}

// ChannelProof shows to the holder of a channel key, a vault, that whoever registers holds
// another: the tag takes the secret of the two (shared/ceremony).
type ChannelProof struct {
	To  string `json:"to"`  // thumbprint of the vault's channel key, on the curve of the registered one
	Tag string `json:"tag"` // 32 bytes, base64url
}

// GenesisApproval is what an administrator signs to begin a vault: that the genesis with a
// digest is the one that they read.
type GenesisApproval struct {
	V        int    `json:"v"`    // 1
	Type     string `json:"type"` // "genesis-approval"
	Entity   string `json:"entity"`
	Genesis  string `json:"genesis"` // SHA-256 of its canonical bytes, base64url
	Member   string `json:"member"`
	Key      string `json:"key"` // thumbprint of the member's approval key
	IssuedAt int64  `json:"iat"`
}

// AdminRule is how many administrators must approve what changes the vault.
type AdminRule struct {
	Quorum int `json:"quorum"`
}

// The administrators of a vault that is not a sandbox: at least so many, and a quorum of
// at least two and of fewer than all, so that none decides alone and one may be lost.
const (
	MinAdmins = 3
	MinQuorum = 2
)

// Problem says why so many administrators cannot have this rule, as the end of a
// sentence about it; empty: they can.
func (r AdminRule) Problem(admins int, sandbox bool) string {
	switch {
	case sandbox && (r.Quorum < 1 || r.Quorum > admins):
		return "must be 1 to the number of administrators"
	case !sandbox && admins < MinAdmins:
		return "needs at least three administrators"
	case !sandbox && (r.Quorum < MinQuorum || r.Quorum >= admins):
		return "must be at least two and less than the number of administrators"
	}
	return ""
}

// SignerKeys are the public keys of a signer. An approver pins them.
type SignerKeys struct {
	Statement jwk.Key   `json:"statement"`
	Channel   []jwk.Key `json:"channel"` // one per channel suite
}

// GenesisMember is a member as the genesis enrols it.
type GenesisMember struct {
	Member    string  `json:"member"`
	Name      string  `json:"name"`
	Role      string  `json:"role"`
	Approval  jwk.Key `json:"approval"`
	Channel   jwk.Key `json:"channel"`
	ChannelIn string  `json:"channel_in"`
}

// GenesisAccount is an account, the address of its own key, and its rules.
type GenesisAccount struct {
	Account string         `json:"account"`
	Name    string         `json:"name"`
	Chain   string         `json:"chain"`
	Address string         `json:"address"`
	Tier    string         `json:"tier,omitempty"`   // of intent: TREASURY, TRADING; absent: none
	Parent  string         `json:"parent,omitempty"` // the account that funds it; absent: none
	Sweep   *intent.Sweep  `json:"sweep,omitempty"`  // absent: none
	Rules   governance.Set `json:"rules"`
}

// Statement is any of the types that are signed.
type Statement interface {
	Approval | Initiation | Review | Verdict | Rate | Member | Address | Genesis | GenesisApproval | Registration | Succession
	check() error
}
