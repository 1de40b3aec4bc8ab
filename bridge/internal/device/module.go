package device

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
)

const (
	// pulseTime is how often a module's process is asked whether a call is stuck.
	pulseTime = time.Second
	// silentTime is how long it may leave that unanswered while it can run, or what is
	// said unread. A process that is stopped, or that waits for a processor, is slow and
	// not dead: that time does not count, up to heldFactor times as much in all.
	silentTime = 10 * time.Second
	heldFactor = 12
	// waitTime is how long a call waits for a process that is being replaced.
	waitTime = 5 * time.Second
	// steady is how long a process lives for its end to be an accident: the next is
	// started at once. After shorter lives there are growing pauses, up to maxPause.
	steady   = 5 * time.Second
	maxPause = 5 * time.Second
)

// module is one PKCS#11 module: the process that runs it, and the next one when
// that ends.
type module struct {
	cfg     Config
	module  Module
	devices *Devices
	first   chan struct{} // closed after the first start
	ended   chan struct{} // closed when there will be no engine any more

	announcing sync.Mutex // held while the watchers are told: in order

	mu         sync.Mutex
	engine     engine
	generation int           // counts engines: their numbers for tokens and keys mean nothing to another
	up         chan struct{} // closed while there is an engine
	down       chan struct{} // closed while there is none
	known      []*Device
	last       error // why the last engine ended
	problem    error // why it cannot be used; nil when it can, or that is not known
}

// unusable is why the module cannot be used.
func (m *module) unusable() error { m.mu.Lock(); defer m.mu.Unlock(); return m.problem }

// run keeps an engine running until ctx ends.
func (m *module) run(ctx context.Context) {
	defer close(m.ended)
	pause := time.Duration(0)
	for first := true; ; first = false {
		began := time.Now()
		m.live(ctx, first)
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) >= steady {
			pause = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(max(2*pause, 50*time.Millisecond), maxPause)
	}
}

// live starts an engine and waits for its end.
func (m *module) live(ctx context.Context, first bool) {
	e, err := m.start(ctx)
	m.mu.Lock()
	news := err != nil && (m.problem == nil || m.problem.Error() != err.Error())
	m.problem = err
	if err != nil {
		m.last = err
	}
	m.mu.Unlock()
	switch {
	case !news || ctx.Err() != nil: // once for each reason
	case sameAs(err) != "":
		m.cfg.Log.Warn("a PKCS#11 module is listed twice: the second is left out", "module", m.module.Path, "first", sameAs(err))
	default:
		m.cfg.Log.Error("the PKCS#11 module cannot be used: its tokens are left out", "module", m.module.Path, "error", err)
	}
	if first {
		close(m.first)
	}
	if err != nil || e == nil { // e is nil when it died at once
		return
	}
	m.watch(ctx, e)
	m.lose(e)
}

// start starts an engine. It returns neither an engine nor an error when the
// module crashed or hung at its start: the next try may go better.
func (m *module) start(ctx context.Context) (engine, error) {
	if err := m.devices.claim(m); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.generation++
	generation := m.generation
	m.mu.Unlock()
	changed := func(t tokenInfo) { m.changed(generation, t) }
	var e engine
	if m.cfg.InProcess {
		e = &inline{server: &server{changed: changed}, over: make(chan struct{})}
	} else {
		p, err := start(changed, m.cfg.silent)
		if err != nil {
			return nil, fault.Wrap(err, fault.DeviceFailed, "the process of the PKCS#11 module cannot be started")
		}
		e = p
	}
	body, err := encode(startCall{m.module.Path, m.module.Reserved, int64(m.cfg.Poll), int64(m.cfg.Timeout)})
	if err != nil {
		return nil, err
	}
	starting, cancel := context.WithTimeout(ctx, m.cfg.Timeout)
	defer cancel()
	_, err = e.call(starting, opStart, body)
	if starting.Err() != nil && ctx.Err() == nil {
		e.kill(errStuck)
		err = errDied
	}
	if errors.Is(err, errDied) {
		m.lose(e)
		return nil, nil
	}
	if err != nil {
		return nil, errors.Join(err, e.close())
	}
	m.mu.Lock()
	m.engine, m.down = e, make(chan struct{})
	close(m.up)
	m.mu.Unlock()
	for _, d := range m.list() {
		m.announce(d)
	}
	return e, nil
}

// watch feels the engine's pulse until it or ctx ends.
func (m *module) watch(ctx context.Context, e engine) {
	every := min(pulseTime, max(m.cfg.Timeout/4, 10*time.Millisecond))
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-e.done():
			return
		case <-ctx.Done():
			_ = e.close() // its end is what was wanted
			return
		case <-ticker.C:
			if m.stuck(ctx, e, ticker.C, every) {
				e.kill(errStuck)
			}
		}
	}
}

// stuck asks an engine whether a call is stuck. One that does not answer is itself.
func (m *module) stuck(ctx context.Context, e engine, tick <-chan time.Time, every time.Duration) bool {
	asked, cancel := context.WithCancel(ctx)
	defer cancel()
	answer := make(chan bool, 1)
	go func() {
		stuck, err := e.call(asked, opPulse, nil)
		answer <- err == nil && len(stuck) == 1 && stuck[0] != 0
	}()
	// Time is counted in ticks: one that comes late is not more for that.
	for silent, all := time.Duration(0), time.Duration(0); silent < m.cfg.silent && all < heldFactor*m.cfg.silent; all += every {
		select {
		case stuck := <-answer:
			return stuck
		case <-tick:
			if !e.held(every) {
				silent += every
			}
		}
	}
	return true
}

// lose notes that an engine is gone, with all its tokens.
func (m *module) lose(e engine) {
	if p, ok := e.(*process); ok {
		<-p.over
	}
	m.mu.Lock()
	worked := m.engine == e
	if worked {
		m.engine, m.up = nil, make(chan struct{})
		close(m.down)
	}
	m.last = e.why()
	m.generation++ // what it still says is not heard
	m.mu.Unlock()
	if !errors.Is(e.why(), errClosed) {
		m.cfg.Log.Error("the PKCS#11 module failed and is started again", "module", m.module.Path, "why", e.why())
		if worked && m.cfg.Failed != nil {
			m.cfg.Failed(m.module.Path)
		}
	}
	for _, d := range m.list() {
		d.vanish()
		m.announce(d)
	}
}

// changed takes the news that a token came or went.
func (m *module) changed(generation int, t tokenInfo) {
	m.mu.Lock()
	if generation != m.generation {
		m.mu.Unlock()
		return
	}
	var d *Device
	for _, k := range m.known {
		if k.id == t.Identity {
			d = k
		}
	}
	if d == nil {
		d = &Device{module: m, id: t.Identity}
		m.known = append(m.known, d)
	}
	m.mu.Unlock()
	d.become(t, generation)
	m.announce(d)
}

// announce tells the watchers that a token came or went, if they do not know. One
// that came with an engine is told when the engine works.
func (m *module) announce(d *Device) {
	m.announcing.Lock()
	defer m.announcing.Unlock()
	present := d.isPresent()
	if present == d.told || present && !m.isUp() {
		return
	}
	d.told = present
	m.devices.tell(d.id, present)
}

func (m *module) isUp() bool { m.mu.Lock(); defer m.mu.Unlock(); return m.engine != nil }

func (m *module) list() []*Device {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]*Device(nil), m.known...)
}

// current is the running engine. It waits a little for one that is being replaced.
func (m *module) current(ctx context.Context) (engine, int, error) {
	for wait := time.After(waitTime); ; {
		if err := keys.Ended(ctx); err != nil {
			return nil, 0, err
		}
		m.mu.Lock()
		e, generation, changed, last := m.engine, m.generation, m.up, m.last
		if e != nil {
			changed = m.down
		}
		m.mu.Unlock()
		if e != nil && !hasEnded(e) {
			return e, generation, nil
		}
		if last == nil {
			last = errStuck // the first start takes its time
		}
		select {
		case <-changed:
		case <-m.ended:
			return nil, 0, failed(errClosed, "")
		case <-wait:
			return nil, 0, failed(last, "the driver of the token does not start")
		case <-ctx.Done():
		}
	}
}

func hasEnded(e engine) bool {
	select {
	case <-e.done():
		return true
	default:
		return false
	}
}

// failed is MODULE_FAILED, with what happened; or CANCELLED, when the end was
// wanted.
func failed(why error, message string) error {
	how := "crashed"
	switch {
	case errors.Is(why, errClosed):
		return fault.Wrap(why, fault.Cancelled, "the bridge does not use the token any more")
	case errors.Is(why, errStuck):
		how = "timeout"
	case garbage(why):
		how = "garbage"
	}
	return fault.Wrap(why, fault.ModuleFailed, message).With("how", how)
}

// reply is what an engine answered.
type reply struct {
	body       []byte
	from       engine
	generation int
}

// once does a call that may change or reveal something. When the process ends
// under it nobody knows whether the token did it, and the error says so.
func (m *module) once(ctx context.Context, e engine, kind byte, body []byte) ([]byte, error) {
	result, err := e.call(ctx, kind, body)
	if errors.Is(err, errDied) {
		<-e.done()
		return nil, failed(e.why(), "the driver of the token failed during the operation and is started again; try again")
	}
	return result, err
}

// asking is how a call is made: [module.act] or [module.read]. build makes its body
// for the engine of one generation.
type asking func(m *module, ctx context.Context, kind byte, build func(generation int) ([]byte, error)) (reply, error)

// act does a call once.
func (m *module) act(ctx context.Context, kind byte, build func(generation int) ([]byte, error)) (reply, error) {
	e, generation, err := m.current(ctx)
	if err != nil {
		return reply{}, err
	}
	body, err := build(generation)
	if err != nil {
		return reply{}, err
	}
	result, err := m.once(ctx, e, kind, body)
	return reply{result, e, generation}, err
}

// read does a call that changes nothing; when the process ends under it, once more
// with the next.
func (m *module) read(ctx context.Context, kind byte, build func(generation int) ([]byte, error)) (reply, error) {
	r, err := m.act(ctx, kind, build)
	if fault.CodeOf(err) == fault.ModuleFailed {
		return m.act(ctx, kind, build)
	}
	return r, err
}

// look has the module look for a token that is missed.
func (m *module) look(ctx context.Context, known bool) error {
	_, err := m.read(ctx, opLook, func(int) ([]byte, error) { return encode(lookCall{known}) })
	return err
}

// noModule is for a configuration error, named.
func noModule(path string, err error) error {
	return fault.Wrap(err, fault.DeviceFailed, fmt.Sprintf("the PKCS#11 module %s cannot be used: the file is not there, or cannot be read", path)).With("module", path)
}

// listedTwice is for a file that another module has already, under another path or the
// same.
func listedTwice(path, same string) error {
	return fault.New(fault.Invalid, fmt.Sprintf("the PKCS#11 module %s is listed twice: it is the same file as %s, and is left out", path, same)).With("same", same)
}

// sameAs is the other path when err is of [listedTwice].
func sameAs(err error) string {
	if f, ok := fault.As(err); ok {
		return f.Details["same"]
	}
	return ""
}
