package signer

import (
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/softhsm"
	faults "countersign/softhsm/fault"
)

func TestARefusedPINIsNotTriedWithEachRequest(t *testing.T) {
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "vault"})
	pin := filepath.Join(t.TempDir(), "pin")
	write := func(text string, at time.Time) {
		t.Helper()
		if err := os.WriteFile(pin, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(pin, at, at); err != nil {
			t.Fatal(err)
		}
	}
	now := time.Now()
	write(f.Token.PIN, now)
	v, done, err := openHSM(t.Context(), Config{Module: f.Module, Token: "pkcs11:token=vault", PINFile: pin}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	key, err := v.Generate(t.Context(), statementKey())
	if err != nil {
		t.Fatal(err)
	}
	f.Set(faults.PINTries(5), faults.Logout()) // the PIN was changed, and the token forgot the login
	write("00000000", now.Add(time.Second))
	before := f.Calls("C_Login")
	for range 4 {
		if _, err := key.SignDigest(t.Context(), make([]byte, 32)); fault.CodeOf(err) != fault.PINIncorrect {
			t.Fatalf("%v, want PIN_INCORRECT", err)
		}
	}
	if n := f.Calls("C_Login") - before; n != 1 {
		t.Errorf("a wrong PIN was tried %d times", n)
	}
	write(f.Token.PIN, now.Add(2*time.Second))
	if _, err := key.SignDigest(t.Context(), make([]byte, 32)); err != nil {
		t.Errorf("with the right PIN in the file: %v", err)
	}
}

func TestAPINIsReadFromAFileOfOursOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, long := filepath.Join(dir, "pipe"), filepath.Join(dir, "long")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(long, make([]byte, maxPIN+1), 0o600); err != nil {
		t.Fatal(err)
	}
	others := filepath.Join(dir, "others")
	if err := os.WriteFile(others, []byte("1234"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, dir, long, others} {
		if _, _, err := readPIN(path); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v, want INVALID_REQUEST", filepath.Base(path), err)
		}
	}
}
