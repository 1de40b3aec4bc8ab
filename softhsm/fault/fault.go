// Package fault disturbs a PKCS#11 module on purpose. [Install] puts a small
// module in front of a real one; programs load it in its place, in this process
// or in others, and a test changes what goes wrong while they run: the token
// vanishes and returns, calls fail, hang or crash, signatures and lengths lie,
// PINs lock. A [Fault] is one line of the control file that the module reads
// before each call; README.md has the table of them, for a person who writes the
// file by hand.
package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is one thing that goes wrong. The functions of this package make them;
// [Fault.After], [Fault.Times], [Fault.Late] and [Fault.Attribute] say when and
// where. The zero Fault is not one.
type Fault struct {
	verb      string
	function  string // whose calls it disturbs; empty: the token as a whole
	arguments []string
	after     int
	times     int
	late      bool
	attribute string
	text      string // the rest of the line
	id        int    // tells a fault from an equal one that was used up
}

func call(verb, function string, arguments ...string) Fault {
	return Fault{verb: verb, function: function, arguments: arguments}
}

func number(n uint) string { return fmt.Sprintf("%#x", n) }

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// Fail makes calls of a function, such as "C_Sign", return a CKR code. The
// function "*" is any function; it works with all faults that name one.
func Fail(function string, code uint) Fault { return call("fail", function, number(code)) }

// Delay makes calls of a function wait.
func Delay(function string, d time.Duration) Fault { return call("delay", function, milliseconds(d)) }

// Hang makes calls of a function wait until the fault is taken away, for ever if
// it never is.
func Hang(function string) Fault { return call("hang", function) }

// Crash ends the process with SIGSEGV in a call of a function: before the real
// call is made, or with [Fault.Late] after it.
func Crash(function string) Fault { return call("crash", function) }

// Garbage replaces what a function wrote: the strings of C_GetTokenInfo,
// C_GetSlotInfo and C_GetInfo by bytes that are not text, the output of C_Sign and
// the values of C_GetAttributeValue by other bytes of the same length.
func Garbage(function string) Fault { return call("garbage", function) }

// Length makes a function say that it wrote n bytes or entries. Nothing is
// written beyond the buffer that the caller gave; whether the caller reads beyond
// it is the question. -1 is CK_UNAVAILABLE_INFORMATION.
func Length(function string, n int) Fault { return call("length", function, strconv.Itoa(n)) }

// Room makes a function say that its output needs n bytes or entries, when it is
// asked for the length with a NULL buffer.
func Room(function string, n int) Fault { return call("room", function, strconv.Itoa(n)) }

// HighS gives signatures the larger of the two values of s that verify.
func HighS() Fault { return call("signature", "", "high-s") }

// LowS gives signatures the smaller of the two values of s that verify.
func LowS() Fault { return call("signature", "", "low-s") }

// WrongSignature flips a bit of each signature.
func WrongSignature() Fault { return call("signature", "", "flip") }

// ZeroSignature makes r and s zero.
func ZeroSignature() Fault { return call("signature", "", "zero") }

// Serial makes the token do one thing at a time, each for d, as hardware does: in
// all processes together.
func Serial(d time.Duration) Fault { return call("serial", "", milliseconds(d)) }

// DuplicateSessions gives callers that open sessions within the window the same
// handle, as one TPM module does.
func DuplicateSessions(window time.Duration) Fault {
	return call("duplicate-sessions", "", milliseconds(window))
}

// PINTries locks the user's PIN after n wrong ones. They are counted in all
// processes together, and stay counted when the process ends.
func PINTries(n int) Fault { return call("pin-tries", "", strconv.Itoa(n)) }

// PINLeft says, once, how many of [PINTries] are left.
func PINLeft(n int) Fault { return call("pin-left", "", strconv.Itoa(n)) }

// PINPad gives the token a pad of its own: C_Login without a PIN waits for as
// long as a person types, and then uses pin.
func PINPad(pin string, typing time.Duration) Fault {
	return Fault{verb: "pin-pad", arguments: []string{milliseconds(typing)}, text: pin}
}

// NoPIN makes it a token that needs no PIN (CKF_LOGIN_REQUIRED is not set): pin is the one
// that the module gives the real token with each session.
func NoPIN(pin string) Fault { return Fault{verb: "no-pin", text: pin} }

// AlwaysAuth makes the private keys of a label ask for the PIN at each signature
// (CKA_ALWAYS_AUTHENTICATE).
func AlwaysAuth(label string) Fault { return Fault{verb: "always-auth", text: label} }

// Lacks hides a mechanism, and refuses it with CKR_MECHANISM_INVALID.
func Lacks(mechanism uint) Fault { return call("lacks", "", number(mechanism)) }

// Flags sets more flags in CK_TOKEN_INFO.
func Flags(flags uint) Fault { return call("flags", "", number(flags)) }

// Info replaces a string of CK_TOKEN_INFO, as when another token was put in: the
// field is "label", "manufacturer", "model" or "serial".
func Info(field, text string) Fault {
	return Fault{verb: "info", arguments: []string{field}, text: text}
}

// Slots shows the slots under other numbers: n more than the real ones. Tokens that
// are pulled and put back change theirs.
func Slots(n uint) Fault { return call("slots", "", number(n)) }

// Removed says what calls on a session get while the token is away; without it
// that is CKR_DEVICE_REMOVED.
func Removed(code uint) Fault { return call("removed", "", number(code)) }

// Logout logs the user out at the next call, once, as another part of the
// program or a screen lock does.
func Logout() Fault { return call("logout", "") }

// CloseSessions closes all sessions at the next call, once.
func CloseSessions() Fault { return call("close-sessions", "") }

// After lets n calls pass before the fault begins.
func (f Fault) After(n int) Fault { f.after = n; return f }

// Times ends the fault after n calls. Without it, it does not end.
func (f Fault) Times(n int) Fault { f.times = n; return f }

// Late makes the real call first, and disturbs what comes of it: the work was
// done, and the caller does not learn it.
func (f Fault) Late() Fault { f.late = true; return f }

// Attribute limits [Length], [Room] and [Garbage] of C_GetAttributeValue to one
// attribute, such as 0x180 for CKA_EC_POINT.
func (f Fault) Attribute(cka uint) Fault { f.attribute = number(cka); return f }

// endWithText are the verbs whose line ends with a text.
var endWithText = []string{"pin-pad", "no-pin", "always-auth", "info"}

// String is the fault's line in the control file.
func (f Fault) String() string {
	words := []string{f.verb}
	if f.function != "" {
		words = append(words, f.function)
	}
	words = append(words, f.arguments...)
	if f.attribute != "" {
		words = append(words, "attribute", f.attribute)
	}
	if f.after > 0 {
		words = append(words, "after", strconv.Itoa(f.after))
	}
	if f.times > 0 {
		words = append(words, "times", strconv.Itoa(f.times))
	}
	if f.late {
		words = append(words, "late")
	}
	switch {
	case f.text != "":
		words = append(words, f.text)
	case f.id > 0 && !slices.Contains(endWithText, f.verb): // which would be the text
		words = append(words, "id", strconv.Itoa(f.id))
	}
	return strings.Join(words, " ")
}

// outputs are the functions whose outputs a fault can change.
var outputs = map[string][]string{
	"garbage": {"C_GetInfo", "C_GetSlotInfo", "C_GetTokenInfo", "C_GetAttributeValue", "C_Sign", "C_SignFinal"},
	"length":  {"C_GetSlotList", "C_GetMechanismList", "C_GetAttributeValue", "C_FindObjects", "C_Sign", "C_SignFinal"},
	"room":    {"C_GetSlotList", "C_GetMechanismList", "C_GetAttributeValue", "C_Sign", "C_SignFinal"},
}

// check says what the module would not understand, at the place where the fault
// was made and not in the middle of a test.
func (f Fault) check() error {
	switch {
	case f.verb == "":
		return fmt.Errorf("the zero Fault is not a fault")
	case f.function != "" && f.function != "*" && !slices.Contains(functions(), f.function):
		return fmt.Errorf("%q is not a function of PKCS#11 v2.40", f.function)
	case outputs[f.verb] != nil && !slices.Contains(outputs[f.verb], f.function):
		return fmt.Errorf("%s works with %s", f.verb, strings.Join(outputs[f.verb], ", "))
	case strings.ContainsAny(f.text, "\r\n"):
		return fmt.Errorf("%s: a text cannot hold a line break", f.verb)
	case f.text != "" && strings.TrimSpace(f.text) != f.text:
		return fmt.Errorf("%s: a text cannot begin or end with a blank", f.verb)
	case f.late && !slices.Contains([]string{"fail", "delay", "hang", "crash"}, f.verb):
		return fmt.Errorf("%s cannot be late", f.verb)
	}
	return nil
}
