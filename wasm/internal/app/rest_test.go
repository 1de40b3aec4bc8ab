package app

import "testing"

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
