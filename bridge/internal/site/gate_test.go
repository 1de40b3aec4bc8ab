package site

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"countersign/bridge/internal/alarm"
	"countersign/shared/fault"
)

func TestASiteThatAGatewayClaimsIsNotTheSite(t *testing.T) {
	t.Parallel()
	const origin, gateway = "http://127.0.0.1:8080", "gateway.example"
	near, claimed := Name(origin, ""), Name(origin, gateway)
	blocks := OpenBlocks(t.TempDir())
	now := time.Now()
	g := NewGate(Config{Blocks: blocks, Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
	for range VainPrompts {
		g.Vain(claimed)
	}
	if _, _, err := g.Admit(t.Context(), claimed); fault.CodeOf(err) != fault.Limited {
		t.Errorf("after %d prompts that came to nothing: %v", VainPrompts, err)
	}
	if _, stop, err := g.Admit(t.Context(), near); err != nil {
		t.Errorf("what a gateway asks for counts for the site itself: %v", err)
	} else {
		stop()
	}
	if err := blocks.Add(claimed, now); err != nil {
		t.Fatal(err)
	}
	if err := g.Check(origin, gateway); fault.CodeOf(err) != fault.SiteBlocked {
		t.Errorf("what is blocked: %v", err)
	}
	if err := g.Check(origin, ""); err != nil {
		t.Errorf("the site itself: %v", err)
	}
	if gone, err := blocks.Unblock(origin); err != nil || len(gone) != 1 {
		t.Errorf("%v, %v", gone, err)
	}
	if err := blocks.Add(near, now); err != nil {
		t.Fatal(err)
	}
	if err := g.Check(origin, gateway); fault.CodeOf(err) != fault.SiteBlocked {
		t.Errorf("through the gateway: %v", err)
	}
}

func TestWhatASiteHasWaitingEndsWithItsBlockAndWithOneVainPromptTooMany(t *testing.T) {
	t.Parallel()
	why := fault.New(fault.SiteBlocked, "blocked")
	for name, r := range map[string]struct {
		end  func(g *Gate)
		code fault.Code
	}{
		"blocked": {func(g *Gate) { g.Block("https://a.example", why) }, fault.SiteBlocked},
		"vain": {func(g *Gate) {
			for range VainPrompts {
				g.Vain("https://a.example")
			}
		}, fault.Limited},
	} {
		now := time.Now()
		g := NewGate(Config{Blocks: OpenBlocks(t.TempDir()), Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
		waiting, stop, err := g.Admit(t.Context(), "https://a.example")
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		other, stopOther, err := g.Admit(t.Context(), "https://b.example")
		if err != nil {
			t.Fatal(err)
		}
		defer stopOther()
		r.end(g)
		if got := fault.CodeOf(alarm.Because(waiting, fault.New(fault.Cancelled, "closed"))); got != r.code {
			t.Errorf("%s: it ends with %q", name, got)
		}
		if other.Err() != nil {
			t.Errorf("%s: another site's ends, too", name)
		}
	}
}

// A prompt that is admitted while the last one that may come to nothing does, ends.
func TestNoPromptIsAdmittedBesideTheLastVainOne(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for range 2000 {
		g := NewGate(Config{Now: func() time.Time { return now }, Log: slog.New(slog.DiscardHandler)})
		for range VainPrompts - 1 {
			g.Vain("https://a.example")
		}
		type admitted struct {
			ctx context.Context
			err error
		}
		came := make(chan admitted)
		go func() {
			ctx, _, err := g.Admit(t.Context(), "https://a.example")
			came <- admitted{ctx, err}
		}()
		g.Vain("https://a.example")
		if a := <-came; a.err == nil && a.ctx.Err() == nil {
			t.Fatal("a prompt was admitted and goes on")
		}
	}
}
