// Package consent asks the person at this computer: to approve a text, and for
// a PIN. It is the only part of Countersign whose screen is trusted, so it
// knows nothing of pages, and what it shows has been stripped of everything
// that could move a cursor or reorder letters.
//
// Two ways to ask: [Pinentry], the program that GnuPG users know (Assuan
// protocol), in a window of its own; and [Terminal], the bridge's controlling
// terminal. [New] chooses, at each question. In both the person says yes by typing a word:
// "approve", or "reject" to sign a rejection. Pressing Enter or Esc, closing the
// window, or a key meant for another window, declines: nothing is signed. Where a
// site asks, the word "block" declines this question and all that the site may ask
// later. bridge/internal/unlock asks for keys and decisions, bridge/internal/page for
// pairings.
package consent

import (
	"bytes"
	"context"

	"countersign/shared/fault"
)

// What a person types: Word to approve, RejectWord to sign a rejection, SendWord to
// sign a request that they make, and BlockWord to decline and to block the site that asks. Anything else
// declines.
const (
	Word       = "approve"
	RejectWord = "reject"
	SendWord   = "send"
	BlockWord  = "block"
)

// MaxPIN is the longest PIN that is taken, in bytes.
const MaxPIN = 255

// Where a prompt appears.
const (
	AtPinentry = "pinentry"
	AtTerminal = "terminal"
)

// Question is something to say yes to, or to decline.
type Question struct {
	Site  string // who asks; the person may block it. Empty: nobody that could be blocked
	Title string // one line: what is asked
	Text  string // what the person reads before deciding; lines end in \n, and are "label  value" or prose
	Word  string // what they type to say yes: RejectWord or SendWord; empty is Word
	No    string // one sentence: what a no comes to; empty is that nothing was signed
}

// PINQuestion asks for the PIN of one device.
type PINQuestion struct {
	Site      string // who asks
	Device    string // the token, as people read it
	Reason    string // why it is needed, one line
	Allows    string // what the PIN allows, and whom; lines end in \n
	Problem   string // what was wrong with the last try; empty at the first
	FinalTry  bool   // a wrong PIN will lock the token
	TriesLeft int    // how often a wrong PIN is still forgiven; negative when unknown
}

// Notice is something that the person does elsewhere, such as on the pad of a
// card reader, and may cancel.
type Notice struct {
	Site  string // because of whom
	Title string // one line
	Text  string // lines end in \n
}

// Asker asks one question at a time. The methods fail with DECLINED when the
// person says no, closes the window or presses Esc; with CANCELLED or TIMEOUT
// when ctx ended first, and then no prompt stays on the screen; and with
// PROMPT_UNAVAILABLE when the user cannot be asked.
type Asker interface {
	// Where says where the person should look: [AtPinentry], [AtTerminal], or
	// empty when there is nowhere.
	Where() string
	// Check fails as a question would that cannot be asked now. It asks nothing.
	Check(ctx context.Context) error
	// Confirm returns nil if, and only if, the person typed the word. It fails with
	// SITE_BLOCKED when they blocked the site.
	Confirm(ctx context.Context, q Question) error
	// PIN returns what the person typed. The caller wipes it.
	PIN(ctx context.Context, q PINQuestion) ([]byte, error)
	// Show shows a notice until ctx ends or the person cancels: it never
	// returns nil.
	Show(ctx context.Context, n Notice) error
}

// Breaker is an [Asker] that says how it breaks the lines of a question's text.
type Breaker interface {
	Lines(q Question) []string
}

// Teller is an [Asker] with a place for news that need no answer: the terminal.
type Teller interface {
	Tell(news string)
}

func errDeclined() error { return fault.New(fault.Declined, "you declined at the bridge's prompt") }

// word is what the person types to say yes.
func (q Question) word() string {
	if q.Word != "" {
		return q.Word
	}
	return Word
}

// judge turns the word that the person typed into the answer.
func (q Question) judge(word []byte) error {
	word = bytes.ToLower(bytes.TrimSpace(word))
	switch {
	case bytes.Equal(word, []byte(q.word())):
		return nil
	case q.Site != "" && bytes.Equal(word, []byte(BlockWord)):
		return fault.New(fault.SiteBlocked, "you blocked this site at the bridge's prompt")
	}
	return errDeclined()
}

// howTo says how to answer.
func (q Question) howTo() string {
	s := "Type " + q.word() + " to approve"
	switch q.word() {
	case RejectWord:
		s = "Type " + RejectWord + " to sign the rejection, which is final"
	case SendWord:
		s = "Type " + SendWord + " to sign the request and send it"
	}
	s += "; anything else declines."
	if q.Site != "" {
		return "Type " + BlockWord + " to block " + Line(q.Site) + ".\n" + s
	}
	return s
}

// errEnded is the error for a question whose context ended.
func errEnded(ctx context.Context) error {
	if context.Cause(ctx) == context.DeadlineExceeded {
		return fault.Wrap(context.Cause(ctx), fault.Timeout, "the bridge's prompt was not answered in time")
	}
	return fault.Wrap(context.Cause(ctx), fault.Cancelled, "the prompt was closed because its request is gone")
}

// whyEnded says the same to the person at the prompt.
func whyEnded(ctx context.Context) string {
	cause := context.Cause(ctx)
	if f, ok := fault.As(cause); ok {
		return Line(f.Message)
	}
	if cause == context.DeadlineExceeded {
		return "the prompt was not answered in time"
	}
	return "the request is gone"
}
