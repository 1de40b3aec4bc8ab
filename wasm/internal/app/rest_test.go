package app

import (
	"testing"
	"time"

	"countersign/shared/fault"
)

func TestAHiddenPageAsksNothingUntilItIsShown(t *testing.T) {
	t.Parallel()
	m := stage("/requests")
	loads := func(cmds []Command) (n int) {
		for _, c := range cmds {
			if _, ok := c.(Load); ok {
				n++
			}
		}
		return n
	}
	if loads(m.Update(Waited{Name: PausePoll})) == 0 {
		t.Error("a page that waits for others does not look again")
	}
	m.Update(Visible{On: false})
	cmds := m.Update(Waited{Name: PausePoll})
	if loads(cmds) != 0 || len(cmds) != 1 {
		t.Errorf("a hidden page does %v", cmds)
	}
	if loads(m.Update(Visible{On: true})) == 0 || loads(m.Update(Waited{Name: PausePoll})) == 0 {
		t.Error("a page that is shown again does not look")
	}
}

func TestZeroIsNotTakenForLetters(t *testing.T) {
	for amount, want := range map[string]string{"0": "Write an amount of more than zero.", "0.00": "Write an amount of more than zero.", "ten": "Write the amount in digits, for example 250."} {
		m := New(Config{}, time.Time{})
		m.form.Amount = amount
		if got := m.problems(); len(got) != 1 || got[0].Message != want {
			t.Errorf("%s: %+v, want %q", amount, got, want)
		}
	}
}

func TestOnesOwnOriginIsAnotherTab(t *testing.T) {
	m := New(Config{Origin: "https://dashboard.example.com"}, time.Time{})
	for holder, want := range map[string]string{
		"https://dashboard.example.com": "Another tab of this dashboard uses the device.",
		"https://other.example.com":     "https://other.example.com uses the device.",
	} {
		if got := m.explain(fault.New(fault.DeviceInUse, "in use").With("holder", holder)).Title; got != want {
			t.Errorf("%s: %q, want %q", holder, got, want)
		}
	}
}
