package signedlog

import (
	"context"
	"errors"
	"sync"
	"testing"

	"countersign/shared/fault"
)

// segmented is a log of two full segments, of three entries each, and one entry more.
func segmented(t testing.TB) *memory {
	t.Helper()
	m := &memory{}
	l, err := Open(t.Context(), config(m), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []string{Genesis, Request, Checkpoint, Request, Outcome, Checkpoint, Request} {
		if err := write(t.Context(), l, typ, struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.later) != 2 || len(m.later[3]) == 0 || len(m.later[6]) == 0 {
		t.Fatalf("%d segments", 1+len(m.later))
	}
	return m
}

func lastLine(data []byte) string {
	i := len(data) - 1
	for i > 0 && data[i-1] != '\n' {
		i--
	}
	return string(data[i : len(data)-1])
}

func TestALogIsReadFromItsGenesisOrFromACheckpoint(t *testing.T) {
	t.Parallel()
	m := segmented(t)
	for from, want := range map[string]int64{"": 7, lastLine(m.data): 4, lastLine(m.later[3]): 1} {
		var seen []int64
		cfg := config(m)
		cfg.From = from
		l, err := Open(t.Context(), cfg, func(e Entry, _, _ string) error { seen = append(seen, e.Seq); return nil })
		if err != nil || l.Mark() != m.mark || int64(len(seen)) != want || seen[len(seen)-1] != 6 {
			t.Errorf("saw %v: %v", seen, err)
		}
	}
	cfg := config(m)
	cfg.From = lastLine(m.later[3])
	l, err := Open(t.Context(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(write(t.Context(), l, Checkpoint, struct{}{}), write(t.Context(), l, Request, struct{}{})); err != nil {
		t.Fatal(err)
	}
	if l, err = Open(t.Context(), config(m), nil); err != nil || l.Mark().Size != 9 {
		t.Errorf("afterwards: %v", err)
	}
}

func TestSegmentsThatDoNotFollowAreRefused(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change      func(*memory)
		entry, part string
	}{
		"the first is missing": {func(m *memory) { m.data = nil }, "0", "segment"},
		"one is missing":       {func(m *memory) { delete(m.later, 3) }, "3", "segment"},
		"the last is missing":  {func(m *memory) { delete(m.later, 6) }, "6", ""},
		"one is cut off":       {func(m *memory) { m.later[3] = m.later[3][:len(m.later[3])-2] }, "5", ""},
		"one lost its end":     {func(m *memory) { m.later[3] = m.later[3][:len(m.later[3])-1-len(lastLine(m.later[3]))] }, "5", "segment"},
		"two are one file":     {func(m *memory) { m.data = append(m.data, m.later[3]...); delete(m.later, 3) }, "3", ""},
		"one is two files": {func(m *memory) {
			n := len(m.later[3]) - 1 - len(lastLine(m.later[3]))
			m.later[5] = m.later[3][n:]
			m.later[3] = m.later[3][:n]
		}, "5", ""},
	} {
		m := segmented(t)
		row.change(m)
		_, err := Open(t.Context(), config(m), nil)
		if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != row.entry || f.Details["part"] != row.part {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACheckpointThatIsNotOfTheLogIsRefused(t *testing.T) {
	t.Parallel()
	m := segmented(t)
	other := config(&memory{})
	other.Signer = newKey(2)
	l, err := Open(t.Context(), other, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, foreign, err := l.Append(t.Context(), Genesis, struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	fork := config(&memory{})
	fork.Now = config(&memory{}).Now
	if l, err = Open(t.Context(), fork, nil); err != nil {
		t.Fatal(err)
	}
	forked := ""
	for _, typ := range []string{Genesis, Outcome, Checkpoint} { // by the same key, and not what was written
		var body any = struct{}{}
		if typ == Checkpoint {
			body = CheckpointBody{State: none, Index: none, Edge: l.Tree().Edge()}
		}
		if _, forked, err = l.Append(t.Context(), typ, body); err != nil {
			t.Fatal(err)
		}
	}
	for name, row := range map[string]struct{ from, part string }{
		"of another key": {foreign, "checkpoint"}, "changed": {lastLine(m.data)[:300] + "A" + lastLine(m.data)[301:], "checkpoint"}, "of another log": {forked, ""},
	} {
		cfg := config(m)
		cfg.From = row.from
		_, err := Open(t.Context(), cfg, nil)
		if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["part"] != row.part {
			t.Errorf("%s: %v", name, err)
		}
	}
	cfg := config(m)
	cfg.From = lastLine(m.later[3])
	m.mark = Mark{4, "x"}
	if _, err := Open(t.Context(), cfg, nil); fault.CodeOf(err) != fault.LogCorrupt {
		t.Errorf("beyond the watermark: %v", err)
	}
}

// TestEntriesThatComeTogetherShareOneWrite: while one batch is written, the next ones
// gather, and none counts before it is durable and the watermark says so.
func TestEntriesThatComeTogetherShareOneWrite(t *testing.T) {
	t.Parallel()
	m, _ := filled(t, 1)
	l, err := Open(t.Context(), config(m), nil)
	if err != nil {
		t.Fatal(err)
	}
	m.syncs = 0
	writing, go1 := make(chan struct{}), make(chan struct{})
	m.before = func() { writing <- struct{}{}; <-go1 }
	var all sync.WaitGroup
	commit := func() {
		e, _, err := l.Append(t.Context(), Request, struct{}{})
		if err != nil {
			t.Error(err)
		}
		all.Go(func() {
			if err := l.Commit(context.Background(), e.Seq+1); err != nil {
				t.Error(err)
			}
			if m := l.Mark(); m.Size <= e.Seq {
				t.Errorf("entry %d was acknowledged at %d", e.Seq, m.Size)
			}
		})
	}
	commit()
	<-writing
	for range 20 {
		commit()
	}
	if l.Mark().Size != 1 || l.Tip().Size != 22 {
		t.Errorf("%+v counts of %+v", l.Mark(), l.Tip())
	}
	go1 <- struct{}{}
	<-writing
	go1 <- struct{}{}
	all.Wait()
	if m.syncs != 2 || m.mark != l.Tip() {
		t.Errorf("%d writes, the watermark is %+v", m.syncs, m.mark)
	}
	if _, err := Open(t.Context(), config(m), nil); err != nil {
		t.Error(err)
	}
}

func TestAFailedWriteFailsAllWhoWait(t *testing.T) {
	t.Parallel()
	m, _ := filled(t, 1)
	l, err := Open(t.Context(), config(m), nil)
	if err != nil {
		t.Fatal(err)
	}
	m.failMark = errors.New("the token was pulled")
	for range 3 {
		if _, _, err := l.Append(t.Context(), Request, struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
	for size := int64(2); size <= 4; size++ {
		if err := l.Commit(t.Context(), size); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("entry %d: %v", size-1, err)
		}
	}
	if err := l.Commit(t.Context(), 1); err != nil {
		t.Errorf("what counted before: %v", err)
	}
}
