package bridgeclient

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
	"countersign/shared/link/linkkey"
)

const origin = "https://app.example"

// wire is one end of a connection in memory.
type wire struct {
	in, out chan []byte
	closed  chan struct{}
	once    *sync.Once

	mu     *sync.Mutex
	code   *int
	reason *string
}

func newWire() (page, bridge *wire) {
	a, b := make(chan []byte, 256), make(chan []byte, 256)
	w := wire{in: a, out: b, closed: make(chan struct{}), once: new(sync.Once), mu: new(sync.Mutex), code: new(int), reason: new(string)}
	other := w
	other.in, other.out = b, a
	return &w, &other
}

func (w *wire) Send(m []byte) error {
	select {
	case <-w.closed:
		return io.ErrClosedPipe
	case w.out <- m:
		return nil
	}
}

func (w *wire) Receive(ctx context.Context) ([]byte, error) {
	select {
	case m := <-w.in:
		return m, nil
	default:
	}
	select {
	case m := <-w.in:
		return m, nil
	case <-w.closed:
		select {
		case m := <-w.in:
			return m, nil
		default:
			return nil, io.EOF
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (w *wire) CloseReason() (int, string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return *w.code, *w.reason
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (w *wire) closeWith(code int, reason string) {
	w.mu.Lock()
	*w.code, *w.reason = code, reason
	w.mu.Unlock()
	_ = w.Close()
}

// bridge is the other end: a real responder of the link with a script on top.
type bridge struct {
	t       *testing.T
	key     *linkkey.Key
	wire    *wire
	session *link.Session
	frames  [][]frame.Message // that arrived
	queue   []frame.Message
}

func newKey(t *testing.T) *linkkey.Key {
	t.Helper()
	k, err := linkkey.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// shake does the handshake; it reports errors instead of failing, because it runs
// beside the test.
func (b *bridge) shake() error {
	r, err := link.NewResponder(link.ResponderConfig{DH: b.key, Origin: origin, Rand: rand.Reader})
	if err != nil {
		return err
	}
	ctx := context.Background()
	m1, err := b.wire.Receive(ctx)
	if err != nil {
		return err
	}
	m2, err := r.Accept(m1)
	if err != nil {
		return err
	}
	if err := b.wire.Send(m2); err != nil {
		return err
	}
	m3, err := b.wire.Receive(ctx)
	if err != nil {
		return err
	}
	b.session, err = r.Finish(m3)
	return err
}

func (b *bridge) send(msgs ...frame.Message) error {
	plain, err := frame.Encode(msgs)
	if err != nil {
		return err
	}
	record, err := b.session.Seal(plain)
	if err != nil {
		return err
	}
	return b.wire.Send(record)
}

func (b *bridge) state(p frame.LinkStateParams) error {
	p.Bridge, p.Version = "test", "1"
	m, err := frame.NewNotification(frame.LinkState, p)
	if err != nil {
		return err
	}
	return b.send(m)
}

// next returns the next message of the page.
func (b *bridge) next() (frame.Message, error) {
	for len(b.queue) == 0 {
		record, err := b.wire.Receive(context.Background())
		if err != nil {
			return frame.Message{}, err
		}
		plain, err := b.session.Open(record)
		if err != nil {
			return frame.Message{}, err
		}
		msgs, err := frame.Decode(plain)
		if err != nil {
			return frame.Message{}, err
		}
		b.frames = append(b.frames, msgs)
		b.queue = msgs
	}
	m := b.queue[0]
	b.queue = b.queue[1:]
	return m, nil
}

func (b *bridge) answer(m frame.Message, result any) error {
	r, err := frame.NewReply(*m.ID, result)
	if err != nil {
		return err
	}
	return b.send(r)
}

type setup struct {
	remote []byte
	notify func(Event)
	key    *linkkey.Key
}

// start connects a client to a bridge that follows the script.
func start(t *testing.T, s setup, script func(*bridge) error) (*Client, error) {
	t.Helper()
	pageEnd, bridgeEnd := newWire()
	if s.key == nil {
		s.key = newKey(t)
	}
	b := &bridge{t: t, key: s.key, wire: bridgeEnd}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := script(b); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("bridge: %v", err)
		}
	}()
	c, err := Connect(t.Context(), Config{
		Dial: func(context.Context) (Socket, error) { return pageEnd, nil },
		DH:   newKey(t), Origin: origin, Remote: s.remote, Rand: rand.Reader, Notify: s.notify,
	})
	t.Cleanup(func() {
		if c != nil {
			c.Close()
		}
		_ = pageEnd.Close()
		<-done
	})
	return c, err
}

func ready(then func(*bridge) error) func(*bridge) error {
	return func(b *bridge) error {
		if err := b.shake(); err != nil {
			return err
		}
		if err := b.state(frame.LinkStateParams{State: frame.Ready}); err != nil {
			return err
		}
		return then(b)
	}
}

func idle(b *bridge) error {
	_, err := b.next()
	return err
}

func connect(t *testing.T, s setup, script func(*bridge) error) *Client {
	t.Helper()
	c, err := start(t, s, script)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAKnownPageIsReadyAtOnce(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	c := connect(t, setup{remote: key.Static(), key: key}, ready(func(b *bridge) error {
		m, err := b.next()
		if err != nil {
			return err
		}
		return b.answer(m, frame.BridgeInfoResult{Version: "1.2", Identities: []frame.Identity{}})
	}))
	if err := c.WaitReady(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := c.Info(t.Context())
	if err != nil || info.Version != "1.2" {
		t.Errorf("%+v, %v", info, err)
	}
	if !bytes.Equal(c.BridgeKey(), key.Static()) {
		t.Error("the bridge's key is another one")
	}
	if c.State().Bridge != "test" || c.Err() != nil {
		t.Errorf("%+v, %v", c.State(), c.Err())
	}
}

func TestPairingShowsOneCodeOnBothSides(t *testing.T) {
	t.Parallel()
	codes, accept := make(chan string, 1), make(chan struct{})
	c := connect(t, setup{}, func(b *bridge) error {
		if err := b.shake(); err != nil {
			return err
		}
		codes <- b.session.Code()
		if err := b.state(frame.LinkStateParams{State: frame.Pairing}); err != nil {
			return err
		}
		<-accept
		if err := b.state(frame.LinkStateParams{State: frame.Ready}); err != nil {
			return err
		}
		return idle(b)
	})
	if c.State().State != frame.Pairing || c.Code() != <-codes || len(c.Code()) != 6 {
		t.Errorf("state %+v, code %s", c.State(), c.Code())
	}
	if _, err := c.Info(t.Context()); ProblemOf(err) != NotPaired || fault.CodeOf(err) != fault.NotPaired {
		t.Errorf("a call before the pairing: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.WaitReady(ctx); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("waiting that was cancelled: %v", err)
	}
	close(accept)
	if err := c.WaitReady(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhyThereIsNoConnection(t *testing.T) {
	t.Parallel()
	version := func(b *bridge) error {
		m, err := b.wire.Receive(context.Background())
		if err != nil {
			return err
		}
		m[0] = 9
		return b.wire.Send(m)
	}
	refuse := func(code fault.Code) func(*bridge) error {
		return func(b *bridge) error {
			if err := b.shake(); err != nil {
				return err
			}
			return b.state(frame.LinkStateParams{State: frame.Refused, Error: frame.FromFault(fault.New(code, "no"))})
		}
	}
	closing := func(number int, reason string) func(*bridge) error {
		return func(b *bridge) error { b.wire.closeWith(number, reason); return nil }
	}
	after := func(f func(*bridge) error) func(*bridge) error {
		return func(b *bridge) error {
			if err := b.shake(); err != nil {
				return err
			}
			return f(b)
		}
	}
	tests := map[string]struct {
		script  func(*bridge) error
		remote  []byte
		problem Problem
		code    fault.Code
	}{
		"another program answers":       {func(b *bridge) error { return b.wire.Send([]byte("hello")) }, nil, OtherProgram, fault.RecordInvalid},
		"another program, first byte 1": {func(b *bridge) error { return b.wire.Send([]byte{1, 2, 3}) }, nil, OtherProgram, fault.RecordInvalid},
		"another program hangs up":      {func(b *bridge) error { return b.wire.Close() }, nil, OtherProgram, fault.RecordInvalid},
		"a later version":               {version, nil, WrongVersion, fault.Version},
		"another bridge":                {func(b *bridge) error { _ = b.shake(); return nil }, bytes.Repeat([]byte{9}, 32), KeyChanged, fault.BridgeKeyChanged},
		"origin refused in the close":   {closing(4000, "ORIGIN_REFUSED"), nil, NotAdmitted, fault.OriginRefused},
		"too many tries":                {closing(4000, "RATE_LIMITED"), nil, Refused, fault.Limited},
		"version in the close":          {closing(4000, "VERSION_UNSUPPORTED"), nil, WrongVersion, fault.Version},
		"close with nonsense":           {closing(4000, "<b>"), nil, Refused, fault.Unavailable},
		"close of another protocol":     {closing(1011, "RATE_LIMITED"), nil, OtherProgram, fault.RecordInvalid},
		"pairing refused":               {refuse(fault.PairingRefused), nil, PairingRefused, fault.PairingRefused},
		"no prompt at the bridge":       {refuse(fault.PromptUnavailable), nil, Refused, fault.PromptUnavailable},
		"version refused inside":        {refuse(fault.Version), nil, WrongVersion, fault.Version},
		"closed after the handshake":    {after(func(b *bridge) error { return b.wire.Close() }), nil, Lost, fault.Unavailable},
		"garbage after the handshake":   {after(func(b *bridge) error { return b.wire.Send(make([]byte, 40)) }), nil, OtherProgram, fault.RecordInvalid},
		"state that does not exist": {after(func(b *bridge) error {
			return b.send(frame.Message{Method: frame.LinkState, Params: []byte(`{"state":"x","bridge":"b","version":"1"}`)})
		}), nil, OtherProgram, fault.RecordInvalid},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := start(t, setup{remote: tc.remote}, tc.script)
			if ProblemOf(err) != tc.problem || fault.CodeOf(err) != tc.code {
				t.Errorf("problem %q, code %q: %v", ProblemOf(err), fault.CodeOf(err), err)
			}
		})
	}
}

func TestNoProgramListens(t *testing.T) {
	t.Parallel()
	cfg := Config{Dial: func(context.Context) (Socket, error) { return nil, io.EOF }, DH: newKey(t), Origin: origin, Rand: rand.Reader}
	if _, err := Connect(t.Context(), cfg); ProblemOf(err) != NotRunning || fault.CodeOf(err) != fault.Unavailable {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Connect(ctx, cfg); ProblemOf(err) != Stopped || fault.CodeOf(err) != fault.Cancelled {
		t.Error(err)
	}
}

func TestManyCallsShareFramesAndFindTheirReplies(t *testing.T) {
	t.Parallel()
	const n = 200
	frames := make(chan int, 1)
	c := connect(t, setup{}, ready(func(b *bridge) error {
		var got []frame.Message
		for range n {
			m, err := b.next()
			if err != nil {
				return err
			}
			got = append(got, m)
		}
		frames <- len(b.frames)
		var out frame.Batcher
		for i := range got { // the last first
			m := got[n-1-i]
			var p frame.ChannelOpenParams
			if err := frame.DecodeParams(m, &p); err != nil {
				return err
			}
			r, err := frame.NewReply(*m.ID, frame.ChannelReadyResult(p))
			if err != nil {
				return err
			}
			if err := out.Add(r); err != nil {
				return err
			}
		}
		for f := out.Next(); f != nil; f = out.Next() {
			record, err := b.session.Seal(f)
			if err != nil {
				return err
			}
			if err := b.wire.Send(record); err != nil {
				return err
			}
		}
		return nil
	}))
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			var r frame.ChannelReadyResult
			member := fmt.Sprintf("mem_%04d", i)
			err := c.Call(t.Context(), frame.ChannelOpen, frame.ChannelOpenParams{Entity: "ent_sandbox", Member: member}, &r)
			if err != nil || r.Member != member {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
	wg.Wait()
	if got := <-frames; got > n/2 {
		t.Errorf("%d calls took %d frames", n, got)
	}
}

func TestARefusalOfACallIsAFault(t *testing.T) {
	t.Parallel()
	c := connect(t, setup{}, ready(func(b *bridge) error {
		m, err := b.next()
		if err != nil {
			return err
		}
		return b.send(frame.NewErrorReply(*m.ID, fault.New(fault.PINIncorrect, "the PIN is wrong").With("tries_left", "2")))
	}))
	_, err := c.Info(t.Context())
	f, ok := fault.As(err)
	if !ok || f.Code != fault.PINIncorrect || f.Details["tries_left"] != "2" || ProblemOf(err) != "" {
		t.Error(err)
	}
}

func TestALateReplyIsDropped(t *testing.T) {
	t.Parallel()
	first := make(chan struct{})
	given := make(chan struct{})
	c := connect(t, setup{}, ready(func(b *bridge) error {
		m, err := b.next()
		if err != nil {
			return err
		}
		close(first)
		<-given
		if err := b.answer(m, frame.BridgeInfoResult{Version: "late"}); err != nil {
			return err
		}
		if m, err = b.next(); err != nil {
			return err
		}
		return b.answer(m, frame.BridgeInfoResult{Version: "in time"})
	}))
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-first; cancel() }()
	if _, err := c.Info(ctx); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("cancelled: %v", err)
	}
	close(given)
	if info, err := c.Info(t.Context()); err != nil || info.Version != "in time" {
		t.Errorf("%+v, %v", info, err)
	}
}

func TestADeadlineIsATimeout(t *testing.T) {
	t.Parallel()
	c := connect(t, setup{}, ready(idle))
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if _, err := c.Info(ctx); fault.CodeOf(err) != fault.Timeout {
		t.Error(err)
	}
}

func TestNotificationsArriveInOrder(t *testing.T) {
	t.Parallel()
	got := make(chan Event, 8)
	connect(t, setup{notify: func(e Event) { got <- e }}, ready(func(b *bridge) error {
		added, _ := frame.NewNotification(frame.DeviceAdded, frame.DeviceParams{Device: "alice"})
		later, _ := frame.NewNotification("device.repainted", struct{}{})
		prompt, _ := frame.NewNotification(frame.PromptOpened, frame.PromptParams{Approval: "apv_aaaa", Kind: frame.PromptPIN, Where: frame.WherePinentry})
		progress, _ := frame.NewNotification(frame.ApprovalProgress, frame.ApprovalProgressParams{Batch: "bat_aaaa", Done: 2, Of: 5})
		return b.send(added, later, prompt, progress)
	}))
	if e := <-got; e.Method != frame.DeviceAdded || e.Device.Device != "alice" || e.Prompt != nil {
		t.Errorf("%+v", e)
	}
	if e := <-got; e.Method != frame.PromptOpened || e.Prompt.Kind != frame.PromptPIN {
		t.Errorf("%+v", e)
	}
	if e := <-got; e.Method != frame.ApprovalProgress || e.Progress.Done != 2 || e.Progress.Of != 5 {
		t.Errorf("%+v", e)
	}
}

func TestWhatEndsAConnectionEndsItsCalls(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		end     func(b *bridge, m frame.Message) error
		problem Problem
	}{
		"closed":               {func(b *bridge, _ frame.Message) error { return b.wire.Close() }, Lost},
		"closed with a reason": {func(b *bridge, _ frame.Message) error { b.wire.closeWith(4000, "BUSY"); return nil }, Refused},
		"not heard for long":   {func(b *bridge, _ frame.Message) error { b.wire.closeWith(4000, "TIMEOUT"); return nil }, Lost},
		"record changed":       {func(b *bridge, _ frame.Message) error { return b.wire.Send(make([]byte, 64)) }, OtherProgram},
		"reply to nothing":     {func(b *bridge, m frame.Message) error { *m.ID += 5; return b.answer(m, struct{}{}) }, OtherProgram},
		"notification is wrong": {func(b *bridge, _ frame.Message) error {
			return b.send(frame.Message{Method: frame.DeviceAdded, Params: []byte(`{}`)})
		}, OtherProgram},
		"request of the bridge": {func(b *bridge, m frame.Message) error {
			return b.send(frame.Message{ID: m.ID, Method: "page.show", Params: []byte(`{}`)})
		}, OtherProgram},
		"not a frame": {func(b *bridge, _ frame.Message) error {
			r, err := b.session.Seal([]byte("{}"))
			if err != nil {
				return err
			}
			return b.wire.Send(r)
		}, OtherProgram},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, setup{}, ready(func(b *bridge) error {
				m, err := b.next()
				if err != nil {
					return err
				}
				return tc.end(b, m)
			}))
			_, err := c.Info(t.Context())
			if ProblemOf(err) != tc.problem {
				t.Errorf("problem %q: %v", ProblemOf(err), err)
			}
			<-c.Done()
			if ProblemOf(c.Err()) != tc.problem {
				t.Error(c.Err())
			}
			if _, err := c.Info(t.Context()); ProblemOf(err) != tc.problem {
				t.Errorf("a call after the end: %v", err)
			}
		})
	}
}

func TestCloseEndsWhatWaits(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	c := connect(t, setup{}, ready(func(b *bridge) error {
		if _, err := b.next(); err != nil {
			return err
		}
		close(asked)
		return idle(b)
	}))
	go func() { <-asked; c.Close() }()
	if _, err := c.Info(t.Context()); ProblemOf(err) != Closed {
		t.Error(err)
	}
}
