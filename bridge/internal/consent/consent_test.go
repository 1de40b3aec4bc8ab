package consent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"countersign/shared/fault"
)

var scripted string // the path of the scripted pinentry

func TestMain(m *testing.M) {
	if os.Getenv(asks) != "" {
		os.Exit(askAtTheTerminal())
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "consent")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	scripted = filepath.Join(dir, "scripted-pinentry")
	if out, err := exec.Command("go", "build", "-o", scripted, "countersign/softhsm/e2e/cmd/scripted-pinentry").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the scripted pinentry: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// person returns a pinentry that answers from a script, and how to read what it
// was shown. A wrapper script stands for the environment of a real one.
func person(t *testing.T, script string) (*Pinentry, func() []map[string]string) {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "script.json")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		t.Fatal(err)
	}
	wrapper := filepath.Join(dir, "pinentry")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\nCOUNTERSIGN_PINENTRY_SCRIPT='"+path+"' exec '"+scripted+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return &Pinentry{Path: wrapper, TTY: "/dev/tty"}, func() []map[string]string {
		data, err := os.ReadFile(filepath.Join(dir, "log"))
		if err != nil {
			t.Fatal(err)
		}
		var all []map[string]string
		for line := range strings.Lines(string(data)) {
			var m map[string]string
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			all = append(all, m)
		}
		return all
	}
}

func TestPinentryApprovesOnlyWhatIsTyped(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]fault.Code{
		"approve": "", "Approve": "", " approve ": "", "reject": fault.Declined, "": fault.Declined, "yes": fault.Declined, "approved": fault.Declined, "a": fault.Declined,
	} {
		p, shown := person(t, `{"log":"log","confirm":["`+answer+`"]}`)
		err := p.Confirm(t.Context(), Question{Title: "Approve a purchase", Text: "You approve:\nbuy 250.00 EUR\x1b[2J\n"})
		if got := fault.CodeOf(err); got != want {
			t.Errorf("%q: %v", answer, err)
		}
		s := shown()
		if len(s) != 1 || s[0]["title"] != "Approve a purchase" || !strings.HasPrefix(s[0]["text"], "You approve:\nbuy 250.00 EUR\uFFFD[2J\n") {
			t.Errorf("%q: shown %q", answer, s)
		}
	}
}

func TestTheWordBlockRefusesASiteAndNothingElse(t *testing.T) {
	t.Parallel()
	for _, r := range []struct {
		site, answer string
		want         fault.Code
	}{
		{"https://pay.example", "block", fault.SiteBlocked}, {"https://pay.example", " BLOCK ", fault.SiteBlocked},
		{"https://pay.example", "approve", ""}, {"https://pay.example", "blocked", fault.Declined}, {"", "block", fault.Declined},
	} {
		p, shown := person(t, `{"log":"log","confirm":["`+r.answer+`"]}`)
		err := p.Confirm(t.Context(), Question{Site: r.site, Title: "Approve", Text: strings.Repeat("a line of a statement\n", 60)})
		if fault.CodeOf(err) != r.want {
			t.Errorf("%s of %q: %v", r.answer, r.site, err)
		}
		if text := shown()[0]["text"]; strings.Contains(text, "Type block to block https://pay.example") != (r.site != "") || !strings.HasSuffix(text, "anything else declines.") {
			t.Errorf("%q: shown %q", r.site, text)
		}
	}
}

func TestAScreenThatIsTooSmallIsNamed(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "pinentry")
	script := "#!/bin/sh\necho OK; while read l; do case \"$l\" in GETPIN) echo 'ERR 83886381 Screen or window too small <Pinentry>';; *) echo OK;; esac; done\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	err := (&Pinentry{Path: path}).Confirm(t.Context(), Question{Title: "Approve", Text: "x"})
	if fault.CodeOf(err) != fault.PromptUnavailable || !strings.Contains(err.Error(), "too small") {
		t.Error(err)
	}
}

func TestANoticeStaysUntilItIsCancelledOrOver(t *testing.T) {
	t.Parallel()
	seen := filepath.Join(t.TempDir(), "seen")
	for name, r := range map[string]struct {
		body string
		want fault.Code
	}{
		"cancelled": {"echo OK; while read l; do case \"$l\" in MESSAGE) echo OK;; *) echo OK;; esac; done", fault.Declined},
		"closed":    {"echo OK; while read l; do case \"$l\" in MESSAGE) echo 'ERR 83886179 cancelled';; *) echo OK;; esac; done", fault.Declined},
		"over":      {"echo OK; while read l; do case \"$l\" in MESSAGE) echo x >'" + seen + ".new'; mv '" + seen + ".new' '" + seen + "';; *) echo OK;; esac; done", fault.Cancelled},
	} {
		path := filepath.Join(t.TempDir(), "pinentry")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+r.body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if name == "over" {
			go func() { await(t, seen); cancel() }()
		}
		if err := NewQueue(&Pinentry{Path: path}, 0).Show(ctx, Notice{Title: "PIN of alice", Text: "Type it on the reader.\n"}, nil); fault.CodeOf(err) != r.want {
			t.Errorf("%s: %v", name, err)
		}
		cancel()
	}
}

func TestPinentryShowsAllOfALongText(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for i := range 120 {
		fmt.Fprintf(&text, "line %d: 100%% of it\n", i)
	}
	p, shown := person(t, `{"log":"log","confirm":["approve"]}`)
	if err := p.Confirm(t.Context(), Question{Title: "Approve", Text: text.String()}); err != nil {
		t.Fatal(err)
	}
	s := shown()
	if len(s) != 1 || !strings.HasPrefix(s[0]["text"], strings.TrimRight(text.String(), "\n")) || !strings.Contains(s[0]["title"], "page ") {
		t.Errorf("shown %q", s)
	}
}

func TestPinentryAsksForThePIN(t *testing.T) {
	t.Parallel()
	p, shown := person(t, `{"log":"log","pins":{"alice":["12 %34","reject"],"bob":["`+strings.Repeat("1", MaxPIN+1)+`"]}}`)
	pin, err := p.PIN(t.Context(), PINQuestion{Device: "alice", Reason: "Sign a purchase", Allows: "It allows a site.\n", Problem: "That PIN was wrong.", TriesLeft: 2})
	if err != nil || string(pin) != "12 %34" {
		t.Fatalf("PIN %q, %v", pin, err)
	}
	for left, want := range map[int]string{0: "Wrong. 0 tries left.", 1: "Wrong. 1 try left.", 2: "Wrong. 2 tries left.", -1: "Wrong."} {
		if got := pinProblem(PINQuestion{Problem: "Wrong.", TriesLeft: left}); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if _, err := p.PIN(t.Context(), PINQuestion{Device: "alice", TriesLeft: -1, FinalTry: true}); fault.CodeOf(err) != fault.Declined {
		t.Errorf("cancelled: %v", err)
	}
	if _, err := p.PIN(t.Context(), PINQuestion{Device: "bob"}); fault.CodeOf(err) != fault.Declined {
		t.Errorf("a PIN that is too long: %v", err)
	}
	s := shown()
	if s[0]["title"] != "PIN of alice" || !strings.Contains(s[0]["text"], "Sign a purchase\n\nIt allows a site.\nThat PIN was wrong. 2 tries left.") || s[0]["answer"] != "pin" {
		t.Errorf("shown %q", s[0])
	}
	if !strings.Contains(s[1]["text"], "last try") {
		t.Errorf("shown %q", s[1])
	}
}

func TestPinentryClosesWithItsRequest(t *testing.T) {
	t.Parallel()
	p, _ := person(t, `{"confirm":["hang"]}`)
	pidFile := filepath.Join(t.TempDir(), "pid")
	wrap(t, p, "echo $$ > '"+pidFile+".new'; mv '"+pidFile+".new' '"+pidFile+"'")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Confirm(ctx, Question{Title: "t", Text: "x"}) }()
	pid := await(t, pidFile)
	cancel()
	if err := <-done; fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("error %v", err)
	}
	if out, err := exec.Command("kill", "-0", pid).CombinedOutput(); err == nil {
		t.Errorf("the prompt is still open: %s", out)
	}
}

// wrap makes p run a shell command before the program proper, in the same
// process.
func wrap(t *testing.T, p *Pinentry, command string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pinentry")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+command+"\nexec '"+p.Path+"'\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p.Path = path
}

// await returns the content of a file once it is there.
func await(t *testing.T, path string) string {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if data, err := os.ReadFile(path); err == nil {
			return strings.TrimSpace(string(data))
		}
		select {
		case <-tick.C:
		case <-t.Context().Done():
			t.Fatal("the file never came")
		}
	}
}

func TestABrokenPinentryIsNamedWithWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, r := range map[string]struct {
		script string
		says   string
		greets bool // what is wrong shows at a question only
	}{
		"leaves at once":         {"#!/bin/sh\nexit 0\n", "it ended at once (exit status 0)", false},
		"complains":              {"#!/bin/sh\necho 'cannot open display' >&2; exit 1\n", `it ended at once (exit status 1), and said "cannot open display"`, false},
		"complains at length":    {"#!/bin/sh\nyes complaint | head -100000 >&2; exit 1\n", `and said "complaint`, false},
		"never greets":           {"#!/bin/sh\nexec sleep 600\n", "it did not greet for 5s", false},
		"no interpreter":         {"#!/nonexistent/sh\n", "no such file", false},
		"speaks something else":  {"#!/bin/sh\necho hello; cat >/dev/null\n", "the answer is not Assuan", false},
		"asks back":              {"#!/bin/sh\necho OK; read l; echo INQUIRE X; cat >/dev/null\n", "it asks for something", false},
		"answers without an end": {"#!/bin/sh\necho OK; read l; yes '# x'\n", "has more than 64 lines", false},
		"refuses to show":        {"#!/bin/sh\necho OK; read l; echo OK; read l; echo OK; read l; echo 'ERR 83886166 no tty'; cat >/dev/null\n", "no tty", true},
		"is not there":           {"", "no such file", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, name)
			if r.script != "" {
				syscall.ForkLock.RLock() // a child that another test begins now would keep it open: text file busy
				err := os.WriteFile(path, []byte(r.script), 0o700)
				syscall.ForkLock.RUnlock()
				if err != nil {
					t.Fatal(err)
				}
			}
			p := &Pinentry{Path: path}
			wrong := func(what string, err error) {
				t.Helper()
				f, _ := fault.As(err)
				if f == nil || f.Code != fault.PromptUnavailable || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), r.says) {
					t.Errorf("%s: %v", what, err)
				} else if f.Message != "you cannot be asked: pinentry does not work" {
					t.Errorf("%s: a page is told %q", what, f.Message)
				}
			}
			if err := p.Check(t.Context()); r.greets && err != nil {
				t.Errorf("Check: %v", err)
			} else if !r.greets {
				wrong("Check", err)
			}
			if name != "never greets" { // a question waits longer
				wrong("Confirm", p.Confirm(t.Context(), Question{Title: "t", Text: "x"}))
			}
		})
	}
}

func TestAQuestionThatCannotBeAskedIsReportedWithItsReason(t *testing.T) {
	t.Parallel()
	q := NewQueue(&Pinentry{Path: "/nonexistent/pinentry"}, 0)
	var why error
	q.Failed = func(err error) { why = err }
	if _, err := q.PIN(t.Context(), PINQuestion{Device: "alice"}, nil); fault.CodeOf(err) != fault.PromptUnavailable || why != err {
		t.Errorf("%v, reported %v", err, why)
	}
}

func TestNewChoosesHowToAsk(t *testing.T) {
	t.Parallel()
	env := func(pairs ...string) func(string) string {
		return func(name string) string {
			for i := 0; i < len(pairs); i += 2 {
				if pairs[i] == name {
					return pairs[i+1]
				}
			}
			return ""
		}
	}
	none := filepath.Join(t.TempDir(), "tty")
	for _, r := range []struct {
		name  string
		cfg   Config
		where string
		fails bool
	}{
		{"an explicit pinentry needs no display", Config{Pinentry: scripted, TTY: none, Getenv: env()}, AtPinentry, false},
		{"an explicit pinentry that is missing", Config{Pinentry: "/nonexistent", TTY: none, Getenv: env()}, "", true},
		{"pinentry is wanted and missing", Config{Prompt: "pinentry", Pinentry: "/nonexistent", TTY: none, Getenv: env()}, "", true},
		{"neither display nor terminal", Config{TTY: none, Getenv: env()}, "", false},
		{"the terminal is wanted", Config{Prompt: "terminal", TTY: none, Getenv: env("DISPLAY", ":0")}, AtTerminal, false},
		{"an unknown way", Config{Prompt: "telepathy", Getenv: env()}, "", true},
	} {
		a, err := New(r.cfg)
		if (err != nil) != r.fails || err == nil && a.Where() != r.where {
			t.Errorf("%s: %v, %v", r.name, a, err)
		}
	}
	a, err := New(Config{TTY: none, Getenv: env()})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Confirm(t.Context(), Question{}); fault.CodeOf(err) != fault.PromptUnavailable || !strings.Contains(err.Error(), "neither a display with pinentry nor a terminal") {
		t.Errorf("Confirm: %v", err)
	}
	if _, err := a.PIN(t.Context(), PINQuestion{}); fault.CodeOf(err) != fault.PromptUnavailable {
		t.Errorf("PIN: %v", err)
	}
	if err := a.Show(t.Context(), Notice{}); fault.CodeOf(err) != fault.PromptUnavailable {
		t.Errorf("Show: %v", err)
	}
	if err := (&Terminal{Path: none}).Confirm(t.Context(), Question{}); fault.CodeOf(err) != fault.PromptUnavailable {
		t.Errorf("a terminal that is none: %v", err)
	}
}

// slow is an Asker whose questions wait until they are let go.
type slow struct {
	entered chan struct{}
	release chan error
}

func (s *slow) Where() string               { return AtTerminal }
func (s *slow) Check(context.Context) error { return nil }
func (s *slow) Confirm(ctx context.Context, q Question) error {
	select {
	case s.entered <- struct{}{}:
	case <-ctx.Done():
		return errEnded(ctx)
	}
	select {
	case err := <-s.release:
		return err
	case <-ctx.Done():
		return errEnded(ctx)
	}
}
func (s *slow) PIN(ctx context.Context, q PINQuestion) ([]byte, error) {
	return []byte("1"), s.Confirm(ctx, Question{})
}
func (s *slow) Show(ctx context.Context, n Notice) error { return s.Confirm(ctx, Question{}) }

// waiting is how many questions have a place in q.
func waiting(q *Queue) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.total
}

func TestQueueAsksOneAtATime(t *testing.T) {
	t.Parallel()
	s := &slow{entered: make(chan struct{}), release: make(chan error)}
	q := NewQueue(s, 0)
	results, opened := make(chan error), make(chan struct{}, 1+MaxWaiting)
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 1 + MaxWaiting {
		go func() {
			results <- q.Confirm(ctx, Question{Site: fmt.Sprint("site ", i%4)}, func() func(error) { opened <- struct{}{}; return nil })
		}()
	}
	<-s.entered
	for waiting(q) < 1+MaxWaiting { // until every place is taken
		runtime.Gosched()
	}
	if err := q.Confirm(t.Context(), Question{Site: "another"}, nil); fault.CodeOf(err) != fault.Busy {
		t.Errorf("one too many: %v", err)
	}
	if len(opened) != 1 {
		t.Errorf("%d prompts opened at once", len(opened))
	}
	s.release <- errDeclined()
	if err := <-results; fault.CodeOf(err) != fault.Declined {
		t.Errorf("first: %v", err)
	}
	<-s.entered
	s.release <- nil
	if err := <-results; err != nil {
		t.Errorf("second: %v", err)
	}
	<-s.entered
	cancel()
	for range MaxWaiting - 1 {
		if err := <-results; fault.CodeOf(err) != fault.Cancelled {
			t.Errorf("after the end: %v", err)
		}
	}
	if n := waiting(q); n != 0 || q.asking || len(q.waiting)+len(q.count)+len(q.sites) != 0 {
		t.Errorf("%d places are still taken", n)
	}
}

func TestASiteThatAsksMuchWaitsForItselfOnly(t *testing.T) {
	t.Parallel()
	s := &slow{entered: make(chan struct{}), release: make(chan error)}
	q := NewQueue(s, 0)
	order, results := make(chan string, MaxWaitingOfSite+1), make(chan error, MaxWaitingOfSite+1)
	ask := func(site string) {
		before := waiting(q)
		go func() {
			results <- q.Confirm(t.Context(), Question{Site: site}, func() func(error) { order <- site; return nil })
		}()
		for waiting(q) == before {
			runtime.Gosched()
		}
	}
	for range MaxWaitingOfSite {
		ask("https://greedy.example")
	}
	if err := q.Confirm(t.Context(), Question{Site: "https://greedy.example"}, nil); fault.CodeOf(err) != fault.Busy {
		t.Errorf("more than its share: %v", err)
	}
	ask("https://modest.example")
	for range MaxWaitingOfSite + 1 {
		<-s.entered
		s.release <- nil
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	<-order
	if first, second := <-order, <-order; first != "https://modest.example" && second != "https://modest.example" {
		t.Errorf("the modest site waited behind %s and %s", first, second)
	}
}

func TestQueueTimesOut(t *testing.T) {
	t.Parallel()
	s := &slow{entered: make(chan struct{}, 1), release: make(chan error)}
	pin, err := NewQueue(s, time.Millisecond).PIN(t.Context(), PINQuestion{}, nil)
	if fault.CodeOf(err) != fault.Timeout || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%q, %v", pin, err)
	}
}
