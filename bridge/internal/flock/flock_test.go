package flock

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A program that is started at the same time has copies of all descriptors for a moment.
func TestAFileOrFolderIsLockedForOneUntilItIsReleased(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "lock")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, file} {
		open := func() *os.File {
			t.Helper()
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
		first, second := open(), open()
		if err := Exclusive(first); err != nil {
			t.Fatal(err)
		}
		if err := Exclusive(second); !errors.Is(err, ErrHeld) {
			t.Errorf("%s: a second one: %v", path, err)
		}
		if err := Shared(second); !errors.Is(err, ErrHeld) {
			t.Errorf("%s: one who looks: %v", path, err)
		}
		copied, err := syscall.Dup(int(first.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		if err := Release(first); err != nil {
			t.Error(err)
		}
		third := open()
		for _, err := range []error{Shared(second), Shared(third), Release(second), Exclusive(third), Release(third), syscall.Close(copied)} {
			if err != nil {
				t.Errorf("%s: when it is released: %v", path, err)
			}
		}
	}
}
