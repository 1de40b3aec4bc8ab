// Package report is what a provider says of an order: the contract's document Order,
// as an answer to a question or in a signed notice, in whichever of its spellings. It
// knows what the words of providers mean, which of two reports is the newer, and how a
// notice is signed. It does no I/O. Spec: shared/spec/notices.md. web/internal/buy asks
// for reports, web/internal/gateway is told them and keeps them.
package report

import (
	"strings"
	"time"
)

// States that a provider can say an order is in. They are the provider's word: what
// arrives is seen on the chain.
const (
	Pending    = "pending"    // known, and not paid yet
	OnHold     = "on_hold"    // paid or about to be, and examined by a person
	Processing = "processing" // paid, and to be delivered
	Completed  = "completed"  // sent
	Failed     = "failed"     // ended without a delivery
	Expired    = "expired"    // not paid in time
	Refunded   = "refunded"   // paid back
	Unknown    = "unknown"    // a word that is not known here
)

// states are all of them in the order in which an order goes through them: of two
// reports of one time the further one counts.
var states = []string{Unknown, Pending, OnHold, Processing, Failed, Expired, Refunded, Completed}

// Report is what a provider says of one order at one time.
type Report struct {
	Order string    // ord_…, as it was handed over
	State string    // one of the constants
	Word  string    // the provider's own, at most 64 bytes; not to be shown as it is
	At    time.Time // of what it says, to the millisecond; zero: the provider gives none
	Tx    string    // of the delivery; empty: none is named

	// What the order is about, where the provider repeats it; empty: it does not.
	Fiat, FiatAmount, Asset, Address string
}

// words are the states by the words of the contract and of providers that publish
// theirs, in lower case.
var words = map[string]string{}

func init() {
	for state, list := range map[string]string{
		Pending: "pending created new waiting awaiting_payment waiting_payment waitingpayment awaiting_payment_from_user pending_created in_progress",
		OnHold: "on_hold onhold hold held review under_review in_review manual_review compliance_review on_hold_pending_delivery_from_transak " +
			"two_fa_required waitingauthorization",
		Processing: "processing paid payment_received payment_done_marked_by_user pending_delivery pending_delivery_from_transak settling sending " +
			"transfer_in_completed two_fa_provided",
		Completed: "completed complete finished success succeeded settled delivered sent done",
		Failed:    "failed failure declined rejected cancelled canceled",
		Expired:   "expired timeout timed_out",
		Refunded:  "refunded",
	} {
		for _, word := range strings.Fields(list) {
			words[word] = state
		}
	}
}

// Words are the words of one provider that mean something else than they do with
// others, or nothing: a state for each, in whatever case.
type Words map[string]string

// Check reports the first word whose state is none; empty when all are.
func (w Words) Check() string {
	for word, state := range w {
		if place(state) < 1 {
			return word
		}
	}
	return ""
}

// state is what a word means: to this provider, or to all.
func (w Words) state(word string) string {
	for own, state := range w {
		if strings.EqualFold(own, word) {
			return state
		}
	}
	word = strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(word))
	if state, ok := words[strings.TrimPrefix(word, "onramp_transaction_status_")]; ok {
		return state
	}
	return Unknown
}

func place(state string) int {
	for i, s := range states {
		if s == state {
			return i
		}
	}
	return -1
}

// Newer reports whether what is said at a time is later than what was said before: by
// its time, and of one time by how far the order is. So the order in which reports
// arrive does not matter. before is empty where what was said until then is over.
func Newer(state string, at time.Time, before string, then time.Time) bool {
	if c := at.Compare(then); c != 0 {
		return c > 0
	}
	return before != "" && place(state) > place(before)
}

// Taken reports whether a state says that the provider has the buyer's money: who pays
// now pays again.
func Taken(state string) bool {
	return state == OnHold || state == Processing || state == Completed
}

// Ended reports whether a state says that nothing more will come.
func Ended(state string) bool { return state == Failed || state == Expired || state == Refunded }
