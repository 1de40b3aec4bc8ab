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
	Channel               // the bridge and the signer agree on an end-to-end channel
	Read                  // the person reads the statement in the bridge's prompt
	PIN                   // the device asks for its PIN; only when it is locked
	Signed                // signed inside the device, on its way to the signer
	Verified              // the signer verified and recorded it
)

// Flow is one decision about one request.
type Flow struct {
	Request  string
	Decision string // APPROVE or REJECT
	Member   string
	Name     string // of the member
	Device   string // label of the token
	Stage    Stage
	Paired   bool   // this page already knows the bridge
	Code     string // to compare, while pairing
	Where    string // where the prompt is: "pinentry" or "terminal"; empty while there is none
	AskedPIN bool
	Text     string // what the person read, once signed
	State    string // the request's state after the receipt
	Done     int    // approvals that count, after the receipt
	Needed   int
	Err      *fault.Error
	Stopping bool // the person asked to cancel
}

// Advance moves to a later stage; a late message never moves it back.
func (f Flow) Advance(to Stage) Flow {
	if to > f.Stage {
		f.Stage = to
	}
	return f
}

// Prompt notes that the bridge's prompt opened.
func (f Flow) Prompt(kind, where string) Flow {
	f.Where = where
	switch kind {
	case "pairing":
		return f.Advance(Pair)
	case "pin":
		f.AskedPIN = true
		return f.Advance(PIN)
	}
	return f.Advance(Read)
}

// PromptClosed notes that no prompt is open.
func (f Flow) PromptClosed() Flow {
	f.Where = ""
	return f
}

// Fail ends the flow.
func (f Flow) Fail(err error) Flow {
	e, ok := fault.As(err)
	if !ok {
		e = fault.Wrap(err, fault.Internal, "something went wrong in this page")
	}
	switch e.Code {
	case fault.PINIncorrect, fault.PINLocked, fault.PINRequired:
		f.AskedPIN = true
		f = f.Advance(PIN)
	}
	f.Err, f.Where, f.Stopping = e, "", false
	return f
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

// Steps is the visible line. Steps that this decision does not need are left
// out once that is known.
func (f Flow) Steps() []Step {
	type row struct {
		stages []Stage
		title  string
		now    string
		done   string
	}
	where := "on this computer"
	if f.Where == "terminal" {
		where = "in the bridge's terminal"
	}
	rows := []row{{[]Stage{Connect}, "Connect", "Reaching the bridge on this computer.", "Bridge reached"}}
	if !f.Paired || f.Stage == Pair {
		rows = append(rows, row{[]Stage{Pair}, "Pair", "Compare the code " + where + ".", "Same code on both sides"})
	}
	rows = append(rows, row{[]Stage{Channel, Read}, "Read on the bridge", f.reading(where), "Read and confirmed"})
	if f.AskedPIN || f.Stage < Signed {
		text := "Only if the device is locked."
		if f.Stage == PIN {
			text = "Type the PIN " + where + ". This page never sees it."
		}
		rows = append(rows, row{[]Stage{PIN}, "PIN", text, "Device unlocked"})
	}
	rows = append(rows,
		row{[]Stage{Signed}, "Signed", "Signed inside the device. The signer checks it.", "Signed inside the device"},
		row{[]Stage{Verified}, "Verified by the signer", f.verified(), f.verified()})
	steps := make([]Step, len(rows))
	for i, r := range rows {
		s := Step{Title: r.title}
		last := r.stages[len(r.stages)-1]
		switch {
		case f.Stage > last || f.Stage == Verified:
			s.Status, s.Text = Done, r.done
		case f.Stage >= r.stages[0]:
			s.Status, s.Text = Current, r.now
			if f.Err != nil {
				s.Status, s.Text = Failed, "Stopped here"
			}
		}
		steps[i] = s
	}
	return steps
}

func (f Flow) reading(where string) string {
	if f.Stage == Channel {
		return "The signer sends the statement straight to the bridge."
	}
	return "Read it " + where + " and decide there."
}

func (f Flow) verified() string {
	if f.Stage != Verified {
		return ""
	}
	if f.Decision == "REJECT" {
		return "Rejection recorded"
	}
	return itoa(f.Done) + " of " + itoa(f.Needed)
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
