package approver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/keys"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// pile is a running batch: its approvals and their sealed statements.
type pile struct {
	line      *line
	id        string
	requests  []string
	approvals []string
	records   []frame.Record
}

// pile prepares n approvals and puts them together.
func (l *line) pile(n int) *pile {
	l.v.t.Helper()
	p := &pile{line: l}
	for i := range n {
		request := fmt.Sprintf("req_%04d", i+1)
		approval, record, err := l.prepare(request, statement.Approve)
		if err != nil {
			l.v.t.Fatal(err)
		}
		p.requests, p.approvals, p.records = append(p.requests, request), append(p.approvals, approval), append(p.records, record)
	}
	var made frame.ApprovalBatchResult
	if err := l.bridge.Call(l.v.t.Context(), frame.ApprovalBatch, frame.ApprovalBatchParams{Approvals: p.approvals}, &made); err != nil {
		l.v.t.Fatal(err)
	}
	p.id = made.Batch
	return p
}

// decide hands in every statement at once and returns what became of each.
func (p *pile) decide(ctx context.Context) (results []frame.ApprovalDecideResult, errs []error) {
	results, errs = make([]frame.ApprovalDecideResult, len(p.approvals)), make([]error, len(p.approvals))
	var all sync.WaitGroup
	for i := range p.approvals {
		all.Go(func() {
			errs[i] = p.line.bridge.Call(ctx, frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: p.approvals[i], Record: p.records[i]}, &results[i])
		})
	}
	all.Wait()
	return results, errs
}

func codes(errs []error) []fault.Code {
	all := make([]fault.Code, len(errs))
	for i, err := range errs {
		all[i] = fault.CodeOf(err)
	}
	return all
}

// verify checks that a result holds the signature of the member's key over the
// statement of this request.
func (l *line) verify(request string, r frame.ApprovalDecideResult) {
	l.v.t.Helper()
	submit, ok := l.read(r.Record).(*channel.StatementSubmit)
	if !ok {
		l.v.t.Fatalf("%s: the bridge submits something else", request)
	}
	payload, err := jws.Verify(submit.JWS, statement.TypApproval, l.member.approval.PublicKey())
	if err != nil {
		l.v.t.Fatalf("%s: %v", request, err)
	}
	if a, err := statement.Decode[statement.Approval](payload); err != nil || a.Request != request {
		l.v.t.Errorf("signed %+v, want %s: %v", a, request, err)
	}
}

// entries are the journal's lines so far.
func (g *rig) entries() (all []journal.Entry) {
	g.t.Helper()
	f, err := os.Open(filepath.Join(g.cfg.StateDir, "journal.log"))
	if err != nil {
		g.t.Fatal(err)
	}
	defer f.Close()
	if _, err := journal.Verify(f, func(e journal.Entry) error { all = append(all, e); return nil }); err != nil {
		g.t.Fatal(err)
	}
	return all
}

func TestABatchIsReadAsOneListWithTotalsAndEachItemIsSigned(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	var mu sync.Mutex
	var told []frame.ApprovalProgressParams
	var prompts []frame.PromptParams
	b, err := g.connect(func(method string, m frame.Message) {
		mu.Lock()
		defer mu.Unlock()
		var progress frame.ApprovalProgressParams
		var prompt frame.PromptParams
		switch method {
		case frame.ApprovalProgress:
			if err := frame.DecodeParams(m, &progress); err != nil {
				t.Error(err)
			}
			told = append(told, progress)
		case frame.PromptOpened:
			if err := frame.DecodeParams(m, &prompt); err != nil {
				t.Error(err)
			}
			prompts = append(prompts, prompt)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	l := g.mustOpen(b, "mem_alice")
	g.vault.serve = func(a *statement.Approval) {
		if a.Request == "req_0002" {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) {
				b.Fiat, b.Address = intent.Fiat{Amount: "0.05", Currency: "EUR"}, "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
			})
		}
	}
	p := l.pile(3)
	results, errs := p.decide(t.Context())
	for i, err := range errs {
		if err != nil {
			t.Fatalf("item %d: %v", i+1, err)
		}
		l.verify(p.requests[i], results[i])
	}
	shown, pins := g.person.questions()
	last := shown[len(shown)-1]
	if len(shown) != 2 || last.Title != "Approve 3 purchases of Sandbox" || len(pins) != 1 {
		t.Fatalf("shown %q, PINs %d", shown, len(pins))
	}
	for _, want := range []string{"1 of 3\n", "req_0001\nStep          1", "req_0002\nStep          1", "req_0003\nStep          1", "0x 7E5F 4552", "Total of 3 purchases\nYou pay       500.05 EUR\nYou get       0.3 ETH (ethereum)\nMinimum       0.294 ETH (ethereum)"} {
		if !strings.Contains(last.Text, want) {
			t.Errorf("the list lacks %q:\n%s", want, last.Text)
		}
	}
	if results[1].StatementText != last.Text {
		t.Errorf("the page was told another text: %q", results[1].StatementText)
	}
	item := []string{journal.Approved, journal.Approved, journal.Approved, journal.Signed, journal.Signed, journal.Signed}
	want := append([]string{journal.Started, journal.Paired, journal.Derived, journal.Unlocked, journal.Batched}, item...)
	if got := g.events(); !slices.Equal(got, want) {
		t.Errorf("journal %v, want %v", got, want)
	}
	for i, e := range g.entries()[5:] {
		if e.Batch != p.id || e.Request != p.requests[i%3] || e.Digest == "" || e.Decision != statement.Approve {
			t.Errorf("journal %+v", e)
		}
	}
	var info frame.BridgeInfoResult
	if err := b.Call(t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &info); err != nil { // its answer comes after the last progress
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff([]frame.ApprovalProgressParams{{Batch: p.id, Done: 0, Of: 3}, {Batch: p.id, Done: 1, Of: 3}, {Batch: p.id, Done: 2, Of: 3}, {Batch: p.id, Done: 3, Of: 3}}, told); diff != "" {
		t.Errorf("progress: %s", diff)
	}
	if final := prompts[len(prompts)-1]; final.Approval != p.id || final.Kind != frame.PromptConfirm {
		t.Errorf("the prompt is for %+v", final)
	}
}

func TestDecliningABatchDeclinesEachItem(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	g.person.answer(decline)
	p := l.pile(3)
	_, errs := p.decide(t.Context())
	if got := codes(errs); !slices.Equal(got, []fault.Code{fault.Declined, fault.Declined, fault.Declined}) {
		t.Errorf("%v", errs)
	}
	want := []string{journal.Batched, journal.Declined, journal.Declined, journal.Declined}
	if got := g.events(); !slices.Equal(got[len(got)-4:], want) {
		t.Errorf("journal %v", got)
	}
	g.person.answer(nil)
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Errorf("alone after that: %v", err)
	}
}

func TestAnInvalidStatementIsDroppedFromTheListAndTheRestIsSigned(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	g.vault.serve = func(a *statement.Approval) {
		switch a.Request {
		case "req_0002":
			a.NotBefore, a.IssuedAt, a.Expires = a.NotBefore-3000, a.IssuedAt-3000, a.Expires-3000
		case "req_0004":
			a.Member = "mem_bob"
		}
	}
	p := l.pile(5)
	results, errs := p.decide(t.Context())
	if got := codes(errs); !slices.Equal(got, []fault.Code{"", fault.StatementInvalid, "", fault.StatementInvalid, ""}) {
		t.Fatalf("%v", errs)
	}
	if f, _ := fault.As(errs[1]); f.Details["field"] != "exp" {
		t.Errorf("%v", f.Details)
	}
	for _, i := range []int{0, 2, 4} {
		l.verify(p.requests[i], results[i])
	}
	shown, _ := g.person.questions()
	text := shown[len(shown)-1].Text
	for _, want := range []string{"APPROVE 3 purchases", "3 of 5: nothing is signed for the others", "req_0005", "750.00 EUR"} {
		if !strings.Contains(text, want) {
			t.Errorf("the list lacks %q:\n%s", want, text)
		}
	}
	if strings.Contains(text, "req_0002") || strings.Contains(text, "req_0004") {
		t.Errorf("the list has what is not valid:\n%s", text)
	}
}

func TestABatchOfInvalidStatementsIsNotShown(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	g.vault.serve = func(a *statement.Approval) { a.Member = "mem_bob" }
	before, _ := g.person.questions()
	_, errs := l.pile(2).decide(t.Context())
	if got := codes(errs); !slices.Equal(got, []fault.Code{fault.StatementInvalid, fault.StatementInvalid}) {
		t.Errorf("%v", errs)
	}
	if after, _ := g.person.questions(); len(after) != len(before) {
		t.Errorf("shown %q", after)
	}
}

// after calls do at the nth signature with a drawer's key.
type after struct {
	keys.Key
	n  int
	do func()
}

func (k *after) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	sig, err := k.Key.SignDigest(ctx, digest)
	if k.n--; k.n == 0 {
		k.do()
	}
	return sig, err
}

func (g *rig) afterSignatures(label string, n int, do func()) {
	g.drawer.mu.Lock()
	defer g.drawer.mu.Unlock()
	uri := "pkcs11:token=" + label + ";object=approval"
	g.drawer.keys[uri] = &after{Key: g.drawer.keys[uri], n: n, do: do}
}

func TestATokenPulledAfterTwoOfFiveLeavesTwoSignedAndThreeRemoved(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	g.afterSignatures("alice", 2, func() { g.drawer.plug("alice", false) })
	p := l.pile(5)
	results, errs := p.decide(t.Context())
	if got := codes(errs); !slices.Equal(got, []fault.Code{"", "", fault.DeviceRemoved, fault.DeviceRemoved, fault.DeviceRemoved}) {
		t.Fatalf("%v", errs)
	}
	l.verify(p.requests[0], results[0])
	l.verify(p.requests[1], results[1])
	var got []string
	for _, e := range g.entries() {
		if e.Batch != "" && e.Kind != journal.Batched && e.Kind != journal.Approved {
			got = append(got, e.Request+" "+e.Kind+" "+e.Code)
		}
	}
	want := []string{"req_0001 signed ", "req_0002 signed ", "req_0003 failed DEVICE_REMOVED", "req_0004 failed DEVICE_REMOVED", "req_0005 failed DEVICE_REMOVED"}
	for i, line := range got {
		if got[i] = strings.Replace(line, string(fault.DeviceMissing), string(fault.DeviceRemoved), 1); i >= len(want) {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("journal %q", got)
	}
}

func TestAnItemCancelledBeforeThePromptIsDroppedFromTheList(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	p := l.pile(3)
	if err := l.bridge.Call(t.Context(), frame.ApprovalCancel, frame.ApprovalCancelParams{Approval: p.approvals[1]}, &frame.ApprovalCancelResult{}); err != nil {
		t.Fatal(err)
	}
	_, errs := p.decide(t.Context())
	if got := codes(errs); !slices.Equal(got, []fault.Code{"", fault.NotFound, ""}) {
		t.Fatalf("%v", errs)
	}
	shown, _ := g.person.questions()
	if text := shown[len(shown)-1].Text; strings.Contains(text, "req_0002") || !strings.Contains(text, "2 of 3") {
		t.Errorf("shown:\n%s", text)
	}
}

func TestAnItemCancelledWhileThePromptIsOpenIsNotSigned(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	p := l.pile(3)
	g.person.answer(func(context.Context, consent.Question) error {
		return l.bridge.Call(t.Context(), frame.ApprovalCancel, frame.ApprovalCancelParams{Approval: p.approvals[2]}, &frame.ApprovalCancelResult{})
	})
	_, errs := p.decide(t.Context())
	if got := codes(errs); !slices.Equal(got, []fault.Code{"", "", fault.Cancelled}) {
		t.Fatalf("%v", errs)
	}
	if n := slices.Compact(g.events()); slices.Index(n, journal.Signed) < 0 {
		t.Errorf("journal %v", n)
	}
}

func TestThePromptOfABatchClosesWhenAllOfItIsCancelled(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	p := l.pile(2)
	opened, closed := make(chan struct{}, 1), make(chan struct{}, 1)
	g.person.answer(hang(opened, closed))
	done := make(chan []error, 1)
	go func() { _, errs := p.decide(t.Context()); done <- errs }()
	<-opened
	for _, id := range p.approvals {
		if err := l.bridge.Call(t.Context(), frame.ApprovalCancel, frame.ApprovalCancelParams{Approval: id}, &frame.ApprovalCancelResult{}); err != nil {
			t.Fatal(err)
		}
	}
	<-closed
	if got := codes(<-done); !slices.Equal(got, []fault.Code{fault.Cancelled, fault.Cancelled}) {
		t.Errorf("%v", got)
	}
}

func TestWhatIsNotABatchIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	l, other := g.mustOpen(b, "mem_alice"), g.mustOpen(b, "mem_bob")
	make1 := func(l *line, request, decision string) string {
		id, _, err := l.prepare(request, decision)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	batch := func(ids ...string) error {
		return b.Call(t.Context(), frame.ApprovalBatch, frame.ApprovalBatchParams{Approvals: ids}, &frame.ApprovalBatchResult{})
	}
	one, two := make1(l, "req_0001", statement.Approve), make1(l, "req_0002", statement.Approve)
	wantCode(t, "one", batch(one), fault.Invalid)
	wantCode(t, "one twice", batch(one, one), fault.Invalid)
	wantCode(t, "an unknown one", batch(one, "apv_none"), fault.NotFound)
	wantCode(t, "two channels", batch(one, make1(other, "req_0002", statement.Approve)), fault.Invalid)
	wantCode(t, "two decisions", batch(one, make1(l, "req_0003", statement.Reject)), fault.Invalid)
	wantCode(t, "a request twice", batch(one, make1(l, "req_0001", statement.Approve)), fault.Invalid)
	if err := batch(one, two); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "in a batch already", batch(one, make1(l, "req_0004", statement.Approve)), fault.Conflict)
}

func TestAClosedJournalMeansNoSignatureOfABatch(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	p := l.pile(2)
	if err := g.book.Close(); err != nil {
		t.Fatal(err)
	}
	before, _ := g.person.questions()
	_, errs := p.decide(t.Context())
	if got := codes(errs); !slices.Equal(got, []fault.Code{fault.JournalDown, fault.JournalDown}) {
		t.Errorf("%v", errs)
	}
	if after, _ := g.person.questions(); len(after) != len(before) {
		t.Error("the person was asked in vain")
	}
}

func TestTheJournalPermitsEachItemBeforeItsKeyIsUsed(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	var atFirst []string
	g.afterSignatures("alice", 1, func() { atFirst = g.events() })
	if _, errs := l.pile(3).decide(t.Context()); slices.ContainsFunc(errs, func(err error) bool { return err != nil }) {
		t.Fatal(errs)
	}
	permitted := 0
	for _, kind := range atFirst {
		if kind == journal.Approved {
			permitted++
		}
	}
	if permitted != 3 || slices.Contains(atFirst, journal.Signed) {
		t.Errorf("the journal at the first signature: %v", atFirst)
	}
}

func TestThePromptOfABatchClosesWhenItsLastStatementExpires(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	g.vault.serve = func(a *statement.Approval) { a.Expires = time.Now().Unix() + 2 }
	opened, closed := make(chan struct{}, 1), make(chan struct{}, 1)
	g.person.answer(hang(opened, closed))
	p := l.pile(2)
	done := make(chan []error, 1)
	go func() { _, errs := p.decide(t.Context()); done <- errs }()
	<-opened
	<-closed
	if got := codes(<-done); !slices.Equal(got, []fault.Code{fault.StatementInvalid, fault.StatementInvalid}) {
		t.Errorf("%v", got)
	}
}

func TestAStatementThatExpiresWhileTheListIsReadIsNotSignedAndTheOthersAre(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.stop()
	clock := &wallClock{}
	g.now, g.drawer.watched = clock.Now, make(chan struct{})
	g.serve(g.drawer)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	g.vault.serve = func(a *statement.Approval) {
		if a.Request == "req_0002" {
			a.Expires = a.IssuedAt + 60
		}
	}
	g.person.answer(func(context.Context, consent.Question) error { clock.wrong.Store(int64(2 * time.Minute)); return nil })
	_, errs := l.pile(3).decide(t.Context())
	if got := codes(errs); !slices.Equal(got, []fault.Code{"", fault.StatementInvalid, ""}) {
		t.Errorf("%v", errs)
	}
}
