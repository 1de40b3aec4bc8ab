package bridgeclient

import (
	"context"
	"errors"

	"countersign/shared/fault"
	"countersign/shared/frame"
)

// Problem says in one word why there is no connection, for the page to choose
// its words and its next step.
type Problem string

// The problems.
const (
	NotRunning     Problem = "not running"     // nobody listens, or nobody who answers this page
	NotAsked       Problem = "not asked"       // the browser would ask the person, who did nothing yet
	Unanswered     Problem = "unanswered"      // the person closed the browser's question
	Denied         Problem = "denied"          // the person told the browser no
	Blocked        Problem = "blocked"         // a policy of the browser forbids it, and nobody is asked
	Misbuilt       Problem = "misbuilt"        // the page's own content security policy forbids it
	Unsupported    Problem = "unsupported"     // this browser never lets a page reach this computer
	NotThere       Problem = "not there"       // no bridge has this name at the gateway
	NoLine         Problem = "no line"         // it answers GET /health, and its WebSocket does not open
	NotAdmitted    Problem = "not admitted"    // the bridge's list of origins lacks this page
	Refused        Problem = "refused"         // the bridge answered and closed: see the code
	NotPaired      Problem = "not paired"      // a call before the pairing was accepted
	PairingRefused Problem = "pairing refused" // the person said no, or the codes differ
	OtherProgram   Problem = "other program"   // what listens there is not a bridge
	WrongVersion   Problem = "wrong version"   // page and bridge are too far apart in age
	KeyChanged     Problem = "key changed"     // a bridge, but not the one of the last visit
	Lost           Problem = "lost"            // the connection ended
	Closed         Problem = "closed"          // by the page itself
	Stopped        Problem = "stopped"         // the caller's context ended
)

// kind is what a search does about a problem.
type kind struct {
	problem   Problem
	tells     int  // how much it says when nothing better is found; 0 ends the search
	elsewhere bool // another route may lead to the bridge: it is not here, or the page may not look
}

var kinds = [...]kind{
	{NotRunning, 1, true}, {Misbuilt, 2, true}, {OtherProgram, 3, true}, {WrongVersion, 4, false},
	{NotThere, 1, true}, {NoLine, 5, true}, {NotAdmitted, 6, true}, {KeyChanged, 7, true},
	{Unanswered, 0, true}, {Denied, 0, true}, {Blocked, 0, true}, {Unsupported, 0, true},
}

// Elsewhere reports whether another route may lead to the bridge.
func (p Problem) Elsewhere() bool { return p.kind().elsewhere }

func (p Problem) kind() kind {
	for _, k := range kinds {
		if k.problem == p {
			return k
		}
	}
	return kind{}
}

// Error is why there is no connection. Its Fault has the code and a sentence
// that may be shown.
type Error struct {
	Problem Problem
	Fault   *fault.Error
}

func (e *Error) Error() string { return "bridge: " + string(e.Problem) + ": " + e.Fault.Error() }

// Unwrap returns the fault, so that fault.CodeOf works.
func (e *Error) Unwrap() error { return e.Fault }

// ProblemOf is the problem in err's chain, or empty.
func ProblemOf(err error) Problem {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Problem
	}
	return ""
}

func ctxError(ctx context.Context) *fault.Error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.Wrap(ctx.Err(), fault.Timeout, "the bridge did not answer in time")
	}
	return fault.Wrap(ctx.Err(), fault.Cancelled, "the request to the bridge was cancelled")
}

func stopped(ctx context.Context) *Error {
	return &Error{Stopped, ctxError(ctx)}
}

func dialError(ctx context.Context, err error) *Error {
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	return &Error{NotRunning, fault.Wrap(err, fault.Unavailable, "no bridge answers on this computer, or it does not admit this page")}
}

// handshakeError is why the handshake did not end in a link.
func handshakeError(ctx context.Context, socket Socket, err error) *Error {
	if own := (*Error)(nil); errors.As(err, &own) {
		return own
	}
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	if e := closeReason(socket, err); e != nil {
		return e
	}
	switch fault.CodeOf(err) {
	case fault.Version:
		return &Error{WrongVersion, asFault(err)}
	case fault.BridgeKeyChanged:
		return &Error{KeyChanged, asFault(err)}
	}
	return &Error{OtherProgram, fault.Wrap(err, fault.RecordInvalid, "the program on the bridge's port is not a bridge")}
}

// lost is the end of a connection that worked.
func lost(socket Socket, err error) *Error {
	if e := closeReason(socket, err); e != nil {
		return e
	}
	return &Error{Lost, fault.Wrap(err, fault.Unavailable, "the connection to the bridge ended")}
}

// broken is a message that a bridge would not send.
func broken(err error) *Error {
	return &Error{OtherProgram, fault.Wrap(err, fault.RecordInvalid, "what arrived from the bridge is not valid")}
}

// refused is an authenticated refusal.
func refused(f *fault.Error) *Error {
	switch f.Code {
	case fault.PairingRefused:
		return &Error{PairingRefused, f}
	case fault.Version:
		return &Error{WrongVersion, f}
	case fault.OriginRefused:
		return &Error{NotAdmitted, f}
	}
	return &Error{Refused, f}
}

// closeReason reads the code in a close frame. Anybody on the port could have
// sent it, so it chooses the words of a message and nothing else.
func closeReason(socket Socket, err error) *Error {
	number, reason := socket.CloseReason()
	if number != frame.CloseCode {
		return nil
	}
	code := fault.Code(reason)
	if !fault.Known(code) {
		code = fault.Unavailable
	}
	message := "the bridge closed the connection"
	switch code {
	case fault.OriginRefused:
		message = "the bridge does not admit this page"
	case fault.Version:
		message = "page and bridge speak different versions: update the older one"
	case fault.Limited, fault.Busy:
		message = "the bridge is busy: try again in a minute"
	case fault.PairingRefused:
		message = "the pairing was declined at the bridge"
	case fault.Timeout: // the computer slept, or one of the two was stopped
		return &Error{Lost, fault.Wrap(err, code, "the bridge has not heard this page for too long")}
	}
	return refused(fault.Wrap(err, code, message))
}

func asFault(err error) *fault.Error {
	if f, ok := fault.As(err); ok {
		return f
	}
	return fault.Wrap(err, fault.Internal, "something went wrong in the page")
}
