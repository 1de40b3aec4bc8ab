package app

import (
	"slices"
	"strings"
	"testing"

	"countersign/shared/intent"
	"countersign/shared/wire"
)

// TestEachKindHasAScreen walks the table of kinds: each has a scene that was looked at,
// in which a request of it waits and one is approved.
func TestEachKindHasAScreen(t *testing.T) {
	t.Parallel()
	seen := map[string][]string{}
	for name := range scenes() {
		m := scene(t, name)
		for _, r := range m.request {
			if i, err := intent.Draft(r.Value.Intent); err == nil {
				seen[i.Facts().Kind] = append(seen[i.Facts().Kind], r.Value.State)
			}
		}
	}
	for _, kind := range intent.Kinds() {
		for _, state := range []string{"pending", "approved"} {
			if !slices.Contains(seen[kind], state) {
				t.Errorf("no scene shows a %s that is %s", kind, state)
			}
		}
	}
}

// A transfer has words of its own for how far it is, in the list as on its page, and stands
// in the list where somebody looks for what is on its way.
func TestAnApprovedTransferIsOnItsWayUntilTheChainSaysMore(t *testing.T) {
	t.Parallel()
	m := scene(t, "requests-sending")
	for _, c := range []struct {
		state, sending, group, word string
	}{
		{wire.RequestApproved, wire.SendingApproved, groupChain, "On its way"},
		{wire.RequestApproved, wire.SendingIncluded, groupChain, "On its way"},
		{wire.RequestCompleted, wire.SendingConfirmed, groupDone, "Completed"},
		{wire.RequestFailed, wire.SendingFailed, groupDone, "Failed"},
		{wire.RequestLapsed, wire.SendingLapsed, groupDone, "Approval ended"},
	} {
		r := sampleSending(c.state, c.sending)
		if g, word := m.groupOf(r), requestStates[stateOf(r)].text; g != c.group || word != c.word {
			t.Errorf("%s, %s: it is %q in %q", c.state, c.sending, word, g)
		}
		if settled(r.State) == (c.group == groupChain) {
			t.Errorf("%s is settled: %v", c.state, settled(r.State))
		}
	}
}

func TestAmountsInRulesAreSaidInWhatTheyAreOf(t *testing.T) {
	t.Parallel()
	if got := (Words{}).money("1000.5", "ethereum"); got != "1\u202f000.5 ETH" {
		t.Error(got)
	}
	if got := (Words{}).money("1000", "EUR"); got != (Words{}).fiat("1000", "EUR") {
		t.Error(got)
	}
}

// A page around that has no screens for sending is not led to any.
func TestWithoutItsScreensNothingLeadsToSending(t *testing.T) {
	t.Parallel()
	m := scene(t, "account")
	leads := func() bool { return strings.Contains(m.View().Tree.Outline(), "href=/send") }
	keys := len(m.keysOf())
	if !leads() {
		t.Error("nothing leads to sending")
	}
	m.cfg.NoSend = true
	if leads() || len(m.keysOf()) != keys-1 {
		t.Error("it leads to sending all the same")
	}
}
