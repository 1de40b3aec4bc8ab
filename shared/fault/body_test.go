package fault

import (
	"errors"
	"maps"
	"testing"
)

func TestABodyTellsWhatIsMeantToBeShownAndNothingElse(t *testing.T) {
	t.Parallel()
	secret := errors.New("secret")
	f := Wrap(secret, Busy, "later").With("retry_after", "3")
	b := BodyOf(Annotate(f, "ask"), "unknown")
	if b.Code != Busy || b.Message != "later" || !maps.Equal(b.Details, map[string]string{"retry_after": "3"}) {
		t.Errorf("%+v", b)
	}
	if got := b.Fault(); got.Code != Busy || got.Message != "later" || got.Details["retry_after"] != "3" || errors.Unwrap(got) != nil {
		t.Errorf("%+v", got)
	}
	if b := BodyOf(secret, "something went wrong"); b.Code != Internal || b.Message != "something went wrong" || b.Details != nil {
		t.Errorf("%+v", b)
	}
}

func TestACodeThatIsNotKnownIsInternalAndKeepsItsName(t *testing.T) {
	t.Parallel()
	details := map[string]string{"a": "b"}
	got := Body{Code: "LATER", Message: "x", Details: details}.Fault()
	if got.Code != Internal || got.Message != "x" || got.Details["code"] != "LATER" || got.Details["a"] != "b" || len(details) != 1 {
		t.Errorf("%+v, %v", got, details)
	}
}
