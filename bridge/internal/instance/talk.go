package instance

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"countersign/bridge/internal/peer"
	"countersign/shared/strictjson"
)

// What is asked on the socket: one line each, answered with one line of JSON.
const (
	askWho  = "who"  // by doctor
	askShow = "show" // by a second start
)

const (
	answerTimeout = 10 * time.Second // a bridge that starts opens its modules first
	maxAnswer     = 4 << 10
)

// Find says which bridge runs with a state directory; ok is false when none
// does. It starts and changes nothing.
func Find(ctx context.Context, stateDir string) (b Bridge, ok bool, err error) {
	lock, err := os.Open(filepath.Join(stateDir, lockName))
	if errors.Is(err, fs.ErrNotExist) {
		return b, false, nil
	}
	if err != nil {
		return b, false, fmt.Errorf("open the lock of the bridge: %w", err)
	}
	defer lock.Close()
	err = syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if err == nil {
		return b, false, nil
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return b, false, fmt.Errorf("look at %s: %w", lock.Name(), err)
	}
	b, err = ask(ctx, stateDir, askWho)
	return b, err == nil, err
}

// ask asks the bridge of a state directory who it is.
func ask(ctx context.Context, stateDir, question string) (b Bridge, err error) {
	holder, err := readLock(stateDir)
	if err != nil {
		return b, fmt.Errorf("it does not say where it can be asked: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	silent := func(err error) error {
		return fmt.Errorf("process %d does not answer; end it and start again: %w", holder.PID, err)
	}
	c, err := new(net.Dialer).DialContext(ctx, "unix", holder.Socket)
	if err != nil {
		return b, silent(err)
	}
	defer c.Close()
	if uid, ok := peer.UnixUser(c); ok && uid != os.Getuid() {
		return b, fmt.Errorf("process %d belongs to another user (%d)", holder.PID, uid)
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return b, err
		}
	}
	if _, err := fmt.Fprintln(c, question); err != nil {
		return b, silent(err)
	}
	line, err := bufio.NewReaderSize(c, maxAnswer).ReadSlice('\n')
	if err != nil {
		return b, silent(err)
	}
	if err := strictjson.Unmarshal(line, &b, maxAnswer); err != nil {
		return b, fmt.Errorf("process %d answers something else: %w", holder.PID, err)
	}
	return b, nil
}

// serve answers on the socket until it is closed.
func (i *Instance) serve() {
	for {
		c, err := i.socket.Accept()
		if err != nil {
			return
		}
		i.served.Go(func() { i.answer(c) })
	}
}

// answer serves one question, once the bridge listens.
func (i *Instance) answer(c net.Conn) {
	defer c.Close()
	stop := context.AfterFunc(i.ctx, func() { c.Close() })
	defer stop()
	if uid, ok := peer.UnixUser(c); ok && uid != i.cfg.user() {
		i.cfg.Log.Warn("another user asked this bridge who it is", "uid", uid)
		return
	}
	if err := c.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return
	}
	question, err := bufio.NewReaderSize(c, 16).ReadSlice('\n')
	if err != nil {
		return
	}
	select {
	case <-i.announced:
	case <-i.ctx.Done():
		return
	}
	i.mu.Lock()
	line, err := json.Marshal(i.self)
	i.mu.Unlock()
	if err != nil {
		return
	}
	if string(question) == askShow+"\n" {
		i.cfg.Log.Info("a second start found this bridge running and left", "listening", i.self.Listen)
	}
	_, _ = c.Write(append(line, '\n')) // who asked may have left
}
