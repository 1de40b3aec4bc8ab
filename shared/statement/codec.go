package statement

import (
	"errors"

	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/strictjson"
)

// Encode returns the canonical bytes of a statement, which is what is signed. It
// fails with STATEMENT_INVALID, details field, when the statement breaks a rule
// that [Decode] would hold against it.
func Encode[T Statement](s T) ([]byte, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	b, err := strictjson.Canonical(s)
	if err != nil {
		return nil, fault.Wrap(err, fault.StatementInvalid, "the statement cannot be written")
	}
	if len(b) > MaxSize {
		return nil, invalid("", "is too long")
	}
	return b, nil
}

// Decode reads the canonical bytes of a statement and checks every field that
// can be checked alone. It fails with STATEMENT_INVALID; details field names the
// field where one is to blame. For whatever it accepts, Encode gives back the
// same bytes.
func Decode[T Statement](data []byte) (T, error) {
	var s, none T
	if err := strictjson.UnmarshalCanonical(data, &s, MaxSize); err != nil {
		e := fault.Wrap(err, fault.StatementInvalid, "the statement was refused: "+reason(err))
		if f, ok := fault.As(err); ok && f.Details["field"] != "" {
			e = e.With("field", f.Details["field"])
		}
		return none, e
	}
	if err := s.check(); err != nil {
		return none, err
	}
	return s, nil
}

func reason(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Message
	}
	return "it is not valid JSON"
}

func invalid(field, why string) error {
	if field == "" {
		return fault.New(fault.StatementInvalid, "the statement "+why)
	}
	return &refusal{fault.New(fault.StatementInvalid, "the statement was refused: "+field+" "+why).With("field", field), why}
}

// refusal is the refusal of a statement because of a field, and why.
type refusal struct {
	fault *fault.Error
	why   string
}

func (r *refusal) Error() string { return r.fault.Error() }
func (r *refusal) Unwrap() error { return r.fault }

// Blames returns the field that a refusal of a statement blames, and why, as a sentence
// about the field; ok is false when err blames none.
func Blames(err error) (p field.Problem, ok bool) {
	var r *refusal
	if ok = errors.As(err, &r); ok {
		p = field.Problem{Field: r.fault.Details["field"], Why: r.why}
	}
	return p, ok
}
