package instance

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/shell"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// The folder is locked, too.
func TestALockFileThatIsRemovedLetsNoSecondProcessInAndIsMadeAgain(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	path := filepath.Join(dir, lockName)
	lock, err := Take(dir)
	must(t, err, lock.Say(Holder{PID: 7, Socket: "/x", Protocol: 1}), lock.Keep(), os.Remove(path))
	var held *Held
	if _, err := Take(dir); !errors.As(err, &held) || held.Who != nil {
		t.Errorf("a second process: %v", err)
	}
	if held, err := Look(dir); held == nil || err != nil {
		t.Errorf("who looks finds %v, %v", held, err)
	}
	if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("they made the file: %v", err)
	}
	must(t, lock.Keep())
	if _, err := Take(dir); !errors.As(err, &held) || held.Who == nil || held.Who.PID != 7 {
		t.Errorf("when it is made again: %v", err)
	}
	must(t, lock.Release())
	next, err := Take(dir)
	must(t, err, next.Release())
}

func TestALockWhoseFileOrFolderIsAnotherOneIsLost(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(dir string) error{
		"another file": func(dir string) error {
			path := filepath.Join(dir, lockName)
			return errors.Join(os.Rename(path, path+".old"), os.WriteFile(path, nil, 0o600))
		},
		"a link to it": func(dir string) error {
			path := filepath.Join(dir, lockName)
			return errors.Join(os.Rename(path, path+".old"), os.Symlink(path+".old", path))
		},
		"another folder": func(dir string) error { return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o700)) },
		"no folder":      func(dir string) error { return os.RemoveAll(dir) },
		"a copy of folder": func(dir string) error {
			return errors.Join(os.Rename(dir, dir+".old"), os.CopyFS(dir, os.DirFS(dir+".old")))
		},
	} {
		dir := stateDir(t)
		lock, err := Take(dir)
		must(t, err, lock.Say(Holder{PID: 7}), replace(dir))
		var lost *Lost
		if err := lock.Keep(); !errors.As(err, &lost) || !strings.Contains(err.Error(), dir) || !strings.Contains(err.Error(), "start the bridge again") {
			t.Errorf("%s: %v", name, err)
		}
		must(t, lock.Release())
	}
}

func TestAStateDirectoryBehindALinkIsKept(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	link := dir + ".link"
	must(t, os.Symlink(dir, link))
	lock, err := Take(link)
	must(t, err, lock.Keep())
	if _, err := Take(dir); err == nil {
		t.Error("by its own path it is taken again")
	}
	must(t, lock.Release())
}

// Of an older version, which locks the file alone.
func TestALockOfTheFileAloneIsRespected(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	file, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	must(t, err, syscall.Flock(int(file.Fd()), syscall.LOCK_EX))
	var held *Held
	if _, err := Take(dir); !errors.As(err, &held) {
		t.Errorf("Take: %v", err)
	}
	if held, err := Look(dir); held == nil || err != nil {
		t.Errorf("Look: %v, %v", held, err)
	}
	must(t, file.Close())
	lock, err := Take(dir)
	must(t, err, lock.Release())
}

// While the lock file is removed again and again, no two hold the same.
func TestWhoeverTakesALockWhoseFileIsRemovedTakesItAlone(t *testing.T) {
	t.Parallel()
	dir := stateDir(t)
	var inside, most, taken atomic.Int32
	done := make(chan error, 5)
	for range cap(done) - 1 {
		go func() {
			for range 200 {
				lock, err := Take(dir)
				if _, held := errors.AsType[*Held](err); held {
					continue
				}
				if err != nil {
					done <- err
					return
				}
				most.Store(max(most.Load(), inside.Add(1)))
				taken.Add(1)
				inside.Add(-1)
				if err := lock.Release(); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	go func() {
		for range 400 {
			if err := os.Remove(filepath.Join(dir, lockName)); err != nil && !errors.Is(err, os.ErrNotExist) {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for range cap(done) {
		must(t, <-done)
	}
	if most.Load() != 1 || taken.Load() == 0 {
		t.Errorf("%d at once, %d in all", most.Load(), taken.Load())
	}
}

// What others put in its place is neither opened nor cut.
func TestAnythingButAFileOfOursInThePlaceOfTheLockIsRefusedAndLeftAsItIs(t *testing.T) {
	t.Parallel()
	for name, put := range map[string]func(victim, path string) error{
		"a link":            os.Symlink,
		"a second name":     os.Link,
		"a named pipe":      func(_, path string) error { return syscall.Mkfifo(path, 0o600) },
		"a link to no file": func(victim, path string) error { return os.Symlink(victim+".none", path) },
		"another user's": func(_, path string) error {
			if os.Getuid() != 0 {
				return os.Symlink("/", path) // only root can give a file away
			}
			return errors.Join(os.WriteFile(path, nil, 0o666), os.Chown(path, 65534, 65534))
		},
	} {
		dir := stateDir(t)
		victim, path := filepath.Join(filepath.Dir(dir), "victim"), filepath.Join(dir, lockName)
		must(t, os.WriteFile(victim, []byte("precious"), 0o600), put(victim, path))
		_, terr := Take(dir)
		_, lerr := Look(dir)
		for _, err := range []error{terr, lerr} {
			if fault.CodeOf(err) != fault.Forbidden || !strings.Contains(err.Error(), "rm "+shell.Word(path)) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
			t.Errorf("%s: the file behind it has %q, %v", name, text, err)
		}
		if _, err := os.Lstat(victim + ".none"); err == nil {
			t.Errorf("%s: a file was made behind it", name)
		}
	}
}
