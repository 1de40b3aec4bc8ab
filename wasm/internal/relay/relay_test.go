package relay

import (
	"context"
	"crypto/ecdh"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/frame"
)

const text = "APPROVE\nbuy 250 EUR"

// key is a channel key in memory.
type key struct{ private *ecdh.PrivateKey }

func newKey(t *testing.T) key {
	t.Helper()
	k, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key{k}
}

func (k key) Public() []byte {
	p := k.private.PublicKey().Bytes()
	return append([]byte{2 + p[64]&1}, p[1:33]...)
}

func (k key) ECDH(_ context.Context, peer []byte) ([]byte, error) {
	x, y := elliptic.UnmarshalCompressed(elliptic.P256(), peer)
	raw := append([]byte{4}, x.FillBytes(make([]byte, 32))...)
	p, err := ecdh.P256().NewPublicKey(append(raw, y.FillBytes(make([]byte, 32))...))
	if err != nil {
		return nil, err
	}
	return k.private.ECDH(p)
}

// world is a bridge and a signer that speak the real channel, and the faults
// that a test puts between them.
type world struct {
	t              *testing.T
	bridge, signer key

	mu        sync.Mutex
	calls     []string // of the bridge
	sent      []string // records that reached the gateway, as bytes
	fail      map[string]error
	lose      map[int]bool // answers of SendRecord, by number from 0, that do not come back
	decide    func(ctx context.Context) error
	accept    func() // while the token derives for the channel
	initiator *channel.Initiator
	session   *channel.Session // the bridge's
	peers     map[string]*peer // the signer's, by the gateway's name
	recorded  []string         // statements that the signer took
	opened    int
	batched   [][]string
	finishAs  string // another request in the receipt
}

type peer struct {
	responder *channel.Responder
	session   *channel.Session
}

func newWorld(t *testing.T) *world {
	return &world{
		t: t, bridge: newKey(t), signer: newKey(t), fail: map[string]error{}, lose: map[int]bool{},
		decide: func(context.Context) error { return nil }, peers: map[string]*peer{},
	}
}

// Call is the bridge.
func (w *world) Call(ctx context.Context, method string, params, result any) error {
	w.mu.Lock()
	w.calls = append(w.calls, method)
	err := w.fail[method]
	decide, accept := w.decide, w.accept
	w.mu.Unlock()
	if method == frame.ChannelAccept && accept != nil {
		accept()
	}
	if err != nil {
		return err
	}
	if method == frame.ApprovalDecide {
		if err := decide(ctx); err != nil {
			return err
		}
		if err := w.fail[params.(frame.ApprovalDecideParams).Approval]; err != nil {
			return err
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answer(ctx, params, result)
}

func (w *world) answer(ctx context.Context, params, result any) (err error) {
	switch p := params.(type) {
	case frame.ChannelOpenParams:
		w.initiator, err = channel.NewInitiator(channel.InitiatorConfig{
			Suite: channel.P256, Static: w.bridge, Remote: w.signer.Public(), Entity: p.Entity, Rand: rand.Reader, Now: time.Now,
		})
		if err != nil {
			return err
		}
		r := result.(*frame.ChannelOpenResult)
		r.Channel = fmt.Sprintf("chn_bridge%d", w.opened)
		r.Record, err = w.initiator.Start(ctx)
	case frame.ChannelAcceptParams:
		var act3 []byte
		act3, w.session, err = w.initiator.Finish(ctx, p.Record, []byte("certificate"))
		result.(*frame.ChannelAcceptResult).Record = act3
	case frame.ChannelReadyParams:
		var m channel.Message
		if m, err = w.open(p.Record); err == nil {
			*result.(*frame.ChannelReadyResult) = frame.ChannelReadyResult{Entity: m.(*channel.Welcome).Entity, Member: m.(*channel.Welcome).Member}
		}
	case frame.ApprovalPrepareParams:
		r := result.(*frame.ApprovalPrepareResult)
		r.Approval = "apv_" + p.Request[4:]
		r.Record, err = w.seal(&channel.StatementGet{Request: p.Request, Decision: p.Decision})
	case frame.ApprovalBatchParams:
		w.batched = append(w.batched, p.Approvals)
		result.(*frame.ApprovalBatchResult).Batch = "bat_aaaa"
	case frame.ApprovalDecideParams:
		if _, err = w.open(p.Record); err == nil {
			r := result.(*frame.ApprovalDecideResult)
			r.Outcome, r.StatementText = frame.OutcomeSigned, text
			r.Record, err = w.seal(&channel.StatementSubmit{JWS: "a.b." + p.Approval[4:]})
		}
	case frame.ApprovalFinishParams:
		var m channel.Message
		if m, err = w.open(p.Record); err == nil {
			rc := m.(*channel.Receipt)
			*result.(*frame.ApprovalFinishResult) = frame.ApprovalFinishResult{Request: rc.Request, State: rc.State, Approvals: rc.Approvals, Needed: rc.Needed}
		}
	}
	return err
}

func (w *world) seal(m channel.Message) ([]byte, error) {
	b, err := channel.Encode(m)
	if err != nil {
		return nil, err
	}
	return w.session.Seal(b)
}

func (w *world) open(record []byte) (channel.Message, error) {
	b, err := w.session.Open(record)
	if err != nil {
		return nil, err
	}
	m, err := channel.Decode(b)
	if err != nil {
		return nil, err
	}
	if e, ok := m.(*channel.Error); ok {
		return nil, e.Fault()
	}
	return m, nil
}

// OpenChannel is gateway and signer.
func (w *world) OpenChannel(ctx context.Context, act1 []byte) (string, []byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.fail["open"]; err != nil {
		return "", nil, err
	}
	r, err := channel.NewResponder(channel.ResponderConfig{
		Statics: map[channel.Suite]channel.Static{channel.P256: w.signer}, Entity: "ent_sandbox", Rand: rand.Reader, Now: time.Now,
	})
	if err != nil {
		return "", nil, err
	}
	act2, err := r.Accept(ctx, act1)
	if err != nil {
		return "", nil, err
	}
	w.opened++
	name := fmt.Sprintf("chn_gateway%d", w.opened)
	w.peers[name] = &peer{responder: r}
	return name, act2, nil
}

// SendRecord is gateway and signer.
func (w *world) SendRecord(ctx context.Context, name string, record []byte) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.sent, string(record)) {
		w.t.Error("a record was sent twice")
	}
	n := len(w.sent)
	w.sent = append(w.sent, string(record))
	p := w.peers[name]
	if p == nil {
		return nil, fault.New(fault.ChannelClosed, "the signer does not know this channel")
	}
	answer, err := w.signerTakes(ctx, p, record)
	if w.lose[n] {
		return nil, fault.New(fault.Unavailable, "the gateway did not answer")
	}
	return answer, err
}

func (w *world) signerTakes(ctx context.Context, p *peer, record []byte) ([]byte, error) {
	var reply channel.Message
	if p.session == nil {
		var err error
		if _, p.session, err = p.responder.Finish(ctx, record); err != nil {
			return nil, err
		}
		reply = &channel.Welcome{Entity: "ent_sandbox", EntityName: "Sandbox", Member: "mem_alice", Log: channel.Log{Head: make([]byte, 32)}}
	} else {
		b, err := p.session.Open(record)
		if err != nil {
			return nil, err
		}
		m, err := channel.Decode(b)
		if err != nil {
			return nil, err
		}
		reply = w.signerAnswers(m)
	}
	b, err := channel.Encode(reply)
	if err != nil {
		return nil, err
	}
	return p.session.Seal(b)
}

func (w *world) signerAnswers(m channel.Message) channel.Message {
	if m, ok := m.(*channel.StatementSubmit); ok {
		if err := w.fail["submit"]; err != nil {
			return channel.NewError(err)
		}
		w.recorded = append(w.recorded, m.JWS)
		request := "req_" + m.JWS[4:]
		if w.finishAs != "" {
			request = w.finishAs
		}
		return &channel.Receipt{Request: request, State: "pending", Approvals: []string{"mem_alice"}, Needed: 2, Entry: channel.Entry{Seq: 3, Hash: make([]byte, 32)}}
	}
	return &channel.Statement{Statement: []byte(`{"v":1}`)}
}

func (w *world) count(method string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.calls {
		if c == method {
			n++
		}
	}
	return n
}

func job(progress func(Progress)) Job {
	return Job{Entity: "ent_sandbox", Member: "mem_alice", Request: "req_aaaa", Decision: frame.Approve, Progress: progress}
}

func TestAnApprovalReachesTheSigner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := New(w, w)
	atPIN := make(chan struct{})
	w.decide = func(context.Context) error {
		r.PromptOpened(frame.PromptParams{Approval: "apv_other", Kind: frame.PromptConfirm, Where: frame.WherePinentry})
		r.PromptOpened(frame.PromptParams{Approval: "apv_aaaa", Kind: frame.PromptConfirm, Where: frame.WhereTerminal})
		r.PromptOpened(frame.PromptParams{Approval: "apv_aaaa", Kind: frame.PromptPIN, Where: frame.WhereTerminal})
		<-atPIN
		return nil
	}
	var got []Progress
	res, err := r.Run(t.Context(), job(func(p Progress) {
		got = append(got, p)
		if p.Stage == PIN {
			close(atPIN)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []Progress{
		{Stage: Connecting}, {Stage: Fetching}, {Stage: Reading}, {Stage: Reading, Where: "terminal"}, {Stage: PIN, Where: "terminal"},
		{Stage: Signed, Text: text}, {Stage: Verified, Text: text, Done: 1, Need: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(Result{Request: "req_aaaa", State: "pending", Approvals: []string{"mem_alice"}, Needed: 2, Text: text}, res); diff != "" {
		t.Error(diff)
	}
}

func TestTheChannelMayNeedThePIN(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := New(w, w)
	asked := make(chan struct{})
	w.accept = func() {
		r.PromptOpened(frame.PromptParams{Kind: frame.PromptPairing, Where: frame.WherePinentry})
		r.PromptOpened(frame.PromptParams{Kind: frame.PromptConfirm, Where: frame.WherePinentry})
		r.PromptOpened(frame.PromptParams{Kind: frame.PromptPIN, Where: frame.WherePinentry})
		<-asked
	}
	var got []Progress
	_, err := r.Run(t.Context(), job(func(p Progress) {
		if got = append(got, p); p.Stage == PIN {
			close(asked)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []Progress{{Stage: Connecting}, {Stage: Connecting, Where: "pinentry"}, {Stage: PIN, Where: "pinentry"}, {Stage: Fetching}, {Stage: Reading}}
	if diff := cmp.Diff(want, got[:min(len(got), 5)]); diff != "" {
		t.Error(diff)
	}
}

func TestTheChannelIsUsedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := New(w, w)
	w.decide = func(context.Context) error { return nil }
	for range 3 {
		if _, err := r.Run(t.Context(), job(nil)); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.count(frame.ChannelOpen); n != 1 {
		t.Errorf("%d channels for three approvals", n)
	}
	other := job(nil)
	other.Member = "mem_bob" // the signer welcomes alice
	if _, err := r.Run(t.Context(), other); fault.CodeOf(err) != fault.CertificateBad {
		t.Errorf("a channel for another member: %v", err)
	}
	if n := w.count(frame.ChannelClose); n != 2 {
		t.Errorf("%d channels were closed", n)
	}
	r.Close(t.Context())
}

func TestAChannelThatTheSignerForgotIsOpenedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := New(w, w)
	if _, err := r.Run(t.Context(), job(nil)); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	clear(w.peers) // the signer was restarted
	w.mu.Unlock()
	if _, err := r.Run(t.Context(), job(nil)); err != nil {
		t.Fatal(err)
	}
	if n := w.count(frame.ChannelOpen); n != 2 {
		t.Errorf("%d channels", n)
	}
	if n := w.count(frame.ApprovalDecide); n != 2 {
		t.Errorf("the person was asked %d times for two approvals", n)
	}
}

func TestAHandshakeThatTookTooLongStartsAgain(t *testing.T) {
	t.Parallel()
	for _, tries := range []int{1, 2} {
		w := newWorld(t)
		left := tries
		w.accept = func() { // the person looks for the PIN; the signer does not wait
			if left--; left >= 0 {
				w.mu.Lock()
				clear(w.peers)
				w.mu.Unlock()
			}
		}
		_, err := New(w, w).Run(t.Context(), job(nil))
		if want := map[int]fault.Code{1: "", 2: fault.ChannelClosed}[tries]; fault.CodeOf(err) != want {
			t.Errorf("late %d times: %v", tries, err)
		}
		if n := w.count(frame.ChannelOpen); n != 2 {
			t.Errorf("late %d times: %d channels", tries, n)
		}
	}
}

func TestRefusalsSayWhereAndLeaveTheWayOpen(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		at      string
		code    fault.Code
		stage   Stage
		unknown bool
		closes  bool
	}{
		"no such identity":         {frame.ChannelOpen, fault.DeviceMissing, Connecting, false, false},
		"gateway down":             {"open", fault.Unavailable, Connecting, false, true},
		"signer is another one":    {frame.ChannelAccept, fault.RecordInvalid, Connecting, false, true},
		"certificate refused":      {frame.ChannelReady, fault.CertificateBad, Connecting, false, true},
		"bridge cannot prepare":    {frame.ApprovalPrepare, fault.Busy, Fetching, false, true},
		"declined":                 {frame.ApprovalDecide, fault.Declined, Reading, false, false},
		"wrong PIN":                {frame.ApprovalDecide, fault.PINIncorrect, Reading, false, false},
		"token pulled":             {frame.ApprovalDecide, fault.DeviceRemoved, Reading, false, true},
		"record does not open":     {frame.ApprovalDecide, fault.RecordInvalid, Reading, false, true},
		"request is closed":        {"submit", fault.RequestClosed, Signed, false, false},
		"already approved":         {"submit", fault.AlreadyApproved, Signed, false, false},
		"receipt does not open":    {frame.ApprovalFinish, fault.RecordInvalid, Signed, true, true},
		"bridge gone at the end":   {frame.ApprovalFinish, fault.Unavailable, Signed, true, true},
		"an error without a fault": {frame.ApprovalPrepare, fault.Internal, Fetching, false, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			r := New(w, w)
			w.fail[tc.at] = fault.New(tc.code, "no")
			if tc.code == fault.Internal {
				w.fail[tc.at] = io.ErrUnexpectedEOF
			}
			_, err := r.Run(t.Context(), job(nil))
			var e *Error
			if !asError(err, &e) || e.Stage != tc.stage || e.Unknown != tc.unknown {
				t.Fatalf("%+v", err)
			}
			if code := fault.CodeOf(err); code != tc.code && !(tc.unknown && code == fault.Unavailable) {
				t.Errorf("code %s, want %s", code, tc.code)
			}
			if closed := w.count(frame.ChannelClose) == 1; closed != tc.closes {
				t.Errorf("the channel was closed: %v", closed)
			}
			w.mu.Lock()
			clear(w.fail)
			w.mu.Unlock()
			if _, err := r.Run(t.Context(), job(nil)); err != nil {
				t.Errorf("the second try: %v", err)
			}
		})
	}
}

func asError(err error, into **Error) bool {
	e, ok := err.(*Error)
	*into = e
	return ok
}

// A lost answer ends the channel; no record is sent a second time, and the person
// is asked again only when the second approval is started by hand.
func TestAnAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]struct {
		stage    Stage
		unknown  bool
		recorded int
	}{
		0: {Connecting, false, 0}, // act 3
		1: {Fetching, false, 0},   // statement.get
		2: {Signed, true, 1},      // statement.submit: it did reach the signer
	} {
		w := newWorld(t)
		r := New(w, w)
		w.lose[n] = true
		_, err := r.Run(t.Context(), job(nil))
		var e *Error
		if !asError(err, &e) || e.Stage != want.stage || e.Unknown != want.unknown || e.Fault.Code != fault.Unavailable {
			t.Errorf("record %d: %+v", n, err)
		}
		if len(w.recorded) != want.recorded || w.count(frame.ChannelClose) != 1 {
			t.Errorf("record %d: %d statements, %d channels closed", n, len(w.recorded), w.count(frame.ChannelClose))
		}
		if _, err := r.Run(t.Context(), job(nil)); err != nil {
			t.Errorf("record %d, second try: %v", n, err)
		}
	}
}

func TestAReceiptForAnotherRequestIsNotAReceipt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.finishAs = "req_bbbb"
	_, err := New(w, w).Run(t.Context(), job(nil))
	var e *Error
	if !asError(err, &e) || !e.Unknown {
		t.Errorf("%+v", err)
	}
}

func TestCancellingClosesThePrompt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.decide = func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return fault.Wrap(ctx.Err(), fault.Cancelled, "cancelled")
	}
	_, err := New(w, w).Run(ctx, job(nil))
	if fault.CodeOf(err) != fault.Cancelled || w.count(frame.ApprovalCancel) != 1 || len(w.recorded) != 0 {
		t.Errorf("%v; cancelled %d times, %d recorded", err, w.count(frame.ApprovalCancel), len(w.recorded))
	}
}

func TestCancellingAfterTheSignatureWasSentChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := New(w, w).Run(ctx, job(func(p Progress) {
		if p.Stage == Signed {
			cancel()
		}
	}))
	if err != nil || len(w.recorded) != 1 {
		t.Errorf("%v, %d recorded", err, len(w.recorded))
	}
}

func TestOneApprovalAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := New(w, w)
	inside, leave := make(chan struct{}), make(chan struct{})
	w.decide = func(context.Context) error { close(inside); <-leave; return nil }
	first := make(chan error, 1)
	go func() {
		_, err := r.Run(t.Context(), job(nil))
		first <- err
	}()
	<-inside
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Run(ctx, job(nil)); fault.CodeOf(err) != fault.Cancelled {
		t.Errorf("the second one did not wait: %v", err)
	}
	close(leave)
	if err := <-first; err != nil {
		t.Error(err)
	}
}
