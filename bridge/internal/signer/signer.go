// Package signer is the vault's side: it trusts neither page nor gateway. It
// keeps the signed log, serves the exact statements that members sign through
// end-to-end channels, verifies what they sign against the log, and only then
// uses the vault's keys. Specs: shared/spec/signer-link.md, statement.md,
// governance.md, signedlog.md. countersign-bridge signer runs it; the gateway
// reaches it through web/internal/signerlink.
package signer

import (
	"context"
	"io"
	"time"

	"countersign/bridge/internal/device"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/statement"
)

// Config is the configuration file of `countersign-bridge signer`.
type Config struct {
	Socket      string   `json:"socket"`          // path of the unix socket that the gateway connects to
	SocketGroup string   `json:"socket_group"`    // group that may use it, by name or number; then its mode is 0660. Without it: the signer's own user alone, 0600
	SocketMode  string   `json:"socket_mode"`     // "0600" or "0660", to say it
	Peers       []string `json:"peers"`           // users that are served, by name or number; empty: whoever the socket lets in
	SameUser    bool     `json:"allow_same_user"` // for sandboxes: also serve the signer's own user and root, who could read the vault's PIN
	Private     []string `json:"private"`         // what a user who is served must not be able to reach, besides the PIN's file and SoftHSM's tokens: where another module keeps its keys

	Module   string `json:"module"`    // path of the PKCS#11 module
	Token    string `json:"token"`     // PKCS#11 URI of the vault token: "pkcs11:token=vault"
	PINFile  string `json:"pin_file"`  // file that holds the vault token's PIN; mode 0600. Or pin-source in the URI
	StateDir string `json:"state_dir"` // directory of the signed log
	Limits   Limits `json:"limits"`    // of requests
	MaxOff   string `json:"max_off"`   // how long the computer may be off before the operator must confirm its clock: "1h" (the default), "72h"
}

// away is MaxOff as a time.
func (c Config) away() (time.Duration, error) {
	if c.MaxOff == "" {
		return DefaultAway, nil
	}
	d, err := time.ParseDuration(c.MaxOff)
	if err != nil || d <= 0 {
		return 0, fault.New(fault.Invalid, "max_off is not a time such as 1h or 30m").With("field", "max_off")
	}
	return d, nil
}

// Stdio is where a program writes: Out gets "listening on unix:PATH" when it is
// ready, Err the log.
type Stdio struct {
	Out, Err io.Writer

	vault string // of several, as the log names it
}

// Draft is what `signer init -genesis FILE` reads: who and what the vault is to
// start with. The keys of the members come from their tokens.
type Draft struct {
	Entity     string                    `json:"entity"`
	EntityName string                    `json:"entity_name"`
	Sandbox    bool                      `json:"sandbox"`
	AdminRule  statement.AdminRule       `json:"admin_rule"`
	Members    []statement.GenesisMember `json:"members"`
	Registered []Registered              `json:"registered"` // members besides, by what they signed themselves
	Groups     []governance.Group        `json:"groups"`
	Whitelists []governance.List         `json:"whitelists"`
	Accounts   []DraftAccount            `json:"accounts"`
}

// Registered is a member of a draft who registered themselves.
type Registered struct {
	Role         string `json:"role"`
	Registration string `json:"registration"` // JWS, typ countersign-registration+jws
}

// DraftAccount is an account whose key does not exist yet.
type DraftAccount struct {
	Account string         `json:"account"`
	Name    string         `json:"name"`
	Chain   string         `json:"chain"`
	Tier    string         `json:"tier,omitempty"`   // as in the genesis
	Parent  string         `json:"parent,omitempty"` // the account that funds it
	Sweep   *intent.Sweep  `json:"sweep,omitempty"`  // as in the genesis
	Rules   governance.Set `json:"rules"`
}

// Vault is the device that holds the vault's keys. Errors are those of
// keys.Key.
type Vault interface {
	// Key finds the key pair that was made from t; KEY_NOT_FOUND when there is none,
	// KEY_UNSUITED when the vault has one of that label that was not made from t.
	Key(ctx context.Context, t device.Template) (keys.Key, error)
	// Generate makes a key pair, whose private half never leaves.
	Generate(ctx context.Context, t device.Template) (keys.Key, error)
	// GetData reads a data object that only the PIN can write; nil when there is none.
	GetData(ctx context.Context, label string) ([]byte, error)
	// PutData writes a data object, over an older one.
	PutData(ctx context.Context, label string, data []byte) error
}
