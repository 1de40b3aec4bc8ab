package app

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/shared/wire"
)

func asks(cmds []Command) (all []string) {
	for _, c := range cmds {
		switch c := c.(type) {
		case Load:
			all = append(all, string(c.What)+c.ID)
		case Listen:
			all = append(all, "listen")
		case StopListening:
			all = append(all, "stop")
		}
	}
	return all
}

func TestAPageReadsAgainWhatItShowsOfWhatChanged(t *testing.T) {
	t.Parallel()
	for path, of := range map[string]map[wire.Change][]string{
		"/buy":                   {{What: wire.ChangedRequest, ID: "req_1"}: {"requests"}, {What: wire.ChangedOrder, ID: "ord_1"}: nil, {What: wire.ChangedEntity, ID: "ent"}: {"entity", "accounts"}},
		"/requests":              {{What: wire.ChangedRequest, ID: "req_1"}: {"requests"}},
		"/orders":                {{What: wire.ChangedOrder, ID: "ord_1"}: {"orders"}},
		"/accounts":              {{What: wire.ChangedAccount, ID: "acc_treasury"}: {"accounts"}, {What: wire.ChangedEntity, ID: "ent"}: {"entity", "accounts"}},
		"/requests/" + requestID: {{What: wire.ChangedRequest, ID: requestID}: {"requests", "request" + requestID}, {What: wire.ChangedRequest, ID: "req_2"}: {"requests"}, {What: "a later kind", ID: "x"}: nil},
		"/orders/" + orderID:     {{What: wire.ChangedOrder, ID: orderID}: {"order" + orderID}, {What: wire.ChangedOrder, ID: "ord_2"}: nil},
	} {
		m := stage(path)
		m.Update(Listening{On: true})
		for c, want := range of {
			if got := asks(m.Update(Changed{Change: c})); !slices.Equal(got, want) {
				t.Errorf("%s, told of %v: asks for %v, want %v", path, c, got, want)
			}
		}
	}
}

func TestAPageThatListensAsksOnlyForWhatEndsByTheClock(t *testing.T) {
	t.Parallel()
	m := stage("/requests/" + requestID)
	r := sampleRequest(wire.RequestPending)
	m.Update(Loaded{What: TheRequest, ID: requestID, Value: r})
	m.Update(Listening{On: true})
	if got := asks(m.Update(Waited{Name: PausePoll})); len(got) > 0 {
		t.Errorf("it asks for %v", got)
	}
	m.Update(Tick{Now: r.ExpiresAt.Add(time.Second)})
	if got := asks(m.Update(Waited{Name: PausePoll})); !slices.Equal(got, []string{"request" + requestID}) {
		t.Errorf("after the request expired it asks for %v", got)
	}
}

func TestAPageListensWhileItIsShown(t *testing.T) {
	t.Parallel()
	m := New(Config{NewKey: func() string { return "key" }}, noon)
	if got := asks(m.Update(Started{Path: "/buy"})); slices.Contains(got, "listen") {
		t.Error("it listens before it is signed in")
	}
	if got := asks(m.Update(Loaded{What: TheEntity, Value: sampleEntity()})); !slices.Equal(got, []string{"listen"}) {
		t.Errorf("signed in, it does %v", got)
	}
	if got := asks(m.Update(Listening{On: true})); len(got) > 0 {
		t.Errorf("what was read just before is read again at once: %v", got)
	}
	if got := asks(m.Update(Waited{Name: pauseMissed})); !slices.Equal(got, []string{"providers", "accounts", "requests"}) {
		t.Errorf("what changed while it began to listen is read by %v", got)
	}
	if got := asks(m.Update(Visible{On: false})); !slices.Equal(got, []string{"stop"}) {
		t.Errorf("hidden, it does %v", got)
	}
	if got := asks(m.Update(Visible{On: true})); !slices.Contains(got, "listen") {
		t.Errorf("shown again, it does %v", got)
	}
	for i, want := range []time.Duration{4, 8, 16, 32, 60, 60} {
		cmds := m.Update(Listening{})
		if after, ok := cmds[len(cmds)-1].(After); !ok || after.Delay != want*time.Second {
			t.Errorf("after break %d: %s", i+1, fmt.Sprint(cmds))
		}
	}
	if got := asks(m.Update(Waited{Name: pauseListen})); !slices.Equal(got, []string{"listen"}) {
		t.Errorf("after the pause it does %v", got)
	}
	if got := asks(m.Update(Listening{On: true})); !slices.Equal(got, []string{"providers", "accounts", "requests"}) {
		t.Errorf("what it did not hear after a break is read by %v", got)
	}
	m.Update(NetworkChanged{Online: false})
	if got := asks(m.Update(Waited{Name: pauseListen})); len(got) > 0 {
		t.Errorf("without a network it does %v", got)
	}
}
