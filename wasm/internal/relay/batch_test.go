package relay

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/shared/fault"
	"countersign/shared/frame"
)

// ends collects how the requests of a batch ended.
type ends struct {
	results map[string]Result
	codes   map[string]fault.Code
	unknown []string
}

func runBatch(ctx context.Context, t *testing.T, r *Relay, progress func(Progress), requests ...string) ends {
	t.Helper()
	e := ends{results: map[string]Result{}, codes: map[string]fault.Code{}}
	if progress == nil {
		progress = func(Progress) {}
	}
	r.RunBatch(ctx, Batch{Entity: "ent_sandbox", Member: "mem_alice", Decision: frame.Approve, Requests: requests, Progress: progress,
		Ended: func(request string, result Result, err error) {
			if _, twice := e.codes[request]; twice {
				t.Errorf("%s ended twice", request)
			}
			e.results[request], e.codes[request] = result, fault.CodeOf(err)
			var own *Error
			if asError(err, &own) && own.Unknown {
				e.unknown = append(e.unknown, request)
			}
		}})
	return e
}

func TestABatchIsPreparedTogetherAndEachSignatureReachesTheSigner(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := New(w, w)
	atPIN := make(chan struct{})
	var once sync.Once
	w.decide = func(context.Context) error {
		once.Do(func() {
			r.PromptOpened(frame.PromptParams{Approval: "apv_aaaa", Kind: frame.PromptConfirm, Where: frame.WherePinentry})
			r.PromptOpened(frame.PromptParams{Approval: "bat_aaaa", Kind: frame.PromptConfirm, Where: frame.WhereTerminal})
			r.PromptOpened(frame.PromptParams{Approval: "bat_aaaa", Kind: frame.PromptPIN, Where: frame.WhereTerminal})
		})
		<-atPIN
		return nil
	}
	var got []Progress
	e := runBatch(t.Context(), t, r, func(p Progress) {
		if got = append(got, p); p.Stage == PIN {
			close(atPIN)
		}
	}, "req_aaaa", "req_bbbb", "req_cccc")
	want := []Progress{{Stage: Connecting}, {Stage: Fetching}, {Stage: Reading}, {Stage: Reading, Where: "terminal"}, {Stage: PIN, Where: "terminal"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([][]string{{"apv_aaaa", "apv_bbbb", "apv_cccc"}}, w.batched); diff != "" {
		t.Error(diff)
	}
	for _, request := range []string{"req_aaaa", "req_bbbb", "req_cccc"} {
		if diff := cmp.Diff(Result{Request: request, State: "pending", Approvals: []string{"mem_alice"}, Needed: 2, Text: text}, e.results[request]); diff != "" {
			t.Error(diff)
		}
	}
	if n := w.count(frame.ChannelOpen); n != 1 || w.count(frame.ChannelClose) != 0 || len(w.recorded) != 3 {
		t.Errorf("%d channels, recorded %q", n, w.recorded)
	}
}

func TestABatchReportsEachItemThatFailsAndTakesTheRestToItsEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.fail["apv_bbbb"] = fault.New(fault.StatementInvalid, "it has expired")
	w.fail["apv_dddd"] = fault.New(fault.DeviceRemoved, "pulled")
	e := runBatch(t.Context(), t, New(w, w), nil, "req_aaaa", "req_bbbb", "req_cccc", "req_dddd")
	want := map[string]fault.Code{"req_aaaa": "", "req_bbbb": fault.StatementInvalid, "req_cccc": "", "req_dddd": fault.DeviceRemoved}
	if diff := cmp.Diff(want, e.codes); diff != "" {
		t.Error(diff)
	}
	slices.Sort(w.recorded)
	if !slices.Equal(w.recorded, []string{"a.b.aaaa", "a.b.cccc"}) || w.count(frame.ApprovalCancel) != 2 || w.count(frame.ChannelClose) != 1 {
		t.Errorf("recorded %q, calls %q", w.recorded, w.calls)
	}
}

func TestABatchOfOneIsAnApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if e := runBatch(t.Context(), t, New(w, w), nil, "req_aaaa"); e.results["req_aaaa"].Needed != 2 || w.count(frame.ApprovalBatch) != 0 {
		t.Errorf("%+v, %q", e, w.calls)
	}
}

func TestABatchSaysTheSameOfAllWhenNothingCanBegin(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		at   string
		code fault.Code
		want fault.Code
	}{
		"no such token":              {frame.ChannelOpen, fault.DeviceMissing, fault.DeviceMissing},
		"bridge cannot prepare":      {frame.ApprovalPrepare, fault.Busy, fault.Busy},
		"bridge of an older version": {frame.ApprovalBatch, fault.Method, fault.Version},
		"declined":                   {frame.ApprovalDecide, fault.Declined, fault.Declined},
		"request is closed":          {"submit", fault.RequestClosed, fault.RequestClosed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.fail[tc.at] = fault.New(tc.code, "no")
			r := New(w, w)
			e := runBatch(t.Context(), t, r, nil, "req_aaaa", "req_bbbb")
			if diff := cmp.Diff(map[string]fault.Code{"req_aaaa": tc.want, "req_bbbb": tc.want}, e.codes); diff != "" {
				t.Error(diff)
			}
			w.mu.Lock()
			clear(w.fail)
			w.mu.Unlock()
			if e := runBatch(t.Context(), t, r, nil, "req_aaaa", "req_bbbb"); e.codes["req_aaaa"] != "" || e.codes["req_bbbb"] != "" {
				t.Errorf("the second try: %v", e.codes)
			}
		})
	}
}

func TestABatchStartsAgainOnAChannelThatTheSignerForgot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := New(w, w)
	if _, err := r.Run(t.Context(), job(nil)); err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	clear(w.peers)
	w.mu.Unlock()
	e := runBatch(t.Context(), t, r, nil, "req_bbbb", "req_cccc")
	if e.codes["req_bbbb"] != "" || e.codes["req_cccc"] != "" || w.count(frame.ChannelOpen) != 2 || len(w.batched) != 1 {
		t.Errorf("%v, %q", e.codes, w.calls)
	}
}

func TestAnAnswerOfABatchThatIsLostConcernsItsItemOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lose[3] = true // act 3 and two questions came before
	e := runBatch(t.Context(), t, New(w, w), nil, "req_aaaa", "req_bbbb")
	if len(e.unknown) != 1 || e.codes[e.unknown[0]] != fault.Unavailable || len(w.recorded) != 2 || w.count(frame.ChannelClose) != 1 {
		t.Errorf("%+v, recorded %q", e, w.recorded)
	}
}

func TestCancellingABatchCancelsWhatIsNotSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.decide = func(ctx context.Context) error {
		cancel()
		<-ctx.Done()
		return fault.Wrap(ctx.Err(), fault.Cancelled, "cancelled")
	}
	e := runBatch(ctx, t, New(w, w), nil, "req_aaaa", "req_bbbb")
	if e.codes["req_aaaa"] != fault.Cancelled || e.codes["req_bbbb"] != fault.Cancelled || w.count(frame.ApprovalCancel) != 2 || len(w.recorded) != 0 {
		t.Errorf("%v, %q", e.codes, w.calls)
	}
}
