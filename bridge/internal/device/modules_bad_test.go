package device

import (
	"fmt"
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
	if err := os.WriteFile(garbage, []byte("this is not a module"), 0o600); err != nil {
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
}

func TestModulesThatCannotBeLoadedAreTriedAgainWhenThereIsNoOther(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "late", Keys: []softhsm.Key{both(jws.P256)}})
	dir := t.TempDir()
	gone, garbage := filepath.Join(dir, "gone.so"), filepath.Join(dir, "garbage.so")
	if err := os.WriteFile(garbage, []byte("this is not a module"), 0o600); err != nil {
		t.Fatal(err)
	}
	devices, err := Open(Config{Modules: Modules(garbage, gone), Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer devices.Close()
	if err := devices.Usable(); fault.CodeOf(err) != fault.DeviceFailed || !strings.Contains(err.Error(), gone) || !strings.Contains(err.Error(), garbage) {
		t.Errorf("no module can be loaded: %v, want DEVICE_ERROR that names both", err)
	}
	_, err = devices.Key(t.Context(), "pkcs11:token=late;object=both")
	if f, _ := fault.As(err); f == nil || f.Code != fault.DeviceMissing || !strings.Contains(f.Message, gone) {
		t.Errorf("its token: %v, want DEVICE_NOT_FOUND that names the module", err)
	}
	if err := os.Symlink(f.Module, gone); err != nil { // it is installed
		t.Fatal(err)
	}
	eventually(t, func() error { _, err := devices.Key(t.Context(), "pkcs11:token=late;object=both"); return err })
	if err := devices.Usable(); err != nil {
		t.Error(err)
	}
}

// A file that two paths lead to is loaded once, for the first.
func TestAModuleThatIsListedTwiceIsLeftOutOnce(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]func(t *testing.T, file string) string{
		"the same path":    func(_ *testing.T, file string) string { return file },
		"another spelling": func(_ *testing.T, file string) string { return filepath.Dir(file) + "/./" + filepath.Base(file) },
		"a symbolic link": func(t *testing.T, file string) string {
			link := filepath.Join(t.TempDir(), "link.so")
			if err := os.Symlink(file, link); err != nil {
				t.Fatal(err)
			}
			return link
		},
		"a hard link": func(t *testing.T, file string) string {
			link := filepath.Join(filepath.Dir(file), "hard.so")
			if err := os.Link(file, link); err != nil {
				t.Fatal(err)
			}
			return link
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := softhsm.NewFaulty(t, softhsm.Spec{Label: "twice", Keys: []softhsm.Key{both(jws.P256)}})
			third := softhsm.NewFaulty(t, softhsm.Spec{Label: "other", Keys: []softhsm.Key{both(jws.P256)}})
			again := second(t, f.Module)
			devices, err := Open(Config{Modules: Modules(f.Module, again, third.Module), Poll: 20 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			defer devices.Close()
			for _, label := range []string{"twice", "other"} {
				if _, err := devices.Key(t.Context(), "pkcs11:token="+label+";object=both"); err != nil {
					t.Error(err)
				}
			}
			p := devices.Problems()
			if len(p) != 1 || p[0].Path != again || p[0].Same != f.Module || fault.CodeOf(p[0].Err) != fault.Invalid || devices.Usable() != nil {
				t.Errorf("%+v, %v", p, devices.Usable())
			}
			_, err = devices.Key(t.Context(), "pkcs11:token=none")
			if f, _ := fault.As(err); f == nil || strings.Contains(f.Message, again) {
				t.Errorf("nothing is missing because of it: %v", err)
			}
		})
	}
}

// A path that leads to another module's file later is noticed when it is tried again.
func TestAModuleThatBecomesTheSameAsAnotherIsLeftOut(t *testing.T) {
	t.Parallel()
	f := softhsm.NewFaulty(t, softhsm.Spec{Label: "first", Keys: []softhsm.Key{both(jws.P256)}})
	late := filepath.Join(t.TempDir(), "late.so")
	devices, err := Open(Config{Modules: Modules(late, f.Module), Poll: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer devices.Close()
	if err := os.Symlink(f.Module, late); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() error {
		if p := devices.Problems(); len(p) != 1 || p[0].Same != f.Module {
			return fmt.Errorf("%+v", p)
		}
		return nil
	})
	if _, err := devices.Key(t.Context(), "pkcs11:token=first;object=both"); err != nil {
		t.Error(err)
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
