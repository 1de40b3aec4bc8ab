package hsm

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

// How tokens come, go and move between slots.

func TestATokenInAnotherSlotWantsItsPIN(t *testing.T) {
	a := disturb(t)
	var heard []bool
	a.tokens.Watch(func(c Change) { heard = append(heard, c.Present) })
	if err := a.sign(); err != nil {
		t.Fatal(err)
	}
	a.Set(faults.Slots(7)) // it was pulled and put back between two looks
	a.token.module.refresh()
	if len(heard) != 3 || heard[1] || !heard[2] {
		t.Errorf("told %v, want that it went and came", heard)
	}
	if err := a.sign(); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("sign: %v, want PIN_REQUIRED", err)
	}
	a.login(t)
	if err := a.sign(); err != nil {
		t.Error(err)
	}
}

func TestSessionsThatWentWithTheirTokenAreForgotten(t *testing.T) {
	a := disturb(t)
	for range 5 {
		if err := a.sign(); err != nil {
			t.Fatal(err)
		}
		a.Vanish()
		a.token.module.refresh()
		if n := len(a.token.module.sessions); n != 0 {
			t.Fatalf("%d sessions of a token that is away", n)
		}
		a.Return()
		a.token.module.refresh()
		a.login(t)
	}
}

func TestWhatIsToldLastOfATokenIsTrue(t *testing.T) {
	a := disturb(t)
	var last bool // telling is ordered, so that this needs no lock
	a.tokens.Watch(func(c Change) { last = c.Present })
	done := make(chan error)
	for range 2 {
		go func() {
			for range 300 {
				a.token.gone()
			}
			done <- nil
		}()
		go func() {
			for range 300 {
				a.token.module.refresh()
			}
			done <- nil
		}()
	}
	for range 4 {
		_ = soon(t, "the telling", done)
	}
	if last != a.token.isPresent() {
		t.Errorf("told that its presence is %v, and it is %v", last, a.token.isPresent())
	}
}

func TestSoftHSMIsInitialisedAgainNotTooOften(t *testing.T) {
	a := disturb(t)
	m := a.token.module
	m.softHSM = true
	a.Vanish()
	m.refresh()
	m.mu.Lock()
	m.looked, m.took = time.Now(), time.Minute // a store with very many objects
	m.mu.Unlock()
	before := a.Calls("C_Initialize")
	for range 5 {
		m.refresh()
	}
	if n := a.Calls("C_Initialize") - before; n != 0 {
		t.Errorf("it was initialised %d times while it takes a minute each", n)
	}
	done := make(chan error)
	for range 8 { // who misses it shares one
		go func() { a.tokens.Look(true); done <- nil }()
	}
	for range 8 {
		_ = soon(t, "the look", done)
	}
	if n := a.Calls("C_Initialize") - before; n != 1 {
		t.Errorf("it was initialised %d times for those who looked at once", n)
	}
}

// Cards that were made alike, or a store that was copied, say the same of
// themselves. One of them counts, and always the same.
func TestOfTwoTokensThatAreAlikeOneCounts(t *testing.T) {
	key := softhsm.Key{Label: "both", Curve: jws.P256, Sign: true}
	one := softhsm.New(t, softhsm.Spec{Label: "one", PIN: "12345678", Keys: []softhsm.Key{key}})
	softhsm.New(t, softhsm.Spec{Label: "two", PIN: "12345678", Keys: []softhsm.Key{key}})
	m, err := faults.Install(t.Context(), t.TempDir(), faults.Config{Real: one.Store.Module, Env: one.Env()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := m.Set(faults.Info("label", "alike"), faults.Info("serial", "1")); err != nil {
		t.Fatal(err)
	}
	tokens, err := Open(Config{Path: m.Path, Poll: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tokens.Close(); err != nil {
			t.Error(err)
		}
	})
	all := tokens.All()
	if len(all) != 1 {
		t.Fatalf("%d tokens", len(all))
	}
	if err := all[0].Login(t.Context(), PIN{Digits: []byte(one.PIN)}); err != nil {
		t.Fatal(err)
	}
	found, err := all[0].Find(t.Context(), URI{Object: "both"}, jws.PublicKey{})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		tokens.module.refresh()
		if _, err := found.Sign(t.Context(), make([]byte, 32), nil); err != nil {
			t.Error(err)
		}
	}
}

// A look that fails says nothing: the token stays, and with it the PIN and what waits
// for a person. Only an answer removes a token.
func TestOnlyAnAnswerRemovesAToken(t *testing.T) {
	a := disturb(t)
	var heard []bool
	a.tokens.Watch(func(c Change) { heard = append(heard, c.Present) })
	for _, function := range []string{"C_GetSlotList", "C_GetTokenInfo", "C_GetSlotInfo", "C_GetSessionInfo", "C_FindObjectsInit", "C_FindObjects", "C_GetMechanismList", "C_GetInfo"} {
		for _, code := range []uint{0x2, 0x5, 0x6, 0x30, 0x54, 0x150, 0x190} {
			if code == 0x190 && (strings.HasPrefix(function, "C_Find") || function == "C_GetSessionInfo") {
				continue // a module that is not initialised has ended the login
			}
			t.Run(fmt.Sprintf("%s 0x%x", function, code), func(t *testing.T) {
				for _, look := range []func(){func() { a.token.module.refresh() }, func() { _ = a.token.State() }, func() { _, _ = a.token.Keys(t.Context()) },
					func() { _, _ = a.token.Find(t.Context(), URI{Object: "both"}, jws.PublicKey{}) }, func() { _, _ = a.token.Find(t.Context(), URI{Object: "none"}, jws.PublicKey{}) }} {
					a.Set(faults.Fail(function, code).Times(1))
					look()
					a.token.module.refresh()
				}
				a.Set()
				if s := a.token.State(); !s.Present || s.Locked || len(heard) != 1 {
					t.Fatalf("%+v, told %v", s, heard)
				}
				if err := a.sign(); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestATokenThatIsAwayUnobservedIsMissedAfterwards(t *testing.T) {
	a := disturb(t)
	a.Set(faults.Fail("C_GetSlotList", 0x150))
	for range 5 {
		a.token.module.refresh()
	}
	if !a.token.Present() {
		t.Error("it is gone, and nobody looked")
	}
	a.Set()
	a.Vanish()
	a.token.module.refresh()
	if a.token.Present() {
		t.Error("it is away, and its slot is empty")
	}
}

// A reader whose card is misread once shows a stranger in its slot. The card is back when
// it says again who it is, without being pulled.
func TestATokenThatWasMisreadIsBackWhenItSaysAgainWhoItIs(t *testing.T) {
	a := disturb(t)
	for _, misread := range []faults.Fault{faults.Garbage("C_GetTokenInfo"), faults.Info("serial", "0")} {
		a.Set(misread)
		_ = a.token.State()
		for range 5 {
			a.token.module.refresh()
		}
		if a.token.Present() || len(a.tokens.All()) < 2 {
			t.Errorf("%s: no stranger is in its place", misread)
		}
		a.Set()
		for deadline := time.Now().Add(time.Minute); !a.token.Present(); <-time.After(lookEvery / 20) {
			if a.token.module.refresh(); time.Now().After(deadline) {
				t.Fatalf("%s: it is away, and its slot says that it is there", misread)
			}
		}
		a.login(t)
		if err := a.sign(); err != nil {
			t.Error(err)
		}
	}
}

// The question would come between the PIN and the signature.
func TestATokenThatIsUnlockedIsNotAskedWhoItIs(t *testing.T) {
	a := disturb(t)
	a.Set(faults.Info("serial", "0"))
	_ = a.token.State()
	a.token.module.refresh()
	a.Set()
	for deadline := time.Now().Add(time.Minute); !a.token.Present(); <-time.After(lookEvery / 20) {
		if a.token.module.refresh(); time.Now().After(deadline) {
			t.Fatal("it is away")
		}
	}
	a.login(t) // and the stranger is away
	before := a.Calls("C_GetTokenInfo")
	for range 5 {
		a.token.module.refresh()
	}
	if n := a.Calls("C_GetTokenInfo") - before; n != 0 || !a.token.doubted.IsZero() {
		t.Errorf("it was asked %d times, and is doubted since %v", n, a.token.doubted)
	}
}

// SoftHSM shows a token without its label or serial number for a moment when another
// program that uses it logs in.
func TestATokenIsItselfWhileItsFileIsWritten(t *testing.T) {
	a := disturb(t)
	m, slot, id := a.token.module, a.token.where(), a.token.id
	m.softHSM, m.patience = true, time.Minute
	for name, shown := range map[string][]faults.Fault{
		"no label":            {faults.Info("label", "")},
		"no serial":           {faults.Info("serial", "")},
		"no label, no serial": {faults.Info("label", ""), faults.Info("serial", "")},
		"it cannot be read":   {faults.Fail("C_GetTokenInfo", 0x5)},
	} {
		for look, looks := range map[string]func() error{
			"identify": func() error {
				if got, _, s, _ := m.identify(slot); s != there || got != id {
					return fmt.Errorf("%v, %v", got, s)
				}
				return nil
			},
			"state": func() error {
				if s := a.token.State(); !s.Present || s.Locked {
					return fmt.Errorf("%+v", s)
				}
				return nil
			},
		} {
			a.Set(shown...)
			before := a.Calls("C_GetTokenInfo")
			done := make(chan error, 1)
			go func() { done <- looks() }()
			for deadline := time.Now().Add(time.Minute); a.Calls("C_GetTokenInfo") < before+2; time.Sleep(lookPause) {
				if time.Now().After(deadline) {
					t.Fatalf("%s, %s: it is asked once only", name, look)
				}
			}
			a.Set()
			if err := soon(t, "the look", done); err != nil {
				t.Errorf("%s, %s: %v", name, look, err)
			}
			if err := a.sign(); err != nil {
				t.Errorf("%s, %s: %v", name, look, err)
			}
		}
	}
	m.patience = lookTime
	for name, shown := range map[string]faults.Fault{"no serial": faults.Info("serial", ""), "another serial": faults.Info("serial", "0")} {
		a.Set(shown)
		if got, _, s, _ := m.identify(slot); s != there || got == id {
			t.Errorf("%s, for good: %v, %v", name, got, s)
		}
	}
}

// On a busy machine one question takes as long as many.
func TestASlowAnswerDoesNotRemoveAToken(t *testing.T) {
	a := disturb(t)
	a.token.module.softHSM = true
	for name, look := range map[string]func(){"state": func() { _ = a.token.State() }, "a use that failed": func() { _ = a.token.isGone() }} {
		a.Set(faults.Delay("C_GetTokenInfo", lookTime+lookTime/4).Times(2), faults.Fail("C_GetTokenInfo", 0x5).Times(2))
		look()
		a.Set()
		if err := a.sign(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
