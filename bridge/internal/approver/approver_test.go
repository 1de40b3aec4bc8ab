package approver

import (
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/control"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/site"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/link"
	"countersign/shared/statement"
)

// wantCode fails the test unless err carries this code.
func wantCode(t *testing.T, what string, err error, want fault.Code) {
	t.Helper()
	if fault.CodeOf(err) != want {
		t.Errorf("%s: %v, want %s", what, err, want)
	}
}

func decline(context.Context, consent.Question) error { return fault.New(fault.Declined, "no") }

func TestAMemberApprovesOnEitherCurve(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	for _, m := range []string{"mem_alice", "mem_bob"} {
		l := g.mustOpen(b, m)
		decided, err := l.decide(t.Context(), "req_0001", statement.Approve)
		if err != nil {
			t.Fatalf("%s: %v", m, err)
		}
		shown, _ := g.person.questions()
		last := shown[len(shown)-1]
		if last.Text != decided.StatementText || !strings.Contains(last.Text, "250.00") || !strings.Contains(last.Text, "req_0001") {
			t.Errorf("%s: shown %q, told %q", m, last.Text, decided.StatementText)
		}
	}
	shown, pins := g.person.questions()
	if len(shown) != 3 || shown[0].Title != "Pair with "+origin || len(pins) != 2 {
		t.Errorf("shown %q, PINs %+v", shown, pins)
	}
	want := []string{journal.Started, journal.Paired, journal.Derived, journal.Unlocked, journal.Approved, journal.Signed, journal.Derived, journal.Unlocked, journal.Approved, journal.Signed}
	if got := g.events(); !slices.Equal(got, want) {
		t.Errorf("journal %v, want %v", got, want)
	}
}

func TestARejectionIsSignedToo(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	if _, err := l.decide(t.Context(), "req_0001", statement.Reject); err != nil {
		t.Fatal(err)
	}
	shown, _ := g.person.questions()
	if last := shown[len(shown)-1]; !strings.HasPrefix(last.Title, "Reject") {
		t.Errorf("asked %q", last.Title)
	}
}

func TestDecliningSignsNothing(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	g.person.answer(decline)
	_, err := l.decide(t.Context(), "req_0001", statement.Approve)
	wantCode(t, "decide", err, fault.Declined)
	if events := g.events(); events[len(events)-1] != journal.Declined || slices.Contains(events, journal.Signed) {
		t.Errorf("journal %v", events)
	}
	g.person.answer(nil)
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Errorf("the request is not pending any more: %v", err)
	}
}

func TestAWrongPINCanBeCorrected(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	answers := []string{"wrong", "1234-alice"}
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) {
		pin := answers[0]
		answers = answers[1:]
		return []byte(pin), nil
	}
	g.mustOpen(g.mustConnect(), "mem_alice")
	_, pins := g.person.questions()
	if len(pins) != 2 || pins[0].Problem != "" || pins[1].Problem == "" || pins[1].TriesLeft != 2 {
		t.Errorf("asked %+v", pins)
	}
}

func TestWrongPINsLockTheTokenAndSaySo(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.person.pin = func(context.Context, consent.PINQuestion) ([]byte, error) { return []byte("wrong"), nil }
	b := g.mustConnect()
	_, err := g.open(b, "mem_alice")
	wantCode(t, "three wrong PINs", err, fault.PINIncorrect)
	if f, _ := fault.As(err); f == nil || f.Details["tries_left"] != "0" {
		t.Errorf("details %v", f)
	}
	_, pins := g.person.questions()
	if len(pins) != 3 || !pins[2].FinalTry {
		t.Errorf("asked %+v", pins)
	}
	_, err = g.open(b, "mem_alice")
	wantCode(t, "a locked token", err, fault.PINLocked)
	if _, again := g.person.questions(); len(again) != 3 {
		t.Error("the PIN of a locked token was asked for")
	}
}

func TestGivingUpAtThePINUsesNoTry(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.person.pin = nil
	_, err := g.open(g.mustConnect(), "mem_alice")
	wantCode(t, "open", err, fault.Declined)
	if dev, _ := g.drawer.State(t.Context(), "alice"); dev.TriesLeft != 3 {
		t.Errorf("%d tries left", dev.TriesLeft)
	}
}

func TestAPulledTokenIsNoticed(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	<-g.drawer.watched
	events := make(chan string, 16)
	b, err := g.connect(func(method string, _ frame.Message) { events <- method })
	if err != nil {
		t.Fatal(err)
	}
	l := g.mustOpen(b, "mem_alice")
	g.person.answer(func(context.Context, consent.Question) error { g.drawer.plug("alice", false); return nil })
	_, err = l.decide(t.Context(), "req_0001", statement.Approve)
	if code := fault.CodeOf(err); code != fault.DeviceRemoved && code != fault.DeviceMissing {
		t.Errorf("pulled while reading: %v", err)
	}
	for method := range events {
		if method == frame.DeviceRemoved {
			break
		}
	}
	var info frame.BridgeInfoResult
	if err := b.Call(t.Context(), frame.BridgeInfo, frame.BridgeInfoParams{}, &info); err != nil {
		t.Fatal(err)
	}
	for _, id := range info.Identities {
		if id.Present == (id.Device == "alice") {
			t.Errorf("%+v", id)
		}
	}
	g.person.answer(nil)
	g.drawer.plug("alice", true)
	if _, err := l.decide(t.Context(), "req_0001", statement.Approve); err != nil {
		t.Errorf("put back: %v", err)
	}
	if _, pins := g.person.questions(); len(pins) != 2 {
		t.Errorf("the PIN was asked for %d times", len(pins))
	}
}

func TestWithoutAPromptNothingIsSigned(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	g.person.answer(func(context.Context, consent.Question) error { return fault.New(fault.PromptUnavailable, "nobody") })
	_, err := l.decide(t.Context(), "req_0001", statement.Approve)
	wantCode(t, "decide", err, fault.PromptUnavailable)
}

// hang waits until the prompt is closed.
func hang(opened, closed chan<- struct{}) func(context.Context, consent.Question) error {
	return func(ctx context.Context, _ consent.Question) error {
		opened <- struct{}{}
		<-ctx.Done()
		closed <- struct{}{}
		return fault.New(fault.Cancelled, "closed")
	}
}

func TestAPromptClosesWithItsApproval(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*line, string) error{
		"cancelled": func(l *line, id string) error {
			return l.bridge.Call(t.Context(), frame.ApprovalCancel, frame.ApprovalCancelParams{Approval: id}, &frame.ApprovalCancelResult{})
		},
		"channel closed": func(l *line, _ string) error {
			return l.bridge.Call(t.Context(), frame.ChannelClose, frame.ChannelCloseParams{Channel: l.id}, &frame.ChannelCloseResult{})
		},
		"page closed": func(l *line, _ string) error { return l.bridge.Close() },
	} {
		g := newRig(t)
		l := g.mustOpen(g.mustConnect(), "mem_alice")
		opened, closed := make(chan struct{}, 1), make(chan struct{}, 1)
		g.person.answer(hang(opened, closed))
		approval, record, err := l.prepare("req_0001", statement.Approve)
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			done <- l.bridge.Call(t.Context(), frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: approval, Record: record}, &frame.ApprovalDecideResult{})
		}()
		<-opened
		if err := end(l, approval); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		<-closed
		if err := <-done; name != "page closed" && fault.CodeOf(err) != fault.Cancelled {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestARefusedPairingEndsTheConnection(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	g.person.answer(decline)
	_, err := g.connect(nil)
	wantCode(t, "connect", err, fault.PairingRefused)
	if shown, _ := g.person.questions(); shown[0].No != "The page is not paired." {
		t.Errorf("a no comes to %q", shown[0].No)
	}
	if list, _ := site.OpenPairings(g.cfg.StateDir).List(); len(list) != 0 {
		t.Errorf("stored %v", list)
	}
}

func TestASecondVisitNeedsNoPairing(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	first := g.mustConnect()
	second := g.mustConnect()
	if string(first.RemoteStatic()) != string(second.RemoteStatic()) {
		t.Error("the bridge's key changed")
	}
	if shown, _ := g.person.questions(); len(shown) != 1 {
		t.Errorf("asked %q", shown)
	}
	list, err := site.OpenPairings(g.cfg.StateDir).List()
	if err != nil || len(list) != 1 || list[0].Origin != origin || list[0].ID == "" {
		t.Errorf("pairings %v, %v", list, err)
	}
	info, err := os.Stat(filepath.Join(g.cfg.StateDir, "pairings.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestWhatAPageAsksForIsAUseOfItsPairing(t *testing.T) {
	t.Parallel()
	var clock wallClock
	g := newRig(t, stopped(&clock))
	b := g.mustConnect()
	clock.wrong.Add(int64(5 * time.Minute))
	g.mustOpen(b, "mem_alice")
	list, err := site.OpenPairings(g.cfg.StateDir).List()
	if err != nil || len(list) != 1 || list[0].LastUsed.Sub(list[0].Created) < 5*time.Minute {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestARestartKeepsPairingsAndTheBridgesKey(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	before := g.mustConnect().RemoteStatic()
	g.stop()
	g.drawer.watched = make(chan struct{})
	g.serve(g.drawer)
	if after := g.mustConnect().RemoteStatic(); string(after) != string(before) {
		t.Error("the bridge's key changed")
	}
	if shown, _ := g.person.questions(); len(shown) != 1 {
		t.Errorf("asked %q", shown)
	}
}

func TestARevokedPageMustPairAgain(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	refused := make(chan *fault.Error, 4)
	b, err := g.connect(refusals(refused))
	if err != nil {
		t.Fatal(err)
	}
	l := g.mustOpen(b, "mem_alice")
	asked, closed := make(chan struct{}, 1), make(chan struct{}, 1)
	g.person.answer(hang(asked, closed))
	waiting := make(chan error, 1)
	go func() { _, err := l.decide(t.Context(), "req_0001", statement.Approve); waiting <- err }()
	<-asked
	if gone := command(g, control.RevokePairings, control.WhichParams{Which: origin}).Gone; len(gone) != 1 {
		t.Fatalf("%v", gone)
	}
	<-closed // its prompt ends, its connection after it
	if f := <-refused; f.Code != fault.NotPaired {
		t.Errorf("the open connection was told %v", f)
	}
	if err := <-waiting; err == nil {
		t.Error("it was approved")
	}
	if _, err := g.open(b, "mem_alice"); err == nil {
		t.Error("the open connection opens a channel")
	}
	if all := command(g, control.ListPairings, control.None{}); len(all.Connected) != 0 || len(all.Pairings) != 0 {
		t.Errorf("%+v", all)
	}
	g.person.answer(nil)
	b = g.mustConnect()
	if shown, _ := g.person.questions(); len(shown) != 3 || shown[2].Title != "Pair with "+origin {
		t.Errorf("asked %q", shown)
	}
	g.mustOpen(b, "mem_alice")
	if shown, _ := g.person.questions(); len(shown) != 4 || shown[3].Title != "Use alice" {
		t.Errorf("the token stayed open to the page: %q", shown)
	}
}

func TestAPageMayNotUseATokenThatAnotherPageUnlocked(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	first := g.mustConnect()
	l := g.mustOpen(first, "mem_alice")
	if err := first.Call(t.Context(), frame.ChannelClose, frame.ChannelCloseParams{Channel: l.id}, &frame.ChannelCloseResult{}); err != nil {
		t.Fatal(err)
	}
	other, err := link.NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g.pageKey = other
	b := g.mustConnect()
	g.person.answer(decline)
	_, err = g.open(b, "mem_alice")
	wantCode(t, "open", err, fault.Declined)
	shown, pins := g.person.questions()
	if shown[len(shown)-1].Title != "Use alice" || len(pins) != 1 {
		t.Errorf("asked %q", shown)
	}
}

func TestStatementsThatAreNotAskedForAreRefusedUnseen(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	for field, spoil := range map[string]func(*statement.Approval){
		"entity":   func(a *statement.Approval) { a.Entity = "ent_another" },
		"member":   func(a *statement.Approval) { a.Member = "mem_bob" },
		"request":  func(a *statement.Approval) { a.Request = "req_9999" },
		"decision": func(a *statement.Approval) { a.Decision = statement.Reject },
		"key":      func(a *statement.Approval) { a.Key = g.vault.members["mem_bob"].approval.PublicKey().Thumbprint() },
		"channel":  func(a *statement.Approval) { a.Channel = a.GovernedBy.Digest },
		"intent.crypto.asset": func(a *statement.Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Crypto.Asset = "bitcoin" })
		},
		"intent.crypto.amount": func(a *statement.Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) {
				b.Chain, b.Crypto = "eip155:1", intent.Crypto{Amount: "0.1000001", Asset: "ethereum/erc20/usd__coin"}
			})
		},
		"intent.fiat.currency": func(a *statement.Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Fiat.Currency = "XXX" })
		},
		"intent.address": func(a *statement.Approval) {
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Address = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4" })
		},
		"intent.address ": func(a *statement.Approval) { // its check
			intenttest.Edit(&a.Intent, func(b *intent.Buy) { b.Address = "0x7E5F4552091A69125d5DfCb7b8C2659029395BDf" })
		},
		"exp": func(a *statement.Approval) {
			a.NotBefore, a.IssuedAt, a.Expires = a.NotBefore-3000, a.IssuedAt-3000, a.Expires-3000
		},
	} {
		before, _ := g.person.questions()
		g.vault.serve = spoil
		_, err := l.decide(t.Context(), "req_0001", statement.Approve)
		wantCode(t, field, err, fault.StatementInvalid)
		if f, _ := fault.As(err); f != nil && f.Details["field"] != strings.TrimSpace(field) {
			t.Errorf("%s: details %v", field, f.Details)
		}
		if after, _ := g.person.questions(); len(after) != len(before) {
			t.Errorf("%s: it was shown", field)
		}
	}
}

func TestRecordsServeOnceAndUnchanged(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	l := g.mustOpen(b, "mem_alice")
	decide := func(approval string, record frame.Record) error {
		return b.Call(t.Context(), frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: approval, Record: record}, &frame.ApprovalDecideResult{})
	}
	approval, record, err := l.prepare("req_0001", statement.Approve)
	if err != nil {
		t.Fatal(err)
	}
	flipped := slices.Clone(record)
	flipped[len(flipped)-1] ^= 1
	wantCode(t, "a flipped bit", decide(approval, flipped), fault.RecordInvalid)
	wantCode(t, "an approval that failed", decide(approval, record), fault.NotFound)

	approval, record, err = l.prepare("req_0001", statement.Approve)
	if err != nil {
		t.Fatal(err)
	}
	if err := decide(approval, record); err != nil {
		t.Fatal(err)
	}
	wantCode(t, "the same approval again", decide(approval, record), fault.Conflict)
	approval, _, err = l.prepare("req_0001", statement.Approve)
	if err != nil {
		t.Fatal(err)
	}
	wantCode(t, "a replayed statement", decide(approval, record), fault.RecordReplayed)

	approval, _, err = l.prepare("req_0002", statement.Approve)
	if err != nil {
		t.Fatal(err)
	}
	refusal := l.seal(channel.NewError(fault.New(fault.RequestClosed, "it is over")))
	wantCode(t, "the signer's refusal", decide(approval, refusal), fault.RequestClosed)
	approval, _, err = l.prepare("req_0002", statement.Approve)
	if err != nil {
		t.Fatal(err)
	}
	other := l.seal(&channel.StatementGet{Request: "req_0002", Decision: statement.Approve})
	wantCode(t, "another message", decide(approval, other), fault.RecordInvalid)
}

func TestCallsOutOfOrderAreRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	b := g.mustConnect()
	call := func(method string, params any) error {
		var result struct{}
		return b.Call(t.Context(), method, params, &result)
	}
	var opened frame.ChannelOpenResult
	if err := b.Call(t.Context(), frame.ChannelOpen, frame.ChannelOpenParams{Entity: entity, Member: "mem_alice"}, &opened); err != nil {
		t.Fatal(err)
	}
	record := frame.Record{1}
	wantCode(t, "an unknown method", call("bridge.sign", frame.BridgeInfoParams{}), fault.Method)
	wantCode(t, "an unknown member", call(frame.ChannelOpen, frame.ChannelOpenParams{Entity: entity, Member: "mem_mallory"}), fault.NotFound)
	wantCode(t, "an unknown channel", call(frame.ChannelAccept, frame.ChannelAcceptParams{Channel: "chn_none", Record: record}), fault.ChannelClosed)
	wantCode(t, "a welcome before act 2", call(frame.ChannelReady, frame.ChannelReadyParams{Channel: opened.Channel, Record: record}), fault.Conflict)
	wantCode(t, "an approval before the channel", call(frame.ApprovalPrepare, frame.ApprovalPrepareParams{Channel: opened.Channel, Request: "req_0001", Decision: "APPROVE"}), fault.Conflict)
	wantCode(t, "a bad decision", call(frame.ApprovalPrepare, frame.ApprovalPrepareParams{Channel: opened.Channel, Request: "req_0001", Decision: "MAYBE"}), fault.Invalid)
	wantCode(t, "an unknown approval", call(frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: "apv_none", Record: record}), fault.NotFound)
	wantCode(t, "a receipt for nothing", call(frame.ApprovalFinish, frame.ApprovalFinishParams{Approval: "apv_none", Record: record}), fault.NotFound)
	wantCode(t, "a bad act 2", call(frame.ChannelAccept, frame.ChannelAcceptParams{Channel: opened.Channel, Record: record}), fault.RecordInvalid)
	wantCode(t, "an unknown field", call(frame.BridgeInfo, map[string]int{"x": 1}), fault.Invalid)
}

func TestAClosedJournalMeansNoSignature(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	if err := g.book.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := l.decide(t.Context(), "req_0001", statement.Approve)
	wantCode(t, "decide", err, fault.JournalDown)
}

func TestManyApprovalsAtOnce(t *testing.T) {
	t.Parallel()
	g := newRig(t)
	l := g.mustOpen(g.mustConnect(), "mem_alice")
	done := make(chan error)
	for range 16 {
		go func() {
			_, err := l.decide(t.Context(), "req_0001", statement.Approve)
			done <- err
		}()
	}
	for range 16 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
