package store

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"countersign/shared/wire"
)

// States of a sending.
const (
	SendingApproved  = "approved"  // not signed yet
	SendingSigned    = "signed"    // no node has it yet
	SendingSubmitted = "submitted" // a node has it
	SendingIncluded  = "included"  // it is in a block, without the confirmations that its chain needs
	SendingConfirmed = "confirmed" // final
	SendingFailed    = "failed"    // final: it is in a block, moved nothing, and its fee was paid
	SendingReplaced  = "replaced"  // final: another transaction with its nonce is in a block
	SendingLapsed    = "lapsed"    // final: its approval ended, or the vault's keys were rotated, before it was signed or a node had it
)

// Sending is an approved request that ends in a transaction, and how far that is: what the
// signer's log says of it, and what its chain says.
type Sending struct {
	Request string // of a sweep, which has none: its name, see [SweepName]
	Entity  string
	Account string
	Chain   string
	Sweep   string // the deposit address that is swept by a standing rule; empty: it is a request's
	// Replaces is the request of the transfer whose nonce its transaction has; empty: it has
	// its own. Cancels says that it moves nothing, in place of what that sends.
	Replaces string
	Cancels  bool
	// Left says that the vault's keys were rotated after it was signed: nothing more of it is.
	Left     bool
	State    string
	Attempts []Attempt
	Mined    *Mined
	// ReplacedBy is the request whose transaction is in a block in place of its own; empty: none.
	ReplacedBy string
	Reason     string    // why it is not further, for people; empty: nothing is wrong
	Tried      time.Time // when the newest attempt was first given to a node; zero: it was not
	Updated    time.Time
}

// Transfer is the request of the transfer whose nonce it has: its own, or that of what it
// replaces.
func (s Sending) Transfer() string { return cmp.Or(s.Replaces, s.Request) }

// Final reports whether it stays as it is, unless the chain is reorganised.
func (s Sending) Final() bool {
	return s.State == SendingConfirmed || s.State == SendingFailed || s.State == SendingReplaced || s.State == SendingLapsed
}

// Ends is the state of its request once it is final; empty: the request stays approved. winner
// is what is in a block in place of one that was replaced.
func (s Sending) Ends(winner Sending) string {
	switch {
	case s.State == SendingConfirmed:
		return wire.RequestCompleted
	case s.State == SendingFailed:
		return wire.RequestFailed
	case s.State != SendingReplaced:
		return ""
	case s.Request != winner.Replaces || winner.Cancels:
		return wire.RequestCancelled
	}
	return winner.Ends(Sending{}) // it sped this one up
}

// Resume goes on, from what the signer's log says of a sending, with what a database kept of it
// that only its chain and its node say. It reports false for what was kept and does not fit the
// log. That of one that was replaced fits if what replaced it does, see [Sending.Beat].
func (s Sending) Resume(kept Sending) (Sending, bool) {
	hashes := s.hashes()
	same := slices.Equal(kept.hashes(), hashes)
	fits := false
	switch kept.State {
	case SendingApproved:
		fits = same && len(hashes) == 0 && !s.Final()
	case SendingSigned, SendingSubmitted:
		fits = same && len(hashes) > 0 && !s.Final()
	case SendingIncluded, SendingConfirmed, SendingFailed:
		fits = kept.Mined != nil && slices.Contains(hashes, kept.Mined.Hash) &&
			(kept.State == SendingIncluded || kept.Mined.Failed == (kept.State == SendingFailed))
	case SendingReplaced:
		fits = kept.ReplacedBy != ""
	case SendingLapsed:
		fits = same && (len(hashes) == 0 || s.Left)
	}
	if !fits {
		return s, false
	}
	s.State, s.Mined, s.ReplacedBy, s.Reason, s.Tried, s.Updated = kept.State, kept.Mined, kept.ReplacedBy, kept.Reason, kept.Tried, kept.Updated
	if kept.Final() { // also when the vault's keys were rotated: that changes nothing of it
		s.Left = kept.Left
	}
	return s, true
}

// Beat reports whether it is final in place of another sending with its nonce.
func (s Sending) Beat(other Sending) bool {
	return s.Entity == other.Entity && s.Transfer() == other.Transfer() && s.Request == other.ReplacedBy && s.Request != other.Request &&
		(s.State == SendingConfirmed || s.State == SendingFailed)
}

// hashes are those of what was signed of it.
func (s Sending) hashes() (all []string) {
	for _, a := range s.Attempts {
		if a.Hash != "" {
			all = append(all, a.Hash)
		}
	}
	return all
}

// SweepName is what stands for the request of a sweep: each transaction of a deposit address
// is one. The log of another entity may name the same address.
func SweepName(entity, address string, nonce int64) string {
	return "sweep " + entity + " " + address + " " + strconv.FormatInt(nonce, 10)
}

// Attempt is a transaction as it was signed, or is about to be.
type Attempt struct {
	Nonce  int64
	Gas    int64
	FeeCap string // for each gas, in the smallest unit
	Tip    string
	Amount string // that a sweep brings, in the smallest unit; empty: it is a request's
	At     int64  // Unix seconds
	Raw    string // base64url; empty: it is about to be signed
	Hash   string // how the chain names it; empty as Raw
}

// Mined is where a transaction is in the chain.
type Mined struct {
	Hash      string
	Block     int64
	BlockHash string
	At        time.Time
	Failed    bool
	Fee       string // that was paid, decimal, in the main unit of the chain's coin
}

// Sendings are kept in the order in which they were approved.
type Sendings interface {
	PutSending(Sending) error // adds or replaces
	Sending(entity, request string) (Sending, error)
	// Sendings are those of an entity, after that of one request; of none: from the first on.
	Sendings(entity, after string, limit int) ([]Sending, error)
	// Rivals are the sending of a transfer and those of the requests that replace it, in the order in
	// which they were approved.
	Rivals(entity, transfer string) ([]Sending, error)
	SendingOf(chain, hash string) (Sending, error) // which one has this transaction
	// OpenSendings are those that are not final, the oldest of each account before the second of
	// any, so that no account keeps another's out.
	OpenSendings(chain string, limit int) ([]Sending, error)
	EachSending(entity string, each func(Sending) error) error // in the order in which they were approved
	SendingsAfter(chain string, block int64) ([]Sending, error)
	// OpenOf are those of an entity on a chain that are not final, in the order in which they were
	// approved.
	OpenOf(entity, chain string) ([]Sending, error)
	// Sweeps are how many sweeps of a deposit address there are, and how many of them are not
	// final.
	Sweeps(entity, chain, address string) (all, open int64, err error)
	// Funded are deposit addresses that have some of the chain's coin, those that came first
	// first.
	Funded(chain string) ([]Address, error)
}
