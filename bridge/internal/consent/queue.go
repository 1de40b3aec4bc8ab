package consent

import (
	"context"
	"slices"
	"sync"
	"time"

	"countersign/shared/fault"
)

// MaxWaiting is how many questions may wait for the one on the screen, and
// MaxWaitingOfSite how many of them may be of one site, with the one on the
// screen.
const (
	MaxWaiting       = 48
	MaxWaitingOfSite = 16
)

// AskTimeout is how long a question stays on the screen.
const AskTimeout = 5 * time.Minute

// NewsTime is how long news should wait for a question that is on the screen.
const NewsTime = 3 * time.Second

// Queue asks one question at a time and keeps a few waiting; more are refused
// with BUSY. Sites take turns: one that asks much waits for itself.
type Queue struct {
	// Failed, which may be nil, is told why a question could not be asked.
	Failed func(why error)

	asker   Asker
	timeout time.Duration

	mu      sync.Mutex
	asking  bool                 // a question is on the screen
	sites   []string             // those that wait, the next one first
	waiting map[string][]*ticket // their questions, in the order in which they came
	count   map[string]int       // questions of each site, with the one on the screen
	total   int
}

// ticket is a place in the queue; called is closed when its turn has come.
type ticket struct{ called chan struct{} }

// NewQueue puts a queue before asker. timeout is how long each question may
// stay on the screen; zero is [AskTimeout].
func NewQueue(asker Asker, timeout time.Duration) *Queue {
	if timeout == 0 {
		timeout = AskTimeout
	}
	return &Queue{asker: asker, timeout: timeout, waiting: map[string][]*ticket{}, count: map[string]int{}}
}

// Opened is called when a prompt appears; what it returns is called with the
// answer, before another prompt can appear. Either may be nil.
type Opened func() (closed func(answer error))

// Where is the asker's.
func (q *Queue) Where() string { return q.asker.Where() }

// Check is the asker's, also while a question is on the screen.
func (q *Queue) Check(ctx context.Context) error { return q.asker.Check(ctx) }

// Lines are those of a question's text as the person sees them.
func (q *Queue) Lines(question Question) []string {
	if b, ok := now(q.asker).(Breaker); ok {
		return b.Lines(question)
	}
	return layout(Clean(question.Text), terminalWidth)
}

// Tell says what became of an answer to a site's question, when no question is on
// the screen, where there is a place for it. Where too much waits already it is
// left out.
func (q *Queue) Tell(ctx context.Context, site, news string) {
	if t, ok := now(q.asker).(Teller); ok {
		_ = q.ask(ctx, site, nil, func(context.Context) error { t.Tell(news); return nil }) // it is news, no question
	}
}

// Confirm waits for its turn and asks.
func (q *Queue) Confirm(ctx context.Context, question Question, opened Opened) error {
	return q.ask(ctx, question.Site, opened, func(ctx context.Context) error { return q.asker.Confirm(ctx, question) })
}

// PIN waits for its turn and asks. The caller wipes the PIN.
func (q *Queue) PIN(ctx context.Context, question PINQuestion, opened Opened) (pin []byte, err error) {
	err = q.ask(ctx, question.Site, opened, func(ctx context.Context) (err error) {
		pin, err = q.asker.PIN(ctx, question)
		return err
	})
	return pin, err
}

// Show waits for its turn and shows a notice.
func (q *Queue) Show(ctx context.Context, n Notice, opened Opened) error {
	return q.ask(ctx, n.Site, opened, func(ctx context.Context) error { return q.asker.Show(ctx, n) })
}

func (q *Queue) ask(ctx context.Context, site string, opened Opened, ask func(context.Context) error) (err error) {
	t, err := q.enter(site)
	if err != nil {
		return err
	}
	defer q.leave(site, t)
	select {
	case <-t.called:
	case <-ctx.Done():
		return errEnded(ctx)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, q.timeout, context.DeadlineExceeded)
	defer cancel()
	if ctx.Err() != nil {
		return errEnded(ctx)
	}
	if opened != nil && q.asker.Where() != "" {
		if closed := opened(); closed != nil {
			defer func() { closed(err) }()
		}
	}
	err = ask(ctx)
	if q.Failed != nil && fault.CodeOf(err) == fault.PromptUnavailable {
		q.Failed(err)
	}
	return err
}

// enter takes a place; the question may be asked when the ticket is called.
func (q *Queue) enter(site string) (*ticket, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count[site] >= MaxWaitingOfSite || q.total > MaxWaiting {
		return nil, fault.New(fault.Busy, "too many questions are waiting for an answer at the bridge's prompt")
	}
	t := &ticket{called: make(chan struct{})}
	q.count[site]++
	q.total++
	if !q.asking {
		q.asking = true
		close(t.called)
		return t, nil
	}
	if len(q.waiting[site]) == 0 {
		q.sites = append(q.sites, site)
	}
	q.waiting[site] = append(q.waiting[site], t)
	return t, nil
}

// leave gives a place up and, when it was the one at the screen, calls the next.
func (q *Queue) leave(site string, t *ticket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.count[site]--; q.count[site] == 0 {
		delete(q.count, site)
	}
	q.total--
	select {
	case <-t.called:
		q.next()
	default:
		q.remove(site, t)
	}
}

// next calls the first question of the site whose turn it is, and puts the site
// behind the others.
func (q *Queue) next() {
	if len(q.sites) == 0 {
		q.asking = false
		return
	}
	site := q.sites[0]
	q.sites = q.sites[1:]
	t := q.waiting[site][0]
	if q.waiting[site] = q.waiting[site][1:]; len(q.waiting[site]) > 0 {
		q.sites = append(q.sites, site)
	} else {
		delete(q.waiting, site)
	}
	close(t.called)
}

// remove takes a question that was not called yet out of the queue.
func (q *Queue) remove(site string, t *ticket) {
	q.waiting[site] = slices.DeleteFunc(q.waiting[site], func(other *ticket) bool { return other == t })
	if len(q.waiting[site]) == 0 {
		delete(q.waiting, site)
		q.sites = slices.DeleteFunc(q.sites, func(other string) bool { return other == site })
	}
}

// Unasked reports whether a question came to nothing before it was seen.
func Unasked(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Limited, fault.Busy, fault.PromptUnavailable:
		return true
	}
	return false
}
