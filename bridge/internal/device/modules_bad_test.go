package device

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/softhsm"
)

func TestAModuleThatCannotBeLoadedCostsNoOther(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "sound", Keys: []softhsm.Key{both(jws.P256)}})
	late := softhsm.NewFaulty(t, softhsm.Spec{Label: "late", Keys: []softhsm.Key{both(jws.P256)}})
	dir := t.TempDir()
	gone, garbage, empty := filepath.Join(dir, "gone.so"), filepath.Join(dir, "garbage.so"), filepath.Join(dir, "empty.so")
	if err := os.WriteFile(garbage, []byte("this is no module"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	devices, err := Open(Config{Modules: Modules(gone, f.Module, garbage, empty, dir), Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer devices.Close()
	if _, err := devices.Key(t.Context(), "pkcs11:token=sound;object=both"); err != nil {
		t.Error(err)
	}
	if _, err := devices.Key(t.Context(), "pkcs11:token=late;object=both"); fault.CodeOf(err) != fault.DeviceMissing {
		t.Errorf("a token that is not there: %v", err)
	}
	if p := devices.Problems(); len(p) != 4 || p[0].Path != gone || fault.CodeOf(p[0].Err) != fault.DeviceFailed {
		t.Errorf("%v", p)
	}
	if err := os.Symlink(late.Module, gone); err != nil { // it is installed
		t.Fatal(err)
	}
	eventually(t, func() error { _, err := devices.Key(t.Context(), "pkcs11:token=late;object=both"); return err })
	if p := devices.Problems(); len(p) != 3 {
		t.Errorf("%v", p)
	}
	if _, err := Open(Config{Modules: Modules(garbage, filepath.Join(dir, "none"))}); fault.CodeOf(err) != fault.DeviceFailed {
		t.Errorf("no module can be loaded: %v, want DEVICE_ERROR", err)
	}
	if _, err := Open(Config{Modules: Modules(f.Module, f.Module)}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("one is listed twice: %v, want INVALID_REQUEST", err)
	}
}

// One token through two modules is one that nobody can name.
func TestATokenThroughTwoModulesIsSaidToBe(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "twice", Keys: []softhsm.Key{both(jws.P256)}})
	again := filepath.Join(t.TempDir(), "again.so")
	copied(t, f.Module, again)
	copied(t, f.Module[:len(f.Module)-len(filepath.Ext(f.Module))]+".control", again[:len(again)-3]+".control")
	devices, err := Open(Config{Modules: Modules(f.Module, again), Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer devices.Close()
	if n := len(devices.All()); n != 2 {
		t.Fatalf("%d tokens", n)
	}
	_, err = devices.Key(t.Context(), "pkcs11:token=twice;object=both")
	wantFault(t, err, fault.Invalid, nil)
	if f, _ := fault.As(err); f == nil || !strings.Contains(f.Message, again) {
		t.Error(err)
	}
}
