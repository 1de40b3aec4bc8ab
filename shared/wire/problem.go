package wire

import "countersign/shared/fault"

// Problem is the body of every answer that is not a success.
type Problem struct {
	Error ProblemError `json:"error"`
}

// ProblemError says what went wrong. Code is of the closed set of shared/fault.
type ProblemError struct {
	Code      fault.Code        `json:"code"`
	Message   string            `json:"message"`
	Details   map[string]string `json:"details,omitempty"`
	RequestID string            `json:"request_id,omitempty"` // names the answer in the gateway's log
}

// Fault is the problem as an error. An unknown code becomes INTERNAL_ERROR.
func (p Problem) Fault() *fault.Error {
	code := p.Error.Code
	if !fault.Known(code) {
		code = fault.Internal
	}
	e := fault.New(code, p.Error.Message)
	for k, v := range p.Error.Details {
		e = e.With(k, v)
	}
	return e
}
