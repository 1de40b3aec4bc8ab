package approver

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/bridge/internal/control"
	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/strictjson"
	"countersign/softhsm/e2e/page"
)

// command does what a command asks the bridge that runs.
func command[P, R any](g *rig, m control.Method[P, R], params P) (result R) {
	g.t.Helper()
	result, err := try(g, m, params)
	if err != nil {
		g.t.Fatalf("%s: %v", m.Name, err)
	}
	return result
}

func try[P, R any](g *rig, m control.Method[P, R], params P) (result R, err error) {
	raw, err := strictjson.Canonical(params)
	if err != nil {
		return result, err
	}
	got, err := g.bridge.Commands()[m.Name](context.Background(), raw)
	if err != nil {
		return result, err
	}
	return got.(R), nil
}

// refusals takes what a page is told when its connection ends.
func refusals(to chan<- *fault.Error) func(string, frame.Message) {
	return func(_ string, m frame.Message) {
		var s frame.LinkStateParams
		if m.Method == frame.LinkState && frame.DecodeParams(m, &s) == nil && s.State == frame.Refused {
			to <- s.Error.Fault()
		}
	}
}

const newOrigin = "https://new.example"

// withFile gives a rig's configuration a file that commands can edit.
func withFile(g *rig) {
	path := filepath.Join(g.cfg.StateDir, "bridge.json")
	text := fmt.Sprintf(`{"origins": [%q], "state_dir": "."}`, origin)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
	g.cfg.file = path
}

// of connects a page of an origin.
func (g *rig) of(origin string, notify func(string, frame.Message)) (*page.Bridge, error) {
	key, err := link.NewKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	b, err := page.Connect(g.t.Context(), page.BridgeConfig{URL: g.url, Origin: origin, Key: key, Notify: notify})
	if err == nil {
		g.t.Cleanup(func() { b.Close() })
	}
	return b, err
}

func TestAnOriginConnectsAsSoonAsItIsAddedAndIsDisconnectedWhenItIsRemoved(t *testing.T) {
	t.Parallel()
	g := newRig(t, withFile)
	if _, err := g.of(newOrigin, nil); err == nil {
		t.Fatal("it is let in before it is on the list")
	}
	if r := command(g, control.AddOrigin, control.OriginParams{Origin: newOrigin}); !r.Added || !r.Running {
		t.Errorf("%+v", r)
	}
	if r := command(g, control.AddOrigin, control.OriginParams{Origin: newOrigin}); r.Added {
		t.Error("it was added twice")
	}
	refused := make(chan *fault.Error, 4)
	b, err := g.of(newOrigin, refusals(refused))
	if err != nil {
		t.Fatal(err)
	}
	other := g.mustConnect()
	r := command(g, control.RemoveOrigin, control.OriginParams{Origin: newOrigin})
	if r.Ended != 1 || r.Left != 1 || len(r.Pairings) != 1 || r.Pairings[0].Origin != newOrigin {
		t.Errorf("%+v", r)
	}
	if f := <-refused; f.Code != fault.OriginRefused {
		t.Errorf("it was told %v", f)
	}
	var info frame.BridgeInfoResult
	if err := b.Call(t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &info); err == nil {
		t.Error("its connection goes on")
	}
	if err := other.Call(t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &info); err != nil {
		t.Errorf("another site's ended, too: %v", err)
	}
	if _, err := g.of(newOrigin, nil); err == nil {
		t.Error("it is let in after it was removed")
	}
	if _, err := try(g, control.RemoveOrigin, control.OriginParams{Origin: newOrigin}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("again: %v", err)
	}
	if cfg, err := Load(g.cfg.file); err != nil || !slices.Equal(cfg.Origins, []string{origin}) {
		t.Errorf("%v, %v", cfg.Origins, err)
	}
	if got := strings.Join(g.events(), " "); !strings.HasPrefix(got, "started origin-added paired paired origin-removed") {
		t.Error(got)
	}
}

// A page that passed the list before it was changed, and is paired after it was, is not
// let in.
func TestAPageThatConnectsWhileItsOriginIsRemovedIsNotLetIn(t *testing.T) {
	t.Parallel()
	g := newRig(t, withFile)
	asked, closed := make(chan struct{}, 1), make(chan struct{}, 1)
	g.person.answer(hang(asked, closed))
	done := make(chan error, 1)
	go func() { _, err := g.connect(nil); done <- err }()
	<-asked
	command(g, control.RemoveOrigin, control.OriginParams{Origin: origin})
	<-closed
	if err := <-done; fault.CodeOf(err) != fault.OriginRefused {
		t.Errorf("%v", err)
	}
	if all := command(g, control.ListPairings, control.None{}); len(all.Pairings) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestABridgeWhoseConfigurationIsInNoFileKeepsItsOrigins(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	if _, err := try(g, control.AddOrigin, control.OriginParams{Origin: newOrigin}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("%v", err)
	}
}

// What a person wrote into the file by hand counts from the next change on.
func TestWhatWasWrittenByHandCountsFromTheNextChangeOn(t *testing.T) {
	t.Parallel()
	g := newRig(t, withFile)
	const byHand = "https://by-hand.example"
	if err := os.WriteFile(g.cfg.file, fmt.Appendf(nil, `{"origins": [%q, %q], "state_dir": "."}`, origin, byHand), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := command(g, control.ListOrigins, control.None{}); !slices.Equal(r.Origins, []string{origin}) || !r.Running {
		t.Errorf("%+v", r)
	}
	command(g, control.AddOrigin, control.OriginParams{Origin: newOrigin})
	if r := command(g, control.ListOrigins, control.None{}); !slices.Equal(r.Origins, []string{origin, byHand, newOrigin}) {
		t.Errorf("%+v", r)
	}
}

func TestACommandWritesOnlyWhatItDoesWithKeys(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.mustConnect()
	head := command(g, control.WriteToJournal, control.JournalParams{Events: []journal.Event{{Kind: journal.KeyMade, Key: "x"}}})
	if all := g.entries(); all[len(all)-1].Kind != journal.KeyMade || head.Hash != all[len(all)-1].Hash || head.Size != uint64(len(all)) {
		t.Errorf("%+v, %+v", head, all)
	}
	for _, kind := range []string{journal.Approved, journal.Signed, "nothing", ""} {
		if _, err := try(g, control.WriteToJournal, control.JournalParams{Events: []journal.Event{{Kind: kind}}}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// Commands and pages at once: the lists stay whole, and a site that is off the list has
// no connection.
func TestCommandsAndPagesAtOnceLeaveNothingHalfDone(t *testing.T) {
	t.Parallel()
	g := newRig(t, withFile)
	var pages, commands sync.WaitGroup
	ctx, stop := context.WithCancel(t.Context())
	for i := range 3 {
		pages.Go(func() {
			for ctx.Err() == nil {
				if b, err := g.of([]string{origin, newOrigin, newOrigin}[i], nil); err == nil {
					_ = b.Call(ctx, frame.BridgeInfo, frame.BridgeInfoParams{}, &frame.BridgeInfoResult{})
					_ = b.Close()
				}
			}
		})
	}
	const times = 15
	commands.Go(func() {
		for range times {
			command(g, control.AddOrigin, control.OriginParams{Origin: newOrigin})
			command(g, control.RemoveOrigin, control.OriginParams{Origin: newOrigin})
		}
	})
	commands.Go(func() {
		for range times {
			_, err := try(g, control.RevokePairings, control.WhichParams{Which: "all"})
			if err != nil && fault.CodeOf(err) != fault.NotFound {
				t.Error(err)
			}
			command(g, control.ListPairings, control.None{})
			command(g, control.ListOrigins, control.None{})
		}
	})
	commands.Wait()
	stop()
	pages.Wait()
	for _, p := range command(g, control.ListPairings, control.None{}).Connected {
		for _, q := range command(g, control.ListPairings, control.None{}).Pairings {
			if q.ID == p && q.Origin == newOrigin {
				t.Errorf("%+v is connected", q)
			}
		}
	}
	if res, err := http.Get("http" + strings.TrimPrefix(g.url, "ws") + "/health"); err != nil {
		t.Error(err)
	} else {
		res.Body.Close()
	}
	g.stop()
	if _, err := journal.Read(JournalPath(g.cfg), nil); err != nil {
		t.Error(err)
	}
}
