package approver

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/statement"
)

// lastTry leaves one try of alice's token.
func lastTry(g *rig) {
	g.drawer.mu.Lock()
	defer g.drawer.mu.Unlock()
	dev := g.drawer.devices["alice"]
	dev.TriesLeft, dev.FinalTry, dev.CountLow = 1, true, true
}

func TestTheLastTryIsConfirmedBeforeThePINIsAskedFor(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	lastTry(g)
	g.person.answer(decline)
	_, err := g.open(b, "mem_alice")
	wantCode(t, "not sure", err, fault.Declined)
	shown, pins := g.person.questions()
	last := shown[len(shown)-1]
	if last.Title != "Last try for alice" || !strings.Contains(last.Text, "A wrong PIN locks the token permanently") || len(pins) != 0 {
		t.Fatalf("asked %q, PINs %+v", last, pins)
	}
	if dev, _ := g.drawer.State(t.Context(), "alice"); dev.TriesLeft != 1 {
		t.Errorf("%d tries left", dev.TriesLeft)
	}
	g.person.answer(nil)
	g.mustOpen(b, "mem_alice")
	if _, pins = g.person.questions(); len(pins) != 1 || !pins[0].FinalTry {
		t.Errorf("PINs %+v", pins)
	}
}

func TestAWrongPINAtTheLastTryLocksTheTokenAndIsNotRepeated(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	lastTry(g)
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte("wrong"), nil }
	_, err := g.open(b, "mem_alice")
	if code := fault.CodeOf(err); code != fault.PINIncorrect && code != fault.PINLocked {
		t.Errorf("open: %v", err)
	}
	if shown, pins := g.person.questions(); len(pins) != 1 || len(shown) != 2 {
		t.Errorf("asked %q, PINs %+v", shown, pins)
	}
	_, err = g.open(b, "mem_alice")
	wantCode(t, "afterwards", err, fault.PINLocked)
}

func TestATryThatAnotherProgramUsedMeanwhileMakesThisTheLastAndAsks(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	tries := 0
	g.person.pin = func(_ context.Context, q consent.PINQuestion) ([]byte, error) {
		if tries++; tries == 1 {
			lastTry(g) // while the prompt is open
		}
		return []byte("1234-alice"), nil
	}
	g.mustOpen(b, "mem_alice")
	shown, pins := g.person.questions()
	if len(pins) != 2 || pins[0].FinalTry || !pins[1].FinalTry || shown[len(shown)-1].Title != "Last try for alice" {
		t.Errorf("asked %q, PINs %+v", shown, pins)
	}
}

func TestPINBuffersAreWiped(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	var given [][]byte
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) {
		pin := []byte([]string{"wrong", "1234-alice"}[len(given)])
		given = append(given, pin)
		return pin, nil
	}
	g.mustOpen(g.mustConnect(), "mem_alice")
	for _, pin := range given {
		if slices.ContainsFunc(pin, func(b byte) bool { return b != 0 }) {
			t.Errorf("%q is left", pin)
		}
	}
	if len(given) != 2 {
		t.Errorf("%d PINs", len(given))
	}
}

// pad makes alice's token one with a pad, on which r types.
func pad(r func(context.Context) (string, error)) func(*rig) {
	return func(g *rig) {
		g.drawer.devices["alice"].PINPad = true
		g.drawer.reader = r
	}
}

func TestAPINOnTheReaderIsAskedForThereAndNowhereElse(t *testing.T) {
	t.Parallel()
	typed := []string{"wrong", "1234-alice"}
	g := newRig(t)
	pad(func(context.Context) (string, error) {
		pin := typed[0]
		typed = typed[1:]
		return pin, nil
	})(g)
	events := make(chan frame.Message, 64)
	b, err := g.connect(func(_ string, m frame.Message) { events <- m })
	if err != nil {
		t.Fatal(err)
	}
	g.mustOpen(b, "mem_alice")
	_, pins := g.person.questions()
	if len(pins) != 0 || len(g.person.notices) != 2 {
		t.Fatalf("PINs %+v, notices %+v", pins, g.person.notices)
	}
	first, second := g.person.notices[0], g.person.notices[1]
	if first.Site != origin || !strings.Contains(first.Text, "Type the PIN of \"alice\" on the reader.") || !strings.Contains(first.Text, origin+" may use:") ||
		!strings.Contains(second.Text, "The PIN is wrong. 2 tries left.") {
		t.Errorf("notices %+v", g.person.notices)
	}
	var where []string
	for len(where) < 4 {
		var p frame.PromptParams
		if m := <-events; m.Method == frame.PromptOpened || m.Method == frame.PromptClosed {
			if err := frame.DecodeParams(m, &p); err != nil {
				t.Fatal(err)
			}
			if p.Kind == frame.PromptPIN {
				where = append(where, m.Method+" "+p.Where)
			}
		}
	}
	if want := []string{"prompt.opened reader", "prompt.closed reader", "prompt.opened reader", "prompt.closed reader"}; !slices.Equal(where, want) {
		t.Errorf("told %q", where)
	}
	if lines, _ := g.count(journal.PINFailed); lines != 1 {
		t.Errorf("journal %v", g.events())
	}
}

func TestThePageIsToldThatThePINWasWrong(t *testing.T) {
	t.Parallel()
	for name, setUp := range map[string]func(*rig){
		"typed": func(g *rig) {
			tries := []string{"wrong", "1234-alice"}
			g.person.pin = func(context.Context, consent.PINQuestion) (pin []byte, err error) {
				pin, tries = []byte(tries[0]), tries[1:]
				return pin, nil
			}
		},
		"on the reader": func(g *rig) {
			tries := []string{"wrong", "1234-alice"}
			pad(func(context.Context) (pin string, err error) {
				pin, tries = tries[0], tries[1:]
				return pin, nil
			})(g)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t)
			setUp(g)
			events := make(chan frame.Message, 64)
			b, err := g.connect(func(_ string, m frame.Message) { events <- m })
			if err != nil {
				t.Fatal(err)
			}
			g.mustOpen(b, "mem_alice")
			var again []bool
			for len(again) < 2 {
				var p frame.PromptParams
				if m := <-events; m.Method == frame.PromptOpened {
					if err := frame.DecodeParams(m, &p); err != nil {
						t.Fatal(err)
					}
					if p.Kind == frame.PromptPIN {
						again = append(again, p.Again)
					}
				}
			}
			if !slices.Equal(again, []bool{false, true}) {
				t.Errorf("again: %v", again)
			}
		})
	}
}

func TestAPINOnTheReaderCanBeCancelledAtTheScreen(t *testing.T) {
	t.Parallel()
	stopped := make(chan struct{})
	g := newRig(t)
	pad(func(ctx context.Context) (string, error) {
		<-ctx.Done()
		close(stopped)
		return "", fault.New(fault.Cancelled, "the reader was told to stop")
	})(g)
	g.person.show = func(context.Context, consent.Notice) error { return fault.New(fault.Declined, "no") }
	_, err := g.open(g.mustConnect(), "mem_alice")
	wantCode(t, "open", err, fault.Declined)
	<-stopped
	if dev, _ := g.drawer.State(t.Context(), "alice"); dev.TriesLeft != 3 {
		t.Errorf("%d tries left", dev.TriesLeft)
	}
}

// eachUse is a key that wants its PIN at each use.
type eachUse struct {
	*drawerKey
	ask func(context.Context) ([]byte, error)
}

func (k eachUse) Info() keys.Info {
	info := k.drawerKey.Info()
	info.AlwaysAuth = true
	return info
}

func (k eachUse) WithPIN(ask func(context.Context) ([]byte, error)) keys.Key {
	return eachUse{k.drawerKey, ask}
}

func (k eachUse) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	if k.ask == nil {
		return nil, fault.New(fault.PINRequired, "at each use")
	}
	pin, err := k.ask(ctx)
	if err != nil {
		return nil, err
	}
	if pin == nil {
		typed, err := k.d.reader(ctx)
		if err != nil {
			return nil, err
		}
		pin = []byte(typed)
	}
	if err := k.d.Login(ctx, k.dev.Identity.Shown(), pin, true); err != nil {
		return nil, err
	}
	return k.drawerKey.SignDigest(ctx, digest)
}

func TestAKeyThatWantsItsPINAtEachUseIsAskedForWithWhatItSigns(t *testing.T) {
	t.Parallel()
	for _, onPad := range []bool{false, true} {
		g := newRig(t)
		g.drawer.always = map[string]bool{"pkcs11:token=alice;object=approval": true}
		b := g.mustConnect()
		l := g.mustOpen(b, "mem_alice")
		answers := []string{"wrong", "1234-alice", "1234-alice"}
		next := func() string { pin := answers[0]; answers = answers[1:]; return pin }
		g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte(next()), nil }
		if onPad {
			pad(func(context.Context) (string, error) { return next(), nil })(g)
		}
		for _, request := range []string{"req_0001", "req_0002"} {
			if _, err := l.decide(t.Context(), request, statement.Approve); err != nil {
				t.Fatal(err)
			}
		}
		_, pins := g.person.questions()
		var texts []string
		for _, q := range pins[1:] { // the first unlocked the token
			texts = append(texts, q.Reason+"\n"+q.Problem+q.Allows)
		}
		for _, n := range g.person.notices {
			texts = append(texts, n.Text)
		}
		if len(texts) != 3 || !strings.Contains(texts[0], "req_0001") || !strings.Contains(texts[1], "The PIN is wrong") || !strings.Contains(texts[2], "req_0002") ||
			!strings.Contains(texts[2], "This PIN allows one use and no other.") {
			t.Errorf("on the pad %t: asked %q", onPad, texts)
		}
		g.person.pin = nil
		g.drawer.mu.Lock()
		g.drawer.reader = func(context.Context) (string, error) { return "", fault.New(fault.Declined, "no") }
		g.drawer.mu.Unlock()
		_, err := l.decide(t.Context(), "req_0003", statement.Approve)
		wantCode(t, "cancelled", err, fault.Declined)
		if lines, _ := g.count(journal.Signed); lines != 2 {
			t.Errorf("journal %v", g.events())
		}
	}
}

func TestAPromptClosesWhenItsTokenIsPulled(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"statement", "PIN", "reader"} {
		g := newRig(t)
		<-g.drawer.watched
		b := g.mustConnect()
		pulled := func(ctx context.Context) error {
			g.drawer.plug("alice", false)
			<-ctx.Done() // the prompt closes by itself
			return fault.New(fault.Cancelled, "closed")
		}
		var err error
		switch name {
		case "statement":
			l := g.mustOpen(b, "mem_alice")
			g.person.answer(func(ctx context.Context, _ consent.Question) error { return pulled(ctx) })
			_, err = l.decide(t.Context(), "req_0001", statement.Approve)
			if !slices.ContainsFunc(g.entries(), func(e journal.Entry) bool {
				return e.Kind == journal.Failed && e.Code == string(fault.DeviceRemoved) && e.Request == "req_0001"
			}) {
				t.Errorf("%s: journal %v", name, g.events())
			}
		case "PIN":
			g.person.pin = func(ctx context.Context, _ consent.PINQuestion) ([]byte, error) { return nil, pulled(ctx) }
			_, err = g.open(b, "mem_alice")
		case "reader":
			pad(func(ctx context.Context) (string, error) { return "", pulled(ctx) })(g)
			_, err = g.open(b, "mem_alice")
		}
		wantCode(t, name, err, fault.DeviceRemoved)
		g.person.answer(nil)
		g.person.pin = func(_ context.Context, q consent.PINQuestion) ([]byte, error) { return []byte("1234-" + q.Device), nil }
		g.drawer.reader = func(context.Context) (string, error) { return "1234-alice", nil }
		g.drawer.plug("alice", true)
		g.mustOpen(b, "mem_alice")
	}
}

func TestAPromptClosesWhenItsStatementExpires(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	g.vault.serve = func(a *statement.Approval) { a.Expires = time.Now().Unix() + 2 }
	g.person.answer(func(ctx context.Context, _ consent.Question) error {
		<-ctx.Done()
		return fault.New(fault.Cancelled, "closed")
	})
	_, err := l.decide(t.Context(), "req_0001", statement.Approve)
	wantCode(t, "decide", err, fault.StatementInvalid)
	if f, _ := fault.As(err); f == nil || f.Details["field"] != "exp" {
		t.Errorf("%v", err)
	}
}

func TestAPINPromptClosesWithItsPage(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	opened, closed := make(chan struct{}), make(chan struct{})
	g.person.pin = func(ctx context.Context, _ consent.PINQuestion) ([]byte, error) {
		close(opened)
		<-ctx.Done()
		close(closed)
		return nil, fault.New(fault.Cancelled, "closed")
	}
	go func() { <-opened; _ = b.Close() }()
	if _, err := g.open(b, "mem_alice"); err == nil {
		t.Error("a channel without a PIN")
	}
	<-closed
}

func TestAnIdleTokenIsLockedAndSoIsOneWhoseComputerSlept(t *testing.T) {
	t.Parallel()
	t.Run("by itself", func(t *testing.T) {
		t.Parallel()
		g := newRig(t, func(g *rig) { g.cfg.IdleLock = "300ms" })
		b := g.mustConnect()
		g.mustOpen(b, "mem_alice")
		for !g.info(b, "mem_alice").Locked {
		}
		for lines := 0; lines == 0; lines, _ = g.count(journal.Locked) {
		}
	})
	t.Run("after sleep, before the first use", func(t *testing.T) {
		t.Parallel()
		var c wallClock
		g := newRig(t, at(&c))
		b := g.mustConnect()
		l := g.mustOpen(b, "mem_alice")
		c.wrong.Store(int64(DefaultIdleLock) - int64(time.Minute))
		if _, err := g.open(b, "mem_alice"); err != nil { // a use: the time begins again
			t.Fatal(err)
		}
		c.wrong.Store(0)
		if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
			t.Fatal(err)
		}
		if _, pins := g.person.questions(); len(pins) != 1 {
			t.Errorf("%d PINs", len(pins))
		}
		c.wrong.Store(int64(DefaultIdleLock))
		g.mustOpen(b, "mem_alice")
		if _, pins := g.person.questions(); len(pins) != 2 || g.drawer.logouts != 1 {
			t.Errorf("%d PINs, %d logouts", len(pins), g.drawer.logouts)
		}
		if e := g.entries(); !slices.ContainsFunc(e, func(e journal.Entry) bool { return e.Kind == journal.Locked && e.Device == "alice" }) {
			t.Errorf("journal %v", g.events())
		}
	})
	t.Run("never, when the configuration says so", func(t *testing.T) {
		t.Parallel()
		var c wallClock
		g := newRig(t, at(&c), func(g *rig) { g.cfg.IdleLock = "0" })
		b := g.mustConnect()
		g.mustOpen(b, "mem_alice")
		c.wrong.Store(int64(365 * 24 * time.Hour))
		g.bridge.keeper.LockIdle(t.Context(), "alice")
		if g.info(b, "mem_alice").Locked {
			t.Error("it was locked")
		}
	})
	for _, bad := range []string{"ten minutes", "-5m", "10"} {
		if _, err := (Config{IdleLock: bad}).idleLock(); err == nil || !strings.Contains(err.Error(), "such as 10m") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestAStatementThatExpiredWhileTheComputerSleptIsNotSigned(t *testing.T) {
	t.Parallel()
	for name, during := range map[string]func(*rig, func()){
		"at the prompt": func(g *rig, sleep func()) {
			g.person.answer(func(context.Context, consent.Question) error { sleep(); return nil })
		},
		"at the PIN": func(g *rig, sleep func()) {
			_ = g.drawer.Logout(g.t.Context(), "alice")
			g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) {
				sleep()
				return []byte("1234-alice"), nil
			}
		},
	} {
		var c wallClock
		g := newRig(t, at(&c))
		l := g.mustOpen(g.mustConnect(), "mem_alice")
		during(g, func() { c.wrong.Store(int64(8 * time.Hour)) })
		_, err := l.decide(t.Context(), "req_0001", statement.Approve)
		wantCode(t, name, err, fault.StatementInvalid)
		if lines, _ := g.count(journal.Signed); lines != 0 {
			t.Errorf("%s: journal %v", name, g.events())
		}
	}
}
