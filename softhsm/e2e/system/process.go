package system

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// readyPrefix starts the line that each program prints on standard output for
// each address that it serves.
const readyPrefix = "listening on "

// stopTimeout is how long a program gets to stop by itself before it is killed.
const stopTimeout = 10 * time.Second

// command says which program to start and what it needs around it.
type command struct {
	name  string   // for messages and for the log file's name
	path  string   // the program
	args  []string // its arguments
	env   []string // added to this process's environment
	user  uint32   // whom it runs as, and in which group; 0: as this process
	tty   bool     // it may talk to the person at the terminal: its standard input is ours
	waits int      // how many ready lines to wait for
}

// process is a running program. Its output goes to a log file.
type process struct {
	name      string
	cmd       *exec.Cmd
	addresses []string      // what it listens on, in the order in which it said so
	done      chan struct{} // closed when it has ended
	err       error         // why it ended; valid after done
	mu        sync.Mutex
	stopping  bool
}

// launch starts c, with its log in logDir, and returns when it has printed the
// ready lines that c waits for. It fails with the end of the log when the
// program ends first.
func launch(ctx context.Context, c command, logDir string) (*process, error) {
	logPath := filepath.Join(logDir, c.name+".log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", c.name, err)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	p := &process{name: c.name, done: make(chan struct{})}
	p.cmd = exec.Command(c.path, c.args...)
	p.cmd.Env = append(os.Environ(), c.env...)
	p.cmd.Stdout = write
	p.cmd.Stderr = log
	if c.tty {
		p.cmd.Stdin = os.Stdin
	}
	p.cmd.SysProcAttr = endsWithUs()
	if c.user != 0 {
		p.cmd.SysProcAttr.Credential = &syscall.Credential{Uid: c.user, Gid: c.user}
		p.cmd.Dir = "/" // it may be unable to enter this process's
	}
	if err := p.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", c.name, err), read.Close(), write.Close(), log.Close())
	}
	write.Close()
	ready := make(chan string, 8)
	var copied sync.WaitGroup
	copied.Go(func() { follow(read, log, ready) })
	go func() {
		err := p.cmd.Wait()
		copied.Wait()
		p.err = errors.Join(err, read.Close(), log.Close())
		close(p.done)
	}()
	for len(p.addresses) < c.waits {
		select {
		case a := <-ready:
			p.addresses = append(p.addresses, a)
		case <-p.done:
			return nil, fmt.Errorf("%s ended while it started: %w\n%s", c.name, exitError(p.err), tail(logPath))
		case <-ctx.Done():
			p.kill()
			return nil, fmt.Errorf("%s was not ready in time: %w\n%s", c.name, ctx.Err(), tail(logPath))
		}
	}
	return p, nil
}

// follow copies a program's standard output to its log and reports ready lines.
func follow(r io.Reader, log io.Writer, ready chan<- string) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		fmt.Fprintln(log, lines.Text())
		if a, ok := strings.CutPrefix(lines.Text(), readyPrefix); ok {
			select {
			case ready <- a:
			default:
			}
		}
	}
}

func exitError(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

// stop asks the program to stop and waits for it.
func (p *process) stop() error {
	p.mu.Lock()
	p.stopping = true
	p.mu.Unlock()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop %s: %w", p.name, err)
	}
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		p.kill()
		return fmt.Errorf("%s did not stop within %s and was killed", p.name, stopTimeout)
	}
	if p.err != nil {
		return fmt.Errorf("%s did not stop cleanly: %w", p.name, p.err)
	}
	return nil
}

// kill ends the program at once, as a power cut would.
func (p *process) kill() {
	p.mu.Lock()
	p.stopping = true
	p.mu.Unlock()
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.done
}

func (p *process) asked() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stopping
}

// tail returns the last lines of a log, for an error message.
func tail(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	if len(lines) > 12 {
		lines = lines[len(lines)-12:]
	}
	return "  " + strings.Join(lines, "\n  ")
}
