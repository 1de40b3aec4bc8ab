package fault

// Body is an error as one party tells it to another in JSON: the code, the message
// that is safe to show, and details for programs. Each protocol says in which of its
// fields it stands, and what else stands beside it.
type Body struct {
	Code    Code              `json:"code"`
	Message string            `json:"message"`
	Details map[string]string `json:"details,omitempty"`
}

// BodyOf is what err tells another party. An error that carries no code tells unknown
// under [Internal]: its text is for the log.
func BodyOf(err error, unknown string) Body {
	f, ok := As(err)
	if !ok {
		return Body{Code: Internal, Message: unknown}
	}
	return Body{f.Code, f.Message, f.Details}
}

// Fault is the error that another party told. A code that this version does not know
// becomes [Internal] and keeps its name in the detail "code".
func (b Body) Fault() *Error {
	f := &Error{Code: b.Code, Message: b.Message, Details: b.Details}
	if !Known(b.Code) {
		f = f.With("code", string(b.Code))
		f.Code = Internal
	}
	return f
}
