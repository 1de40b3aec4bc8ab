package control

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"countersign/bridge/internal/instance"
)

const socketName = "bridge.sock"

// maxSocketPath is the longest path of a unix socket that every system takes, in
// bytes (Linux: 107, macOS: 103).
const maxSocketPath = 100

// endpoint is the socket of a bridge.
type endpoint struct {
	net.Listener
	path string
	temp string      // a folder to remove with it, or ""
	made os.FileInfo // which file it is

	ending, ended chan struct{} // closed by end, and by whoever accepts
}

// listen opens the socket of a state directory.
func listen(stateDir string) (*endpoint, error) {
	path, temp, err := socketPath(stateDir)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the socket of a bridge that was killed: %w", err)
	}
	// The folder keeps others out until the mode does.
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("open the socket of the bridge: %w", err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false) // another's may be there by then
	}
	e := &endpoint{Listener: l, path: path, temp: temp, ending: make(chan struct{}), ended: make(chan struct{})}
	if err = os.Chmod(path, 0o600); err == nil {
		e.made, err = os.Lstat(path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the socket of the bridge: %w", err), l.Close())
	}
	return e, nil
}

// there reports whether the socket is where commands look for it; other is true when
// something else is.
func (e *endpoint) there() (there, other bool, err error) {
	at, err := os.Lstat(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, false, nil
	}
	there = err == nil && os.SameFile(at, e.made)
	return there, err == nil && !there, err
}

// end ends the socket: it can be found no more, who came until then is accepted, and what
// it left is removed, which may be gone, or another's.
func (e *endpoint) end() (err error) {
	if there, _, _ := e.there(); there { // what cannot be looked at cannot be removed
		err = os.Remove(e.path)
	}
	close(e.ending)
	if u, ok := e.Listener.(*net.UnixListener); ok && u.SetDeadline(time.Now().Add(drainTime)) == nil {
		<-e.ended
	}
	err = errors.Join(err, e.Close())
	if e.temp != "" {
		if gone := os.Remove(e.temp); !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

// socketPath is where the socket goes: in the user's runtime directory when there
// is one, else in the state directory, else, when that path is too long for a
// socket, in a new folder for temporary files, which it also returns.
func socketPath(stateDir string) (path, temp string, err error) {
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		dir = filepath.Join(dir, "countersign")
		sum := sha256.Sum256([]byte(stateDir))
		path = filepath.Join(dir, hex.EncodeToString(sum[:8])+".sock")
		if len(path) <= maxSocketPath && private(dir) {
			return path, "", nil
		}
	}
	if path = filepath.Join(stateDir, socketName); len(path) <= maxSocketPath && private(stateDir) {
		return path, "", nil
	}
	if temp, err = os.MkdirTemp("", "countersign-"); err != nil {
		return "", "", fmt.Errorf("make a folder for the socket of the bridge: %w", err)
	}
	if path = filepath.Join(temp, socketName); len(path) > maxSocketPath {
		return "", "", errors.Join(fmt.Errorf("the path of the bridge's socket would be %d bytes long, and a unix socket takes %d: choose a shorter state_dir, or set XDG_RUNTIME_DIR or TMPDIR to a short folder of yours (now it would be %s)",
			len(path), maxSocketPath, path), os.Remove(temp))
	}
	return path, temp, nil
}

// private makes dir, when it is missing, and reports whether it is a folder that
// only this user can enter.
func private(dir string) bool {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return false
	}
	info, err := os.Lstat(dir)
	if err != nil || !info.IsDir() || info.Mode().Perm()&0o077 != 0 {
		return false
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(stat.Uid) == os.Getuid()
}

// sweep removes the socket that a bridge that was killed left in a folder for
// temporary files.
func sweep(stateDir string, left *instance.Holder) {
	if left == nil || filepath.Base(left.Socket) != socketName || filepath.Dir(left.Socket) == stateDir {
		return
	}
	if os.Remove(left.Socket) == nil {
		_ = os.Remove(filepath.Dir(left.Socket)) // stays when something else is in it
	}
}
