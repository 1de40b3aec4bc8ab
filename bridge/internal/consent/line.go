package consent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"countersign/shared/fault"
)

// A shell may stop the bridge at a question (Ctrl-Z), and let it go on in the foreground
// or in the background. As readpassphrase(3) does, a question puts the terminal back
// before the bridge stops, and when it goes on asks again, without an echo where there
// was none. A bridge in the background waits, and says where, instead of being stopped.

const (
	foregroundEvery = 200 * time.Millisecond // no event tells that fg was typed
	stopTime        = 200 * time.Millisecond // for a stop to come; where no shell waits, none comes
	stopLooks       = 10
)

var (
	errStop  = errors.New("the person typed the key that stops the program")
	errAgain = errors.New("the program goes on, or is in the background")
)

// background lets this process meet a terminal in the background with an error instead
// of being stopped.
var background = sync.OnceFunc(func() { signal.Ignore(syscall.SIGTTIN, syscall.SIGTTOU) })

// ask writes text and reads one line, which is a fresh array of its own. When
// ctx ends first it says so on the terminal; the terminal's mode is put back in
// every case, and what was typed before the question came is thrown away.
func (t *Terminal) ask(ctx context.Context, text string, echo bool) ([]byte, error) {
	f, err := t.open()
	if err != nil {
		return nil, errTerminal(err)
	}
	defer f.Close()
	continued := make(chan os.Signal, 1)
	signal.Notify(continued, syscall.SIGCONT)
	defer signal.Stop(continued)
	m := &mode{f: f, echo: echo}
	for {
		if err := awaitForeground(ctx, f, continued); err != nil {
			return nil, err
		}
		line, err := try(ctx, m, text, continued)
		switch {
		case errors.Is(err, errStop):
			stop(continued)
		case !errors.Is(err, errAgain):
			return line, err
		}
	}
}

// awaitForeground waits until the terminal is this process's to read from.
func awaitForeground(ctx context.Context, f *os.File, continued <-chan os.Signal) error {
	if foreground(f) {
		return nil
	}
	say(f, fmt.Sprintf("\n[countersign-bridge (process %d) has a question for you and is in the background: bring it to the foreground, with fg]\n", os.Getpid()))
	look := time.NewTicker(foregroundEvery)
	defer look.Stop()
	for !foreground(f) {
		select {
		case <-look.C:
		case <-continued:
		case <-ctx.Done():
			say(f, closed(ctx))
			return errEnded(ctx)
		}
	}
	return nil
}

// try asks once. The terminal is as it was when it returns, unless it is to ask again.
func try(ctx context.Context, m *mode, text string, continued <-chan os.Signal) (line []byte, err error) {
	if err := m.set(); err != nil {
		return nil, errTerminal(err)
	}
	defer func() {
		if !errors.Is(err, errAgain) {
			if rerr := m.restore(); rerr != nil && err == nil {
				err = errTerminal(rerr)
			}
		}
		if err != nil {
			clear(line)
			line = nil
		}
	}()
	if _, err := io.WriteString(m.f, text); err != nil {
		return nil, errTerminal(err)
	}
	line, err = read(ctx, m, continued)
	switch {
	case ctx.Err() != nil:
		say(m.f, closed(ctx))
		return line, errEnded(ctx)
	case errors.Is(err, errAgain):
		return line, err
	case errors.Is(err, errStop):
		say(m.f, "\n")
		return line, err
	}
	if !m.echo {
		say(m.f, "\n") // the person's own line feed was not shown
	}
	switch {
	case errors.Is(err, io.EOF):
		err = fault.Wrap(err, fault.Declined, "you declined at the bridge's prompt")
	case err != nil:
		err = errTerminal(err)
	}
	return line, err
}

// read reads a line until ctx ends, or the process was stopped and goes on.
func read(ctx context.Context, m *mode, continued <-chan os.Signal) ([]byte, error) {
	over, watched := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case <-ctx.Done():
		case <-continued:
		case <-over:
			return
		}
		_ = m.f.SetReadDeadline(time.Unix(1, 0)) // ends the read below
	}()
	line, err := readLine(m.f, m.stop)
	close(over)
	<-watched
	if derr := m.f.SetReadDeadline(time.Time{}); err == nil {
		err = derr
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, syscall.EIO) && !foreground(m.f) {
		err = errAgain
	}
	return line, err
}

// stop stops the job as its key would have, and returns when it goes on. Where no shell
// could let it go on, the system does not stop it.
func stop(continued <-chan os.Signal) {
	_ = syscall.Kill(0, syscall.SIGTSTP)
	for range stopLooks { // in small parts: after a stop one of them is over, and the signal is there in the next
		select {
		case <-continued:
			return
		case <-time.After(stopTime / stopLooks):
		}
	}
}

// readLine reads up to a line feed, at most MaxPIN+1 bytes; the rest of a longer
// line is read and dropped. It fails with [errStop] at the byte stop, if that is not 0.
func readLine(r io.Reader, stop byte) ([]byte, error) {
	line := make([]byte, 0, MaxPIN+1)
	one := make([]byte, 1)
	for {
		n, err := r.Read(one)
		if n == 1 {
			if one[0] == '\n' {
				return bytes.TrimSuffix(line, []byte{'\r'}), nil
			}
			if one[0] == stop && stop != 0 {
				return line, errStop
			}
			if len(line) < cap(line) {
				line = append(line, one[0])
			}
			one[0] = 0
			continue
		}
		if err != nil {
			return line, err
		}
	}
}

// closed says why a question is gone.
func closed(ctx context.Context) string { return "\n[closed: " + whyEnded(ctx) + "]\n" }

// say writes what needs no answer, to a terminal that may be gone.
func say(f *os.File, text string) {
	_ = f.SetWriteDeadline(time.Now().Add(tellTimeout))
	_, _ = io.WriteString(f, text)
	_ = f.SetWriteDeadline(time.Time{})
}

func errTerminal(cause error) error { return errUnavailable("its terminal cannot be used", cause) }
