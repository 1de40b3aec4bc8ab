package consent

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strconv"
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

// there reports whether there is a terminal.
func (t *Terminal) there() bool {
	f, err := t.open()
	return err == nil && f.Close() == nil
}

// Check fails without a terminal, and in its background.
func (t *Terminal) Check(context.Context) error {
	f, err := t.open()
	if err != nil {
		return errTerminal(err)
	}
	defer f.Close()
	if !foreground(f) {
		return errUnavailable("this program is in the background of its terminal: bring it to the foreground, with fg", nil)
	}
	return nil
}

// open opens the terminal so that reads can be interrupted by a deadline.
func (t *Terminal) open() (*os.File, error) {
	background()
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

// Lines are those of q's text at the terminal's width.
func (t *Terminal) Lines(q Question) []string {
	columns, _ := t.size()
	return layout(Clean(q.Text), columns)
}

// size is how large the terminal is; one that does not say is 80 by 24, and none
// is wider than [terminalWidth] for a text.
func (t *Terminal) size() (columns, rows int) {
	columns, rows = terminalWidth, 24
	f, err := t.open()
	if err != nil {
		return columns, rows
	}
	defer f.Close()
	raw, err := f.SyscallConn()
	if err != nil {
		return columns, rows
	}
	_ = raw.Control(func(fd uintptr) {
		if c, r, err := term.GetSize(int(fd)); err == nil && c > 0 && r > 0 {
			columns, rows = max(narrowest, min(c, terminalWidth)), r
		}
	})
	return columns, rows
}

// heading is a title that stands out, and fits.
func heading(title string, columns int) string {
	return "\n\x1b[1m" + strings.Join(layout("=== "+Line(title)+" ===", columns), "\n") + "\x1b[0m\n\n"
}

// Confirm shows q, page by page where the terminal is too small for it, and
// reports whether the person typed the word. Before the last page the word neither
// approves nor declines: it is asked for again. What came of another answer is said
// on the terminal.
func (t *Terminal) Confirm(ctx context.Context, q Question) error {
	err := t.confirm(ctx, q)
	t.tellNo(err, q.Site, q.No)
	return err
}

// tellNo says on the terminal that the person declined, and what that comes to, so
// that no misspelt word is taken for a yes.
func (t *Terminal) tellNo(err error, site, comesTo string) {
	comesTo = cmp.Or(comesTo, "Nothing was signed.")
	switch fault.CodeOf(err) {
	case fault.Declined:
		t.Tell("Declined. " + comesTo)
	case fault.SiteBlocked:
		t.Tell("Declined, and " + site + " is blocked. " + comesTo)
	}
}

func (t *Terminal) confirm(ctx context.Context, q Question) error {
	columns, rows := t.size()
	how := strings.Join(layout(q.howTo(), columns), "\n") + "\n> "
	around := strings.Count(heading(q.Title+" (page 10 of 16)", columns)+how, "\n") + 1
	parts := pages(layout(Clean(q.Text), columns), func(lines []string) bool { return len(lines) <= max(4, rows-around) })
	for i, part := range parts {
		title, ask := q.Title, how
		if len(parts) > 1 {
			title += fmt.Sprintf(" (page %d of %d)", i+1, len(parts))
		}
		last := i == len(parts)-1
		if !last {
			ask = turn
		}
		text := heading(title, columns) + strings.TrimRight(strings.Join(part, "\n"), "\n") + "\n\n" + ask
		for {
			answer, err := t.ask(ctx, text, true)
			if err != nil {
				return err
			}
			if !last && len(answer) == 0 {
				break
			}
			err = q.judge(answer)
			if last || err != nil {
				return err
			}
			text = "This is not the last page yet: the word counts on page " + strconv.Itoa(len(parts)) + ".\n" + turn
		}
	}
	return errDeclined()
}

// turn is how to go on from a page before the last.
const turn = "Press Enter for the next page; anything else declines.\n> "

// Show shows a notice until the person presses Enter, which cancels. What they
// type is not shown and is wiped: it may be the PIN that belongs elsewhere.
func (t *Terminal) Show(ctx context.Context, n Notice) error {
	columns, _ := t.size()
	text := heading(n.Title, columns) + strings.Join(layout(Clean(n.Text), columns), "\n") + "\n\nPress Enter to cancel.\n"
	line, err := t.ask(ctx, text, false)
	clear(line)
	if err == nil {
		err = errDeclined()
	}
	t.tellNo(err, n.Site, "")
	return err
}

// tellTimeout is how long a terminal that is stopped (Ctrl-S) may keep news
// waiting.
const tellTimeout = 2 * time.Second

// Tell writes a line.
func (t *Terminal) Tell(news string) {
	columns, _ := t.size()
	f, err := t.open()
	if err != nil {
		return // nobody is there
	}
	defer f.Close()
	say(f, strings.Join(layout(Line(news), columns), "\n")+"\n")
}

// PIN asks for a device's PIN without showing it.
func (t *Terminal) PIN(ctx context.Context, q PINQuestion) ([]byte, error) {
	pin, err := t.pin(ctx, q)
	t.tellNo(err, q.Site, "")
	return pin, err
}

func (t *Terminal) pin(ctx context.Context, q PINQuestion) ([]byte, error) {
	columns, _ := t.size()
	text := heading("PIN of "+Line(q.Device), columns) + strings.Join(layout(pinText(q), columns), "\n") + "\n"
	if problem := pinProblem(q); problem != "" {
		text += strings.Join(layout(problem, columns), "\n") + "\n"
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

func isTerminal(f *os.File) bool {
	raw, err := f.SyscallConn()
	if err != nil {
		return false
	}
	var is bool
	err = raw.Control(func(fd uintptr) { is = term.IsTerminal(int(fd)) })
	return err == nil && is
}
