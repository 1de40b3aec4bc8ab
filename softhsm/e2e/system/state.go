package system

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"countersign/shared/shell"
)

// format is which form the log, the database, the journal and the chain in a folder have. It is
// all that the file of this name in the folder says.
const format = "9"

// forgotten is the command that forgets the state in dir.
func forgotten(dir string) string { return "`make clean-run" + Variable(dir) + "`" }

// Variable is how make is told of a state that is not its own, as it is pasted:
// " STATE=/tmp/a".
func Variable(dir string) string {
	if own, err := filepath.Abs(".run"); err == nil && dir == own {
		return ""
	}
	return " " + shell.Word("STATE="+strings.ReplaceAll(dir, "$", "$$")) // make reads $ first
}

// claim makes the folder of a state, or takes one that this version made, for this
// process alone, until what it returns is closed. It refuses any other folder before
// anything in it is touched.
func (s *State) claim() (*os.File, error) {
	switch was, err := s.format(); {
	case err != nil:
		return nil, err
	case was == format:
		return s.lock()
	case was != "":
		return nil, fmt.Errorf("what is in %s was made by another version of the sandbox: %s forgets it, then start again", s.Dir, forgotten(s.Dir))
	}
	if all, err := os.ReadDir(s.Dir); err == nil && len(all) > 0 {
		return nil, fmt.Errorf("%s is not a folder of a sandbox, and is not empty: choose another", s.Dir)
	}
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state folder: %w", err)
	}
	if err := os.WriteFile(s.path("format"), []byte(format), 0o600); err != nil {
		return nil, err
	}
	return s.lock()
}

// format is what the folder says of its form; empty when it is not a sandbox's.
func (s *State) format() (string, error) {
	was, err := os.ReadFile(s.path("format"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the form of the state: %w", err)
	}
	if _, err := strconv.ParseUint(string(was), 10, 16); err != nil {
		return "", nil // another program's
	}
	return string(was), nil
}

// lock keeps a second process from the state, and tells it which one has it.
func (s *State) lock() (*os.File, error) {
	f, err := os.OpenFile(s.path("lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the state: %w", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		pid, rerr := os.ReadFile(f.Name())
		return nil, errors.Join(fmt.Errorf("this sandbox runs already, as process %[2]s, with the state %[1]s: use it, or stop it with Ctrl-C in its terminal or `kill %[2]s`. "+
			"A second one needs a state and ports of its own: make run STATE=.run2 PORT=8099 BRIDGE_PORT=18428", s.Dir, pid), rerr, f.Close())
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock the state: %w", err), f.Close())
	}
	if c, err := net.DialTimeout("unix", s.socket(Vaults[0]), time.Second); err == nil { // its signer answers
		return nil, errors.Join(fmt.Errorf("a sandbox with the state %s was killed, and its programs have not ended yet: try again in a moment", s.Dir), c.Close(), f.Close())
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the state: %w", err), f.Close())
	}
	return f, nil
}

// Forget deletes the state in dir. It refuses a folder that is not a sandbox's, and one
// that a sandbox uses.
func Forget(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	s := &State{Dir: dir}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	switch was, err := s.format(); {
	case err != nil:
		return err
	case was == "":
		return fmt.Errorf("%s is not a folder of a sandbox: it is left as it is", dir)
	}
	lock, err := s.lock()
	if err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(dir), lock.Close())
}
