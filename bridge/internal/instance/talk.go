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
	askSeen = "seen" // by doctor: what the bridge sees of its prompt, modules, tokens and keys
)

const (
	answerTimeout = 10 * time.Second // a bridge that starts opens its modules first
	maxAnswer     = 256 << 10
	maxNotes      = 500
)

// Prompt is the ID of the note that says where the bridge asks.
const Prompt = "prompt"

// Note is one thing that a running bridge sees.
type Note struct {
	ID      string `json:"id"`      // "module:/usr/lib/…", "token:alice", "key:mem_alice:approval"
	Code    string `json:"code"`    // of the error; empty: nothing is wrong
	Message string `json:"message"` // what it is, or what is wrong
	Remark  bool   `json:"remark"`  // it is worth a warning, and stops nothing
}

// Seen asks the running bridge of a state directory what it sees of its modules,
// tokens and keys: it may see others than a program that is started elsewhere.
func Seen(ctx context.Context, stateDir string) (notes []Note, err error) {
	return notes, askInto(ctx, stateDir, askSeen, &notes)
}

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
		return b, false, syscall.Flock(int(lock.Fd()), syscall.LOCK_UN) // see release
	}
	if !errors.Is(err, syscall.EWOULDBLOCK) {
		return b, false, fmt.Errorf("look at %s: %w", lock.Name(), err)
	}
	b, err = ask(ctx, stateDir, askWho)
	return b, err == nil, err
}

// ask asks the bridge of a state directory who it is.
func ask(ctx context.Context, stateDir, question string) (b Bridge, err error) {
	return b, askInto(ctx, stateDir, question, &b)
}

// askInto asks the bridge of a state directory a question.
func askInto(ctx context.Context, stateDir, question string, answer any) error {
	holder, err := readLock(stateDir)
	if err != nil {
		return fmt.Errorf("it does not say where it can be asked: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	silent := func(err error) error {
		return fmt.Errorf("process %d does not answer; end it and start again: %w", holder.PID, err)
	}
	c, err := new(net.Dialer).DialContext(ctx, "unix", holder.Socket)
	if err != nil {
		return silent(err)
	}
	defer c.Close()
	if uid, ok := peer.UnixUser(c); ok && uid != os.Getuid() {
		return fmt.Errorf("process %d belongs to another user (%d)", holder.PID, uid)
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := c.SetDeadline(deadline); err != nil {
			return err
		}
	}
	if _, err := fmt.Fprintln(c, question); err != nil {
		return silent(err)
	}
	line, err := bufio.NewReaderSize(c, maxAnswer).ReadSlice('\n')
	if err != nil {
		return silent(err)
	}
	if err := strictjson.Unmarshal(line, answer, maxAnswer); err != nil {
		return fmt.Errorf("process %d answers something else: %w", holder.PID, err)
	}
	return nil
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
	self, look := i.self, i.look
	i.mu.Unlock()
	var says any = self
	if string(question) == askSeen+"\n" {
		notes := []Note{}
		if look != nil {
			ctx, cancel := context.WithTimeout(i.ctx, answerTimeout/2)
			defer cancel()
			notes = append(notes, look(ctx)...)
		}
		says = notes[:min(len(notes), maxNotes)]
	}
	line, err := json.Marshal(says)
	if err != nil {
		return
	}
	if string(question) == askShow+"\n" {
		i.cfg.Log.Info("a second start found this bridge running and left", "listening", i.self.Listen)
	}
	_, _ = c.Write(append(line, '\n')) // who asked may have left
}
