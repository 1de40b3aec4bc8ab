package consent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"

	"countersign/shared/fault"
)

// Terminal asks at the bridge's controlling terminal. The terminal is opened
// for each question, so that a bridge whose terminal has gone says so.
type Terminal struct {
	Path string // /dev/tty
}

// Where is [AtTerminal].
func (t *Terminal) Where() string { return AtTerminal }

// check reports whether there is a terminal to ask at.
func (t *Terminal) check() error {
	f, err := t.open()
	if err != nil {
		return err
	}
	return f.Close()
}

// open opens the terminal so that reads can be interrupted by a deadline.
func (t *Terminal) open() (*os.File, error) {
	f, err := os.OpenFile(t.Path, os.O_RDWR|syscall.O_NOCTTY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if !isTerminal(f) {
		f.Close()
		return nil, fmt.Errorf("%s is not a terminal", t.Path)
	}
	return f, nil
}

// Confirm shows q and reports whether the person typed [Word].
func (t *Terminal) Confirm(ctx context.Context, q Question) error {
	text := "\n=== " + cleanLine(q.Title) + " ===\n\n" + strings.TrimRight(Clean(q.Text), "\n") + "\n\n" + q.howTo() + "\n> "
	answer, err := t.ask(ctx, text, true)
	if err != nil {
		return err
	}
	return q.judge(answer)
}

// Show shows a notice until the person presses Enter, which gives up. What they
// type is not shown and is wiped: it may be the PIN that belongs elsewhere.
func (t *Terminal) Show(ctx context.Context, n Notice) error {
	text := "\n=== " + cleanLine(n.Title) + " ===\n\n" + strings.TrimRight(Clean(n.Text), "\n") + "\n\nPress Enter to give up.\n"
	line, err := t.ask(ctx, text, false)
	clear(line)
	if err != nil {
		return err
	}
	return errDeclined()
}

// PIN asks for a device's PIN without showing it.
func (t *Terminal) PIN(ctx context.Context, q PINQuestion) ([]byte, error) {
	text := "\n=== PIN of " + cleanLine(q.Device) + " ===\n\n" + pinText(q) + "\n"
	if problem := pinProblem(q); problem != "" {
		text += problem + "\n"
	}
	pin, err := t.ask(ctx, text+"PIN (empty cancels): ", false)
	if err != nil {
		return nil, err
	}
	if len(pin) == 0 || len(pin) > MaxPIN {
		clear(pin)
		return nil, errDeclined()
	}
	return pin, nil
}

// ask writes text and reads one line, which is a fresh array of its own. When
// ctx ends first it says so on the terminal; the terminal's mode is put back in
// every case, and what was typed before the question came is thrown away.
func (t *Terminal) ask(ctx context.Context, text string, echo bool) (answer []byte, err error) {
	f, err := t.open()
	if err != nil {
		return nil, errUnavailable(err)
	}
	defer f.Close()
	restore, err := prepare(f, echo)
	if err != nil {
		return nil, errUnavailable(err)
	}
	defer func() {
		if rerr := restore(); rerr != nil && err == nil {
			clear(answer)
			answer, err = nil, errUnavailable(rerr)
		}
	}()
	if _, err := io.WriteString(f, text); err != nil {
		return nil, errUnavailable(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetReadDeadline(time.Unix(1, 0)) }) // ends the read below
	defer stop()
	line, err := readLine(f)
	if ctx.Err() != nil {
		clear(line)
		_, _ = io.WriteString(f, "\n[closed: "+whyEnded(ctx)+"]\n") // nobody may be left to read it
		return nil, errEnded(ctx)
	}
	if !echo {
		_, _ = io.WriteString(f, "\n") // the person's own line feed was not shown
	}
	if err != nil && !errors.Is(err, io.EOF) {
		clear(line)
		return nil, errUnavailable(err)
	}
	if errors.Is(err, io.EOF) {
		clear(line)
		return nil, fault.Wrap(err, fault.Declined, "you declined at the bridge's prompt")
	}
	return line, nil
}

// readLine reads up to a line feed, at most MaxPIN+1 bytes; the rest of a longer
// line is read and dropped.
func readLine(r io.Reader) ([]byte, error) {
	line := make([]byte, 0, MaxPIN+1)
	one := make([]byte, 1)
	for {
		n, err := r.Read(one)
		if n == 1 {
			if one[0] == '\n' {
				return bytes.TrimSuffix(line, []byte{'\r'}), nil
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

func isTerminal(f *os.File) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var is bool
	err = raw.Control(func(fd uintptr) { is = term.IsTerminal(int(fd)) })
	return err == nil && is
}
