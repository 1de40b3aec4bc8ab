package device

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"

	"countersign/bridge/internal/keys"
)

// maxLastWords is how much of a line of a dying process is kept, in bytes.
const maxLastWords = 256

// process is the process of one module, from this end.
type process struct {
	cmd     *exec.Cmd
	conn    *net.UnixConn
	changed func(tokenInfo)
	silent  time.Duration // how long it may leave its socket unread
	heard   chan struct{} // closed when it says nothing any more
	over    chan struct{} // closed when it has ended and everything that it said is heard
	said    lastWords

	writing sync.Mutex
	ran     time.Duration // what it had of the processors when held was last asked

	mu      sync.Mutex
	next    uint64
	pending map[uint64]chan answer
	cause   error // why it was killed, or ended
}

type answer struct {
	kind byte
	body []byte
}

// lastWords finds, in what a process writes to its standard error, the line that
// starts the Go runtime's report of a crash. What modules write there besides is
// not kept.
type lastWords struct {
	mu    sync.Mutex
	line  []byte // that has not ended yet
	crash string
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for part := range bytes.Lines(p) {
		l.line = append(l.line, part[:min(len(part), maxLastWords-len(l.line))]...)
		if part[len(part)-1] == '\n' {
			l.read(strings.TrimSpace(string(l.line)))
			l.line = l.line[:0]
		}
	}
	return len(p), nil
}

func (l *lastWords) read(line string) {
	what, _, _ := strings.Cut(line, ":")
	signal := strings.HasPrefix(what, "SIG") && what != line && strings.ToUpper(what) == what
	if l.crash == "" && (signal || what == "fatal error" || what == "panic") {
		l.crash, _, _ = strings.Cut(line, ": 0x") // without addresses
	}
}

// why is what the runtime reported, or nothing.
func (l *lastWords) why() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.crash
}

// program is this program. Linux knows the very file that runs, also when a newer
// version was installed over it, which speaks to its modules in another way.
func program() (string, error) {
	if runtime.GOOS == "linux" {
		return "/proc/self/exe", nil
	}
	return os.Executable()
}

// socketpair makes both ends such that no process inherits them by chance: one
// that did would keep an end open that has to close when we, or the other, end.
func socketpair() (ours, theirs *os.File, err error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	syscall.CloseOnExec(pair[0])
	syscall.CloseOnExec(pair[1])
	return os.NewFile(uintptr(pair[0]), "module"), os.NewFile(uintptr(pair[1]), "bridge"), nil
}

// start runs this program again as the process of a module. It gets one socket
// and our environment, in which modules find their stores, and nothing else.
func start(changed func(tokenInfo), silent time.Duration) (*process, error) {
	self, err := program()
	if err != nil {
		return nil, err
	}
	ours, theirs, err := socketpair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err = errors.Join(err, ours.Close()); err != nil {
		return nil, err
	}
	p := &process{conn: conn.(*net.UnixConn), changed: changed, silent: silent, heard: make(chan struct{}), over: make(chan struct{}), pending: map[uint64]chan answer{}}
	p.cmd = &exec.Cmd{Path: self, Args: []string{childName}, Env: append(os.Environ(), childVariable+"=1"), Stderr: &p.said, WaitDelay: time.Second / 4,
		ExtraFiles: []*os.File{theirs}, SysProcAttr: &syscall.SysProcAttr{Setpgid: true}} // Ctrl-C is for the bridge
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go p.read()
	go p.reap()
	return p, nil
}

// read takes what the process says until it is silent, and then ends it.
func (p *process) read() {
	defer close(p.heard)
	messages := reader{from: p.conn}
	for {
		number, kind, body, err := messages.message()
		if err == nil {
			err = p.take(number, kind, body)
		}
		if err != nil {
			if garbage(err) {
				p.kill(err)
			}
			_ = p.cmd.Process.Kill() // it may be gone already
			return
		}
	}
}

// reap waits for the end of the process. A module may have started others, which
// have its socket: their end is not waited for.
func (p *process) reap() {
	err := p.cmd.Wait()
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // those that stayed in its group
	_ = p.conn.CloseRead()                                // what was said is read yet
	<-p.heard
	p.mu.Lock()
	if p.cause == nil {
		p.cause = fmt.Errorf("it crashed: %s (%w)", p.said.why(), errors.Join(err))
	}
	p.pending = nil
	p.mu.Unlock()
	close(p.over)
	_ = p.conn.Close() // nothing can be lost any more
}

func (p *process) take(number uint64, kind byte, body []byte) error {
	switch kind {
	case saysChange:
		t, err := decode[tokenInfo](body)
		if err == nil {
			p.changed(t)
		}
		return err
	case saysOK, saysError:
		p.mu.Lock()
		defer p.mu.Unlock()
		if number > p.next {
			return errGarbage
		}
		if to := p.pending[number]; to != nil {
			delete(p.pending, number)
			to <- answer{kind, body} // which has room
		} else {
			clear(body) // its caller has gone, and it may be a secret
		}
		return nil
	}
	return errGarbage
}

// leave drops a call that its caller has cancelled.
func (p *process) leave(number uint64, to chan answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.pending, number)
	select {
	case a := <-to:
		clear(a.body)
	default:
		go p.write(number, opCancel, nil)
	}
}

func (p *process) call(ctx context.Context, kind byte, body []byte) ([]byte, error) {
	to := make(chan answer, 1)
	p.mu.Lock()
	if p.pending == nil {
		p.mu.Unlock()
		return nil, errDied
	}
	p.next++
	number := p.next
	p.pending[number] = to
	p.mu.Unlock()
	p.write(number, kind, body)
	select {
	case a := <-to:
		return p.result(a)
	case <-p.over:
		select {
		case a := <-to: // the answer came first
			return p.result(a)
		default:
			return nil, errDied
		}
	case <-ctx.Done():
		p.leave(number, to)
		return nil, keys.Ended(ctx)
	}
}

func (p *process) result(a answer) ([]byte, error) {
	if a.kind == saysOK {
		return a.body, nil
	}
	f, err := decode[failure](a.body)
	if err == nil {
		err = f.fault()
	}
	if garbage(err) {
		p.kill(err)
		return nil, errDied
	}
	return nil, err
}

// write sends one message. A process that does not read is killed, and so is one
// that got a part.
func (p *process) write(number uint64, kind byte, body []byte) {
	p.writing.Lock()
	defer p.writing.Unlock()
	_ = p.conn.SetWriteDeadline(time.Now().Add(p.silent)) // it fails when conn is closed, as the next does
	switch err := writeMessage(p.conn, number, kind, body); {
	case errors.Is(err, os.ErrDeadlineExceeded):
		p.kill(errStuck)
	case err != nil:
		_ = p.cmd.Process.Kill() // it is dying: reap finds why
	}
}

func (p *process) kill(cause error) {
	p.mu.Lock()
	if p.cause == nil {
		p.cause = cause
	}
	p.mu.Unlock()
	_ = p.cmd.Process.Kill() // it may be gone already
}

// held is for the one goroutine that feels the pulse.
func (p *process) held(since time.Duration) bool {
	ran, waits := scheduled(p.cmd.Process.Pid)
	got := ran - p.ran
	p.ran = ran
	return waits && got < since/10
}

func (p *process) done() <-chan struct{} { return p.over }

func (p *process) why() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cause
}

// leaveTime is how long a process may take to leave after its socket is closed.
const leaveTime = 2 * time.Second

// close ends the process. It has nothing to lose: what is in the token is there.
func (p *process) close() error {
	p.mu.Lock()
	if p.cause == nil {
		p.cause = errClosed
	}
	p.mu.Unlock()
	_ = p.conn.CloseWrite() // it reads the end and leaves
	leave := time.AfterFunc(leaveTime, func() { p.kill(errClosed) })
	defer leave.Stop()
	<-p.over
	return nil
}

// errClosed is the end that the bridge wanted.
var errClosed = errors.New("the devices were closed")

// errStuck is why a module that hangs is killed.
var errStuck = errors.New("it hung: a call did not return in time")
