package device

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"countersign/bridge/internal/keys"
)

// maxLastWords is how much of what a dying process says is kept, in bytes.
const maxLastWords = 4 << 10

// process is the process of one module, from this end.
type process struct {
	cmd     *exec.Cmd
	conn    net.Conn
	changed func(tokenInfo)
	over    chan struct{}
	said    lastWords

	writing sync.Mutex

	mu      sync.Mutex
	next    uint64
	pending map[uint64]chan answer
	cause   error // why it was killed, or ended
}

type answer struct {
	kind byte
	body []byte
}

// lastWords keeps the beginning of what a process writes to its standard error:
// the Go runtime's report of a crash starts with what it was.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p[:min(len(p), maxLastWords-len(l.text))]...)
	return len(p), nil
}

// crash is the first line of the runtime's report, without addresses.
func (l *lastWords) crash() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for line := range strings.Lines(string(l.text)) {
		if strings.HasPrefix(line, "SIG") || strings.HasPrefix(line, "fatal error: ") || strings.HasPrefix(line, "panic: ") {
			what, _, _ := strings.Cut(strings.TrimSpace(line), ": 0x")
			return what
		}
	}
	return ""
}

// start runs this program again as the process of a module.
func start(changed func(tokenInfo)) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, fmt.Errorf("socketpair: %w", err)
	}
	syscall.CloseOnExec(pair[0])
	syscall.CloseOnExec(pair[1])
	ours, theirs := os.NewFile(uintptr(pair[0]), "module"), os.NewFile(uintptr(pair[1]), "bridge")
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err = errors.Join(err, ours.Close()); err != nil {
		return nil, err
	}
	p := &process{conn: conn, changed: changed, over: make(chan struct{}), pending: map[uint64]chan answer{}}
	p.cmd = &exec.Cmd{Path: self, Args: []string{childName}, Env: append(os.Environ(), childVariable+"=1"), Stderr: &p.said, WaitDelay: time.Second,
		ExtraFiles: []*os.File{theirs}, SysProcAttr: &syscall.SysProcAttr{Setpgid: true}} // Ctrl-C is for the bridge
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go p.read()
	return p, nil
}

// read takes what the process says until it ends, and then buries it.
func (p *process) read() {
	for {
		number, kind, body, err := readMessage(p.conn)
		if err == nil {
			err = p.take(number, kind, body)
		}
		if err != nil {
			if garbage(err) {
				p.kill(err)
			}
			break
		}
	}
	_ = p.cmd.Process.Kill() // it may be gone already
	err := p.cmd.Wait()
	p.mu.Lock()
	if p.cause == nil {
		p.cause = fmt.Errorf("it crashed: %s (%w)", p.said.crash(), errors.Join(err))
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
		to := p.pending[number]
		known := number <= p.next
		delete(p.pending, number)
		p.mu.Unlock()
		if to != nil {
			to <- answer{kind, body}
		}
		if known {
			return nil // or its caller has gone
		}
	}
	return errGarbage
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
	if err := p.write(number, kind, body); err != nil {
		p.kill(err)
	}
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
		p.mu.Lock()
		delete(p.pending, number)
		p.mu.Unlock()
		_ = p.write(number, opCancel, nil) // when it fails, the process is dying anyway
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

// write sends one message. A process that does not read is killed by the pulse,
// which ends a write that waits for it.
func (p *process) write(number uint64, kind byte, body []byte) error {
	p.writing.Lock()
	defer p.writing.Unlock()
	return writeMessage(p.conn, number, kind, body)
}

func (p *process) kill(cause error) {
	p.mu.Lock()
	if p.cause == nil {
		p.cause = cause
	}
	p.mu.Unlock()
	_ = p.cmd.Process.Kill() // it may be gone already
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
	if c, ok := p.conn.(*net.UnixConn); ok {
		_ = c.CloseWrite() // it reads the end and leaves
	}
	leave := time.AfterFunc(leaveTime, func() { p.kill(errClosed) })
	defer leave.Stop()
	<-p.over
	return nil
}

// errClosed is the end that the bridge wanted.
var errClosed = errors.New("the devices were closed")

// errStuck is why a module that hangs is killed.
var errStuck = errors.New("it hung: a call did not return in time")
