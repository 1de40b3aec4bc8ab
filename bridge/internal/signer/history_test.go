package signer

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/logfile"
	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
	"countersign/shared/vault"
)

// history is what is behind a rig's newest checkpoint: full segments with closed requests
// of four entries each, of which some still count in the window of a velocity. It is
// longer than a test can sign. The files of its segments are as long as they would be,
// and empty: a start verifies no line of them, and finds what it needs in the index and
// the state, which are real and vouched for by a real checkpoint entry.
type history struct {
	segments int
	counting int // of the approved requests, one each minute
}

const (
	perRequest = 4    // entries: request, two approvals, outcome
	lineSize   = 2000 // bytes
)

func (h history) entries() int64 { return int64(h.segments) * (DefaultSegment + 1) }

// window is of the velocity rule of a rig with a history.
const window = 90 * 24 * time.Hour

// newAgedRig is a rig with a history, whose rule has a velocity.
func newAgedRig(t testing.TB, h history) *rig {
	t.Helper()
	rules := twoOfThree()
	rules.Rules[0].When = []governance.Condition{{Velocity: &governance.Velocity{Currency: "EUR", Seconds: int64(window / time.Second), Max: "1000000000000"}}}
	g := newRig(t, rules)
	genesis := g.lines()[0]
	state, err := g.service.state.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	g.stop()
	dir, err := logfile.Open(g.dir)
	if err != nil {
		t.Fatal(err)
	}
	for segment := range h.segments {
		first := int64(segment) * (DefaultSegment + 1)
		bytes := h.index(dir.Index, first, genesis)
		line := strings.Repeat(" ", lineSize)
		if segment == h.segments-1 {
			state, before := h.state(g, string(state))
			line = g.vouch(dir, state, before)
		}
		if err := dir.Index.Seal(); err != nil {
			t.Fatal(err)
		}
		if err := fill(filepath.Join(g.dir, logfile.Name(first)), genesis, bytes+int64(len(line)+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := dir.Close(); err != nil {
		t.Fatal(err)
	}
	g.start()
	if g.said.Len() > 0 || g.service.from != h.entries() {
		t.Fatalf("a log of %d entries: %s", h.entries(), &g.said)
	}
	return g
}

// index writes the index of a segment up to its checkpoint, and returns how long its file
// is until there.
func (h history) index(x *logfile.Index, first int64, genesis string) (bytes int64) {
	for seq := first; seq < first+DefaultSegment; seq++ {
		size := lineSize
		if seq == 0 {
			size = len(genesis) + 1
		} else {
			id := fmt.Sprintf("req_%026d", seq/perRequest)
			x.Note(id, seq)
			if seq%perRequest == 0 {
				x.Note("0x"+id, seq)
			}
		}
		x.Line(size)
		bytes += int64(size)
	}
	return bytes
}

// fill makes a file of a size. One that is new begins with nothing, the first of a log
// with its genesis.
func fill(path, genesis string, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if filepath.Base(path) == logfile.Name(0) {
		if _, err := f.WriteAt([]byte(genesis+"\n"), 0); err != nil {
			return err
		}
	}
	return f.Truncate(size)
}

// state is the snapshot after the history, made of the one before it, and the mark that it
// has.
func (h history) state(g *rig, before string) ([]byte, signedlog.Mark) {
	g.t.Helper()
	swap := func(old, new string) {
		if strings.Count(before, old) != 1 {
			g.t.Fatalf("the snapshot has not one %s: %s", old, before)
		}
		before = strings.Replace(before, old, new, 1)
	}
	json := func(v any) string {
		data, err := strictjson.Canonical(v)
		if err != nil {
			g.t.Fatal(err)
		}
		return string(data)
	}
	head := make([]byte, 32)
	if _, err := rand.Read(head); err != nil {
		g.t.Fatal(err)
	}
	now := g.clock.now().Unix()
	mark := signedlog.Mark{Size: h.entries() - 1, Head: base64.RawURLEncoding.EncodeToString(head)}
	swap(`"mark":`+json(g.service.state.Mark()), `"mark":`+json(mark))
	swap(`"next":0`, fmt.Sprintf(`"next":%d`, h.entries()/perRequest))
	var kept []string
	for i := range h.counting {
		until := now + int64(window/time.Second) - int64(60*(h.counting-i))
		kept = append(kept, fmt.Sprintf(`{"until":%d,"sum":"%d.00"}`, until, 250*(i+1)))
	}
	swap(`"kept":[]`, `"kept":[`+strings.Join(kept, ",")+`]`)
	return []byte(before), mark
}

// vouch signs a checkpoint entry over a state and the index, keeps it, and sets the
// watermark.
func (g *rig) vouch(dir *logfile.Dir, state []byte, before signedlog.Mark) string {
	g.t.Helper()
	digest, err := dir.Index.Digest()
	if err != nil {
		g.t.Fatal(err)
	}
	body, err := strictjson.Canonical(signedlog.CheckpointBody{
		State: vault.Digest(state), Index: digest, Edge: slices.Repeat([]string{before.Head}, bits.OnesCount64(uint64(before.Size))),
	})
	if err != nil {
		g.t.Fatal(err)
	}
	payload, err := signedlog.Encode(signedlog.Entry{Seq: before.Size, Prev: before.Head, At: g.clock.now().Unix(), Type: signedlog.Checkpoint, Body: body})
	if err != nil {
		g.t.Fatal(err)
	}
	line, err := jws.Sign(g.t.Context(), g.service.key, statement.TypEntry, payload)
	if err != nil {
		g.t.Fatal(err)
	}
	if err := dir.SaveCheckpoint(line, state); err != nil {
		g.t.Fatal(err)
	}
	if err := (watermark{g.on}).Set(g.t.Context(), signedlog.Mark{Size: before.Size + 1, Head: signedlog.Hash([]byte(line))}); err != nil {
		g.t.Fatal(err)
	}
	return line
}

// live appends n real entries: requests that two members approve.
func (g *rig) live(n int) {
	g.t.Helper()
	alice, carol := mustConnect(g.t, g, "mem_alice"), mustConnect(g.t, g, "mem_carol")
	for end := g.service.log.Mark().Size + int64(n); g.service.log.Mark().Size < end; {
		r := g.request(newRequestID(g.t))
		for _, l := range []*membertest.Line{alice, carol} {
			if g.service.log.Mark().Size == end {
				return
			}
			if _, _, ferr := l.Decide(r.Request, statement.Approve); ferr != nil {
				g.t.Fatal(ferr)
			}
		}
	}
}

// TestALongHistoryIsOneThatASignerHas holds what the benchmarks generate against what a
// signer does with it.
func TestALongHistoryIsOneThatASignerHas(t *testing.T) {
	t.Parallel()
	h := history{segments: 2, counting: 5}
	g := newAgedRig(t, h)
	if size := g.service.Status().Log.Size; size != h.entries() {
		t.Errorf("the log has %d entries, want %d", size, h.entries())
	}
	input := g.input(fmt.Sprintf("req_%026d", 2000))
	if code := g.call("POST", "/v1/requests", input, nil); code != fault.LogCorrupt {
		t.Errorf("a request whose entries are there, and empty: %s", code)
	}
	g.live(10)
	status := g.service.Status()
	g.stop()
	g.start()
	if g.said.Len() > 0 || g.service.Status().Log != status.Log {
		t.Errorf("after a restart: %+v, %s", g.service.Status(), &g.said)
	}
}
