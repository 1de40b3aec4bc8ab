package signer

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
)

// moment is what is on the disk and in the vault at a moment, and what was acknowledged
// until then.
type moment struct {
	files        map[string][]byte
	keys         map[string]*membertest.Key
	data         map[string][]byte
	acknowledged []string
}

// film keeps the moments before and after each watermark of a vault.
type film struct {
	g            *rig
	mu           sync.Mutex
	moments      []moment
	acknowledged []string
}

// roll begins a film, which cut ends.
func (g *rig) roll() *film {
	f := &film{g: g}
	g.vault.Before, g.vault.After = f.look, f.look
	return f
}

func (f *film) cut() { f.g.vault.Before, f.g.vault.After = nil, nil }

// acknowledge notes what the signer has answered.
func (f *film) acknowledge(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.acknowledged = append(f.acknowledged, what)
}

func (f *film) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	m := moment{files: map[string][]byte{}, acknowledged: slices.Clone(f.acknowledged)}
	f.g.vault.Lock()
	m.keys, m.data = maps.Clone(f.g.vault.Keys), maps.Clone(f.g.vault.Data)
	f.g.vault.Unlock()
	entries, err := os.ReadDir(f.g.dir)
	if err != nil {
		f.g.t.Error(err)
	}
	for _, e := range entries {
		if m.files[e.Name()], err = os.ReadFile(filepath.Join(f.g.dir, e.Name())); err != nil && !os.IsNotExist(err) {
			f.g.t.Error(err)
		}
	}
	f.moments = append(f.moments, m)
}

// TestAPowerCutAtAnyMomentLosesNothingThatWasAcknowledged looks at the disk and the vault
// before and after each watermark while members approve at once, in segments of three
// entries, and starts a signer from each: also with what was written behind the watermark
// torn at any byte.
func TestAPowerCutAtAnyMomentLosesNothingThatWasAcknowledged(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.segment = 3
	g.restart()
	f := g.roll()
	var all sync.WaitGroup
	for _, who := range voters {
		l := mustConnect(t, g, who)
		all.Go(func() {
			for range 4 {
				id := newRequestID(t)
				if code := g.call("POST", "/v1/requests", g.input(id), nil); code != "" {
					t.Error(code)
				}
				if _, _, ferr := l.Decide(id, statement.Approve); ferr != nil {
					t.Error(ferr)
				}
				f.acknowledge(id)
			}
		})
	}
	all.Wait()
	f.cut()
	g.stop()
	if len(f.moments) < 10 || len(f.acknowledged) != 12 {
		t.Fatalf("%d moments, %d acknowledged", len(f.moments), len(f.acknowledged))
	}
	for i, m := range f.moments {
		for _, torn := range []int{0, 1, 700} {
			startsFrom(t, g, m, i, torn)
		}
	}
}

// startsFrom starts a signer from what was left at a moment, without the last bytes of
// what was written behind the watermark.
func startsFrom(t *testing.T, g *rig, m moment, i, torn int) {
	t.Helper()
	again := startedFrom(t, g, m, i, torn)
	if again == nil {
		return
	}
	for _, id := range m.acknowledged {
		if r := again.look(id); len(r.Approvals) != 1 {
			t.Errorf("moment %d, %d bytes torn: %s was acknowledged and has %d approvals", i, torn, id, len(r.Approvals))
		}
	}
	again.request(newRequestID(t))
	again.restart()
	if err := again.file.Close(); err != nil {
		t.Error(err)
	}
}

// startedFrom is a signer that was started from a moment; nil: it was not, which is an
// error of the test.
func startedFrom(t *testing.T, g *rig, m moment, i, torn int) *rig {
	t.Helper()
	again, mark := leftAt(t, g, m, torn)
	if err := again.tryStart(); err != nil {
		t.Errorf("moment %d, %d bytes torn: %v", i, torn, err)
		return nil
	}
	if got := again.service.log.Mark(); got.Size < mark.Size {
		t.Errorf("moment %d: the log has %d entries of %d", i, got.Size, mark.Size)
	}
	return again
}

// leftAt is what is left at a moment with so many bytes torn, and the watermark.
func leftAt(t *testing.T, g *rig, m moment, torn int) (*rig, signedlog.Mark) {
	t.Helper()
	dir := t.TempDir()
	v := &membertest.Vault{Keys: maps.Clone(m.keys), Data: maps.Clone(m.data)}
	mark, err := watermark{v}.Get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lines := int64(0)
	for _, name := range slices.Sorted(maps.Keys(m.files)) {
		data := m.files[name]
		if strings.HasSuffix(name, ".jws") {
			lines += int64(bytes.Count(data, []byte("\n")))
			if beyond := lines - mark.Size; beyond > 0 && torn > 0 { // it is the last segment
				data = data[:len(data)-min(torn, len(data)-offsetOf(data, beyond))]
			}
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &rig{t: t, on: v, vault: v, dir: dir, clock: g.clock, people: g.people, enrol: g.enrol, limits: g.limits, segment: g.segment}, mark
}

// offsetOf is where the last n lines of a segment begin.
func offsetOf(data []byte, n int64) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	lines = lines[:len(lines)-1]
	return len(bytes.Join(lines[:len(lines)-int(n)], nil))
}
