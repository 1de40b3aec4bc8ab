package soak

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/softhsm/e2e/page"
	"countersign/softhsm/e2e/story"
	"countersign/softhsm/e2e/system"
)

// Config says what is watched and for how long.
type Config struct {
	System   *system.System
	Bridge   string        // the program, for its commands
	Script   string        // of the person: see softhsm/e2e/cmd/scripted-pinentry
	Counts   string        // the folder that was given to [Count]
	Duration time.Duration // of the whole, at least: see [Run]
	Out      io.Writer     // where progress is told
}

// every is how often a sample is taken: some hundreds in all.
func (c Config) every() time.Duration { return max(c.Duration/600, 100*time.Millisecond) }

// Report is what a soak found.
type Report struct {
	Bridge, Module Series
	Derived        int64          // ECDH in the module
	Outcomes       map[string]int // by "operation: code", "ok" for none
	Unexpected     []string       // errors that mixed use must not have
}

// soak is one run.
type soak struct {
	Config

	mu     sync.Mutex
	story  *story.Story // whose entity token is renewed
	report Report
}

// signInEvery is well within the life of an entity token.
const signInEvery = 3 * time.Minute

// signIn renews the entity token, as a page does.
func (s *soak) signIn(ctx context.Context) {
	tick := time.NewTicker(signInEvery)
	defer tick.Stop()
	for pace(ctx, tick) {
		renewed, err := story.New(ctx, s.System, io.Discard)
		s.note(ctx, "sign in", err)
		if err == nil {
			s.mu.Lock()
			s.story = renewed
			s.mu.Unlock()
		}
	}
}

// now is the story with an entity token that is valid.
func (s *soak) now() story.Story {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.story
}

// normal are the refusals that mixed use brings about.
var normal = []fault.Code{fault.Declined, fault.Cancelled, fault.Limited, fault.DeviceMissing, fault.DeviceRemoved, fault.DeviceInUse, fault.PINIncorrect,
	fault.NotPaired, fault.PairingRefused, fault.Unavailable, fault.Busy, fault.ChannelClosed, fault.Timeout}

// request is the operation that has nothing to do with the bridge: the gateway may
// refuse it as it likes.
const request = "request"

// Uses are the operations that a soak must have seen succeed.
var Uses = []string{"connect", "pair", "open a channel", "approve", "reject", "pull", "insert", "wrong frame", "another site", "silent socket"}

// extension is how much longer than its duration a soak goes on, on a slow
// machine, until each of [Uses] has succeeded.
const extension = 4 * time.Minute

// Run uses a system in every way at once until cfg.Duration is over: pages that
// come and go, channels, approvals, rejections, prompts that are declined,
// cancelled or left open, tokens that are pulled, pairings that are made and
// revoked, and strangers. On a machine that is too slow to do all of [Uses] in
// that time it goes on until they are done, for four minutes more at most.
func Run(ctx context.Context, cfg Config) (Report, error) {
	s := &soak{Config: cfg, report: Report{Outcomes: map[string]int{}}}
	var err error
	if s.story, err = story.New(ctx, cfg.System, io.Discard); err != nil {
		return s.report, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var using sync.WaitGroup
	using.Go(func() {
		s.wait(ctx)
		cancel()
	})
	for i, p := range system.People {
		using.Go(func() { s.member(ctx, p, i) })
	}
	using.Go(func() { s.strangers(ctx) })
	using.Go(func() { s.newcomers(ctx) })
	using.Go(func() { s.person(ctx) })
	using.Go(func() { s.hand(ctx) })
	using.Go(func() { s.signIn(ctx) })
	s.report.Bridge, s.report.Module, err = record(ctx, cfg, cfg.System.PID("bridge"))
	cancel()
	using.Wait()
	if err != nil {
		return s.report, err
	}
	journal, err := os.ReadFile(filepath.Join(cfg.System.State.Dir, "bridge", "journal.log"))
	s.report.Derived = int64(bytes.Count(journal, []byte(`"event":"key-derived"`)))
	return s.report, err
}

// wait returns when the soak is over.
func (s *soak) wait(ctx context.Context) {
	began := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for pace(ctx, tick) {
		took := time.Since(began)
		if took >= s.Duration+extension || took >= s.Duration && len(s.missing()) == 0 {
			return
		}
	}
}

// missing are the uses that have not succeeded yet.
func (s *soak) missing() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.report.Missing()
}

// Missing are those of [Uses] that never succeeded.
func (r Report) Missing() (missing []string) {
	for _, use := range Uses {
		if r.Outcomes[use+": ok"] == 0 {
			missing = append(missing, use)
		}
	}
	return missing
}

// note counts what came of an operation.
func (s *soak) note(ctx context.Context, operation string, err error) {
	if ctx.Err() != nil {
		return // the soak ends in the middle of it
	}
	code := fault.Code("ok")
	if err != nil {
		code = fault.CodeOf(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report.Outcomes[operation+": "+string(code)]++
	if err != nil && operation != request && !slices.Contains(normal, code) && len(s.report.Unexpected) < 20 {
		s.report.Unexpected = append(s.report.Unexpected, fmt.Sprintf("%s: %v", operation, err))
	}
}

// pace waits for the next turn; false ends the loop.
func pace(ctx context.Context, tick *time.Ticker) bool {
	select {
	case <-ctx.Done():
		return false
	case <-tick.C:
		return true
	}
}

// member is a page whose person has one token: it opens channels, approves,
// rejects, and comes again.
func (s *soak) member(ctx context.Context, who system.Person, number int) {
	tick := time.NewTicker(300 * time.Millisecond)
	defer tick.Stop()
	visit := s.now()
	var err error
	if visit.Key, err = link.NewKey(rand.Reader); err != nil {
		s.note(ctx, "make a key", err)
		return
	}
	var b *page.Bridge
	rest := 0 // turns without the token: each leaves half a channel at the signer
	for turn := number; pace(ctx, tick); turn++ {
		if rest > 0 {
			rest--
			continue
		}
		if b == nil {
			if b, err = visit.Connect(ctx); err != nil {
				s.note(ctx, "connect", err)
				b = nil
				continue
			}
			s.note(ctx, "connect", nil)
		}
		err := s.turn(ctx, b, who, turn)
		code := fault.CodeOf(err)
		if code == fault.DeviceMissing || code == fault.DeviceRemoved {
			rest = 4
		}
		if turn%9 == 0 || code == fault.Unavailable || code == fault.NotPaired {
			b.Close()
			b = nil
		}
	}
	if b != nil {
		b.Close()
	}
}

// turn is one use of a token.
func (s *soak) turn(ctx context.Context, b *page.Bridge, who system.Person, turn int) error {
	c, err := page.OpenChannel(ctx, b, s.now().Gateway, system.Entity, who.Member)
	s.note(ctx, "open a channel", err)
	if err != nil {
		return err
	}
	if turn%4 == 0 {
		var info frame.BridgeInfoResult
		err = b.Call(ctx, frame.BridgeInfo, frame.BridgeInfoParams{}, &info)
		s.note(ctx, "ask for information", err)
		return errors.Join(err, c.Close(ctx))
	}
	purchase, err := s.request(ctx)
	if err != nil {
		s.note(ctx, request, err)
		return errors.Join(err, c.Close(ctx))
	}
	decision := "APPROVE"
	if turn%2 == 0 {
		decision = "REJECT"
	}
	patience, cancel := context.WithTimeout(ctx, 10*time.Second) // longer than an approval takes on a busy machine
	defer cancel()
	_, err = c.Decide(patience, purchase, decision)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fault.Wrap(err, fault.Cancelled, "the page cancelled it")
	}
	s.note(ctx, strings.ToLower(decision), err)
	return errors.Join(err, c.Close(ctx))
}

// request asks for a purchase.
func (s *soak) request(ctx context.Context) (string, error) {
	now := s.now()
	best, err := now.Quotes(ctx, "250")
	if err != nil {
		return "", err
	}
	r, err := now.Request(ctx, best.ID)
	return r.ID, err
}

// person answers the prompts. Now and then they decline, leave a prompt open, or
// mistype the PIN: rarer than the bridge lets a site ask for nothing.
func (s *soak) person(ctx context.Context) {
	tick := time.NewTicker(25 * time.Second)
	defer tick.Stop()
	for turn := 0; ; turn++ {
		a := system.Answers{}
		switch turn % 3 {
		case 0:
			a.Confirm = []string{"approve", "decline", "approve"}
		case 1:
			a.Confirm = []string{"approve", "approve", "hang", "approve"}
		case 2:
			a.PINs = map[string][]string{"carol": {"0000", s.System.State.PIN("carol")}}
		}
		if err := s.System.State.Script(s.Script, a); err != nil {
			s.note(ctx, "script", err)
		}
		if !pace(ctx, tick) {
			return
		}
	}
}

// hand pulls Carol's token and puts it back.
func (s *soak) hand(ctx context.Context) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for pulled := false; pace(ctx, tick) || pulled; pulled = !pulled {
		if pulled {
			s.note(ctx, "insert", s.System.State.Approvers.Insert("carol"))
		} else {
			s.note(ctx, "pull", s.System.State.Approvers.Pull("carol"))
		}
	}
}

// newcomers are pages that pair and leave. From time to time all pairings are
// revoked, and all pages pair again.
func (s *soak) newcomers(ctx context.Context) {
	tick := time.NewTicker(4 * time.Second)
	defer tick.Stop()
	for turn := 1; pace(ctx, tick); turn++ {
		key, err := link.NewKey(rand.Reader)
		if err != nil {
			s.note(ctx, "make a key", err)
			return
		}
		b, err := page.Connect(ctx, page.BridgeConfig{URL: s.System.BridgeURL, Origin: s.System.DashboardURL, Key: key})
		s.note(ctx, "pair", err)
		if err == nil {
			if turn%3 == 0 {
				s.note(ctx, "wrong frame", wrongFrame(ctx, b))
			}
			b.Close()
		}
		if turn%20 == 0 {
			out, err := exec.CommandContext(ctx, s.Bridge, "pairings", "revoke", "--config="+filepath.Join(s.System.State.Dir, "config", "bridge.json"), "all").CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			s.note(ctx, "revoke all", err)
		}
	}
}

// wrongFrame sends what no page sends; the bridge must hang up.
func wrongFrame(ctx context.Context, b *page.Bridge) error {
	err := b.Call(ctx, frame.BridgeInfo, map[string]string{"unknown": strings.Repeat("x", 1000)}, &frame.BridgeInfoResult{})
	if fault.CodeOf(err) != fault.Invalid {
		return fmt.Errorf("an unknown parameter: %w", err)
	}
	return nil
}

// strangers connect: other sites, silent sockets, half a handshake.
func (s *soak) strangers(ctx context.Context) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	where, err := url.Parse(s.System.BridgeURL)
	if err != nil {
		s.note(ctx, "connect", err)
		return
	}
	var silent []net.Conn
	for turn := 0; pace(ctx, tick); turn++ {
		switch {
		case turn%100 == 0: // rarer than what the bridge takes in a minute
			s.note(ctx, "half a handshake", s.connect(ctx, s.System.DashboardURL, true))
		case turn%2 == 0:
			s.note(ctx, "another site", s.connect(ctx, "https://evil.example", false))
		default:
			c, err := new(net.Dialer).DialContext(ctx, "tcp", where.Host)
			if err == nil {
				silent = append(silent, c)
			}
			if len(silent) > 20 {
				silent[0].Close()
				silent = silent[1:]
			}
			s.note(ctx, "silent socket", err)
		}
	}
	for _, c := range silent {
		c.Close()
	}
}

// connect opens a WebSocket as a page of origin, which is admitted or not, and says
// something that is not a handshake.
func (s *soak) connect(ctx context.Context, origin string, admitted bool) error {
	d := websocket.Dialer{Subprotocols: []string{frame.SubProtocol}}
	ws, _, err := d.DialContext(ctx, s.System.BridgeURL+frame.Path, http.Header{"Origin": {origin}})
	if (err == nil) != admitted {
		return fmt.Errorf("a page of %s: %w", origin, err)
	}
	if err != nil {
		return nil
	}
	defer ws.Close()
	noise := make([]byte, link.Message1Size)
	noise[0], noise[1] = link.Version, byte(mathrand.N(3))
	if err := ws.WriteMessage(websocket.BinaryMessage, noise); err != nil {
		return err
	}
	if _, _, err := ws.ReadMessage(); err == nil {
		return errors.New("the bridge answered noise")
	}
	return nil
}
