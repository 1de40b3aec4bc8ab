package approver

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"testing"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/control"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/site"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/statement"
	"countersign/softhsm/e2e/page"
)

func block(context.Context, consent.Question) error {
	return fault.New(fault.SiteBlocked, "blocked")
}

// count is how many lines of a kind the journal has, and how many events they
// stand for.
func (g *rig) count(kind string) (lines, events int) {
	for _, e := range g.entries() {
		if e.Kind == kind {
			lines++
			events += max(1, e.Count)
		}
	}
	return lines, events
}

func TestAPageThatFloodsPromptsIsLimitedAndCanBeBlocked(t *testing.T) {
	t.Parallel()
	var c wallClock
	g := newRig(t, stopped(&c))
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	g.person.answer(decline)
	for range site.VainPrompts {
		_, err := l.decide(t.Context(), "req_0001", statement.Approve)
		wantCode(t, "a prompt", err, fault.Declined)
	}
	before, _ := g.person.questions()
	const more = 5
	for range more {
		_, err := l.decide(t.Context(), "req_0001", statement.Approve)
		wantCode(t, "one too many", err, fault.Limited)
		f, _ := fault.As(err)
		if after, aerr := strconv.Atoi(f.Details["retry_after"]); aerr != nil || after < 1 || after > int(site.VainInterval.Seconds()) {
			t.Errorf("retry_after %q", f.Details["retry_after"])
		}
	}
	if after, _ := g.person.questions(); len(after) != len(before) {
		t.Errorf("the person was asked %d times more", len(after)-len(before))
	}
	c.wrong.Store(int64(site.VainInterval) + int64(journal.RefusalsEvery))
	g.person.answer(block)
	other := g.mustConnect() // another tab of the same site
	_, err := l.decide(t.Context(), "req_0001", statement.Approve)
	wantCode(t, "blocked at the prompt", err, fault.SiteBlocked)
	for _, b := range []*page.Bridge{b, other} {
		err := b.Call(t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &frame.BridgeInfoResult{})
		wantCode(t, "a connection of the site", err, fault.Unavailable)
	}
	g.bridge.refusals.Flush(true)
	if lines, events := g.count(journal.Limited); lines != 2 || events != more {
		t.Errorf("%d lines for %d limited prompts", lines, events)
	}
	if lines, _ := g.count(journal.Blocked); lines != 1 {
		t.Errorf("journal %v", g.events())
	}
	if lines, _ := g.count(journal.Declined); lines != site.VainPrompts+1 {
		t.Errorf("journal %v", g.events())
	}

	before, _ = g.person.questions()
	refusedFor := func(when string) {
		_, err := g.connect(nil)
		wantCode(t, when, err, fault.SiteBlocked)
		if f, _ := fault.As(err); f == nil || !strings.Contains(f.Message, "origins unblock "+origin) {
			t.Errorf("%s: %v", when, err)
		}
	}
	refusedFor("a new connection")
	g.stop()
	g.drawer.watched = make(chan struct{})
	g.serve(g.drawer)
	refusedFor("after a restart")
	if after, _ := g.person.questions(); len(after) != len(before) {
		t.Error("a blocked site was asked about")
	}
	if gone := command(g, control.UnblockOrigins, control.WhichParams{Which: origin}).Gone; len(gone) != 1 || gone[0].Origin != origin || gone[0].Since.IsZero() {
		t.Fatalf("%v", gone)
	}
	g.person.answer(nil)
	if _, err := g.mustOpen(g.mustConnect(), "mem_alice").decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Errorf("unblocked: %v", err)
	}
}

func TestWhatAFloodingPageHasWaitingIsNotAskedAnyMore(t *testing.T) {
	t.Parallel()
	var c wallClock
	g := newRig(t, stopped(&c))
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	answers := make(chan struct{})
	g.person.answer(func(context.Context, consent.Question) error { <-answers; return fault.New(fault.Declined, "no") })
	const asked = consent.MaxWaitingOfSite
	results := make(chan error, asked)
	for range asked {
		go func() { _, err := l.decide(t.Context(), "req_0001", statement.Approve); results <- err }()
	}
	close(answers)
	declined, limited := 0, 0
	for range asked {
		switch err := <-results; fault.CodeOf(err) {
		case fault.Declined:
			declined++
		case fault.Limited:
			limited++
		default:
			t.Error(err)
		}
	}
	if declined != site.VainPrompts || limited != asked-site.VainPrompts {
		t.Errorf("%d declined, %d limited", declined, limited)
	}
}

func TestAPageThatOpensAndClosesPromptsIsLimited(t *testing.T) {
	t.Parallel()
	var c wallClock
	g := newRig(t, stopped(&c))
	for range site.VainPrompts {
		opened, closed := make(chan struct{}, 1), make(chan struct{}, 1)
		g.person.answer(hang(opened, closed))
		p := g.raw(t)
		p.handshake(g.pageKey)
		<-opened
		p.ws.Close()
		<-closed
	}
	g.person.answer(nil)
	for { // until the last of them was charged
		b, err := g.connect(nil)
		if err == nil {
			_ = b.Close()
			command(g, control.RevokePairings, control.WhichParams{Which: "all"})
			continue
		}
		if wantCode(t, "one more", err, fault.Limited); fault.CodeOf(err) == fault.Limited {
			break
		}
		return
	}
	if lines, _ := g.count(journal.PairingFailed); lines < site.VainPrompts {
		t.Errorf("journal %v", g.events())
	}
}

func TestPromptsThatThePersonApprovesCostNothing(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	for range 4 * site.VainPrompts {
		if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOneSiteCannotKeepAnotherFromAsking(t *testing.T) {
	t.Parallel()
	const modest = "http://127.0.0.1:9090"
	g := newRig(t, func(g *rig) { g.cfg.Origins = append(g.cfg.Origins, modest) })
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	asked, release := make(chan string), make(chan struct{})
	g.person.answer(func(ctx context.Context, q consent.Question) error {
		select {
		case asked <- q.Site:
		case <-ctx.Done():
			return fault.New(fault.Cancelled, "closed")
		}
		<-release
		return fault.New(fault.Declined, "no")
	})
	results := make(chan error, consent.MaxWaitingOfSite+2)
	for range consent.MaxWaitingOfSite + 1 {
		go func() { _, err := l.decide(t.Context(), "req_0001", statement.Approve); results <- err }()
	}
	<-asked
	wantCode(t, "more than its share of the queue", <-results, fault.Busy)
	connected := make(chan error, 1)
	go func() {
		_, err := page.Connect(t.Context(), page.BridgeConfig{URL: g.url, Origin: modest, Key: g.pageKey})
		connected <- err
	}()
	for site := origin; site != modest; { // consent's own test says when its turn is
		release <- struct{}{}
		select {
		case site = <-asked:
		case err := <-connected:
			t.Fatalf("the other site was not asked about: %v", err)
		}
	}
	release <- struct{}{}
	wantCode(t, "the other site's pairing", <-connected, fault.PairingRefused)
	_ = b.Close()
}

func TestABlockThatCannotBeStoredHoldsForThisRun(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.person.answer(block)
	g.bridge.sites.Blocks = site.OpenBlocks("/nonexistent")
	for range 2 {
		_, err := g.connect(nil)
		wantCode(t, "connect", err, fault.SiteBlocked)
	}
	if shown, _ := g.person.questions(); len(shown) != 1 {
		t.Errorf("asked %q", shown)
	}
}

func TestWhateverIsRefusedIsInTheJournalAndCannotFillIt(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	call := func(method string, params any) { _ = b.Call(t.Context(), method, params, &struct{}{}) }
	before := len(g.entries())
	const times = 50
	for range times {
		call("bridge.sign", frame.BridgeInfoParams{})
		call(frame.ChannelOpen, frame.ChannelOpenParams{Entity: entity, Member: "mem_mallory"})
		call(frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: "apv_none", Record: frame.Record{1}})
		call(frame.ChannelAccept, frame.ChannelAcceptParams{Channel: "chn_none", Record: frame.Record{1}})
	}
	l := g.mustOpen(b, "mem_alice")
	g.person.answer(func(context.Context, consent.Question) error { return fault.New(fault.PromptUnavailable, "nobody") })
	for range times {
		_, err := l.decide(t.Context(), "req_0001", statement.Approve)
		wantCode(t, "nobody can be asked", err, fault.PromptUnavailable)
	}
	g.stop()
	refused, lines := map[string]int{}, 0
	for _, e := range g.entries()[before:] {
		if e.Kind == journal.Refused {
			refused[e.Code] += max(1, e.Count)
			lines++
		}
	}
	want := map[string]int{"METHOD_NOT_ALLOWED": times, "NOT_FOUND": 2 * times, "CHANNEL_CLOSED": times, "PROMPT_UNAVAILABLE": times}
	if !maps.Equal(refused, want) || lines != 2*len(want) {
		t.Errorf("%d lines: %v, want %v", lines, refused, want)
	}
}
