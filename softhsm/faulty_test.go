package softhsm

import (
	"strings"
	"testing"

	"github.com/miekg/pkcs11"
)

func TestAFaultyTokenIsAloneInItsModule(t *testing.T) {
	t.Parallel()
	f := NewFaulty(t, Spec{Label: "alone", Keys: []Key{{Label: "k", Curve: P256, Sign: true}}})
	m := pkcs11.New(f.Module)
	if m == nil {
		t.Fatal("the module cannot be loaded")
	}
	if err := m.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Finalize(); err != nil {
			t.Error(err)
		}
	})
	slots, err := m.GetSlotList(false)
	if err != nil || len(slots) != 1 {
		t.Fatalf("slots %v, %v: want the one", slots, err)
	}
	f.FailNext("C_GetTokenInfo", 0x30)
	if _, err := m.GetTokenInfo(slots[0]); err == nil || !strings.Contains(err.Error(), "0x30") {
		t.Errorf("got %v", err)
	}
	if info, err := m.GetTokenInfo(slots[0]); err != nil || info.Label != "alone" {
		t.Errorf("the token is %+v, %v", info, err)
	}
	if n := f.Calls("C_GetTokenInfo"); n != 2 {
		t.Errorf("%d calls, want 2", n)
	}
}
