// Package approvals is the approve flow as a state machine: which step a
// decision has reached, what the page says meanwhile, and, when it stops, what
// happened, what was not done, and what to do next. Pure; the steps themselves
// are made by wasm/internal/relay. Used by wasm/internal/app.
package approvals

import (
	"countersign/shared/fault"
)

// Stage is how far a decision has come.
type Stage int

// The stages, in their order.
const (
	Connect  Stage = iota // reach the bridge
	Pair                  // compare the code; only with a bridge that is new to this page
	Channel               // the bridge and the signer agree on an end-to-end channel, with a key in the device
	PIN                   // so a locked device asks for its PIN first
	Read                  // the person reads the statement in the bridge's prompt
	Signed                // signed inside the device, on its way to the signer
	Verified              // the signer verified and recorded it
)

// Flow is one decision about one request, or about several at once.
type Flow struct {
	Request  string // empty for several
	Items    []Item // of several
	Step     int    // of the request, when the decision began
	Decision string // APPROVE, REJECT or INITIATE
	Member   string
	Name     string // of the member
	Device   string // label of the token
	Stage    Stage
	Paired   bool   // this page already knows the bridge
	Code     string // to compare, while pairing
	Ask      string // what the last prompt of this stage asked for: "pairing", "pin" or "confirm"
	Where    string // where it is: "pinentry", "terminal" or "reader"; empty while there is none
	AskedPIN bool
	Wrong    bool   // the PIN that was typed before the open prompt was wrong
	Shown    string // the lines of the open prompt, as the bridge tells them
	Text     string // what the person read, once signed
	State    string // the request's state after the receipt
	Done     int    // approvals that count, after the receipt; of several: items that are over
	Needed   int    // approvals that are needed; of several: items that were listed
	Err      *fault.Error
	Stopping bool // the person asked to cancel
}

// Advance moves to a later stage; a late message never moves it back.
func (f Flow) Advance(to Stage) Flow {
	if to > f.Stage {
		f.Stage, f.Ask = to, ""
	}
	return f
}

// Prompt notes that the bridge's prompt opened.
func (f Flow) Prompt(kind, where string) Flow {
	stage := Read
	switch kind {
	case "pairing":
		stage = Pair
	case "pin":
		f.AskedPIN = true
		stage = PIN
	}
	f.Shown = ""
	if f = f.Advance(stage); f.Stage < Signed || len(f.Items) > 0 { // a device may ask before each of several
		f.Ask, f.Where = kind, where
	}
	return f
}

// Showing notes what the open prompt shows.
func (f Flow) Showing(text string) Flow {
	if f.Where != "" && f.Ask == "confirm" {
		f.Shown = text
	}
	return f
}

// PromptClosed notes that no prompt is open.
func (f Flow) PromptClosed() Flow {
	f.Where, f.Shown = "", ""
	return f
}

// Fail ends the flow.
func (f Flow) Fail(err error) Flow {
	e := asFault(err)
	switch e.Code {
	case fault.PINIncorrect, fault.PINLocked, fault.PINRequired:
		f = f.Prompt("pin", "")
	}
	f.Err, f.Where, f.Shown, f.Stopping = e, "", "", false
	return f
}

func asFault(err error) *fault.Error {
	e, ok := fault.As(err)
	if !ok {
		e = fault.Wrap(err, fault.Internal, "something went wrong in this page")
	}
	return e
}

// Over reports whether nothing more will happen.
func (f Flow) Over() bool { return f.Err != nil || f.Stage == Verified }

// CanCancel reports whether giving up still means that nothing is signed.
func (f Flow) CanCancel() bool { return !f.Over() && f.Stage < Signed && !f.Stopping }

// Status is how a step stands.
type Status int

// The statuses of a step.
const (
	Waiting Status = iota
	Current
	Done
	Failed
)

// Step is one step as the page shows it.
type Step struct {
	Title  string
	Text   string
	Status Status
}

// Steps is the visible line. A device that has locked itself again asks for its
// PIN once more after reading: that step is the current one again.
func (f Flow) Steps() []Step {
	type row struct {
		from, to         Stage
		title, now, done string
	}
	where := "on this computer"
	switch f.Where {
	case "terminal":
		where = "in the bridge's terminal"
	case "reader":
		where = "on the reader's pad"
	}
	rows := []row{{Connect, Connect, "Connect", "Reaching the bridge on this computer.", "Bridge reached"}}
	if !f.Paired || f.Code != "" {
		rows = append(rows, row{Pair, Pair, "Pair", "Compare the code " + where + ".", "Same code on both sides"})
	}
	pin, unlocked := "The device opens the line to the signer.", "Unlocked already"
	if f.AskedPIN {
		pin, unlocked = "Unlocked. The signer sends the statement.", "Device unlocked"
	}
	at := f.Stage
	if f.Ask == "pin" {
		at = PIN
		if f.Where != "" {
			pin = "Type it " + where + "."
		} else if f.Stage > PIN {
			pin = unlocked
		}
	}
	rows = append(rows,
		row{Channel, PIN, "PIN", pin, unlocked},
		row{Read, Read, "Read on the bridge", "Read it " + where + " and decide there.", "Read and confirmed"},
		row{Signed, Signed, "Signed", f.signed("Signed inside the device. The signer checks it."), f.signed("Signed inside the device")},
		row{Verified, Verified, "Verified by the signer", f.verified(), f.verified()})
	steps := make([]Step, len(rows))
	for i, r := range rows {
		s := Step{Title: r.title}
		switch {
		case at >= r.from && at <= r.to && at != Verified:
			s.Status, s.Text = Current, r.now
			if f.Err != nil {
				s.Status, s.Text = Failed, "Stopped here"
			}
		case f.Stage >= r.from:
			s.Status, s.Text = Done, r.done
		}
		steps[i] = s
	}
	return steps
}

// signed is the text of the step in which several are counted.
func (f Flow) signed(one string) string {
	if len(f.Items) == 0 || f.Stage == Verified {
		return one
	}
	return f.count() + " inside the device"
}

func (f Flow) verified() string {
	if f.Stage != Verified {
		return ""
	}
	switch f.Decision {
	case "REJECT":
		return "Rejection recorded"
	case "INITIATE":
		return "Sent to those who decide"
	}
	return f.count()
}

// count is how many of what: of several, requests are counted, and of one its approvals.
func (f Flow) count() string {
	what := " approvals"
	if len(f.Items) > 0 {
		what = " requests"
	}
	return itoa(f.Done) + " of " + itoa(f.Needed) + what
}

func itoa(n int) string {
	if n < 0 {
		return "-" + itoa(-n)
	}
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + itoa(n%10)
}
