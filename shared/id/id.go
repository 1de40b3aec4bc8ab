// Package id is the one form of the names of things: a kind of three letters,
// "_", and 3 to 40 lower-case letters or digits (mem_bob). It checks them, makes
// new ones, and lists the kinds. Spec: shared/spec/README.md, Ids. Every package
// that reads or makes an id uses it; it is small, because the browser downloads
// it.
package id

import (
	"encoding/base32"
	"io"

	"countersign/shared/fault"
)

// The kinds. A released kind never changes its meaning.
const (
	Account      = "acc" // of a vault
	Approval     = "apv" // of a bridge, while its connection lives
	Batch        = "bat" // of a bridge, while its connection lives
	Booking      = "bkg" // of the gateway's ledger
	Channel      = "chn" // of a relay of channel records
	Deposit      = "dep" // what a chain moved to an address of a vault
	Developer    = "dev" // a customer of the gateway, who holds an API key
	Entity       = "ent" // whose vault it is
	Group        = "grp" // of members of a vault, whom rules name together
	Item         = "itm" // a connection to a pretend bank of the sandbox
	Key          = "key" // an API key of a developer
	Ledger       = "led" // of the sandbox
	Member       = "mem" // of an entity
	Order        = "ord" // a purchase at a provider
	Question     = "ask" // one question for quotes, in the logs
	Quote        = "quo" // of a provider
	Request      = "req" // a governed request
	ReportingKey = "rpk" // of a vault: what a back office reads with
	Use          = "use" // of an API key or a token, in the log of use
	Whitelist    = "wls" // of addresses outside a vault, which rules name together
)

// The form's limits, in bytes.
const (
	MinName = 3
	MaxName = 40
	MaxID   = 3 + 1 + MaxName
)

// Kinds returns every kind.
func Kinds() []string {
	return []string{Account, Approval, Question, Batch, Booking, Channel, Deposit, Developer, Entity, Group, Item, Key, Ledger, Member, Order, Quote, Request, ReportingKey, Use, Whitelist}
}

// Valid reports whether s has the form of an id, of whatever kind.
func Valid(s string) bool {
	if len(s) < 4+MinName || len(s) > MaxID || s[3] != '_' {
		return false
	}
	for i := range len(s) {
		letter := s[i] >= 'a' && s[i] <= 'z'
		digit := s[i] >= '0' && s[i] <= '9'
		if i != 3 && !letter && (i < 3 || !digit) {
			return false
		}
	}
	return true
}

// Known reports whether s is an id of one of the kinds.
func Known(s string) bool {
	if !Valid(s) {
		return false
	}
	for _, kind := range Kinds() {
		if s[:3] == kind {
			return true
		}
	}
	return false
}

// Is reports whether s is an id of the kind.
func Is(kind, s string) bool { return Valid(s) && s[:3] == kind }

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// FromHash names what has a hash of at least 17 bytes: the first 130 bits of it.
func FromHash(kind string, hash []byte) string {
	return kind + "_" + encoding.EncodeToString(hash[:17])[:26]
}

// New makes an id of the kind with 130 random bits. It fails with
// INTERNAL_ERROR when random does.
func New(random io.Reader, kind string) (string, error) {
	var raw [17]byte
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return "", fault.Annotate(err, "make an id of the kind "+kind)
	}
	return FromHash(kind, raw[:]), nil
}
