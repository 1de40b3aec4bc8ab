package wire

import (
	"strconv"
	"time"

	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/statement"
)

// AdminRule is the id of the admin rule as an object of the vault.
const AdminRule = governance.Admin

// Vault answers GET /v1/vault: what the log of the signer says is in the vault now.
type Vault struct {
	Entity        string              `json:"entity"`
	Name          string              `json:"name"`
	Sandbox       bool                `json:"sandbox,omitempty"` // it is for trying things out
	Root          RootKey             `json:"root"`
	AdminRule     VaultAdminRule      `json:"admin_rule"`
	Members       []VaultMember       `json:"members"`
	Groups        []VaultGroup        `json:"groups"`     // by id, also those that are gone
	Whitelists    []VaultList         `json:"whitelists"` // by id
	Accounts      []VaultAccount      `json:"accounts"`
	ReportingKeys []VaultReportingKey `json:"reporting_keys"` // by id, also those that were revoked
	Chains        []ChainName         `json:"chains"`         // those of the accounts and the whitelists first, then all others that are known
	Log           statement.Log       `json:"log"`
	ServerTime    time.Time           `json:"server_time"`
}

// RootKey is the statement key with which the log of the vault begins: the log leads from it to the
// keys that the vault has now.
type RootKey struct {
	Thumbprint string   `json:"thumbprint"`
	Words      []string `json:"words"`  // its fingerprint: sixteen words
	Digits     []string `json:"digits"` // the same as eight groups of five digits
}

// ChainName is what people call a chain, and what is on it.
type ChainName struct {
	ID     string      `json:"id"` // CAIP-2
	Name   string      `json:"name"`
	Assets []AssetName `json:"assets,omitempty"` // that an account on it can hold
}

// AssetName is what people call an asset.
type AssetName struct {
	ID     string `json:"id"` // LedgerId: what rules and intents have
	Name   string `json:"name"`
	Ticker string `json:"ticker"`
	Places int    `json:"places"` // decimals of the smallest unit
}

// Since says which version of an object counts, and what made it.
type Since struct {
	Version int    `json:"version"`
	Seq     int64  `json:"seq"`               // the entry of the log that made it
	Request string `json:"request,omitempty"` // the request whose approval made it; absent: the genesis
}

// VaultAdminRule is how many administrators must approve what changes the vault.
type VaultAdminRule struct {
	Since
	Quorum int      `json:"quorum"`
	Admins []string `json:"admins"` // ids of the administrators who are active
}

// VaultMember is a person or program of the vault.
type VaultMember struct {
	Since
	ID        string `json:"id"`
	Name      string `json:"name"`
	Role      string `json:"role"`
	State     string `json:"state"`        // ACTIVE, SUSPENDED or REVOKED
	Is        string `json:"is,omitempty"` // PERSON or PROGRAM; absent: the genesis does not say
	Curve     string `json:"curve"`        // of the approval key
	Key       string `json:"key"`          // its thumbprint
	ChannelIn string `json:"channel_in"`
}

// VaultGroup is a group that rules name.
type VaultGroup struct {
	Since
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Gone    bool     `json:"gone,omitempty"` // removed: Name and Members are the last ones
	Members []string `json:"members"`
}

// VaultList is a whitelist that rules name.
type VaultList struct {
	Since
	ID      string             `json:"id"`
	Name    string             `json:"name"`
	Gone    bool               `json:"gone,omitempty"`
	Entries []governance.Entry `json:"entries"`
}

// VaultAccount is an account with the rules that govern what it is asked for.
type VaultAccount struct {
	Since
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Chain   string         `json:"chain"`
	Address string         `json:"address"`
	Tier    string         `json:"tier,omitempty"`   // TREASURY or TRADING
	Sweep   *intent.Sweep  `json:"sweep,omitempty"`  // absent: none
	Parent  string         `json:"parent,omitempty"` // id of the account that funds it
	Rules   governance.Set `json:"rules"`
	Said    []SaidRule     `json:"said"` // the rules in words, in the order in which they are asked
}

// SaidRule is a rule in words.
type SaidRule struct {
	Name  string   `json:"name"`
	Deny  bool     `json:"deny,omitempty"`
	For   string   `json:"for"`
	Needs []string `json:"needs"` // step by step
	Text  string   `json:"text"`
}

// Kinds of objects of the vault.
const (
	VaultMemberKind       = "member"
	VaultGroupKind        = "group"
	VaultListKind         = "whitelist"
	VaultAccountKind      = "account"
	VaultAdminKind        = "admin_rule"
	VaultReportingKeyKind = "reporting_key"
)

// VaultObject answers GET /v1/vault/{id}: an object with its versions, newest first.
type VaultObject struct {
	ID       string         `json:"id"`
	Kind     string         `json:"kind"`
	Name     string         `json:"name"`
	Versions []VaultVersion `json:"versions"`
	// Before is the number of the oldest version here, when there are older ones: asked
	// for, it gives those that follow.
	Before int `json:"before,omitempty"`
}

// VaultVersion is one version of an object. None is overwritten.
type VaultVersion struct {
	Since
	At       time.Time  `json:"at"`
	Gone     bool       `json:"gone,omitempty"`     // removed with this version
	Sentence string     `json:"sentence,omitempty"` // of the request
	Approved []Approver `json:"approved"`           // who approved it; of the genesis its administrators, all of whom signed
	Lines    []Line     `json:"lines"`              // everything that it says, for people
}

// VersionBefore reads the parameter before of GET /v1/vault/{id}; 0 when absent.
func VersionBefore(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || strconv.Itoa(n) != s {
		return 0, invalid("before", "must be the number of a version, from 1")
	}
	return n, nil
}
