package wire

import (
	"time"

	"countersign/shared/id"
)

// Bodies about the sandbox's pretend bank connections. None has, and nothing stores, a
// token that opens a bank account.

// BankLink answers GET /v1/banks/create-link: what a person signs in at the bank with.
type BankLink struct {
	LinkToken  string    `json:"link_token"`
	Expiration time.Time `json:"expiration"`
	RequestID  string    `json:"request_id"`
	UserID     string    `json:"user_id"` // the entity
}

// BankLoginInput is the body of POST /v1/sandbox/link: a person who signs in at the bank.
type BankLoginInput struct {
	LinkToken string `json:"link_token"`
	Username  string `json:"username"`
	Password  string `json:"password"`
}

// Validate checks lengths.
func (b BankLoginInput) Validate() error {
	for _, f := range [][2]string{{"link_token", b.LinkToken}, {"username", b.Username}, {"password", b.Password}} {
		if !plain(f[1], 128) {
			return invalid(f[0], "must be 1 to 128 printable characters")
		}
	}
	return nil
}

// BankLogin answers POST /v1/sandbox/link.
type BankLogin struct {
	PublicToken string    `json:"public_token"`
	Expiration  time.Time `json:"expiration"`
}

// BankConnectInput is the body of POST /v1/banks/accounts.
type BankConnectInput struct {
	EntityID    string `json:"entityId,omitempty"` // repeats the entity in whose name it is asked
	PublicToken string `json:"public_token"`
}

// Validate checks lengths.
func (b BankConnectInput) Validate() error {
	if !plain(b.PublicToken, 128) {
		return invalid("public_token", "must be 1 to 128 printable characters")
	}
	if b.EntityID != "" {
		return anID("entityId", id.Entity, b.EntityID)
	}
	return nil
}

// BankItemInput is the body of POST /v1/banks/sync and /v1/sandbox/reset-login.
type BankItemInput struct {
	Item string `json:"item,omitempty"` // absent, where it may be: all
}

// Validate checks the id.
func (b BankItemInput) Validate() error {
	if b.Item == "" {
		return nil
	}
	return anID("item", id.Item, b.Item)
}

// States of a connection to a bank.
const (
	BankOK            = "ok"
	BankLoginRequired = "ITEM_LOGIN_REQUIRED" // a person has to sign in again
)

// BankItem is a connection to a bank.
type BankItem struct {
	ID          string        `json:"id"`
	Institution string        `json:"institution"`
	State       string        `json:"state"`
	ConnectedAt time.Time     `json:"connected_at"`
	SyncedAt    *time.Time    `json:"synced_at,omitempty"`
	Accounts    []SandboxBank `json:"accounts"`
}

// BankItems answers GET /v1/banks/accounts.
type BankItems struct {
	Items []BankItem `json:"items"`
}

// BankSync answers POST /v1/banks/sync.
type BankSync struct {
	Success      bool   `json:"success"`
	Message      string `json:"message"`
	Transactions int    `json:"transactions"` // that were booked now
}

// BankSyncStatus answers GET /v1/banks/sync-status.
type BankSyncStatus struct {
	Accounts []BankAccountSync `json:"accounts"`
	Summary  BankSyncSummary   `json:"summary"`
}

// BankAccountSync is how far one account is read: pending or completed.
type BankAccountSync struct {
	ID               string `json:"id"`
	AccountName      string `json:"accountName"`
	AccountMask      string `json:"accountMask"`
	SyncStatus       string `json:"syncStatus"`
	TransactionCount int    `json:"transactionCount"`
}

// BankSyncSummary counts accounts.
type BankSyncSummary struct {
	Total      int `json:"total"`
	Completed  int `json:"completed"`
	InProgress int `json:"inProgress"`
	Pending    int `json:"pending"`
}

// SandboxReset answers POST /v1/sandbox/reset.
type SandboxReset struct {
	Success bool `json:"success"`
}

// Nothing is the body of a question that says all with its address: {}.
type Nothing struct{}

// Validate has nothing to check.
func (Nothing) Validate() error { return nil }
