package hsm

import (
	"testing"

	"countersign/shared/fault"
	"countersign/shared/jws"
	faults "countersign/softhsm/fault"
)

// The key is there, and nobody has seen its public half: the next call returns that one,
// and makes no second.
func TestAKeyThatWasMadeBeforeALogoutIsReturnedAfterThePIN(t *testing.T) {
	for _, function := range []string{"C_GetAttributeValue", "C_SignInit", "C_Sign"} {
		t.Run(function, func(t *testing.T) {
			a := disturb(t)
			template := Template{Curve: jws.P256, Label: "new", Sign: true, Hidden: true}
			release := a.Hang(function)
			done := make(chan error, 1)
			go func() { _, err := a.token.Generate(t.Context(), template); done <- err }()
			if err := a.Entered(t.Context(), function); err != nil {
				t.Fatal(err)
			}
			a.logout(t)
			release()
			if err := soon(t, "making the key", done); fault.CodeOf(err) != fault.PINRequired || !a.token.Locked() {
				t.Fatalf("%v, want PIN_REQUIRED", err)
			}
			a.login(t)
			other := template
			other.Derive = true
			if _, err := a.token.Generate(t.Context(), other); fault.CodeOf(err) != fault.Conflict {
				t.Errorf("for another use: %v, want CONFLICT", err)
			}
			key, err := a.token.Generate(t.Context(), template)
			if err != nil || !key.Proven() {
				t.Fatalf("after the PIN: %v", err)
			}
			if pairs, _, err := a.token.Pairs(t.Context(), "new"); err != nil || len(pairs) != 1 || pairs[0].Key != key || pairs[0].Origin.Unlike(template) != "" {
				t.Errorf("%+v, %v", pairs, err)
			}
			if _, err := a.token.Generate(t.Context(), template); fault.CodeOf(err) != fault.Conflict {
				t.Errorf("once more: %v, want CONFLICT", err)
			}
		})
	}
}

func TestALogoutByAnotherPartOfTheProgramShowsInTheState(t *testing.T) {
	a := disturb(t)
	if s := a.token.State(); s.Locked {
		t.Fatalf("%+v", s)
	}
	a.Set(faults.Logout())
	if s := a.token.State(); !s.Locked || !s.Present {
		t.Errorf("%+v", s)
	}
	a.login(t)
	if err := a.sign(); err != nil {
		t.Error(err)
	}
}
