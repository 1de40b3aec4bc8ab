// Package surface runs one part of a page: it takes what happens in one queue, updates
// the pure model (wasm/internal/app) on one goroutine, has its commands carried out by
// the core (wasm/core), and paints when the picture changed: at once, but not twice in
// an animation frame, and what was just asked for goes out first. The surfaces of a page
// share a core. User: wasm/internal/port.
package surface

import (
	"context"
	"sync"
	"time"

	"countersign/wasm/core"
	"countersign/wasm/internal/app"
	"countersign/wasm/internal/quoteui"
)

// Host is what the page lends to a surface.
type Host interface {
	Paint(picture string)
	Frame(f func()) // calls f in the next animation frame
	Tell(what string, detail any)
}

// Config is what a surface needs.
type Config struct {
	App   app.Config
	Core  *core.Core
	Store core.Store
	Host  Host
	Path  string        // where it begins
	Form  *quoteui.Form // filled in; nil: as it was left
	Now   func() time.Time
}

// storeForm is the name of the unfinished form in the store.
const storeForm = "form"

// Surface is one part of a page.
type Surface struct {
	cfg    Config
	ctx    context.Context
	cancel context.CancelFunc
	leave  func()
	model  *app.Model
	wake   chan struct{}
	done   chan struct{}

	mu       sync.Mutex
	queue    []app.Msg
	started  bool // the model was told where it is: until then messages wait
	waits    bool // the next picture waits for a frame
	hidden   bool
	quotes   context.CancelFunc
	decision context.CancelFunc
	connects bool // the person asked here for the bridge, and it is on its way
}

// Open runs a surface until Close.
func Open(cfg Config) *Surface {
	ctx, cancel := context.WithCancel(context.Background())
	s := &Surface{cfg: cfg, ctx: ctx, cancel: cancel, model: app.New(cfg.App, cfg.Now()), wake: make(chan struct{}, 1), done: make(chan struct{})}
	s.leave = cfg.Core.Subscribe(s.told)
	go s.run()
	go s.begin()
	return s
}

// Close ends the surface and cancels what it began: a decision or a pairing that is in
// the middle is cancelled too, which closes the bridge's prompt. The core goes on.
func (s *Surface) Close() {
	s.leave()
	s.cancel()
	s.mu.Lock()
	connects := s.connects
	s.mu.Unlock()
	if connects {
		s.cfg.Core.StopConnecting()
	}
	<-s.done
}

// Post queues a message. It never blocks.
func (s *Surface) Post(msg app.Msg) {
	s.mu.Lock()
	s.queue = append(s.queue, msg)
	s.mu.Unlock()
	s.nudge()
}

// told takes what the core tells.
func (s *Surface) told(event any) {
	switch e := event.(type) {
	case core.Visible:
		s.mu.Lock()
		s.hidden = !e.On
		s.mu.Unlock()
		if e.On {
			s.Post(app.Tick{Now: s.cfg.Now()})
		}
	case core.BridgeChanged:
		if e.State == core.BridgeReady || e.State == core.BridgeFailed {
			s.asks(false)
		}
	}
	s.Post(event)
}

func (s *Surface) asks(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.connects = on
}

func (s *Surface) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// The model is told the time once a second while the picture changes. While it does
// not, each pause is twice the one before, up to restTime: what is shown in seconds
// changes every second, and what is shown in minutes may be that late.
const (
	tickTime = time.Second
	restTime = 20 * time.Second
)

// run is the only goroutine that touches the model.
func (s *Surface) run() {
	defer close(s.done)
	last, dirty := "", false
	pause := tickTime
	clock := time.NewTimer(pause)
	defer clock.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-clock.C:
			clock.Reset(pause)
			s.mu.Lock()
			hidden := s.hidden
			s.mu.Unlock()
			if !hidden {
				s.Post(app.Tick{Now: s.cfg.Now()})
			}
			continue
		case <-s.wake:
		}
		s.mu.Lock()
		if !s.started {
			s.mu.Unlock()
			continue
		}
		queue, waits := s.queue, s.waits
		s.queue = nil
		s.mu.Unlock()
		began := false
		for _, msg := range queue {
			commands := s.model.Update(msg)
			dirty = dirty || !idle(msg, commands)
			began = began || len(commands) > 0
			for _, c := range commands {
				s.do(c)
			}
		}
		if !dirty || waits {
			continue
		}
		if began { // the browser sends a request only once nothing else runs
			s.nextFrame()
			continue
		}
		dirty = false
		picture := s.model.View().JSON()
		if picture == last {
			pause = min(2*pause, restTime)
			continue
		}
		last, pause = picture, tickTime
		clock.Reset(pause)
		s.cfg.Host.Paint(picture)
		s.nextFrame()
	}
}

// nextFrame has the next picture wait for a frame.
func (s *Surface) nextFrame() {
	s.mu.Lock()
	s.waits = true
	s.mu.Unlock()
	s.cfg.Host.Frame(func() {
		s.mu.Lock()
		s.waits = false
		s.mu.Unlock()
		s.nudge()
	})
}

// idle reports whether a message was the look for something to do that found nothing:
// it costs no picture.
func idle(msg app.Msg, found []app.Command) bool {
	w, ok := msg.(app.Waited)
	return ok && w.Name == app.PausePoll && len(found) <= 1 // the next pause
}

// begin reads what survived a reload, then starts the model: it is the first that
// the model learns, whatever else came meanwhile.
func (s *Surface) begin() {
	msg := app.Started{Path: s.cfg.Path, Paired: s.cfg.Core.Paired(s.ctx)}
	if msg.Form = s.cfg.Form; msg.Form == nil {
		if text, err := s.cfg.Store.Get(s.ctx, storeForm); err == nil && text != "" {
			msg.Form = readForm(text)
		}
	}
	s.mu.Lock()
	s.queue, s.started = append([]app.Msg{msg}, s.queue...), true
	s.mu.Unlock()
	s.nudge()
}

// sleep waits unless the surface is closed.
func (s *Surface) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
