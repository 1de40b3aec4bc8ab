//go:build modules

package device

import (
	"slices"
	"testing"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/keys/keystest"
	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
	"countersign/softhsm/modules"
)

// What modules other than SoftHSM do, for real: `make test-modules` installs them.
// Each runs in a process of its own, as in the bridge.

// opened is a module's token, unlocked.
type opened struct {
	*Device
	devices *Devices
	module  *modules.Module
}

// bring brings a module up and unlocks its token.
func bring(t *testing.T, start modules.Start) opened {
	t.Helper()
	m := modules.Run(t, start)
	o := openLocked(t, m, 10*time.Second)
	if err := o.Login(t.Context(), []byte(m.PIN), false); err != nil {
		t.Fatal(err)
	}
	return o
}

func openLocked(t *testing.T, m *modules.Module, timeout time.Duration) opened {
	t.Helper()
	return openWith(t, m, Config{Poll: 20 * time.Millisecond, Timeout: timeout})
}

func openWith(t *testing.T, m *modules.Module, cfg Config) opened {
	t.Helper()
	cfg.Modules = []Module{{Path: m.Path, Reserved: m.Reserved}}
	devices, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := devices.Close(); err != nil {
			t.Error(err)
		}
	})
	d, err := devices.Device(t.Context(), URI{Token: m.Label}.String())
	if err != nil {
		t.Fatal(err)
	}
	return opened{d, devices, m}
}

// key finds a key of the token by its label or id.
func (o opened) key(t *testing.T, u URI) keys.Key {
	t.Helper()
	u.Token = o.module.Label
	key, err := o.devices.Key(t.Context(), u.String())
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (o opened) generate(t *testing.T, template Template) keys.Key {
	t.Helper()
	key, err := o.Generate(t.Context(), template)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestNSSSignsAndDerivesAndNamesTheMissingCurve(t *testing.T) {
	nss := bring(t, modules.NSS)
	if s := nss.State(t.Context()); slices.Contains(s.Lacks, LacksSigning) || slices.Contains(s.Lacks, LacksECDH) {
		t.Errorf("lacks %q", s.Lacks)
	}
	keystest.Run(t, jws.P256, nss.generate(t, Template{Curve: jws.P256, Label: "both", Sign: true, Derive: true}))
	_, err := nss.Generate(t.Context(), Template{Curve: jws.Secp256k1, Label: "k1", Sign: true})
	if f, ok := fault.As(err); !ok || f.Code != fault.KeyUnsuited || f.Details["lacks"] != jws.Secp256k1 {
		t.Errorf("make a key on secp256k1: %v, want KEY_UNSUITED that names it", err)
	}
	curves, err := nss.Curves(t.Context())
	if err != nil || !slices.Equal(curves, []string{jws.P256}) {
		t.Errorf("curves %q, %v: want P-256 alone", curves, err)
	}
	if s := nss.State(t.Context()); !slices.Equal(s.Lacks, []string{jws.Secp256k1}) {
		t.Errorf("lacks %q, want secp256k1", s.Lacks)
	}
}

func TestATokenThatNeedsNoPINIsUsedWithoutOne(t *testing.T) {
	o := openLocked(t, modules.Run(t, modules.NSSWithoutPIN), 10*time.Second)
	if s := o.State(t.Context()); !s.NoPIN || s.Locked || s.PINUnset || !s.Present {
		t.Fatalf("%+v", s)
	}
	key := o.generate(t, Template{Curve: jws.P256, Label: "both", Sign: true, Derive: true})
	keystest.Run(t, jws.P256, key)
	if found := o.key(t, URI{Object: "both"}); !found.PublicKey().Equal(key.PublicKey()) {
		t.Error("it is found as another key")
	}
	if list, err := o.Keys(t.Context()); err != nil || len(list.Keys) != 1 {
		t.Errorf("%d keys, %v", len(list.Keys), err)
	}
}

func TestATPMSignsAndNamesTheMissingECDHBeforeItIsNeeded(t *testing.T) {
	m := modules.Run(t, modules.TPM)
	tpm := openLocked(t, m, 30*time.Second)
	if s := tpm.State(t.Context()); !s.Locked || !slices.Contains(s.Lacks, LacksECDH) || slices.Contains(s.Lacks, LacksSigning) {
		t.Errorf("before the PIN: %+v", s)
	}
	if err := tpm.Login(t.Context(), []byte(m.PIN), false); err != nil {
		t.Fatal(err)
	}
	key := tpm.generate(t, Template{Curve: jws.P256, Label: "sign", Sign: true})
	if i := key.Info(); i.CanDerive || !i.CanSign {
		t.Errorf("info %+v", i)
	}
	keystest.RunSigning(t, jws.P256, key)
	for lack, template := range map[string]Template{
		LacksECDH: {Curve: jws.P256, Label: "derive", Derive: true}, jws.Secp256k1: {Curve: jws.Secp256k1, Label: "k1", Sign: true},
	} {
		_, err := tpm.Generate(t.Context(), template)
		if f, ok := fault.As(err); !ok || f.Code != fault.KeyUnsuited || f.Details["lacks"] != lack {
			t.Errorf("make a key without %s: %v, want KEY_UNSUITED that names it", lack, err)
		}
	}
}

func TestAWrongPINIsToldAndTheRightOneWorksAfterwards(t *testing.T) {
	soft := token(t, "mistyped", both(jws.P256))
	for name, start := range map[string]modules.Start{"NSS": modules.NSS, "TPM": modules.TPM, "p11-kit-proxy": modules.Proxy(soft.Store, soft.Spec)} {
		t.Run(name, func(t *testing.T) {
			m := modules.Run(t, start)
			token := openLocked(t, m, 10*time.Second)
			for range 2 {
				if err := token.Login(t.Context(), []byte("wrong1234"), false); fault.CodeOf(err) != fault.PINIncorrect {
					t.Errorf("wrong PIN: %v, want PIN_INCORRECT", err)
				}
				if s := token.State(t.Context()); !s.Locked {
					t.Errorf("after a wrong PIN: %+v", s)
				}
			}
			if err := token.Login(t.Context(), []byte(m.PIN), false); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTokensBehindTheProxyOfP11KitSignAndDerive(t *testing.T) {
	soft := token(t, "proxied", both(jws.P256), softhsm.Key{Label: "k1", Curve: jws.Secp256k1, Sign: true, Derive: true})
	proxy := bring(t, modules.Proxy(soft.Store, soft.Spec))
	keystest.Run(t, jws.P256, proxy.key(t, URI{Object: "both"}))
	keystest.Run(t, jws.Secp256k1, proxy.key(t, URI{Object: "k1"}))
}

func TestATokenBehindTheRemotingOfP11KitSignsAndNamesTheMissingECDH(t *testing.T) {
	soft := token(t, "remoted", softhsm.Key{Label: "sign", Curve: jws.Secp256k1, Sign: true})
	remote := bring(t, modules.Remote(soft.Store, soft.Spec))
	if s := remote.State(t.Context()); !slices.Contains(s.Lacks, LacksECDH) {
		t.Errorf("lacks %q, without ECDH", s.Lacks)
	}
	keystest.RunSigning(t, jws.Secp256k1, remote.key(t, URI{Object: "sign"}))
}
