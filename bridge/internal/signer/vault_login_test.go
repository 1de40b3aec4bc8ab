package signer

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

// disturbed is a vault token that goes wrong, with a key and a watermark.
func disturbed(t *testing.T) (*softhsm.Faulty, Vault, keys.Key) {
	t.Helper()
	f, v := faulty(t)
	key, err := keyOrNew(t.Context(), v, statementKey())
	if err != nil {
		t.Fatal(err)
	}
	if err := v.PutData(t.Context(), watermarkLabel, []byte("42")); err != nil {
		t.Fatal(err)
	}
	return f, v, key
}

// faulty is a vault token that goes wrong, with nothing in it.
func faulty(t *testing.T) (*softhsm.Faulty, Vault) {
	t.Helper()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "vault"})
	pin := filepath.Join(t.TempDir(), "pin")
	if err := os.WriteFile(pin, []byte(f.Token.PIN+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	v, done, err := openHSM(t.Context(), Config{Module: f.Module, Token: "pkcs11:token=vault", PINFile: pin}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return f, v
}

// The token forgot the login, and nobody told: the signer gives the PIN again. It never
// takes the watermark or a key for missing, and makes no key a second time.
func TestALogoutHidesNeitherTheWatermarkNorAKey(t *testing.T) {
	f, v, key := disturbed(t)
	for _, lost := range []faults.Fault{faults.Logout(), faults.CloseSessions()} {
		t.Run(lost.String(), func(t *testing.T) {
			f.Set(lost)
			if data, err := v.GetData(t.Context(), watermarkLabel); err != nil || string(data) != "42" {
				t.Errorf("the watermark: %q, %v", data, err)
			}
			f.Set(lost)
			if again, err := keyOrNew(t.Context(), v, statementKey()); err != nil || !again.PublicKey().Equal(key.PublicKey()) {
				t.Errorf("the key: %v", err)
			}
			f.Set(lost)
			if again, err := v.Key(t.Context(), statementKey()); err != nil || !again.PublicKey().Equal(key.PublicKey()) {
				t.Errorf("the key by its name: %v", err)
			}
			f.Set(lost)
			if err := v.PutData(t.Context(), watermarkLabel, []byte("42")); err != nil {
				t.Errorf("write the watermark: %v", err)
			}
			f.Set(lost)
			if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
				t.Errorf("sign: %v", err)
			}
		})
	}
}

// krill#761, yubihsm-shell#267, hyperledger/fabric#1022: a vault HSM that goes away and
// comes back is used again without a restart, and without a person.
func TestAVaultHSMThatComesBackIsUsedAgain(t *testing.T) {
	f, v, key := disturbed(t)
	works := func(t *testing.T) {
		t.Helper()
		use := func() error {
			named, err := v.Key(t.Context(), statementKey())
			if err != nil {
				return err
			}
			if _, err := named.SignDigest(t.Context(), make([]byte, 32)); err != nil {
				return err
			}
			_, err = key.SignDigest(t.Context(), make([]byte, 32))
			return err
		}
		deadline := time.Now().Add(time.Minute)
		for err := use(); err != nil; err = use() {
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond)
		}
	}
	for _, function := range []string{"C_SignInit", "C_Sign", "C_FindObjectsInit", "C_OpenSession", "C_Login", "C_GetSessionInfo", "C_GetTokenInfo", "C_GetSlotList"} {
		for _, code := range []uint{0x190, 0xb3, 0x30, 0x06, 0xe0, 0x101} {
			t.Run(fmt.Sprintf("%s 0x%x", function, code), func(t *testing.T) {
				f.Set(faults.Fail(function, code).Times(5), faults.Logout())
				works(t)
			})
		}
	}
	t.Run("pulled", func(t *testing.T) {
		f.Set()
		f.Vanish()
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err == nil {
			t.Error("it signed while it was away")
		}
		f.Return()
		works(t)
	})
}
