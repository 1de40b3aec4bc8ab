package consent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
	"unicode/utf8"

	"countersign/bridge/internal/fold"
	"countersign/shared/fault"
	"countersign/shared/name"
)

// Pinentry asks in the window of a pinentry program, one process per question.
//
// Approval does not use pinentry's own CONFIRM buttons: OK is their default
// everywhere, so Enter would approve, and with the roles of OK and NOTOK
// exchanged Esc and a closed window are, in those programs that know two buttons
// only, indistinguishable from NOTOK. So the last page of the text comes with a
// field to type [Word] into (GETPIN), which every pinentry has and which answers
// Enter, Esc, and a closed window in the same way: no. A text too long for one
// Assuan line comes in pages; on those before the last, Enter only turns the
// page.
type Pinentry struct {
	Path string // the program
	TTY  string // for programs that draw in a terminal
}

const (
	pinentryGrace = 2 * time.Second  // how long a pinentry may take to leave after its answer
	greetTime     = 30 * time.Second // how long it may take to greet
	checkTime     = 5 * time.Second  // the same, when nothing is to be asked
	maxComplaint  = 400              // bytes of what it says when it does not greet
	complaintTime = 100 * time.Millisecond
)

// Where is [AtPinentry].
func (p *Pinentry) Where() string { return AtPinentry }

// Lines are those of q's text at the width of a window.
func (p *Pinentry) Lines(q Question) []string { return layout(Clean(q.Text), pinentryWidth) }

// pinentryLines is how many lines a window shows above its field and buttons:
// pinentry-curses refuses more in a terminal of 24.
const pinentryLines = 18

// pages are q's lines as they are shown, and how to answer, which stands under the
// last of them.
func (p *Pinentry) pages(q Question) (parts [][]string, how string) {
	how = strings.Join(layout(q.howTo(), pinentryWidth), "\n")
	room := maxAssuanLine - len("SETDESC \n\n") - 2*len("%0A") - len(escape(how))
	parts = pages(p.Lines(q), func(lines []string) bool {
		return len(lines) <= pinentryLines-strings.Count(how, "\n")-2 && len(escape(strings.Join(lines, "\n"))) <= room
	})
	return parts, how
}

// Confirm shows q and reports whether the person typed the word.
func (p *Pinentry) Confirm(ctx context.Context, q Question) error {
	parts, how := p.pages(q)
	return p.session(ctx, func(a *assuan) error {
		for i, part := range parts {
			title, text := Line(q.Title), strings.Join(part, "\n")
			if len(parts) > 1 {
				title += fmt.Sprintf(" (page %d of %d)", i+1, len(parts))
			}
			if err := set(a, "SETTITLE", title); err != nil {
				return err
			}
			if i == len(parts)-1 {
				return askWord(a, q, text+"\n\n"+how)
			}
			if err := turnPage(a, text+"\n"); err != nil {
				return err
			}
		}
		return errDeclined()
	})
}

func turnPage(a *assuan, text string) error {
	for _, s := range [][2]string{{"SETDESC", text}, {"SETOK", "Next page"}, {"SETCANCEL", "Decline"}} {
		if err := set(a, s[0], s[1]); err != nil {
			return err
		}
	}
	_, err := a.call("CONFIRM", "")
	return err
}

func askWord(a *assuan, q Question, text string) error {
	for _, s := range [][2]string{{"SETDESC", text}, {"SETPROMPT", "Type " + q.word() + ":"}, {"SETOK", "Done"}, {"SETCANCEL", "Decline"}} {
		if err := set(a, s[0], s[1]); err != nil {
			return err
		}
	}
	word, err := a.call("GETPIN", "")
	defer clear(word)
	if err != nil {
		return err
	}
	return q.judge(word)
}

// Show shows a notice with one button, which cancels. A pinentry that answers
// OK at once would hide it, so that counts as cancelling too.
func (p *Pinentry) Show(ctx context.Context, n Notice) error {
	return p.session(ctx, func(a *assuan) error {
		for _, s := range [][2]string{{"SETTITLE", Line(n.Title)}, {"SETDESC", strings.Join(layout(Clean(n.Text), pinentryWidth), "\n")}, {"SETOK", "Cancel"}} {
			if err := set(a, s[0], s[1]); err != nil {
				return err
			}
		}
		if _, err := a.call("MESSAGE", ""); err != nil {
			return err
		}
		return errDeclined()
	})
}

// PIN asks for a device's PIN.
func (p *Pinentry) PIN(ctx context.Context, q PINQuestion) (pin []byte, err error) {
	err = p.session(ctx, func(a *assuan) error {
		for _, s := range [][2]string{
			{"SETTITLE", "PIN of " + Line(q.Device)},
			{"SETDESC", strings.Join(layout(pinText(q), pinentryWidth), "\n")},
			{"SETPROMPT", "PIN:"},
			{"SETOK", "Unlock"},
			{"SETCANCEL", "Cancel"},
		} {
			if err := set(a, s[0], s[1]); err != nil {
				return err
			}
		}
		if problem := pinProblem(q); problem != "" {
			if err := set(a, "SETERROR", problem); err != nil {
				return err
			}
		}
		data, err := a.call("GETPIN", "")
		if err != nil {
			return err
		}
		if len(data) == 0 || len(data) > MaxPIN {
			clear(data)
			return errDeclined()
		}
		pin = data
		return nil
	})
	if err != nil {
		clear(pin)
		return nil, err
	}
	return pin, nil
}

// pinText is what stands above the field for the PIN.
func pinText(q PINQuestion) string {
	s := "The token " + name.Quote(Line(q.Device)) + " is locked."
	if q.Reason != "" {
		s += "\n" + Line(q.Reason)
	}
	if q.Allows != "" {
		s += "\n\n" + strings.TrimRight(Clean(q.Allows), "\n")
	}
	return s
}

// pinProblem is the line in red, empty at a first try on a healthy token.
func pinProblem(q PINQuestion) string {
	s := Line(q.Problem)
	switch {
	case q.FinalTry:
		s += " This is the last try: a wrong PIN locks the token."
	case q.TriesLeft >= 0 && q.Problem != "":
		s += " " + fold.Count(q.TriesLeft, "try", "tries") + " left."
	}
	return strings.TrimSpace(s)
}

func set(a *assuan, command, value string) error {
	if limit := maxAssuanLine - len(command) - 1; len(escape(value)) > limit {
		for len(escape(value)) > limit-len("…") { // a name or a reason; the text of a question comes in pages that fit
			_, n := utf8.DecodeLastRuneInString(value)
			value = value[:len(value)-n]
		}
		value += "…"
	}
	_, err := a.call(command, value)
	return err
}

// Check starts the program, and lets it go as soon as it has greeted.
func (p *Pinentry) Check(ctx context.Context) error {
	return p.sessionWithin(ctx, checkTime, func(*assuan) error { return nil })
}

func (p *Pinentry) session(ctx context.Context, talk func(*assuan) error) error {
	return p.sessionWithin(ctx, greetTime, talk)
}

// sessionWithin runs one pinentry process, which greets within a time. When ctx ends the
// process is killed, which closes its window.
func (p *Pinentry) sessionWithin(ctx context.Context, patience time.Duration, talk func(*assuan) error) error {
	cmd := exec.CommandContext(ctx, p.Path)
	cmd.WaitDelay = pinentryGrace
	in, err := cmd.StdinPipe()
	if err != nil {
		return p.errBroken(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return p.errBroken(err)
	}
	errs, err := complaints(cmd)
	if err != nil {
		return p.errBroken(err)
	}
	if err := cmd.Start(); err != nil {
		errs()
		return p.errBroken(err)
	}
	late := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() }) // it may have left by then
	a := newAssuan(out, in)
	err = p.greet(a)
	greeted, inTime := err == nil, late.Stop()
	if greeted {
		err = talk(a)
	}
	if err == nil {
		_, _ = a.call("BYE", "") // the answer is in hand
	}
	in.Close()
	leave := time.AfterFunc(pinentryGrace, func() { _ = cmd.Process.Kill() }) // it may have left by then
	_ = cmd.Wait()                                                            // its answer was given, or err says why not; closes out
	leave.Stop()
	said := errs()
	if ctx.Err() != nil {
		return errEnded(ctx)
	}
	if _, known := fault.As(err); err == nil || known {
		return err
	}
	var ae *assuanError
	switch refused := errors.As(err, &ae); {
	case !greeted && !inTime:
		return p.errBroken(fmt.Errorf("it did not greet for %s", patience))
	case !greeted && errors.Is(err, io.ErrUnexpectedEOF):
		return p.errBroken(fmt.Errorf("it ended at once (%s)%s", cmd.ProcessState, said))
	case !greeted:
		return p.errBroken(fmt.Errorf("%w%s", err, said))
	case refused && ae.said():
		return errDeclined()
	case refused && ae.code == gpgTooSmall:
		return fault.Wrap(err, fault.PromptUnavailable, "the terminal is too small for the bridge's prompt: make it at least 80 by 24")
	case refused && ae.code == gpgTimeout:
		return fault.Wrap(err, fault.Timeout, "the bridge's prompt was not answered in time")
	}
	return p.errBroken(err)
}

// errBroken says why the program cannot be used. A page learns no more than that.
func (p *Pinentry) errBroken(why error) error {
	return errUnavailable("pinentry does not work", fmt.Errorf("%s: %w", Line(p.Path), why))
}

// complaints keeps the beginning of what a program that does not greet writes to its
// standard error; what it returns is called when the program has left.
func complaints(cmd *exec.Cmd) (said func() string, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = w
	var text []byte
	read := make(chan struct{})
	go func() {
		defer close(read)
		text, _ = io.ReadAll(io.LimitReader(r, maxComplaint))
		_, _ = io.Copy(io.Discard, r) // a full pipe would stop it
	}()
	return func() string {
		w.Close()
		_ = r.SetReadDeadline(time.Now().Add(complaintTime)) // a child of its may hold it open
		<-read
		r.Close()
		if line := Line(strings.Join(strings.Fields(string(text)), " ")); line != "" {
			return ", and said " + name.Quote(line)
		}
		return ""
	}, nil
}

// greet reads the greeting and sets what no question changes.
func (p *Pinentry) greet(a *assuan) error {
	if err := a.hello(); err != nil {
		return err
	}
	// A pinentry that does not know an option says so, and works without it.
	for _, option := range []string{"ttyname=" + p.TTY, "lc-ctype=C.UTF-8"} {
		var refused *assuanError
		if _, err := a.call("OPTION", option); err != nil && !errors.As(err, &refused) {
			return err
		}
	}
	return nil
}
