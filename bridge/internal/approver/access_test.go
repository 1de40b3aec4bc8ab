package approver

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/control"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm/e2e/page"
)

// at gives a rig a clock that a test sets.
func at(c *wallClock) func(*rig) { return func(g *rig) { g.now = c.Now } }

// stopped gives a rig a clock that stands still, but for what a test adds.
func stopped(c *wallClock) func(*rig) {
	start := time.Now()
	return func(g *rig) { g.now = func() time.Time { return start.Round(0).Add(time.Duration(c.wrong.Load())) } }
}

func closeChannel(t *testing.T, b *page.Bridge, l *line) {
	t.Helper()
	if err := b.Call(t.Context(), frame.ChannelClose, frame.ChannelCloseParams{Channel: l.id}, &frame.ChannelCloseResult{}); err != nil {
		t.Fatal(err)
	}
}

func TestAPINAllowsOnePageTheKeysThatItsPromptNamesAndNoOther(t *testing.T) {
	t.Parallel()
	g := newRigOf(t, []*owner{{id: "mem_alice", label: "alice", approval: memory(t, jws.Secp256k1), channel: memory(t, jws.Secp256k1)},
		{id: "mem_carol", label: "alice", prefix: "carol-", approval: memory(t, jws.P256), channel: memory(t, jws.P256)}})
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatal(err)
	}
	shown, pins := g.person.questions()
	if len(pins) != 1 || !strings.Contains(pins[0].Allows, "Until the token is pulled or locked, "+origin+" may use:\n- the approval key of alice") || strings.Count(pins[0].Allows, "\n- ") != 2 {
		t.Errorf("PINs %+v", pins)
	}
	if len(shown) != 2 { // the pairing and the statement: one PIN was for both keys
		t.Errorf("asked %q", shown)
	}
	// The same page, the same unlocked token, another key: that is another question.
	g.person.answer(decline)
	_, err := g.open(b, "mem_carol")
	wantCode(t, "another member's key", err, fault.Declined)
	g.person.answer(nil)
	if _, err := g.open(b, "mem_carol"); err != nil {
		t.Fatal(err)
	}
	shown, pins = g.person.questions()
	if last := shown[len(shown)-1]; last.Title != "Use alice" || len(pins) != 1 || len(shown) != 4 || last.Site != origin {
		t.Errorf("asked %q, PINs %+v", shown, pins)
	}
	if events := g.events(); !slices.Contains(events, journal.Declined) || !slices.Contains(events, journal.Allowed) {
		t.Errorf("journal %v", events)
	}
	closeChannel(t, b, l)
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	// Another browser of the same site is another page.
	other := g.another()
	g.person.answer(decline)
	for {
		_, err = g.open(other, "mem_alice")
		if fault.CodeOf(err) != fault.DeviceInUse { // until the first page's end was noticed
			break
		}
	}
	wantCode(t, "another page", err, fault.Declined)
}

func TestWhatWasAllowedEndsWithThePairingTheTokenAndItsLock(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]struct {
		end  func(*rig, *wallClock)
		pins int // asked for in all
		uses int // times that the person is asked for the unlocked token
	}{
		"nothing": {func(*rig, *wallClock) {}, 1, 0},
		"the pairing was revoked": {func(g *rig, _ *wallClock) {
			command(g, control.RevokePairings, control.WhichParams{Which: "all"})
		}, 1, 1},
		"the token was pulled": {func(g *rig, _ *wallClock) {
			g.drawer.plug("alice", false)
			g.drawer.plug("alice", true)
		}, 2, 0},
		"the module was started again": {func(g *rig, _ *wallClock) { g.drawer.plug("alice", true) }, 2, 0},
		"nobody used it":               {func(g *rig, c *wallClock) { c.wrong.Store(int64(DefaultIdleLock)) }, 2, 0},
		"the token forgot the PIN":     {func(g *rig, _ *wallClock) { _ = g.drawer.Logout(g.t.Context(), "alice") }, 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c wallClock
			g := newRig(t, at(&c))
			<-g.drawer.watched
			b := g.mustConnect()
			closeChannel(t, b, g.mustOpen(b, "mem_alice"))
			r.end(g, &c)
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
			g.mustOpen(g.mustConnect(), "mem_alice")
			shown, pins := g.person.questions()
			uses := 0
			for _, q := range shown {
				if q.Title == "Use alice" {
					uses++
				}
			}
			if len(pins) != r.pins || uses != r.uses {
				t.Errorf("%d PINs, asked %q", len(pins), shown)
			}
		})
	}
}

func TestTwoPagesRaceForATokenAndExactlyOneWins(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	pages := []*page.Bridge{g.mustConnect(), g.mustConnect(), g.another(), g.another()}
	type result struct {
		page int
		err  error
	}
	for _, member := range []string{"mem_alice", "mem_bob"} {
		results := make(chan result)
		for i, b := range pages {
			go func() {
				_, err := g.open(b, member)
				results <- result{i, err}
			}()
		}
		winners, winner := 0, -1
		for range pages {
			r := <-results
			if r.err == nil {
				winners, winner = winners+1, r.page
				continue
			}
			wantCode(t, "a page that came second", r.err, fault.DeviceInUse)
			if f, _ := fault.As(r.err); f == nil || f.Details["holder"] != origin {
				t.Errorf("details of %v", r.err)
			}
		}
		if winners != 1 {
			t.Fatalf("%s: %d pages hold the token", member, winners)
		}
		for i, b := range pages {
			want := origin
			if i == winner {
				want = ""
			}
			if got := g.info(b, member).Holder; got != want {
				t.Errorf("%s: page %d is told of %q", member, i, got)
			}
		}
	}
	refused := 0
	for _, e := range g.entries() {
		if e.Kind == journal.Refused && e.Code == string(fault.DeviceInUse) {
			refused++
		}
	}
	if refused == 0 {
		t.Errorf("journal %v", g.events())
	}
}

func TestATokenIsFreeAgainWhenItsPageIsIdleClosesOrGoes(t *testing.T) {
	t.Parallel()
	for name, free := range map[string]func(*wallClock, *page.Bridge, *line) error{
		"idle":           func(c *wallClock, _ *page.Bridge, _ *line) error { c.wrong.Store(int64(unlock.LeaseIdle)); return nil },
		"channel closed": func(_ *wallClock, b *page.Bridge, l *line) error { closeChannel(t, b, l); return nil },
		"page closed":    func(_ *wallClock, b *page.Bridge, _ *line) error { return b.Close() },
		"clock set back": func(c *wallClock, _ *page.Bridge, _ *line) error { c.wrong.Store(-int64(time.Hour)); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c wallClock
			g := newRig(t, at(&c))
			first, second := g.mustConnect(), g.mustConnect() // two tabs
			l := g.mustOpen(first, "mem_alice")
			c.wrong.Store(int64(unlock.LeaseIdle) / 2)
			_, err := g.open(second, "mem_alice")
			wantCode(t, "while the first uses it", err, fault.DeviceInUse)
			if err := free(&c, first, l); err != nil {
				t.Fatal(err)
			}
			for name == "page closed" && g.info(second, "mem_alice").Holder != "" { // until the end was noticed
			}
			taken := g.mustOpen(second, "mem_alice")
			c.wrong.Store(max(0, c.wrong.Load())) // for the statement
			if _, err := taken.decide(t.Context(), "req_0001", statement.Approve); err != nil {
				t.Error(err)
			}
			if name == "idle" {
				_, err := l.decide(t.Context(), "req_0001", statement.Approve)
				wantCode(t, "the first page's approval", err, fault.DeviceInUse)
			}
		})
	}
}

func TestAPersonWhoReadsForLongKeepsTheToken(t *testing.T) {
	t.Parallel()
	var c wallClock
	g := newRig(t, at(&c))
	first, second := g.mustConnect(), g.mustConnect()
	l := g.mustOpen(first, "mem_alice")
	reading, read := make(chan struct{}), make(chan struct{})
	g.person.answer(func(context.Context, consent.Question) error { close(reading); <-read; return nil })
	done := make(chan error)
	go func() { _, err := l.decide(t.Context(), "req_0001", statement.Approve); done <- err }()
	<-reading
	c.wrong.Store(int64(unlock.LeaseIdle) + int64(time.Minute))
	_, err := g.open(second, "mem_alice")
	wantCode(t, "while the person reads", err, fault.DeviceInUse)
	close(read)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWhatATokenCannotDoIsSaidBeforeThePersonIsAsked(t *testing.T) {
	t.Parallel()
	for _, lacks := range []string{"ECDH", "secp256k1", "ECDSA"} {
		g := newRig(t)
		g.drawer.devices["alice"].Lacks = []string{lacks}
		b := g.mustConnect()
		_, err := g.open(b, "mem_alice")
		wantCode(t, lacks, err, fault.KeyUnsuited)
		if f, _ := fault.As(err); f == nil || f.Details["lacks"] != lacks || !strings.Contains(f.Message, lacks) {
			t.Errorf("%s: %v", lacks, err)
		}
		if got := g.info(b, "mem_alice").Lacks; !slices.Equal(got, []string{lacks}) {
			t.Errorf("%s: told %v", lacks, got)
		}
		if _, pins := g.person.questions(); len(pins) != 0 {
			t.Errorf("%s: the PIN was asked for", lacks)
		}
		last := g.entries()[len(g.entries())-1]
		if last.Kind != journal.Refused || last.Code != string(fault.KeyUnsuited) || last.Member != "mem_alice" || last.Origin != origin {
			t.Errorf("%s: journal %+v", lacks, last)
		}
		g.mustOpen(b, "mem_bob")
	}
}
