package signer

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/wire"
)

// stopped reports whether the signer says that it stopped because of its clock,
// everywhere where it says something.
func (g *rig) stopped() bool {
	g.t.Helper()
	if err := g.service.Sweep(g.t.Context()); err != nil {
		g.t.Fatal(err)
	}
	var status wire.SignerStatus
	var page wire.SignerLogPage
	if code := g.call("GET", "/v1/status", nil, &status) + g.call("GET", "/v1/log", nil, &page); code != "" {
		g.t.Fatalf("a signer that stopped must answer: %s", code)
	}
	_, err := g.service.Get(g.t.Context(), testReq)
	refused := fault.CodeOf(err) == fault.Unavailable
	if f, ok := fault.As(err); refused && (!ok || f.Details["reason"] != "clock" || !strings.Contains(f.Message, "signer resume")) {
		g.t.Errorf("the refusal says %v", err)
	}
	if refused != (status.Stopped != "") || refused != (page.Stopped != "") {
		g.t.Errorf("status says %q, the log %q, a request %v", status.Stopped, page.Stopped, err)
	}
	return refused
}

// confirm is what `signer resume` writes.
func (g *rig) confirm() {
	g.t.Helper()
	k := timekeeper{now: g.clock.now, uptime: g.clock.uptime, dir: g.dir}
	_, at := k.read()
	if err := at.save(k.path(resumeFile)); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) state(id string) string {
	g.t.Helper()
	r, err := g.service.Get(g.t.Context(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	return r.State
}

func TestAClockThatJumpsStopsTheSignerAndNothingExpires(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{
		"a month ahead": 30 * 24 * time.Hour, "three minutes ahead": 3 * time.Minute, "an hour back": -time.Hour,
		"a year back": -365 * 24 * time.Hour, "three minutes back": -3 * time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, twoOfThree())
			g.request(testReq)
			alice := mustConnect(t, g, "mem_alice")
			data := mustAsk(t, alice)
			size := g.service.mark().Size
			g.clock.jump(jump)
			if !g.stopped() {
				t.Fatal("the signer goes on")
			}
			if code := g.call("POST", "/v1/requests", g.input("req_bbbbbbbbbbbbbbbbbbbbbbbbbb"), nil); code != fault.Unavailable {
				t.Errorf("a request: %q", code)
			}
			if _, err := alice.Submit(alice.Sign(data)); err == nil || err.Code != fault.Unavailable {
				t.Errorf("a decision: %v", err)
			}
			if _, err := alice.Statement(testReq, statement.Reject); err == nil || err.Code != fault.Unavailable {
				t.Errorf("a statement: %v", err)
			}
			if _, code := membertest.Connect(t, g.call, g.people["mem_bob"], g.enrol.File); code != fault.Unavailable {
				t.Errorf("a member: %q", code)
			}
			if err := g.file.Close(); err != nil { // and not at a restart either
				t.Fatal(err)
			}
			g.start()
			if !g.stopped() || g.service.mark().Size != size {
				t.Fatalf("after a restart the signer goes on; its log has %d entries, it had %d", g.service.mark().Size, size)
			}
			g.clock.jump(-jump)
			if g.stopped() || g.state(testReq) != "PENDING_APPROVAL" {
				t.Fatalf("the clock came back, and the signer did not, or the request is %s", g.state(testReq))
			}
			if _, _, err := mustConnect(t, g, "mem_alice").Decide(testReq, statement.Approve); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheOperatorConfirmsAClockOnce(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"ahead": 30 * 24 * time.Hour, "back": -30 * 24 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, twoOfThree())
			g.clock.add(60 * 24 * time.Hour) // so that certificates are older than the jump
			g.request(testReq)
			g.clock.jump(jump)
			if !g.stopped() {
				t.Fatal("the signer goes on")
			}
			g.confirm()
			if g.stopped() {
				t.Fatal("the operator's word was not taken")
			}
			if want := map[bool]string{true: "EXPIRED", false: "PENDING_APPROVAL"}[jump > 0]; g.state(testReq) != want {
				t.Errorf("the request is %s, want %s", g.state(testReq), want)
			}
			const next = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb"
			g.request(next)
			if _, _, err := mustConnect(t, g, "mem_alice").Decide(next, statement.Approve); err != nil {
				t.Errorf("a decision afterwards: %v", err)
			}
			var page wire.SignerLogPage
			if code := g.call("GET", "/v1/log", nil, &page); code != "" {
				t.Fatal(code)
			}
			chain, words := signedlog.Chain{Key: g.service.key.PublicKey()}, 0
			for _, l := range page.Entries {
				e, _, err := chain.Next(l.JWS)
				if err != nil {
					t.Fatalf("a reader refuses the log: %v", err)
				}
				if e.Type != signedlog.Clock {
					continue
				}
				words++
				var b signedlog.ClockBody
				if err := strictjson.UnmarshalCanonical(e.Body, &b, signedlog.MaxBody); err != nil || e.At != g.clock.now().Unix() || b.Because == "" {
					t.Errorf("the word is %+v at %d: %v", b, e.At, err)
				}
			}
			if words != 1 {
				t.Errorf("%d clock entries", words)
			}
			g.restart()
			if g.stopped() {
				t.Error("after a restart the operator is asked again")
			}
			g.clock.jump(jump)
			if !g.stopped() {
				t.Error("the word of before counts for the next jump")
			}
		})
	}
}

// TestAWordOnAnotherClockIsNotTaken: what was confirmed is the clock as it was then.
func TestAWordOnAnotherClockIsNotTaken(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	g.clock.jump(time.Hour)
	g.confirm()
	g.clock.jump(time.Hour)
	for range 2 {
		if !g.stopped() {
			t.Error("the word was taken for another clock")
		}
	}
	g.confirm()
	g.clock.startComputer(0)
	g.restart()
	if !g.stopped() {
		t.Error("the word was taken after the computer was started again")
	}
	if err := os.WriteFile(filepath.Join(g.dir, resumeFile), []byte("yes"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := g.service.Sweep(t.Context()); err == nil {
		t.Error("a word that is not in the form was taken without a word")
	}
	if !g.stopped() {
		t.Error("the signer goes on")
	}
}

func TestAComputerThatWasOff(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		off, jump time.Duration
		stops     bool
	}{
		"for ten minutes":                  {10 * time.Minute, 0, false},
		"for longer than max_off":          {3 * time.Hour, 0, true},
		"and its clock starts in the past": {10 * time.Minute, -24 * time.Hour, true},
		"and its clock is ahead":           {10 * time.Minute, 30 * 24 * time.Hour, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, twoOfThree())
			r := g.input(testReq)
			r.ExpiresAt = g.clock.now().Add(2 * time.Hour)
			if code := g.call("POST", "/v1/requests", r, nil); code != "" {
				t.Fatal(code)
			}
			g.clock.startComputer(row.off)
			g.clock.jump(row.jump)
			g.restart()
			if g.stopped() != row.stops {
				t.Fatalf("stopped: %v", !row.stops)
			}
			g.confirm()
			if g.stopped() {
				t.Error("the operator's word was not taken")
			}
		})
	}
}

// TestASleepingComputerAndATimeServerStopNothing: time passes on both clocks while
// it sleeps, and a time server corrects slowly.
func TestASleepingComputerAndATimeServerStopNothing(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	r := g.input(testReq)
	r.ExpiresAt = g.clock.now().Add(40 * 24 * time.Hour)
	if code := g.call("POST", "/v1/requests", r, nil); code != "" {
		t.Fatal(code)
	}
	g.clock.add(8 * time.Hour)
	g.clock.jump(time.Minute)
	for range 200 { // a clock that is set right by 12 minutes in 8 days
		g.clock.add(time.Hour)
		g.clock.jump(3600 * time.Millisecond)
		if g.stopped() {
			t.Fatal("stopped")
		}
	}
}

// TestAClockThatIsSetAheadInSmallStepsStopsTheSigner: many steps are a jump.
func TestAClockThatIsSetAheadInSmallStepsStopsTheSigner(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	for range 30 {
		g.clock.add(time.Second)
		g.clock.jump(30 * time.Second)
		if err := g.service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		g.restart()
	}
	if !g.stopped() {
		t.Error("the signer follows a clock that is set ahead in steps")
	}
}

// TestAStatementLivesByTheTimeThatPasses: however the clock is set, and confirmed,
// ten minutes are over after ten minutes.
func TestAStatementLivesByTheTimeThatPasses(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	alice := mustConnect(t, g, "mem_alice")
	data := mustAsk(t, alice)
	g.clock.jump(-20 * time.Minute)
	if !g.stopped() {
		t.Fatal("the signer goes on")
	}
	g.confirm()
	if g.stopped() {
		t.Fatal("the operator's word was not taken")
	}
	g.clock.add(25 * time.Minute) // by the clock it was issued five minutes ago
	if _, err := alice.Submit(alice.Sign(data)); err == nil || err.Code != fault.StatementInvalid || err.Details["field"] != "exp" {
		t.Errorf("a statement 25 minutes after its issue: %v", err)
	}
	data = mustAsk(t, alice)
	g.clock.add(8 * time.Minute)
	if _, err := alice.Submit(alice.Sign(data)); err != nil {
		t.Errorf("a statement eight minutes after its issue: %v", err)
	}
}

func TestTheStopIsToldOnce(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	var out bytes.Buffer
	g.service.deps.Log = slog.New(slog.NewTextHandler(&out, nil))
	g.clock.jump(time.Hour)
	for range 5 {
		if err := g.service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	g.clock.jump(-time.Hour)
	for range 5 {
		if err := g.service.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Count(out.String(), "level=ERROR") != 1 || strings.Count(out.String(), "running again") != 1 {
		t.Error(out.String())
	}
}

func TestTheRealUptimeGoesOn(t *testing.T) {
	t.Parallel()
	began := time.Now()
	boot, before := sinceStart()
	again, after := sinceStart()
	for before == after { // its steps may be coarse
		again, after = sinceStart()
	}
	if boot == "" || boot != again || after < before || after-before > time.Since(began) {
		t.Errorf("%q at %v, %q at %v", boot, before, again, after)
	}
}

func TestResumeSpeaksToASignerThatRunsAndToOneThatDoesNot(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := Config{StateDir: dir}
	if err := Resume(t.Context(), cfg, Stdio{Out: io.Discard}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("without a log: %v", err)
	}
	f, err := logfile.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Resume(t.Context(), cfg, Stdio{Out: &out}); err != nil || !strings.Contains(out.String(), "at its next start") {
		t.Errorf("%v: %s", err, &out)
	}
	if f, err = logfile.Open(dir); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := os.Remove(filepath.Join(dir, resumeFile)); err != nil { // the word of before
		t.Fatal(err)
	}
	taken, answered := make(chan error, 1), make(chan struct{})
	go func() {
		path := filepath.Join(dir, resumeFile)
		look := time.NewTicker(time.Millisecond)
		defer look.Stop()
		for {
			if _, err := loadMoment(path); err == nil {
				taken <- os.Remove(path)
				return
			}
			select {
			case <-look.C:
			case <-answered:
				taken <- errors.New("nobody confirmed")
				return
			}
		}
	}()
	out.Reset()
	err = Resume(t.Context(), cfg, Stdio{Out: &out})
	close(answered)
	if err != nil || !strings.Contains(out.String(), "accepted the confirmation") {
		t.Errorf("%v: %s", err, &out)
	}
	if err := <-taken; err != nil {
		t.Error(err)
	}
}
