package softhsm

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode"

	"countersign/softhsm/fault"
)

// Faulty is a token of a test behind a PKCS#11 module that goes wrong when the
// test says so. Programs under test load Module in place of SoftHSM's, in this
// process or in their own, with nothing in their environment; it has one token.
// What a method sets holds at the next call in all of them, and in calls that
// hang. With no fault set, the token works as any other.
type Faulty struct {
	Module string // the path of the PKCS#11 module to load
	Token  *Token

	t     testing.TB
	fault *fault.Module
}

// NewFaulty makes a token for t, in a store of its own, and puts a module in front
// of it that [fault] can disturb. Nothing is shared with other tokens, so a
// process may have several, and tests with one may run in parallel. All of it is
// removed when t ends.
func NewFaulty(t testing.TB, spec Spec) *Faulty {
	t.Helper()
	if _, err := Module(); err != nil {
		t.Fatal(err)
	}
	token := makeIn(t, t.TempDir(), spec)
	cfg := fault.Config{Real: token.Store.Module, Token: token.Label, Env: token.Env()}
	if strings.ContainsFunc(token.Label, unicode.IsControl) || strings.TrimSpace(token.Label) != token.Label {
		cfg.Token = "" // its store has no other, and the control file has lines
	}
	m, err := fault.Install(t.Context(), t.TempDir(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Faulty{Module: m.Path, Token: token, t: t, fault: m}
}

func (f *Faulty) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// Set puts faults in the place of all that are set. Set() is a token that works.
func (f *Faulty) Set(faults ...fault.Fault) {
	f.t.Helper()
	f.must(f.fault.Set(faults...))
}

// Add sets faults beside those that are set. The function that it returns takes
// them away again, and lets go what hangs because of them.
func (f *Faulty) Add(faults ...fault.Fault) (undo func()) {
	f.t.Helper()
	take, err := f.fault.Add(faults...)
	f.must(err)
	return func() {
		f.t.Helper()
		f.must(take())
	}
}

// Vanish takes the token away, as a hand does.
func (f *Faulty) Vanish() {
	f.t.Helper()
	f.must(f.fault.Vanish())
}

// Return puts it back. Sessions of before are dead and nobody is logged in.
func (f *Faulty) Return() {
	f.t.Helper()
	f.must(f.fault.Return())
}

// FailNext makes the next call of a function return a CKR code.
func (f *Faulty) FailNext(function string, code uint) {
	f.t.Helper()
	f.Add(fault.Fail(function, code).Times(1))
}

// Delay makes the calls of a function take longer.
func (f *Faulty) Delay(function string, d time.Duration) (undo func()) {
	f.t.Helper()
	return f.Add(fault.Delay(function, d))
}

// Hang stops the calls of a function until release is called.
func (f *Faulty) Hang(function string) (release func()) {
	f.t.Helper()
	return f.Add(fault.Hang(function))
}

// Crash ends the process that calls a function next, with SIGSEGV, once.
func (f *Faulty) Crash(function string) {
	f.t.Helper()
	f.Add(fault.Crash(function).Times(1))
}

// HighS makes the token's signatures those with the larger s.
func (f *Faulty) HighS() (undo func()) {
	f.t.Helper()
	return f.Add(fault.HighS())
}

// WrongSignature makes the token's signatures wrong.
func (f *Faulty) WrongSignature() (undo func()) {
	f.t.Helper()
	return f.Add(fault.WrongSignature())
}

// Entered waits until a function is called, in whatever process, and tells each
// call once. Setting a fault for the function forgets the calls before it.
func (f *Faulty) Entered(ctx context.Context, function string) error {
	return f.fault.Entered(ctx, function)
}

// Returned waits until a call of a function has come back.
func (f *Faulty) Returned(ctx context.Context, function string) error {
	return f.fault.Returned(ctx, function)
}

// Calls says how often a function was called, in all processes together.
func (f *Faulty) Calls(function string) int {
	f.t.Helper()
	n, err := f.fault.Calls(function)
	f.must(err)
	return n
}

// Control is the text of the control file, for a failure's message.
func (f *Faulty) Control() string { return f.fault.Control() }
