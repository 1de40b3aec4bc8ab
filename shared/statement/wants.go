package statement

import (
	"countersign/shared/fault"
	"countersign/shared/field"
	"countersign/shared/intent"
)

// Wants opens the intent of an approval. It fails with STATEMENT_INVALID, details
// field, or INTENT_UNSUPPORTED.
func (a Approval) Wants() (intent.Intent, error) {
	i, err := intent.Draft(a.Intent)
	if err != nil {
		f, _ := fault.As(err)
		if f == nil {
			return nil, err
		}
		if f.Code == fault.IntentUnsupported {
			return nil, fault.New(f.Code, f.Message).With("field", "intent."+f.Details["field"])
		}
		return nil, within("intent", &field.Problem{Field: f.Details["field"], Why: "was refused: " + f.Message})
	}
	return i, within("intent", i.CheckFields())
}

// CheckNow holds the intent of an approval against the tables of today, as whoever
// signs must. It fails as [Approval.Wants] does.
func (a Approval) CheckNow() error {
	i, err := a.Wants()
	if err != nil {
		return err
	}
	return within("intent", i.CheckNow())
}

// within is a problem of what a statement holds as a refusal of the statement.
func within(outer string, err error) error {
	if p, ok := err.(*field.Problem); ok {
		p = p.At(outer)
		return invalid(p.Field, p.Why)
	}
	return err
}
