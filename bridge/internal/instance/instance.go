// Package instance keeps one bridge for each person: for each state directory of
// an operating-system user. The first start takes a lock and answers on a unix
// socket who it is; the second start finds that answer and hands over. A lock
// ends with its process, so a bridge that was killed leaves nothing to clean up
// by hand. The package also tells who holds a port, for messages.
//
// Another user's bridge is never talked to: its socket is in a directory that
// only they can enter, and both ends check the user at the other end.
package instance

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"countersign/shared/strictjson"
)

const (
	lockName    = "bridge.lock"
	socketName  = "bridge.sock"
	maxLockFile = 4 << 10
	retryEvery  = 50 * time.Millisecond
	retries     = 20
	// maxSocketPath is the longest path of a unix socket that every system takes,
	// in bytes.
	maxSocketPath = 100
)

// Bridge is a running bridge, as it describes itself.
type Bridge struct {
	PID     int      `json:"pid"`
	Listen  []string `json:"listen"` // "ws://127.0.0.1:18427"
	Started string   `json:"started"`
}

// String is "listening on ws://127.0.0.1:18427, pid 4711".
func (b Bridge) String() string {
	return fmt.Sprintf("listening on %s, pid %d", strings.Join(b.Listen, " "), b.PID)
}

// Running is the error of [Claim] when this person's bridge runs already. To the
// person it is not an error: their bridge is there.
type Running struct{ Bridge Bridge }

// Error says which bridge it is.
func (r *Running) Error() string { return "a bridge of yours runs already: " + r.Bridge.String() }

// Config says whose instance it is.
type Config struct {
	StateDir string           // exists, and only its owner can enter it
	Now      func() time.Time // default: time.Now
	Log      *slog.Logger     // told when a second start asked; default: nobody

	user func() int // whose bridge it is; tests pretend
}

// Instance is the claim of this process to be the bridge of its person. Its zero
// value is not useful.
type Instance struct {
	cfg    Config
	lock   *os.File
	socket net.Listener
	path   string // of the socket
	temp   string // a folder to remove with it, or ""
	served sync.WaitGroup

	announced chan struct{} // closed by the first Announce
	ctx       context.Context
	cancel    context.CancelFunc // ends every answer
	once      sync.Once
	mu        sync.Mutex
	self      Bridge
	look      func(context.Context) []Note
}

// lockFile is the content of the lock file: where to ask.
type lockFile struct {
	PID    int    `json:"pid"`
	Socket string `json:"socket"`
}

// Claim makes this process the bridge of its person. When another process is, the
// error is a [*Running] that says which, or it says why that one does not answer.
// Call [Instance.Announce] when the ports are open: a second start waits for it.
func Claim(ctx context.Context, cfg Config) (*Instance, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.user == nil {
		cfg.user = os.Getuid
	}
	lock, err := os.OpenFile(filepath.Join(cfg.StateDir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock of the bridge: %w", err)
	}
	if err := take(ctx, lock, cfg.StateDir); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	i := &Instance{cfg: cfg, lock: lock, announced: make(chan struct{}),
		self: Bridge{PID: os.Getpid(), Started: cfg.Now().UTC().Format(time.RFC3339)}}
	i.ctx, i.cancel = context.WithCancel(context.Background())
	if err := i.open(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	i.served.Go(i.serve)
	return i, nil
}

// take locks, or returns the error of a claim that came second. Whoever has the
// lock may have begun or ended just now, so one that cannot be asked is tried
// again for a second.
func take(ctx context.Context, lock *os.File, stateDir string) error {
	again := time.NewTicker(retryEvery)
	defer again.Stop()
	for try := 0; ; try++ {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return fmt.Errorf("lock %s: %w", lock.Name(), err)
		}
		first, err := ask(ctx, stateDir, askShow)
		if err == nil {
			return &Running{first}
		}
		if try == retries || errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			return fmt.Errorf("another bridge uses %s: %w", stateDir, err)
		}
		<-again.C
	}
}

// open makes the socket and writes where it is.
func (i *Instance) open() error {
	if err := i.sweep(); err != nil {
		return err
	}
	var err error
	if i.path, i.temp, err = socketPath(i.cfg.StateDir); err != nil {
		return err
	}
	if err := os.Remove(i.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the socket of a bridge that is gone: %w", err)
	}
	if i.socket, err = net.Listen("unix", i.path); err != nil {
		return fmt.Errorf("open the socket of the bridge: %w", err)
	}
	if err := os.Chmod(i.path, 0o600); err != nil {
		return errors.Join(err, i.socket.Close())
	}
	return i.write(lockFile{PID: os.Getpid(), Socket: i.path})
}

// write replaces the content of the lock file. Readers meet it whole or not at
// all: an incomplete one is not JSON.
func (i *Instance) write(content lockFile) error {
	data, err := json.Marshal(content)
	if err != nil {
		return err
	}
	if err := i.lock.Truncate(0); err != nil {
		return fmt.Errorf("write the lock of the bridge: %w", err)
	}
	if _, err := i.lock.WriteAt(data, 0); err != nil {
		return fmt.Errorf("write the lock of the bridge: %w", err)
	}
	return nil
}

// sweep removes what a bridge that was killed left in a folder for temporary
// files. A file that cannot be read names nothing.
func (i *Instance) sweep() error {
	old, err := readLock(i.cfg.StateDir)
	if err != nil || filepath.Base(filepath.Dir(old.Socket)) == "countersign" || filepath.Dir(old.Socket) == i.cfg.StateDir {
		return nil
	}
	if filepath.Base(old.Socket) != socketName {
		return nil
	}
	if err := os.Remove(old.Socket); err != nil {
		return nil // it is gone already
	}
	_ = os.Remove(filepath.Dir(old.Socket)) // stays when something else is in it
	return nil
}

// readLock reads who holds a state directory, or held it last.
func readLock(stateDir string) (content lockFile, err error) {
	data, err := os.ReadFile(filepath.Join(stateDir, lockName))
	if err != nil {
		return content, err
	}
	err = strictjson.Unmarshal(data, &content, maxLockFile)
	return content, err
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
	return filepath.Join(temp, socketName), temp, nil
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

// Look says how to find out what the bridge sees, for [Seen]. It must end with its
// context.
func (i *Instance) Look(look func(context.Context) []Note) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.look = look
}

// Announce says where the bridge listens. Second starts that wait learn it.
func (i *Instance) Announce(listen []string) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.self.Listen = listen
	select {
	case <-i.announced:
	default:
		close(i.announced)
	}
}

// release ends a lock at once. Closing alone would not: a process that is being
// started has a copy of the descriptor until it runs its program.
func release(lock *os.File) error {
	return errors.Join(syscall.Flock(int(lock.Fd()), syscall.LOCK_UN), lock.Close())
}

// Close ends the claim.
func (i *Instance) Close() error {
	var err error
	i.once.Do(func() {
		i.cancel()
		err = i.socket.Close() // removes the socket's file
		i.served.Wait()
		if i.temp != "" {
			err = errors.Join(err, os.Remove(i.temp))
		}
		err = errors.Join(err, release(i.lock))
	})
	return err
}
