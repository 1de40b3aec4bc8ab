package wire

import "countersign/shared/fault"

// Problem is the body of every answer that is not a success.
type Problem struct {
	Error ProblemError `json:"error"`
}

// ProblemError says what went wrong.
type ProblemError struct {
	fault.Body
	RequestID string `json:"request_id,omitempty"` // names the answer in the gateway's log
}

// Fault is the problem as an error. An unknown code becomes INTERNAL_ERROR.
func (p Problem) Fault() *fault.Error { return p.Error.Fault() }
