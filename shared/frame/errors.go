package frame

import (
	"unicode/utf8"

	"countersign/shared/fault"
)

// The numbers of JSON-RPC 2.0 §5.1. They are there for generic tools; programs
// of this protocol look at Data.Code.
const (
	codeNoMethod = -32601
	codeParams   = -32602
	codeServer   = -32000
)

// The limits of an error object.
const (
	MaxErrorMessage = 1000 // bytes
	MaxDetails      = 16   // entries
	MaxDetail       = 1000 // bytes of a name, and of a value
)

// Error is the error object of a reply.
type Error struct {
	Code    int       `json:"code"`
	Message string    `json:"message"`
	Data    ErrorData `json:"data"`
}

// ErrorData says in the project's own codes what went wrong.
type ErrorData struct {
	Code    fault.Code        `json:"code"`
	Details map[string]string `json:"details,omitempty"`
}

// FromFault makes the error object of err. An error that carries no code becomes
// INTERNAL_ERROR with a fixed message: its text is for the log.
func FromFault(err error) *Error {
	f, ok := fault.As(err)
	if !ok {
		f = fault.New(fault.Internal, "something went wrong in the bridge; its log says what")
	}
	e := &Error{Code: number(f.Code), Message: clip(f.Message, MaxErrorMessage), Data: ErrorData{Code: f.Code}}
	for k, v := range f.Details {
		if len(e.Data.Details) == MaxDetails {
			break
		}
		if e.Data.Details == nil {
			e.Data.Details = map[string]string{}
		}
		e.Data.Details[clip(k, MaxDetail)] = clip(v, MaxDetail)
	}
	return e
}

// Fault is the error that the other end reported. A code that this version does
// not know becomes INTERNAL_ERROR and keeps its name in the detail "code".
func (e *Error) Fault() *fault.Error {
	code := e.Data.Code
	if !fault.Known(code) {
		code = fault.Internal
	}
	f := fault.New(code, e.Message)
	for k, v := range e.Data.Details {
		f = f.With(k, v)
	}
	if code != e.Data.Code {
		f = f.With("code", string(e.Data.Code))
	}
	return f
}

// check holds the limits; empty details become absent ones, so that an error has
// one form.
func (e *Error) check() error {
	if len(e.Data.Details) == 0 {
		e.Data.Details = nil
	}
	ok := len(e.Message) <= MaxErrorMessage && len(e.Data.Details) <= MaxDetails && validCode(string(e.Data.Code))
	for k, v := range e.Data.Details {
		ok = ok && k != "" && len(k) <= MaxDetail && len(v) <= MaxDetail
	}
	if !ok {
		return fault.New(fault.Invalid, "the error object is not valid")
	}
	return nil
}

func validCode(s string) bool {
	for i := range len(s) {
		if (s[i] < 'A' || s[i] > 'Z') && s[i] != '_' {
			return false
		}
	}
	return s != "" && len(s) <= MaxMethod
}

func number(c fault.Code) int {
	switch c {
	case fault.Method:
		return codeNoMethod
	case fault.Invalid:
		return codeParams
	}
	return codeServer
}

// clip shortens s to at most n bytes of whole, valid characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
