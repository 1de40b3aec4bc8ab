package approver

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

const faultyPIN = "12345678"

// onFaulty starts a bridge whose one member's token is behind a PKCS#11 module
// that shows what a test sets.
func onFaulty(t *testing.T, set []faults.Fault, options ...func(*rig)) (*rig, *softhsm.Faulty) {
	t.Helper()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", PIN: faultyPIN, Keys: []softhsm.Key{
		{Label: "approval", Curve: jws.P256, Sign: true}, {Label: "channel", Curve: jws.P256, Derive: true}}})
	f.Set(set...)
	d, err := device.Open(device.Config{Modules: device.Modules(f.Module), Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	m := &owner{id: "mem_alice", label: "alice"}
	for purpose, to := range map[string]*keys.Key{"approval": &m.approval, "channel": &m.channel} {
		if *to, err = d.Key(t.Context(), m.uri(purpose)); err != nil {
			t.Fatal(err)
		}
	}
	g := start(t, unlock.Devices{Devices: d}, []*owner{m}, options...)
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte(f.Token.PIN), nil }
	return g, f
}

func TestATokensLastTryIsNotMadeUnlessThePersonIsSure(t *testing.T) {
	t.Parallel()
	g, f := onFaulty(t, []faults.Fault{faults.PINTries(3)})
	right := g.person.pin
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte("00000000"), nil }
	g.person.answer(func(_ context.Context, q consent.Question) error {
		if strings.HasPrefix(q.Title, "Last try") {
			return fault.New(fault.Declined, "no")
		}
		return nil
	})
	b := g.mustConnect()
	_, err := g.open(b, "mem_alice")
	wantCode(t, "two wrong PINs, and not sure", err, fault.Declined)
	if n := f.Calls("C_Login"); n != 2 {
		t.Errorf("the token was given %d PINs", n)
	}
	_, err = g.open(b, "mem_alice")
	wantCode(t, "again, and not sure", err, fault.Declined)
	g.person.answer(nil)
	g.person.pin = right
	g.mustOpen(b, "mem_alice")
	shown, pins := g.person.questions()
	if last := pins[len(pins)-1]; len(pins) != 3 || !last.FinalTry || shown[len(shown)-1].Title != "Last try for alice" || f.Calls("C_Login") != 3 {
		t.Errorf("PINs %+v, %d logins, asked %q", pins, f.Calls("C_Login"), shown)
	}
}

func TestATokenWithAPadIsUnlockedOnIt(t *testing.T) {
	t.Parallel()
	g, f := onFaulty(t, nil)
	f.Set(faults.PINPad(f.Token.PIN, 50*time.Millisecond))
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatal(err)
	}
	if _, pins := g.person.questions(); len(pins) != 0 || len(g.person.notices) != 1 {
		t.Errorf("PINs %+v, notices %+v", pins, g.person.notices)
	}
}

func TestATokensKeyThatWantsItsPINAtEachUseGetsIt(t *testing.T) {
	t.Parallel()
	g, f := onFaulty(t, []faults.Fault{faults.AlwaysAuth("approval")})
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	given := []string{"00000000", f.Token.PIN, f.Token.PIN}
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) {
		pin := given[0]
		given = given[1:]
		return []byte(pin), nil
	}
	for _, request := range []string{"req_0001", "req_0002"} {
		if _, err := l.decide(t.Context(), request, statement.Approve); err != nil {
			t.Fatal(err)
		}
	}
	_, pins := g.person.questions()
	if len(pins) != 4 || !strings.Contains(pins[2].Problem, "PIN") || !strings.Contains(pins[3].Reason, "req_0002") {
		t.Errorf("PINs %+v", pins)
	}
}

func TestAnIdleTokenIsLoggedOutAndAsksForItsPINAgain(t *testing.T) {
	t.Parallel()
	var c wallClock
	g, f := onFaulty(t, nil, at(&c))
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	c.wrong.Store(int64(DefaultIdleLock))
	g.bridge.keeper.LockIdle(t.Context(), g.bridge.deps.Devices.Token(g.cfg.Identities[0].ApprovalKey))
	if n := f.Calls("C_Logout"); n != 1 || !g.info(b, "mem_alice").Locked {
		t.Errorf("%d logouts", n)
	}
	c.wrong.Store(0)
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatal(err)
	}
	if _, pins := g.person.questions(); len(pins) != 2 {
		t.Errorf("%d PINs", len(pins))
	}
	if events := g.events(); !slices.Contains(events, journal.Locked) {
		t.Errorf("journal %v", events)
	}
}

func TestWhatATokenLacksIsSaidWhenTheChannelOpens(t *testing.T) {
	t.Parallel()
	const deriveECDH1 = 0x1050
	g, f := onFaulty(t, []faults.Fault{faults.Lacks(deriveECDH1)})
	b := g.mustConnect()
	if lacks := g.info(b, "mem_alice").Lacks; !slices.Contains(lacks, device.LacksECDH) {
		t.Fatalf("lacks %v", lacks)
	}
	_, err := g.open(b, "mem_alice")
	wantCode(t, "open", err, fault.KeyUnsuited)
	if _, pins := g.person.questions(); len(pins) != 0 || f.Calls("C_Login")+f.Calls("C_DeriveKey") != 0 {
		t.Errorf("PINs %+v", pins)
	}
}

func TestATokenWithoutAPINIsAskedForTheWordOnly(t *testing.T) {
	t.Parallel()
	g, f := onFaulty(t, []faults.Fault{faults.NoPIN(faultyPIN)})
	b := g.mustConnect()
	asked := func() (titles []string) {
		shown, _ := g.person.questions()
		for _, q := range shown {
			if !strings.HasPrefix(q.Title, "Pair ") {
				titles = append(titles, q.Title)
			}
		}
		return titles
	}
	g.person.answer(func(context.Context, consent.Question) error { return fault.New(fault.Declined, "no") })
	_, err := g.open(b, "mem_alice")
	wantCode(t, "declined", err, fault.Declined)
	g.person.answer(nil)
	l := g.mustOpen(b, "mem_alice")
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatal(err)
	}
	shown, pins := g.person.questions()
	if len(pins) != 0 || len(g.person.notices) != 0 || f.Calls("C_Login") != 0 {
		t.Errorf("PINs %+v, notices %+v, %d logins", pins, g.person.notices, f.Calls("C_Login"))
	}
	if use := shown[len(shown)-2]; !slices.Equal(asked(), []string{"Use alice", "Use alice", "Approve a purchase of Sandbox"}) || !strings.Contains(use.Text, "needs no PIN") || !strings.Contains(use.Text, "approval key") {
		t.Errorf("asked %q", shown)
	}
	other := g.another() // what one page may do, another may not
	b.Close()
	for {
		if _, err = g.open(other, "mem_alice"); fault.CodeOf(err) != fault.DeviceInUse {
			break
		}
		<-time.After(5 * time.Millisecond)
	}
	if again := asked(); err != nil || len(again) != 4 || again[3] != "Use alice" {
		t.Errorf("%v, asked %q", err, again)
	}
	if events := g.events(); slices.Contains(events, journal.PINFailed) || !slices.Contains(events, journal.Allowed) || !slices.Contains(events, journal.Declined) {
		t.Errorf("journal %v", events)
	}
}
