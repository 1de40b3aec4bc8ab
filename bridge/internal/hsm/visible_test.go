package hsm

import (
	"context"
	"testing"
	"time"

	"github.com/miekg/pkcs11"

	"countersign/shared/fault"
	"countersign/shared/jws"
	faults "countersign/softhsm/fault"
)

// searches are the calls that depend on what the PIN hides.
var searches = map[string]func(ctx context.Context, a *adverse) error{
	"a key by its name":           find(URI{Object: "both"}),
	"a private key by its name":   find(URI{Object: "both", Type: typePrivate}),
	"a public key by its name":    find(URI{Object: "both", Type: typePublic}),
	"a key that is not there":     find(URI{Object: "none"}),
	"the list of keys":            func(ctx context.Context, a *adverse) error { _, err := a.token.Keys(ctx); return err },
	"pairs":                       pairsOf("both"),
	"pairs that are not there":    pairsOf("none"),
	"data":                        dataOf("mark"),
	"data that is not there":      dataOf("none"),
	"data that is written":        put("mark"),
	"data that is written first":  put("none"),
	"a key that is made":          generate("new"),
	"a key that is made a second": generate("both"),
	"a key that is deleted":       func(ctx context.Context, a *adverse) error { return a.token.Delete(ctx, a.key) },
	"certificates":                func(ctx context.Context, a *adverse) error { _, err := a.token.Certificates(ctx, a.key); return err },
	"a key at its first use":      func(ctx context.Context, a *adverse) error { a.key.forget(); return a.sign() },
	"a key that derives":          func(ctx context.Context, a *adverse) error { a.key.forget(); return a.derive(ctx) },
}

func find(u URI) func(context.Context, *adverse) error {
	return func(ctx context.Context, a *adverse) error {
		_, err := a.token.Find(ctx, u, jws.PublicKey{})
		return err
	}
}

func pairsOf(label string) func(context.Context, *adverse) error {
	return func(ctx context.Context, a *adverse) error { _, _, err := a.token.Pairs(ctx, label); return err }
}

func dataOf(label string) func(context.Context, *adverse) error {
	return func(ctx context.Context, a *adverse) error { _, err := a.token.Data(ctx, label); return err }
}

func put(label string) func(context.Context, *adverse) error {
	return func(ctx context.Context, a *adverse) error {
		clear(a.token.written)
		return a.token.PutData(ctx, label, []byte("new"))
	}
}

func generate(label string) func(context.Context, *adverse) error {
	return func(ctx context.Context, a *adverse) error {
		_, err := a.token.Generate(ctx, Template{Curve: jws.P256, Label: label, Sign: true})
		return err
	}
}

func (a *adverse) derive(ctx context.Context) error {
	_, err := a.key.ECDH(ctx, a.key.public.Uncompressed())
	return err
}

// logout locks the token as another part of the process does: without telling.
func (a *adverse) logout(t *testing.T) {
	t.Helper()
	p := plant(t, a.token)
	if err := a.token.module.ctx.Logout(p.session); err != nil {
		t.Fatal(err)
	}
	if err := a.token.module.ctx.CloseSession(p.session); err != nil {
		t.Fatal(err)
	}
}

// unchanged shows that nothing was done.
func (a *adverse) unchanged(t *testing.T) {
	t.Helper()
	a.login(t)
	if data, err := a.token.Data(t.Context(), "mark"); err != nil || string(data) != "42" {
		t.Errorf("data %q, %v", data, err)
	}
	if list, err := a.token.Keys(t.Context()); err != nil || len(list.Keys) != 1 || len(list.Omitted) != 0 {
		t.Errorf("%d keys, left out %v: %v", len(list.Keys), list.Omitted, err)
	}
	if data, err := a.token.Data(t.Context(), "none"); err != nil || data != nil {
		t.Errorf("data %q, %v", data, err)
	}
	if err := a.sign(); err != nil {
		t.Error(err)
	}
}

func withMark(t *testing.T) *adverse {
	t.Helper()
	a := disturb(t)
	if err := a.token.PutData(t.Context(), "mark", []byte("42")); err != nil {
		t.Fatal(err)
	}
	return a
}

func TestATokenThatForgotTheLoginWantsThePINBeforeItSaysNotThere(t *testing.T) {
	for _, lost := range []faults.Fault{faults.Logout(), faults.CloseSessions()} {
		a := withMark(t)
		for name, search := range searches {
			t.Run(lost.String()+"/"+name, func(t *testing.T) {
				a.Set(lost)
				a.wantsThePIN(t, search(t.Context(), a))
			})
		}
	}
}

func (a *adverse) wantsThePIN(t *testing.T, err error) {
	t.Helper()
	if fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("%v, want PIN_REQUIRED", err)
	}
	if !a.token.Locked() {
		t.Error("it counts as unlocked")
	}
	a.unchanged(t)
}

// A search that was running shows only a part.
func TestALogoutDuringASearchWantsThePIN(t *testing.T) {
	for _, function := range []string{"C_FindObjectsInit", "C_FindObjects", "C_FindObjectsFinal", "C_GetSessionInfo"} {
		a := withMark(t)
		for name, search := range searches {
			t.Run(function+"/"+name, func(t *testing.T) {
				release := a.Hang(function)
				done := make(chan error, 1)
				go func() { done <- search(t.Context(), a) }()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // fails, and does not hang, where the call never comes
				defer cancel()
				if err := a.Entered(ctx, function); err != nil {
					t.Fatal(err)
				}
				a.logout(t)
				release()
				a.wantsThePIN(t, soon(t, name, done))
			})
		}
	}
}

// A private key that anybody can plant is never used in the place of one that the PIN
// hides.
func TestAPlantedPrivateKeyIsNotUsedAfterALogout(t *testing.T) {
	a := disturb(t)
	if err := a.derive(t.Context()); err != nil { // it has proven itself
		t.Fatal(err)
	}
	plant(t, a.token).pair("both", string(a.key.Info().ID), jws.P256)
	a.logout(t)
	if err := a.derive(t.Context()); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("derived: %v, want PIN_REQUIRED", err)
	}
}

// That a token is gone is said too, and not that it has nothing.
func TestATokenThatIsGoneIsNotSaidToHoldNothing(t *testing.T) {
	for name, search := range searches {
		t.Run(name, func(t *testing.T) {
			a := withMark(t)
			a.Vanish()
			if err := search(t.Context(), a); fault.CodeOf(err) != fault.DeviceRemoved {
				t.Errorf("%v, want DEVICE_REMOVED", err)
			}
		})
	}
}

// A key whose attributes could not be read is not said to be another's.
func TestAnAttributeThatCouldNotBeReadSaysNothingOfAKey(t *testing.T) {
	a := disturb(t)
	before, _, err := a.token.Pairs(t.Context(), "both")
	if err != nil || len(before) != 1 {
		t.Fatalf("%v, %v", before, err)
	}
	for after := range 30 {
		a.Set(faults.Fail("C_GetAttributeValue", pkcs11.CKR_DEVICE_ERROR).After(after).Times(1))
		if now, _, err := a.token.Pairs(t.Context(), "both"); err == nil && (len(now) != 1 || now[0].Origin != before[0].Origin) {
			t.Errorf("after %d calls: %+v, before %+v", after, now, before)
		}
	}
}

func TestATokenThatGetsAPINWantsIt(t *testing.T) {
	a := disturb(t)
	a.token.mu.Lock()
	a.token.unlocked = true // as of a token whose flags said so when it came
	a.token.mu.Unlock()
	a.logout(t)
	if _, err := a.token.Find(t.Context(), URI{Object: "both", Type: typePrivate}, jws.PublicKey{}); fault.CodeOf(err) != fault.PINRequired {
		t.Errorf("%v, want PIN_REQUIRED", err)
	}
	if s := a.token.State(); s.NoPIN || !s.Locked {
		t.Errorf("%+v", s)
	}
}
