package signer

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// newSegmentedRig is a rig under a rule with an initiator and a velocity, whose log has
// segments of eight entries and a checkpoint: with closed requests in each, free
// addresses, and open requests at each stage. The newest checkpoint is entry 26.
func newSegmentedRig(t testing.TB) *rig {
	t.Helper()
	rules := fourEyes()
	rules.Rules[0].When = []governance.Condition{{Velocity: &governance.Velocity{Currency: "EUR", Seconds: 86400, Max: "100000"}}}
	rules.Rules[0].Steps[0].Quorum = 2
	g := newRig(t, rules)
	g.segment = 8
	g.restart()
	alice, bob, carol := mustConnect(t, g, "mem_alice"), mustConnect(t, g, "mem_bob"), mustConnect(t, g, "mem_carol")
	decide := func(l *membertest.Line, id, decision string) {
		if _, _, ferr := l.Decide(id, decision); ferr != nil {
			t.Fatal(ferr)
		}
	}
	for i := range 6 {
		id := newRequestID(t)
		g.request(id)
		decide(alice, id, statement.Initiate)
		switch i % 3 {
		case 0:
			decide(bob, id, statement.Approve)
			decide(carol, id, statement.Approve)
		case 1:
			decide(bob, id, statement.Approve)
			decide(carol, id, statement.Reject)
		case 2:
			decide(bob, id, statement.Approve) // and waits for Carol
		}
		g.clock.add(time.Minute)
	}
	g.request(newRequestID(t)) // waits for its initiator
	if g.service.from != 27 || g.service.log.Mark().Size != 31 {
		t.Fatalf("the log has %d entries, the last segment begins with %d", g.service.log.Mark().Size, g.service.from)
	}
	return g
}

func (g *rig) stop() {
	g.t.Helper()
	if err := g.file.Close(); err != nil {
		g.t.Fatal(err)
	}
	g.said.Reset()
}

// edit changes a file in the state directory.
func (g *rig) edit(name string, change func([]byte) []byte) {
	g.t.Helper()
	path := filepath.Join(g.dir, name)
	data, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(data), 0o600)
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) remove(name string) {
	g.t.Helper()
	if err := os.Remove(filepath.Join(g.dir, name)); err != nil {
		g.t.Fatal(err)
	}
}

// files are those of the log, by name, without the lock.
func (g *rig) files() map[string]string {
	g.t.Helper()
	found := map[string]string{}
	for _, name := range []string{"log.lines", "log-000000000000-000000000009.names", "log.checkpoint"} {
		data, err := os.ReadFile(filepath.Join(g.dir, name))
		if err != nil {
			g.t.Fatal(err)
		}
		found[name] = string(data)
	}
	return found
}

func flip(at int) func([]byte) []byte {
	return func(b []byte) []byte {
		if at < 0 {
			at += len(b)
		}
		b[at] ^= 1
		return b
	}
}

func TestAStartFromACheckpointBringsBackTheSameState(t *testing.T) {
	t.Parallel()
	g := newSegmentedRig(t)
	open, closed := g.service.state.Open(), 0
	for range 2 { // from the checkpoint, and from the genesis
		was, at := g.service.state, g.service.at
		g.stop()
		g.start()
		want, err := was.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := g.service.state.Snapshot(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%v: the state is\n%s\nand was\n%s", err, got, want)
		}
		if !reflect.DeepEqual(g.service.state.Open(), open) || len(open) != 3 || !g.service.at.Equal(at) {
			t.Errorf("%d requests are open, %d were", len(g.service.state.Open()), len(open))
		}
		if g.said.Len() > 0 {
			t.Errorf("the start said %s", &g.said)
		}
		g.remove("log.checkpoint")
	}
	for seq, line := range g.lines() {
		e, err := signedlog.Read(line, g.service.key.PublicKey())
		if err != nil || e.Seq != int64(seq) {
			t.Fatalf("entry %d: %v", seq, err)
		}
		if e.Type != signedlog.Request {
			continue
		}
		for id := range idsIn(string(e.Body)) {
			if r := g.look(id); r.State == "APPROVED" || r.State == "REJECTED" {
				closed++
			}
		}
	}
	if closed != 4 {
		t.Errorf("%d closed requests were found in the log", closed)
	}
}

// idsIn are the ids of requests in a text.
func idsIn(text string) map[string]bool {
	found := map[string]bool{}
	for _, part := range strings.Split(text, `"`) {
		if strings.HasPrefix(part, "req_") {
			found[part] = true
		}
	}
	return found
}

// TestAStartReadsNothingBeforeTheCheckpoint: what was changed there is found by who reads
// it, and by a verification.
func TestAStartReadsNothingBeforeTheCheckpoint(t *testing.T) {
	t.Parallel()
	g := newSegmentedRig(t)
	var closed string
	for id := range idsIn(g.lines()[1] + payloads(t, g.lines()[1])) {
		closed = id
	}
	g.stop()
	g.edit(logfile.Name(0), flip(bytesBefore(t, g, 1)+300))
	g.start()
	if g.said.Len() > 0 {
		t.Errorf("the start said %s", &g.said)
	}
	if _, err := g.service.Get(t.Context(), closed); fault.CodeOf(err) != fault.LogCorrupt {
		t.Errorf("a request whose entry was changed: %v", err)
	}
	err := VerifyLog(t.Context(), Config{StateDir: g.dir}, g.signerFile(t), Stdio{Out: io.Discard, Err: io.Discard})
	if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != "1" {
		t.Errorf("a verification: %v", err)
	}
	g.stop()
	g.remove("log.checkpoint")
	err = g.tryStart()
	if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != "1" {
		t.Errorf("a start without the checkpoint: %v", err)
	}
}

// bytesBefore is where the line of an entry of the first segment begins.
func bytesBefore(t *testing.T, g *rig, seq int) int {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(g.dir, logfile.Name(0)))
	if err != nil {
		t.Fatal(err)
	}
	return len(strings.Join(strings.SplitAfter(string(data), "\n")[:seq], ""))
}

func payloads(t *testing.T, line string) string {
	t.Helper()
	parts := strings.Split(line, ".")
	return string(unb64(t, parts[1]))
}

func TestACheckpointThatDoesNotFitIsNamedAndTheWholeLogDecides(t *testing.T) {
	t.Parallel()
	const names = "log-000000000000-000000000009.names"
	other := newSegmentedRig(t).files()
	for name, c := range map[string]struct {
		change  func(*rig)
		because string
	}{
		"a changed byte in its entry": {func(g *rig) { g.edit("log.checkpoint", flip(200)) }, "its entry was changed"},
		"a changed byte in its state": {func(g *rig) { g.edit("log.checkpoint", flip(-100)) }, "its state is not the one that the entry says"},
		"one that was cut off":        {func(g *rig) { g.edit("log.checkpoint", func(b []byte) []byte { return b[:40] }) }, "it cannot be read"},
		"one of another log":          {func(g *rig) { g.edit("log.checkpoint", func([]byte) []byte { return []byte(other["log.checkpoint"]) }) }, "is of another log"},
		"another entry of the log": {func(g *rig) {
			g.edit("log.checkpoint", func(b []byte) []byte {
				_, state, _ := bytes.Cut(b, []byte("\n"))
				return append([]byte(firstLine(g)), state...)
			})
		}, "its entry is another one"},
		"an index with a changed line":     {func(g *rig) { g.edit("log.lines", flip(5)) }, "it was changed"},
		"an index whose lines are cut off": {func(g *rig) { g.edit("log.lines", func(b []byte) []byte { return b[:len(b)-1] }) }, "where its lines begin cannot be read"},
		"an index that begins elsewhere":   {func(g *rig) { g.edit("log.lines", flip(0)) }, "its first segment is missing"},
		"an index whose lines are gone":    {func(g *rig) { g.remove("log.lines") }, "where its lines begin cannot be read"},
		"an index with a changed name":     {func(g *rig) { g.edit(names, flip(40)) }, "it was changed"},
		"an index with another form":       {func(g *rig) { g.edit(names, flip(0)) }, "has not its form"},
		"an index of other entries":        {func(g *rig) { g.edit(names, flip(11)) }, "is of other entries, or cut off"},
		"an index whose names are cut off": {func(g *rig) { g.edit(names, func(b []byte) []byte { return b[:len(b)-1] }) }, "is of other entries, or cut off"},
		"an index whose names are gone":    {func(g *rig) { g.remove(names) }, "no such file"},
		"an index of another log":          {func(g *rig) { g.edit(names, func([]byte) []byte { return []byte(other[names]) }) }, "the index of the log does not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newSegmentedRig(t)
			was, status := g.files(), g.service.Status()
			g.stop()
			c.change(g)
			g.start()
			if said := g.said.String(); !strings.Contains(said, "verified from its genesis") || !strings.Contains(said, c.because) {
				t.Errorf("the start said %q, and not %q", said, c.because)
			}
			if !reflect.DeepEqual(g.service.Status(), status) {
				t.Errorf("%+v, and it was %+v", g.service.Status(), status)
			}
			if !reflect.DeepEqual(g.files(), was) {
				t.Error("the index or the checkpoint is another one than before")
			}
			g.stop()
			if g.start(); g.said.Len() > 0 {
				t.Errorf("the next start said %q", &g.said)
			}
		})
	}
}

func firstLine(g *rig) string {
	data, err := os.ReadFile(filepath.Join(g.dir, logfile.Name(0)))
	if err != nil {
		g.t.Fatal(err)
	}
	return strings.SplitAfter(string(data), "\n")[0]
}

// TestAnOlderCheckpointIsGoodToo: a crash may come between the entry of a checkpoint and
// its file, and a backup may bring an older file back.
func TestAnOlderCheckpointIsGoodToo(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.segment = 8
	g.restart()
	var older []byte
	for range 4 {
		id := newRequestID(t)
		g.request(id)
		approveRequest(t, g, id)
		data, err := os.ReadFile(filepath.Join(g.dir, "log.checkpoint"))
		if older == nil && err == nil {
			older = data
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	was, status := g.files(), g.service.Status()
	if was["log.checkpoint"] == string(older) {
		t.Fatal("there is one checkpoint only")
	}
	g.stop()
	g.edit("log.checkpoint", func([]byte) []byte { return older })
	g.start()
	if g.said.Len() > 0 || !reflect.DeepEqual(g.service.Status(), status) || !reflect.DeepEqual(g.files(), was) {
		t.Errorf("%+v, and it was %+v; it said %s", g.service.Status(), status, &g.said)
	}
}

func TestAMissingSegmentIsNamedAndTheSignerDoesNotStart(t *testing.T) {
	t.Parallel()
	cut := func(name string) func(*rig) {
		return func(g *rig) { g.edit(name, func(b []byte) []byte { return b[:len(b)/2] }) }
	}
	gone := func(name string) func(*rig) { return func(g *rig) { g.remove(name) } }
	for name, c := range map[string]struct {
		change      func(*rig)
		entry, part string // with the checkpoint
		without     string // entry, without
	}{
		"the first":           {gone(logfile.Name(0)), "0", "segment", "0"},
		"one between":         {gone(logfile.Name(9)), "9", "segment", "9"},
		"one that is cut off": {cut(logfile.Name(9)), "9", "segment", ""},
		"the last":            {gone(logfile.Name(27)), "27", "", "27"},
		"the last, cut off":   {cut(logfile.Name(27)), "", "", ""},
		"one with another name": {func(g *rig) {
			if err := os.Rename(filepath.Join(g.dir, logfile.Name(9)), filepath.Join(g.dir, logfile.Name(10))); err != nil {
				g.t.Fatal(err)
			}
		}, "9", "segment", "9"},
	} {
		for _, with := range []bool{true, false} {
			g := newSegmentedRig(t)
			g.stop()
			c.change(g)
			entry := c.entry
			if !with {
				g.remove("log.checkpoint")
				entry = c.without
			}
			err := g.tryStart()
			f, ok := fault.As(err)
			if !ok || f.Code != fault.LogCorrupt || entry != "" && f.Details["entry"] != entry || with && f.Details["part"] != c.part {
				t.Errorf("%s, with the checkpoint %v: %v", name, with, err)
			}
		}
	}
}

// TestASignerWhoseKeyFailsAtACheckpointGoesOn: what could not be signed left nothing
// behind, also not in the index.
func TestASignerWhoseKeyFailsAtACheckpointGoesOn(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.segment = 3
	g.restart()
	failing := &failingKey{Key: g.service.key}
	g.vault.Keys[labelStatement] = &membertest.Key{Key: failing}
	g.restart()
	g.request(newRequestID(t))
	g.request(newRequestID(t))
	failing.fails = true
	id := newRequestID(t)
	if code := g.call("POST", "/v1/requests", g.input(id), nil); code == "" {
		t.Fatal("a request was made although nothing can be signed")
	}
	failing.fails = false
	g.request(id)
	if g.service.from != 4 {
		t.Errorf("the last segment begins with entry %d", g.service.from)
	}
	status := g.service.Status()
	g.stop()
	if g.start(); g.said.Len() > 0 || !reflect.DeepEqual(g.service.Status(), status) {
		t.Errorf("%+v, and it was %+v; it said %s", g.service.Status(), status, &g.said)
	}
}

// failingKey is a key that signs nothing for a while.
type failingKey struct {
	keys.Key
	fails bool
}

func (k *failingKey) SignDigest(ctx context.Context, digest []byte) ([]byte, error) {
	if k.fails {
		return nil, errors.New("the token was pulled")
	}
	return k.Key.SignDigest(ctx, digest)
}

// TestAnApprovalIsAcknowledgedOnlyWhenItIsDurableAndTheWatermarkSaysSo holds the vault
// back at its watermark: the line is in the file then, and nobody knows of it yet.
func TestAnApprovalIsAcknowledgedOnlyWhenItIsDurableAndTheWatermarkSaysSo(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	alice := mustConnect(t, g, "mem_alice")
	data, ferr := alice.Statement(testReq, statement.Approve)
	if ferr != nil {
		t.Fatal(ferr)
	}
	token := alice.Sign(data)
	marking, on := make(chan int), make(chan struct{})
	g.vault.Before = func() {
		text, err := os.ReadFile(filepath.Join(g.dir, logfile.Name(0)))
		if err != nil {
			t.Error(err)
		}
		marking <- strings.Count(string(text), "\n")
		<-on
	}
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if _, ferr := alice.Submit(token); ferr != nil {
			t.Error(ferr)
		}
	}()
	if lines := <-marking; lines != 3 {
		t.Errorf("the file has %d lines when the watermark is set", lines)
	}
	select {
	case <-answered:
		t.Error("the approval was acknowledged before the watermark was set")
	default:
	}
	if page, err := g.service.LogPage(-1, 100); err != nil || len(page.Entries) != 2 || page.Size != 2 || g.service.Status().Log.Size != 2 {
		t.Errorf("a reader is told of %d entries of %d, %v", len(page.Entries), page.Size, err)
	}
	g.vault.Before = nil
	close(on)
	<-answered
	if m, err := (watermark{g.vault}).Get(t.Context()); err != nil || m.Size != 3 || g.service.Status().Log.Size != 3 {
		t.Errorf("the watermark is %+v, %v", m, err)
	}
}

// TestApprovalsThatArriveTogetherShareOneWatermark: while one waits for the vault, the
// others gather, and then go together.
func TestApprovalsThatArriveTogetherShareOneWatermark(t *testing.T) {
	t.Parallel()
	const n = 8
	g := newRig(t, twoOfThree())
	type ready struct {
		l     *membertest.Line
		token string
	}
	var all []ready
	for range n {
		id := newRequestID(t)
		g.request(id)
		l := mustConnect(t, g, "mem_alice")
		data, ferr := l.Statement(id, statement.Approve)
		if ferr != nil {
			t.Fatal(ferr)
		}
		all = append(all, ready{l, l.Sign(data)})
	}
	marks := 0
	first, on := make(chan struct{}), make(chan struct{})
	g.vault.Before = func() { // one at a time
		if marks++; marks == 1 {
			close(first)
			<-on
		}
	}
	answered := make(chan *fault.Error, n)
	submit := func(r ready) {
		_, ferr := r.l.Submit(r.token)
		answered <- ferr
	}
	go submit(all[0])
	<-first
	for _, r := range all[1:] {
		go submit(r)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for g.service.log.Tip().Size < 1+2*n { // all are signed, and wait
		<-tick.C
	}
	close(on)
	for range n {
		if ferr := <-answered; ferr != nil {
			t.Error(ferr)
		}
	}
	if marks != 2 {
		t.Errorf("%d approvals took %d watermarks", n, marks)
	}
	g.vault.Before = nil
	g.restart()
	if size := g.service.Status().Log.Size; size != 1+2*n {
		t.Errorf("the log has %s entries", strconv.FormatInt(size, 10))
	}
}

func TestALogOfAnEarlierVersionIsRefusedWithItsName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "log.jws"), []byte("eyJ\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := logfile.Open(dir); fault.CodeOf(err) != fault.Version {
		t.Errorf("the signer: %v", err)
	}
	if _, err := logfile.Segments(dir); fault.CodeOf(err) != fault.Version {
		t.Errorf("a verification: %v", err)
	}
}
