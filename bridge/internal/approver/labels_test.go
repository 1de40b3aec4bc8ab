package approver

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/name"
	"countersign/shared/statement"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

// What is written into a token is whatever somebody wrote there. It stands in prompts,
// errors, the journal and the log without its tricks, and the token works.

// hostile are labels of tokens, and of the key in it.
var hostile = map[string]string{
	"a line":        "a\nYou pay 25.00 EUR",
	"a direction":   "\u202eecila",
	"an escape":     "\x1b[2J",
	"nothing":       "\u3164\u3164",
	"no text":       "Caf\xe9",
	"a sentence":    `a" is unlocked. You pay "1 EUR`,
	"a serial":      "alice (serial 1)",
	"long and hard": strings.Repeat("\x01", 31) + "\xff",
}

// told collects what a person is shown.
type told struct {
	t     *testing.T
	label string
	mu    sync.Mutex
	n     int
}

func (s *told) show(where, text string) {
	s.t.Helper()
	s.mu.Lock()
	s.n++
	s.mu.Unlock()
	for _, line := range strings.Split(text, "\n") {
		bad := strings.ContainsFunc(line, func(r rune) bool { return !name.Visible(r) })
		if bad || !utf8.ValidString(line) || strings.HasPrefix(strings.TrimLeft(line, " >"), "You pay 25") || strings.Contains(line, s.label) {
			s.t.Errorf("%s: %q", where, text)
		}
	}
}

func (s *told) fails(where string, err error, code fault.Code) {
	s.t.Helper()
	wantCode(s.t, where, err, code)
	s.show(where, fmt.Sprint(err))
	if f, ok := fault.As(err); ok {
		s.show(where, fmt.Sprint(f.Message, f.Details))
	}
}

func TestALabelStandsWithoutItsTricksInEveryPromptErrorAndRecord(t *testing.T) {
	t.Parallel()
	for what, label := range hostile {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := softhsm.NewFaulty(t, softhsm.Spec{Label: label, Keys: []softhsm.Key{{Label: "approval", Curve: jws.P256, Sign: true}, {Label: "channel", Curve: jws.P256, Derive: true}}})
			open, err := device.Open(device.Config{Modules: device.Modules(f.Module), Poll: 20 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := open.Close(); err != nil {
					t.Error(err)
				}
			})
			id := open.All()[0].Identity()
			if id.Label != label {
				t.Fatalf("the label is %q", id.Label)
			}
			uri := id.URI().String()
			var log bytes.Buffer
			m := enrolled(t, unlock.Devices{Devices: open}, uri)
			g := start(t, unlock.Devices{Devices: open}, []*owner{m}, func(g *rig) {
				g.cfg.Identities[0].ApprovalKey, g.cfg.Identities[0].ChannelKey = uri+";object=approval", uri+";object=channel"
				g.log = &log
			})
			s := &told{t: t, label: label}

			b := g.mustConnect()
			f.Set(faults.PINTries(3))
			g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte("00000000"), nil }
			g.person.answer(func(_ context.Context, q consent.Question) error { return fault.New(fault.Declined, "no") })
			_, err = g.open(b, m.id)
			s.fails("two wrong PINs, and not sure", err, fault.Declined)
			f.Set(faults.Flags(0x00040000)) // CKF_USER_PIN_LOCKED
			_, err = g.open(b, m.id)
			s.fails("locked", err, fault.PINLocked)
			f.Set(faults.Fail("C_Login", 0x30).Times(1))
			_, err = g.open(b, m.id)
			s.fails("the token fails", err, fault.DeviceFailed)
			f.Set(faults.PINPad(f.Token.PIN, 50*time.Millisecond))
			g.person.answer(nil)
			l := g.mustOpen(b, m.id)
			f.Set()
			other := g.another()
			_, err = g.open(other, m.id)
			s.fails("another page uses it", err, fault.DeviceInUse)
			s.show("the list of identities", g.info(other, m.id).Device)
			if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
				t.Fatal(err)
			}
			b.Close()
			for { // until the bridge has noticed
				if _, err = g.open(other, m.id); fault.CodeOf(err) != fault.DeviceInUse {
					break
				}
				<-time.After(5 * time.Millisecond)
			}
			if err != nil { // which asks whether this page may use it, too
				t.Fatal(err)
			}
			for _, n := range g.bridge.seen(t.Context()) {
				s.show("seen", n.ID+" "+n.Message)
			}
			f.Vanish()
			for open.All()[0].Present() {
				<-time.After(5 * time.Millisecond)
			}
			_, err = g.open(other, m.id)
			s.fails("pulled", err, fault.DeviceMissing)

			shown, pins := g.person.questions()
			kinds := map[string]bool{}
			for _, q := range shown {
				s.show("a question", q.Title+"\n"+q.Text)
				first, _, _ := strings.Cut(q.Title, " ")
				kinds[first] = true
			}
			for _, q := range pins {
				s.show("a PIN", strings.Join([]string{q.Device, q.Reason, q.Problem, q.Allows}, "\n"))
			}
			for _, n := range g.person.notices {
				s.show("a notice", n.Title+"\n"+n.Text)
			}
			if !kinds["Last"] || !kinds["Use"] || len(pins) == 0 || len(g.person.notices) == 0 {
				t.Errorf("asked %q, %d PINs, %d notices", shown, len(pins), len(g.person.notices))
			}
			g.stop()
			for _, e := range g.entries() {
				s.show("the journal", e.Device)
			}
			s.show("the log", strings.TrimRight(log.String(), "\n"))
		})
	}
}
