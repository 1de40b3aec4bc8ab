package consent

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"countersign/bridge/internal/fold"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/statement"
)

// screen is the master side of a pseudo-terminal: what the person sees and
// types.
type screen struct {
	master *os.File
	path   string // of the terminal

	mu   sync.Mutex
	seen bytes.Buffer
	more *sync.Cond
}

func newScreen(t *testing.T) *screen {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	s := &screen{master: master, path: fmt.Sprintf("/dev/pts/%d", n)}
	s.more = sync.NewCond(&s.mu)
	keep, err := os.OpenFile(s.path, os.O_RDWR|unix.O_NOCTTY, 0) // so that the terminal outlives each question
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keep.Close(); master.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			s.mu.Lock()
			s.seen.Write(buf[:n])
			s.more.Broadcast()
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return s
}

// await waits until the screen shows text.
func (s *screen) await(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !strings.Contains(s.seen.String(), text) {
		s.more.Wait()
	}
}

// awaitCount waits until the screen has shown text n times.
func (s *screen) awaitCount(text string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for strings.Count(s.seen.String(), text) < n {
		s.more.Wait()
	}
}

func (s *screen) shows() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen.String()
}

func (s *screen) enter(t *testing.T, keys string) {
	t.Helper()
	if _, err := s.master.WriteString(keys); err != nil {
		t.Fatal(err)
	}
}

func (s *screen) mode(t *testing.T) uint32 {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(s.master.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return mode.Lflag
}

func TestTerminalApprovesOnlyWhatIsTyped(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]fault.Code{
		"approve\n": "", "APPROVE\r": "", "\n": fault.Declined, "y\n": fault.Declined, "\x1b\n": fault.Declined, "\x04": fault.Declined,
		strings.Repeat("approve", 60) + "\n": fault.Declined,
	} {
		s := newScreen(t)
		done := make(chan error, 1)
		go func() {
			done <- (&Terminal{Path: s.path}).Confirm(t.Context(), Question{Title: "Approve a purchase", Text: "250.00 EUR\x1b[2J\n"})
		}()
		s.await("anything else declines.")
		s.enter(t, keys)
		if err := <-done; fault.CodeOf(err) != want {
			t.Errorf("%q: %v", keys, err)
		}
		if want == fault.Declined {
			s.await("Declined. Nothing was signed.")
		} else if strings.Contains(s.shows(), "Declined") {
			t.Errorf("%q: shown %q", keys, s.shows())
		}
		if !strings.Contains(s.shows(), "250.00 EUR\uFFFD[2J") {
			t.Errorf("%q: shown %q", keys, s.shows())
		}
	}
}

func TestEachQuestionIsAskedWhereItIsPossibleByThen(t *testing.T) {
	t.Parallel()
	tty := filepath.Join(t.TempDir(), "tty")
	asker, err := New(Config{TTY: tty, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	q := NewQueue(asker, 0)
	if err := q.Confirm(t.Context(), Question{Title: "t", Text: "x"}, nil); q.Where() != "" || fault.CodeOf(err) != fault.PromptUnavailable {
		t.Errorf("without a terminal: at %q, %v", q.Where(), err)
	}
	s := newScreen(t)
	if err := os.Symlink(s.path, tty); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- q.Confirm(t.Context(), Question{Title: "t", Text: "x"}, nil) }()
	s.await("anything else declines.")
	s.enter(t, "approve\n")
	if err := <-done; q.Where() != AtTerminal || err != nil {
		t.Errorf("with a terminal: at %q, %v", q.Where(), err)
	}
	q.Tell(t.Context(), "", "Signed.")
	s.await("Signed.\r\n")
}

func TestTerminalIgnoresWhatWasTypedBeforeTheQuestion(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	s.enter(t, "approve\n")
	s.await("approve") // echoed: it has arrived
	done := make(chan error, 1)
	go func() { done <- (&Terminal{Path: s.path}).Confirm(t.Context(), Question{Title: "t", Text: "x"}) }()
	s.await("anything else declines.")
	s.enter(t, "no\n")
	if err := <-done; fault.CodeOf(err) != fault.Declined {
		t.Errorf("error %v", err)
	}
}

func TestTerminalBlocksASiteAndShowsNotices(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	done := make(chan error, 1)
	go func() {
		done <- (&Terminal{Path: s.path}).Confirm(t.Context(), Question{Site: "https://pay.example", Title: "t", Text: "x"})
	}()
	s.await("Type block to block https://pay.example.")
	s.enter(t, "block\n")
	if err := <-done; fault.CodeOf(err) != fault.SiteBlocked {
		t.Errorf("block: %v", err)
	}
	s.await("Declined, and https://pay.example is blocked. Nothing was signed.")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		done <- (&Terminal{Path: s.path}).Show(ctx, Notice{Title: "PIN", Text: "Type it on the reader.\n"})
	}()
	s.await("Press Enter to cancel.")
	cancel()
	if err := <-done; fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("over: %v", err)
	}
	s = newScreen(t)
	go func() { done <- (&Terminal{Path: s.path}).Show(t.Context(), Notice{Title: "PIN", Text: "x\n"}) }()
	s.await("Press Enter to cancel.")
	s.enter(t, "\n")
	if err := <-done; fault.CodeOf(err) != fault.Declined {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTerminalTakesAPINWithoutShowingIt(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	before := s.mode(t)
	type result struct {
		pin []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		pin, err := (&Terminal{Path: s.path}).PIN(t.Context(), PINQuestion{Device: "alice", TriesLeft: -1})
		done <- result{pin, err}
	}()
	s.await("PIN (empty cancels): ")
	if s.mode(t)&unix.ECHO != 0 {
		t.Error("the echo is on")
	}
	s.enter(t, "123456\n")
	r := <-done
	if r.err != nil || string(r.pin) != "123456" {
		t.Errorf("PIN %q, %v", r.pin, r.err)
	}
	if strings.Contains(s.shows(), "1234") || s.mode(t) != before {
		t.Errorf("shown %q, mode %x, before %x", s.shows(), s.mode(t), before)
	}
}

func TestTerminalIsRestoredWhenTheRequestIsGone(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	before := s.mode(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := (&Terminal{Path: s.path}).PIN(ctx, PINQuestion{Device: "alice"})
		done <- err
	}()
	s.await("PIN (empty cancels): ")
	cancel()
	if err := <-done; fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("error %v", err)
	}
	s.await("[closed: the request is gone]")
	if s.mode(t) != before {
		t.Error("the terminal's mode was not put back")
	}
}

func TestTheTerminalPagesAListItemByItemAndBreaksNoWord(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	if err := unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	var list []statement.Approval
	for i := range 5 {
		a := purchase("The treasury of a company whose name has many words, and then more")
		intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.AccountName = b.AccountName[:60] })
		a.Request = fmt.Sprintf("req_%026d", i)
		list = append(list, a)
	}
	text, err := statement.ListText(list, 5)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- (&Terminal{Path: s.path}).Confirm(t.Context(), Question{Site: "https://pay.example", Title: "Approve 5 purchases of Sandbox Ltd", Text: text})
	}()
	for i := range 5 {
		s.await(fmt.Sprintf("Approve 5 purchases of Sandbox Ltd (page %d of 6) ===\x1b[0m", i+1))
		s.await(fmt.Sprintf("%d of 5\r\n", i+1))
		s.awaitCount("Press Enter for the next page; anything else declines.", i+1)
		s.enter(t, "\n")
	}
	s.await("Type approve to approve; anything else declines.")
	s.enter(t, "approve\n")
	if err := <-done; err != nil {
		t.Error(err)
	}
	shown := s.shows()
	for i, page := range strings.Split(shown, "\x1b[1m")[1:] {
		if n := strings.Count(page, "\n") + 1; n > 25 { // the last page's answer is a line more
			t.Errorf("page %d has %d rows:\n%s", i+1, n, page)
		}
	}
	for line := range strings.Lines(shown) {
		if fold.Columns(strings.NewReplacer("\x1b[1m", "", "\x1b[0m", "", "\r\n", "").Replace(line)) > 80 {
			t.Errorf("the terminal breaks %q", line)
		}
	}
	if !strings.Contains(shown[strings.LastIndex(shown, "page 6 of 6"):], "Total of 5 purchases\r\n") {
		t.Errorf("the last page is not that of the totals:\n%s", shown)
	}
}

func TestTheWordBeforeTheLastPageIsAskedForAgain(t *testing.T) {
	t.Parallel()
	const notYet = "This is not the last page yet: the word counts on page 2."
	for name, r := range map[string]struct {
		word string
		keys []string // what is typed, and how often it is the word too early
		want fault.Code
	}{
		"then read on":          {Word, []string{"approve\n", "Approve \n", "\n", "approve\n"}, ""},
		"then Enter alone":      {Word, []string{"approve\n", "\n", "\n"}, fault.Declined},
		"then declined":         {Word, []string{"approve\n", "no\n"}, fault.Declined},
		"another word":          {Word, []string{"reject\n"}, fault.Declined},
		"to sign a rejection":   {RejectWord, []string{"reject\n", "\n", "reject\n"}, ""},
		"to sign and send":      {SendWord, []string{"send\n", "\n", "send\n"}, ""},
		"the end of the input":  {Word, []string{"\x04"}, fault.Declined},
		"to block on any page":  {Word, []string{"block\n"}, fault.SiteBlocked},
		"a word that is longer": {Word, []string{"approved\n"}, fault.Declined},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScreen(t)
			if err := unix.IoctlSetWinsize(int(s.master.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
				t.Fatal(err)
			}
			text := strings.Repeat("Pay  1.00 EUR\n", 16) + "\n" + strings.Repeat("Pay  2.00 EUR\n", 16)
			done := make(chan error, 1)
			go func() {
				done <- (&Terminal{Path: s.path}).Confirm(t.Context(), Question{Site: "https://pay.example", Title: "t", Text: text, Word: r.word})
			}()
			early := 0
			for i, keys := range r.keys {
				s.awaitCount("\r\n> ", i+1)
				s.enter(t, keys)
				if strings.ToLower(strings.TrimSpace(keys)) == r.word && i < len(r.keys)-1 {
					early++
				}
			}
			if err := <-done; fault.CodeOf(err) != r.want {
				t.Errorf("error %v, want %q", err, r.want)
			}
			if n := strings.Count(s.shows(), notYet); n != early {
				t.Errorf("said %d times that it is not the last page, want %d:\n%s", n, early, s.shows())
			}
		})
	}
}

func TestARejectionIsSignedByItsOwnWord(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]fault.Code{"reject\n": "", "approve\n": fault.Declined, "\n": fault.Declined} {
		s := newScreen(t)
		done := make(chan error, 1)
		go func() {
			done <- (&Terminal{Path: s.path}).Confirm(t.Context(), Question{Title: "Reject a purchase", Text: "x", Word: RejectWord})
		}()
		s.await("Type reject to sign the rejection, which is final; anything else declines.")
		s.enter(t, keys)
		if err := <-done; fault.CodeOf(err) != want {
			t.Errorf("%q: %v", keys, err)
		}
	}
}

func TestANoIsToldInTheWordsOfItsQuestion(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{
		"no\n":    "Declined. The page is not paired.\r\n",
		"block\n": "Declined, and https://pay.example is blocked. The page is not paired.\r\n",
	} {
		s := newScreen(t)
		done := make(chan error, 1)
		go func() {
			done <- (&Terminal{Path: s.path}).Confirm(t.Context(), Question{Site: "https://pay.example", Title: "Pair", Text: "x", No: "The page is not paired."})
		}()
		s.await("anything else declines.")
		s.enter(t, keys)
		<-done
		s.await(want)
		if strings.Contains(s.shows(), "signed") {
			t.Errorf("%q: shown %q", keys, s.shows())
		}
	}
}

func TestTheTerminalSaysWhatBecameOfAnAnswer(t *testing.T) {
	t.Parallel()
	s := newScreen(t)
	q := NewQueue(&Terminal{Path: s.path}, 0)
	asked := make(chan error, 1)
	go func() {
		asked <- q.Confirm(t.Context(), Question{Site: "https://a.example", Title: "t", Text: "x"}, nil)
	}()
	s.await("anything else declines.")
	told := make(chan struct{})
	go func() { q.Tell(t.Context(), "https://b.example", "Signed. The vault recorded 1 of 2."); close(told) }()
	select {
	case <-told:
		t.Error("the news was written into an open question")
	case <-time.After(50 * time.Millisecond):
	}
	s.enter(t, "no\n")
	<-asked
	<-told
	s.await("Signed. The vault recorded 1 of 2.\r\n")
}
