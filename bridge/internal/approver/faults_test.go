package approver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/device"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/softhsm"
	"countersign/softhsm/e2e/page"
	faults "countersign/softhsm/fault"
)

// Return values of PKCS #11 v2.40.
const (
	ckrDeviceError    = 0x30
	ckrSessionInvalid = 0xb3
)

// moment is when a fault strikes.
type moment string

const (
	idle      moment = "idle"              // a channel is open, nobody waits for anything
	reading   moment = "prompt open"       // the person reads, and then approves
	signing   moment = "signing"           // the token works
	handshake moment = "channel handshake" // the token derives
)

// faultRow is one row of the table: what goes wrong when, what the page is told,
// what the journal says of it, and what works afterwards.
type faultRow struct {
	name    string
	moment  moment
	strike  func(b *badBridge)
	told    fault.Code // of the running call; empty: it worked
	how     string     // details how or ckr, where there is one
	journal string     // the last lines, without those of recovery
	pin     bool       // the PIN is asked before the next approval
}

var faultTable = []faultRow{
	// The token is pulled.
	{"the token is pulled", idle, (*badBridge).pull, fault.DeviceMissing, "", "refused", true},
	{"the token is pulled", reading, (*badBridge).pull, fault.DeviceRemoved, "", "failed", true},
	{"the token is pulled", signing, (*badBridge).pullDuring, fault.DeviceRemoved, "", "approved failed", true},
	{"the token is pulled", handshake, (*badBridge).pullDuring, fault.DeviceRemoved, "", "key-derived failed", true},
	// The module crashes: before the token did the work, or after.
	{"the module crashes", idle, crashes("C_GetSlotList"), "", "", "approved signed", true},
	{"the module crashes", reading, crashes("C_GetSlotList"), fault.DeviceRemoved, "", "failed", true},
	{"the module crashes", signing, crashes("C_Sign"), fault.ModuleFailed, "crashed", "approved failed", true},
	{"the module crashes after the work", signing, crashesLate("C_Sign"), fault.ModuleFailed, "crashed", "approved failed", true},
	{"the module crashes", handshake, crashes("C_DeriveKey"), fault.ModuleFailed, "crashed", "key-derived failed", true},
	// The module hangs.
	{"the module hangs", idle, hangs("C_GetSlotList"), "", "", "approved signed", true},
	{"the module hangs", reading, hangs("C_GetSlotList"), fault.DeviceRemoved, "", "failed", true},
	{"the module hangs", signing, hangs("C_Sign"), fault.ModuleFailed, "timeout", "approved failed", true},
	{"the module hangs", handshake, hangs("C_DeriveKey"), fault.ModuleFailed, "timeout", "key-derived failed", true},
	// A call fails with a return value.
	{"a call fails", idle, failing("C_GetSlotInfo"), "", "", "approved signed", false},
	{"a call fails", reading, failing("C_GetSlotInfo"), "", "", "approved signed", false},
	{"a call fails", signing, failing("C_Sign"), fault.DeviceFailed, "0x30", "approved failed", false},
	{"a call fails", handshake, failing("C_DeriveKey"), fault.DeviceFailed, "0x30", "key-derived failed", false},
	// The module could not look, which says nothing of the token.
	{"the slots cannot be listed", idle, blind("C_GetSlotList", 0x150), "", "", "approved signed", false},
	{"the slots cannot be listed", reading, blind("C_GetSlotList", 0x150), "", "", "approved signed", false},
	{"a token cannot be asked", reading, set(faults.Fail("C_GetTokenInfo", 0x5).Times(1)), "", "", "approved signed", false},
	{"a token cannot be asked", idle, failing("C_GetTokenInfo"), "", "", "approved signed", false},
	// The module lies.
	{"a wrong signature", signing, set(faults.WrongSignature().Times(1)), fault.SignatureInvalid, "", "approved failed", false},
	{"a signature with high s", signing, set(faults.HighS().Times(1)), "", "", "approved signed", false},
	{"a signature of another length", signing, set(faults.Length("C_Sign", 63).Times(1)), fault.SignatureInvalid, "", "approved failed", false},
	{"a secret of another length", handshake, set(faults.Length("C_GetAttributeValue", 31).Attribute(0x11).Times(2)), fault.DeviceFailed, "", "key-derived failed", false},
	// Another program ends the login.
	{"another program logs out", idle, set(faults.Logout()), "", "", "approved signed", false},
	{"another program logs out", signing, set(faults.Logout()), "", "", "approved signed", false},
	{"another program closes the sessions", idle, set(faults.CloseSessions()), "", "", "approved signed", false},
	{"the session is gone", handshake, set(faults.Fail("C_DeriveKey", ckrSessionInvalid).Times(1)), fault.DeviceFailed, "0xb3", "key-derived failed", false},
	{"the session is gone", signing, set(faults.Fail("C_SignInit", ckrSessionInvalid).Times(1)), "", "", "approved signed", false},
}

// badBridge is a bridge whose one member's token goes wrong.
type badBridge struct {
	*rig
	*softhsm.Faulty
	page *page.Bridge
	line *line
	// function is what the token does at the moment of the row.
	function string

	mu   sync.Mutex
	news []string
	pins int
}

func newBadBridge(t *testing.T) *badBridge {
	t.Helper()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "alice", Keys: []softhsm.Key{
		{Label: "approval", Curve: jws.Secp256k1, Sign: true}, {Label: "channel", Curve: jws.Secp256k1, Derive: true}}})
	d, err := device.Open(device.Config{Modules: device.Modules(f.Module), Poll: 20 * time.Millisecond, Timeout: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	m := &owner{id: "mem_alice", label: "alice"}
	for label, to := range map[string]*keys.Key{"approval": &m.approval, "channel": &m.channel} {
		if *to, err = d.Key(t.Context(), "pkcs11:token=alice;object="+label); err != nil {
			t.Fatal(err)
		}
	}
	b := &badBridge{rig: start(t, unlock.Devices{Devices: d}, []*owner{m}), Faulty: f}
	b.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.pins++
		return []byte(f.Token.PIN), nil
	}
	b.page, err = b.connect(func(method string, m frame.Message) {
		if method == frame.DeviceAdded || method == frame.DeviceRemoved {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.news = append(b.news, strings.TrimPrefix(method, "device."))
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.line = b.mustOpen(b.page, "mem_alice")
	if _, err := b.line.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Fatalf("before the fault: %v", err)
	}
	return b
}

// awaitNews waits until the page was told something of the token.
func (b *badBridge) awaitNews(want string) {
	b.rig.t.Helper()
	b.await("the page was told that the token was "+want, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return slices.Contains(b.news, want)
	})
}

func (b *badBridge) await(what string, done func() bool) {
	b.rig.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !done() {
		if time.Now().After(deadline) {
			b.rig.t.Fatalf("never: %s", what)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (b *badBridge) pull() {
	b.Vanish()
	b.awaitNews("removed")
}

// pullDuring pulls the token while it works.
func (b *badBridge) pullDuring() {
	function := b.function
	release := b.Hang(function)
	go func() {
		if err := b.Entered(context.Background(), function); err != nil {
			b.rig.t.Error(err)
		}
		b.Vanish()
		release()
	}()
}

func crashes(function string) func(*badBridge) {
	return func(b *badBridge) {
		b.Set(faults.Crash(function).Times(1))
		if function == "C_GetSlotList" {
			b.awaitNews("added")
		}
	}
}

func crashesLate(function string) func(*badBridge) {
	return set(faults.Crash(function).Times(1).Late())
}

func hangs(function string) func(*badBridge) {
	return func(b *badBridge) {
		b.Set(faults.Hang(function).Times(1))
		if function == "C_GetSlotList" {
			b.awaitNews("added")
		}
	}
}

func failing(function string) func(*badBridge) {
	return set(faults.Fail(function, ckrDeviceError).Times(1))
}

// blind makes a look fail, and waits for it.
func blind(function string, code uint) func(*badBridge) {
	return func(b *badBridge) {
		b.Set(faults.Fail(function, code).Times(1))
		if err := b.Returned(context.Background(), function); err != nil {
			b.rig.t.Error(err)
		}
	}
}

func set(f faults.Fault) func(*badBridge) { return func(b *badBridge) { b.Set(f) } }

// under does what is running at the row's moment, with the fault.
func (b *badBridge) under(r faultRow) error {
	switch r.moment {
	case handshake:
		b.function = "C_DeriveKey"
		r.strike(b)
		_, err := b.open(b.page, "mem_alice")
		return err
	case idle:
		r.strike(b)
	case reading, signing:
		b.function = "C_Sign"
		b.person.answer(func(ctx context.Context, _ consent.Question) error {
			r.strike(b)
			return keys.Ended(ctx)
		})
	}
	_, err := b.line.decide(b.rig.t.Context(), "req_0002", statement.Approve)
	return err
}

func TestEachFaultAtEachMomentCostsOneOperationAndIsAccountedFor(t *testing.T) {
	for _, r := range faultTable {
		t.Run(fmt.Sprintf("%s, %s", r.name, r.moment), func(t *testing.T) {
			t.Parallel()
			b := newBadBridge(t)
			before, signatures := len(b.entries()), b.Calls("C_Sign")
			b.mu.Lock()
			b.news, b.pins = nil, 0
			b.mu.Unlock()

			err := b.under(r)
			if fault.CodeOf(err) != r.told && (err != nil || r.told != "") {
				t.Errorf("the page is told %v, want %q", err, r.told)
			}
			if f, ok := fault.As(err); r.how != "" && (!ok || f.Details["how"] != r.how && f.Details["ckr"] != r.how) {
				t.Errorf("details %v, want %s", f, r.how)
			}
			if n := b.Calls("C_Sign") - signatures; n > 1 {
				t.Errorf("the token was asked for %d signatures", n)
			}
			var said []string
			signed := 0
			for _, e := range b.entries()[before:] {
				switch e.Kind {
				case journal.Approved, journal.Signed, journal.Failed, journal.Derived, journal.Declined, journal.Refused:
					said = append(said, e.Kind)
				}
				if e.Kind == journal.Signed {
					signed++
				}
			}
			if got := strings.Join(said, " "); got != r.journal {
				t.Errorf("the journal says %q, want %q", got, r.journal)
			}
			if (err == nil && r.moment != handshake) != (signed == 1) {
				t.Errorf("%d signatures are in the journal, and the page is told %v", signed, err)
			}
			b.recovers(r)
		})
	}
}

// recovers shows what state remains: everything works again, without restarting
// anything.
func (b *badBridge) recovers(r faultRow) {
	t := b.rig.t
	t.Helper()
	b.person.answer(nil)
	b.Set()
	if r.name == "the token is pulled" {
		b.Return()
	}
	b.await("the token is back", func() bool { return b.info(b.page, "mem_alice").Present })
	b.mu.Lock()
	asked := b.pins
	b.mu.Unlock()
	l, err := b.open(b.page, "mem_alice")
	if err == nil {
		_, err = l.decide(t.Context(), "req_0003", statement.Approve)
	}
	if err != nil {
		t.Fatalf("afterwards: %v", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.pins > 1 || r.pin && b.pins == 0 {
		t.Errorf("the PIN was asked %d times, %d of them before recovery", b.pins, asked)
	}
	if head, err := journal.Verify(b.file(), nil); err != nil || head != b.book.Head() {
		t.Errorf("the journal: %v, %v", head, err)
	}
}

// file is the journal as it is on the disk.
func (g *rig) file() io.Reader {
	g.t.Helper()
	data, err := os.ReadFile(filepath.Join(g.cfg.StateDir, "journal.log"))
	if err != nil {
		g.t.Fatal(err)
	}
	return bytes.NewReader(data)
}
