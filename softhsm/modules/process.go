package modules

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"countersign/softhsm/ports"
)

// leash is what daemons run under: it ends them when the pipe at descriptor 4
// closes, so none outlives a test that crashed, and passes on how they ended.
const leash = `"$@" 4<&- & daemon=$!
{ read -r _ <&4; kill $daemon; } 2>/dev/null & watch=$!
wait $daemon; how=$?
kill $watch 2>/dev/null
exit $how`

// daemon is a program that runs beside the test.
type daemon struct {
	name  string
	cmd   *exec.Cmd
	pipe  *os.File
	log   lockedBuffer
	ended chan struct{}
}

// lockedBuffer is the log of a daemon.
type lockedBuffer struct {
	sync.Mutex
	b bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) { l.Lock(); defer l.Unlock(); return l.b.Write(p) }
func (l *lockedBuffer) String() string              { l.Lock(); defer l.Unlock(); return l.b.String() }

// launch starts a daemon for m, which stops it. file, if any, becomes its
// descriptor 3.
func (m *Module) launch(env []string, file *os.File, name string, args ...string) (*daemon, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer func() { _ = read.Close() }()
	d := &daemon{name: name, pipe: write, ended: make(chan struct{})}
	d.cmd = exec.Command("sh", append([]string{"-c", leash, "leash", program(name)}, args...)...)
	d.cmd.Env = append(os.Environ(), env...)
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	d.cmd.ExtraFiles = []*os.File{file, read}
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	d.cmd.WaitDelay = time.Second
	if err := d.cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("modules: start %s: %w", name, err), write.Close())
	}
	go func() {
		_ = d.cmd.Wait() // the log tells more
		close(d.ended)
	}()
	m.stop = append(m.stop, d.stop)
	return d, nil
}

// patience is how long a daemon may take to end.
const patience = 10 * time.Second

func (d *daemon) stop() error {
	if err := d.pipe.Close(); err != nil {
		return err
	}
	select {
	case <-d.ended:
		return nil
	case <-time.After(patience):
	}
	_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL) // its whole group
	<-d.ended
	return fmt.Errorf("modules: %s did not end when it was told to: %s", d.name, strings.TrimSpace(d.log.String()))
}

// await looks until the daemon is ready.
func (d *daemon) await(ctx context.Context, ready func() bool) error {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !ready() {
		select {
		case <-ticker.C:
		case <-d.ended:
			return fmt.Errorf("modules: %s ended: %s", d.name, strings.TrimSpace(d.log.String()))
		case <-ctx.Done():
			return fmt.Errorf("modules: %s did not become ready: %w: %s", d.name, ctx.Err(), strings.TrimSpace(d.log.String()))
		}
	}
	return nil
}

// exists makes a condition for await of a file that the daemon makes.
func exists(path string) func() bool {
	return func() bool { _, err := os.Stat(path); return err == nil }
}

// twoPorts holds two neighbouring ports on all addresses until the module is
// closed.
func (m *Module) twoPorts() (first int, err error) {
	held, err := ports.HoldTwo()
	if err != nil {
		return 0, fmt.Errorf("modules: %w", err)
	}
	m.stop = append(m.stop, held.Close)
	return held.Numbers[0], nil
}
