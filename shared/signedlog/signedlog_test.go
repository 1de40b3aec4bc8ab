package signedlog

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/decred/dcrd/dcrec/secp256k1/v4"
	"github.com/decred/dcrd/dcrec/secp256k1/v4/ecdsa"
	"golang.org/x/mod/sumdb/tlog"

	"countersign/shared/fault"
	"countersign/shared/jwk"
	"countersign/shared/jws"
	"countersign/shared/spec"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../spec/vectors/signedlog.json"

// vector is one row of shared/spec/vectors/signedlog.json: a whole log.
type vector struct {
	Name  string   `json:"name"`
	Crv   string   `json:"crv"` // the statement key
	X     string   `json:"x"`
	Y     string   `json:"y"`
	Lines []string `json:"lines"`
	Valid bool     `json:"valid"`
	Entry string   `json:"entry,omitempty"` // that is named as corrupt
	Head  string   `json:"head,omitempty"`  // of a valid log
	Root  string   `json:"root,omitempty"`  // of the tree of a valid log
	Note  string   `json:"note,omitempty"`  // about it
}

// key signs as RFC 6979 says, so that a log has the same bytes each time.
type key struct{ private *secp256k1.PrivateKey }

func newKey(seed byte) key { return key{secp256k1.PrivKeyFromBytes(bytes.Repeat([]byte{seed}, 32))} }

func (k key) PublicKey() jws.PublicKey {
	p, err := jws.FromSEC1(jws.Secp256k1, k.private.PubKey().SerializeCompressed())
	if err != nil {
		panic(err)
	}
	return p
}

func (k key) SignDigest(_ context.Context, digest []byte) ([]byte, error) {
	sig := ecdsa.Sign(k.private, digest)
	out := make([]byte, 64)
	r, s := sig.R(), sig.S()
	r.PutBytesUnchecked(out[:32])
	s.PutBytesUnchecked(out[32:])
	return out, nil
}

// memory is a storage and a watermark that can lose power.
type memory struct {
	data      []byte           // of the first segment
	later     map[int64][]byte // of the others
	mark      Mark
	failWrite error
	failMark  error
	syncs     int
	before    func() // each write
}

func (m *memory) Segments() ([]int64, error) {
	all := []int64{0}
	for first := range m.later {
		all = append(all, first)
	}
	slices.Sort(all)
	return all, nil
}

func (m *memory) Open(first int64) (io.ReadCloser, error) {
	if first == 0 {
		return io.NopCloser(bytes.NewReader(m.data)), nil
	}
	return io.NopCloser(bytes.NewReader(m.later[first])), nil
}

func (m *memory) Append(first int64, lines []string) error {
	if m.before != nil {
		m.before()
	}
	if m.failWrite != nil {
		return m.failWrite
	}
	m.syncs++
	text := []byte(strings.Join(lines, "\n") + "\n")
	if first == 0 {
		m.data = append(m.data, text...)
		return nil
	}
	if m.later == nil {
		m.later = map[int64][]byte{}
	}
	m.later[first] = append(m.later[first], text...)
	return nil
}

func (m *memory) Truncate(first, size int64) error {
	if first == 0 {
		m.data = m.data[:size]
	} else {
		m.later[first] = m.later[first][:size]
	}
	return nil
}

func (m *memory) Get(context.Context) (Mark, error) { return m.mark, nil }
func (m *memory) Set(_ context.Context, k Mark) error {
	if m.failMark != nil {
		return m.failMark
	}
	m.mark = k
	return nil
}

// write appends an entry and makes it count.
func write(ctx context.Context, l *Log, typ string, body any) error {
	if typ == Checkpoint {
		body = CheckpointBody{State: none, Index: none, Edge: l.Tree().Edge()}
	}
	e, _, err := l.Append(ctx, typ, body)
	if err != nil {
		return err
	}
	return l.Commit(ctx, e.Seq+1)
}

func config(m *memory) Config {
	at := int64(1_795_208_400)
	return Config{Storage: m, Watermark: m, Signer: newKey(1), Now: func() time.Time { at++; return time.Unix(at, 0) }}
}

// filled is a log of n entries.
func filled(t testing.TB, n int) (*memory, []string) {
	t.Helper()
	m := &memory{}
	l, err := Open(t.Context(), config(m), nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		typ := Request
		if i == 0 {
			typ = Genesis
		}
		if err := write(t.Context(), l, typ, map[string]int{"n": i}); err != nil {
			t.Fatal(err)
		}
	}
	return m, strings.Split(strings.TrimSuffix(string(m.data), "\n"), "\n")
}

func line(t testing.TB, k key, e Entry) string {
	t.Helper()
	data, err := Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	s, err := jws.Sign(t.Context(), k, statement.TypEntry, data)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func entry(t testing.TB, line string) Entry {
	t.Helper()
	data, err := jws.Payload(line)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// stored are the hashes that tlog stores of a log: what the tree is held against.
func stored(t testing.TB, lines []string) tlog.HashReaderFunc {
	t.Helper()
	var all []tlog.Hash
	read := func(at []int64) (found []tlog.Hash, err error) {
		for _, i := range at {
			found = append(found, all[i])
		}
		return found, nil
	}
	for n, line := range lines {
		more, err := tlog.StoredHashes(int64(n), []byte(line), tlog.HashReaderFunc(read))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, more...)
	}
	return read
}

func treeOf(lines []string) (t Tree) {
	for _, line := range lines {
		t, _ = t.Add(line)
	}
	return t
}

func vectors(t testing.TB) []vector {
	t.Helper()
	x, y := newKey(1).PublicKey().Coordinates()
	var all []vector
	add := func(name, entry string, change func([]string) []string) {
		_, lines := filled(t, 4)
		v := vector{Name: name, Crv: jws.Secp256k1, X: x, Y: y, Lines: change(lines), Valid: entry == "", Entry: entry}
		if v.Valid && len(v.Lines) > 0 {
			v.Head = Hash([]byte(v.Lines[len(v.Lines)-1]))
			root, err := tlog.TreeHash(int64(len(v.Lines)), stored(t, v.Lines))
			if err != nil {
				t.Fatal(err)
			}
			v.Root = base64.RawURLEncoding.EncodeToString(root[:])
			if v.Note, err = SignNote(t.Context(), newKey(1), "ent_sandbox", newKey(1).PublicKey(), treeOf(v.Lines)); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, v)
	}
	edit := func(i int, k key, f func(*Entry)) func([]string) []string {
		return func(l []string) []string {
			e := entry(t, l[i])
			f(&e)
			l[i] = line(t, k, e)
			return l
		}
	}
	add("four entries", "", func(l []string) []string { return l })
	add("no entries", "", func([]string) []string { return []string{} })
	add("an entry changed", "2", func(l []string) []string { l[2] = l[2][:250] + "AA" + l[2][252:]; return l })
	add("an entry signed by another key", "2", edit(2, newKey(2), func(*Entry) {}))
	add("an entry removed", "1", func(l []string) []string { return append(l[:1], l[2:]...) })
	add("the genesis removed", "0", func(l []string) []string { return l[1:] })
	add("two entries exchanged", "1", func(l []string) []string { l[1], l[2] = l[2], l[1]; return l })
	add("an entry twice", "2", func(l []string) []string { return []string{l[0], l[1], l[1], l[2]} })
	add("an entry replaced by one that the signer made too", "3", edit(2, newKey(1), func(e *Entry) { e.Body = strictjson.Raw(`{"n":9}`) }))
	add("an entry that follows another", "2", edit(2, newKey(1), func(e *Entry) { e.Prev = Hash([]byte("x")) }))
	add("a second genesis", "2", edit(2, newKey(1), func(e *Entry) { e.Type = Genesis }))
	add("a log that starts without a genesis", "0", edit(0, newKey(1), func(e *Entry) { e.Type = Request }))
	add("a genesis that follows something", "0", edit(0, newKey(1), func(e *Entry) { e.Prev = Hash([]byte("x")) }))
	add("time that goes back", "2", edit(2, newKey(1), func(e *Entry) { e.At = 1 }))
	back := func(typ string) func([]string) []string {
		return func(l []string) []string {
			e := entry(t, l[3])
			e.Type, e.At, e.Body = typ, 1_795_000_000, strictjson.Raw(`{"before":1795208403,"because":"the clock was ahead"}`)
			l[3] = line(t, newKey(1), e)
			e.Seq, e.Prev, e.At, e.Type, e.Body = 4, Hash([]byte(l[3])), e.At+1, Request, strictjson.Raw(`{"n":4}`)
			return append(l, line(t, newKey(1), e))
		}
	}
	add("time that goes back at the operator's word", "", back(Clock))
	add("time that goes back in an outcome", "3", back(Outcome))
	checkpoint := func(over int, change func([]string) []string) func([]string) []string {
		return func(l []string) []string {
			body, err := strictjson.Canonical(CheckpointBody{State: none, Index: none, Edge: change(treeOf(l[:over]).Edge())})
			if err != nil {
				t.Fatal(err)
			}
			e := entry(t, l[3])
			e.Seq, e.Prev, e.Type, e.Body = 4, Hash([]byte(l[3])), Checkpoint, body
			return append(l, line(t, newKey(1), e))
		}
	}
	same := func(edge []string) []string { return edge }
	add("a checkpoint", "", checkpoint(4, same))
	add("a checkpoint of the tree of fewer entries", "4", checkpoint(3, same))
	add("a checkpoint of another tree", "4", checkpoint(4, func([]string) []string { return []string{none} }))
	add("an empty line", "2", func(l []string) []string { return []string{l[0], l[1], "", l[2]} })
	return all
}

func TestVectorsHold(t *testing.T) {
	t.Parallel()
	for _, v := range spec.Vectors(t, vectorFile, *update, vectors(t)) {
		k, err := jws.NewPublicKey(v.Crv, v.X, v.Y)
		if err != nil {
			t.Fatal(err)
		}
		text := ""
		for _, l := range v.Lines {
			text += l + "\n"
		}
		chain := Chain{Key: k}
		mark, err := chain.Verify(strings.NewReader(text), nil)
		if v.Valid {
			root := chain.Tree.Root()
			if err != nil || mark.Size != int64(len(v.Lines)) || mark.Head != v.Head || v.Root != "" && v.Root != base64.RawURLEncoding.EncodeToString(root[:]) {
				t.Errorf("%s: %+v, %v", v.Name, mark, err)
			}
			if n, err := ReadNote(v.Note, "ent_sandbox", k, k); v.Note != "" && (err != nil || n != Note{Size: mark.Size, Root: root}) {
				t.Errorf("%s: %+v, %v", v.Name, n, err)
			}
			continue
		}
		if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != v.Entry {
			t.Errorf("%s: %v, want entry %s", v.Name, err, v.Entry)
		}
	}
}

func TestOpenComparesWithTheWatermark(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(*memory, []string)
		entry  string // that is corrupt; empty: it opens
		size   int64
	}{
		"untouched":                             {func(*memory, []string) {}, "", 4},
		"the last entry cut off":                {func(m *memory, l []string) { m.data = []byte(strings.Join(l[:3], "\n") + "\n") }, "3", 0},
		"all entries cut off":                   {func(m *memory, _ []string) { m.data = nil }, "0", 0},
		"a tail torn, never acknowledged":       {func(m *memory, _ []string) { m.data = append(m.data, "eyJhbG"...) }, "", 4},
		"a tail of zeros, never acknowledged":   {func(m *memory, _ []string) { m.data = append(m.data, make([]byte, 512)...) }, "", 4},
		"an acknowledged entry torn":            {func(m *memory, _ []string) { m.data = m.data[:len(m.data)-10] }, "3", 0},
		"an acknowledged entry lost its end":    {func(m *memory, _ []string) { m.data = m.data[:len(m.data)-1] }, "3", 0},
		"durable, but the watermark was behind": {func(m *memory, l []string) { m.mark = Mark{3, Hash([]byte(l[2]))} }, "", 4},
		"a batch, before the watermark moved":   {func(m *memory, l []string) { m.mark = Mark{1, Hash([]byte(l[0]))} }, "", 4},
		"a batch of which the first line tore": {func(m *memory, l []string) {
			m.data = []byte(l[0] + "\n" + l[1] + "\n\x00\x00\x00\n" + l[3] + "\n")
			m.mark = Mark{2, Hash([]byte(l[1]))}
		}, "", 2},
		"an entry twice":                 {func(m *memory, l []string) { m.data = append(m.data, l[3]+"\n"...) }, "4", 0},
		"another log of the same length": {func(m *memory, _ []string) { m.mark.Head = Hash([]byte("x")) }, "3", 0},
	} {
		m, lines := filled(t, 4)
		row.change(m, lines)
		l, err := Open(t.Context(), config(m), nil)
		if row.entry != "" {
			if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != row.entry || !strings.Contains(f.Message, "entry "+row.entry+" ") {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil || l.Mark().Size != row.size || m.mark != l.Mark() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := write(t.Context(), l, Outcome, struct{}{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if mark, err := (&Chain{Key: newKey(1).PublicKey()}).Verify(bytes.NewReader(m.data), nil); err != nil || mark != m.mark {
			t.Errorf("%s: afterwards %v", name, err)
		}
	}
}

func TestALogThatFoundNoRoomGoesOnWhenThereIs(t *testing.T) {
	t.Parallel()
	m, _ := filled(t, 2)
	l, err := Open(t.Context(), config(m), nil)
	if err != nil {
		t.Fatal(err)
	}
	m.failWrite = fmt.Errorf("%w: no space left", ErrFull)
	for range 2 { // the second finds that the first still waits
		err := write(t.Context(), l, Request, struct{}{})
		if f, ok := fault.As(err); !ok || f.Code != fault.Unavailable || f.Details["reason"] != "disk" || !errors.Is(err, ErrFull) {
			t.Errorf("without room: %v", err)
		}
		if err := l.Commit(t.Context(), l.Tip().Size); !errors.Is(err, ErrFull) {
			t.Errorf("without room: %v", err)
		}
	}
	if l.Mark().Size != 2 || l.Tip().Size != 3 || m.mark.Size != 2 {
		t.Errorf("%d count, %d wait: %+v", l.Mark().Size, l.Tip().Size, m.mark)
	}
	m.failWrite = nil
	if err := l.Commit(t.Context(), l.Tip().Size); err != nil {
		t.Error(err)
	}
	if err := write(t.Context(), l, Request, struct{}{}); err != nil {
		t.Error(err)
	}
	if l, err := Open(t.Context(), config(m), nil); err != nil || l.Mark().Size != 4 {
		t.Errorf("opened again: %v", err)
	}
}

func TestAFailedWriteStopsTheLog(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*memory, error){
		"storage":   func(m *memory, err error) { m.failWrite = err },
		"watermark": func(m *memory, err error) { m.failMark = err },
	} {
		m, _ := filled(t, 2)
		l, err := Open(t.Context(), config(m), nil)
		if err != nil {
			t.Fatal(err)
		}
		fail(m, errors.New("disk full"))
		if err := write(t.Context(), l, Request, struct{}{}); fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
		fail(m, nil)
		if _, _, err := l.Append(t.Context(), Request, struct{}{}); err == nil {
			t.Errorf("%s: the log goes on after a failure", name)
		}
		if _, err := Open(t.Context(), config(m), nil); err != nil {
			t.Errorf("%s: opened again: %v", name, err)
		}
	}
}

func TestAVisitorThatObjectsNamesTheEntry(t *testing.T) {
	t.Parallel()
	m, _ := filled(t, 4)
	_, err := Open(t.Context(), config(m), func(e Entry, _, _ string) error {
		if e.Seq == 2 {
			return errors.New("makes no sense")
		}
		return nil
	})
	if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != "2" {
		t.Errorf("got %v", err)
	}
}

func TestBodiesHaveALimit(t *testing.T) {
	t.Parallel()
	m, _ := filled(t, 1)
	l, err := Open(t.Context(), config(m), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := l.Append(t.Context(), Request, strings.Repeat("x", MaxBody)); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("got %v", err)
	}
	if _, _, err := l.Append(t.Context(), Request, struct{}{}); err != nil {
		t.Errorf("what was refused stopped the log: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	_, lines := filled(f, 3)
	for _, l := range lines {
		data, err := jws.Payload(l)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := Decode(data)
		if err != nil {
			return
		}
		if again, err := strictjson.Canonical(e); err != nil || string(again) != string(data) {
			t.Errorf("%s came back as %s: %v", data, again, err)
		}
	})
}

func FuzzVerify(f *testing.F) {
	m, _ := filled(f, 3)
	f.Add(m.data)
	f.Fuzz(func(t *testing.T, data []byte) {
		mark, err := (&Chain{Key: newKey(1).PublicKey()}).Verify(bytes.NewReader(data), nil)
		if err != nil && fault.CodeOf(err) != fault.LogCorrupt {
			t.Errorf("got %v", err)
		}
		if err == nil && mark.Size > 0 && !bytes.HasPrefix(m.data, data) {
			t.Error("a log that was never written verifies")
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	m, _ := filled(b, 1)
	l, err := Open(b.Context(), config(m), nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := write(b.Context(), l, Request, struct{}{}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLinesAfterNewKeysAreVerifiedAheadOfTheirTurnToo(t *testing.T) {
	t.Parallel()
	keys := []key{newKey(1), newKey(2)}
	p256 := jwk.Key{Kty: "EC", Crv: jws.P256, X: none, Y: none}
	const size = 7 * batch
	var text strings.Builder
	for seq, prev := int64(0), none; seq < size; seq++ {
		e, signer := Entry{Seq: seq, Prev: prev, Type: "filler", Body: strictjson.Raw(`{}`)}, keys[min(seq/2, 1)]
		switch seq {
		case 0:
			e.Type = Genesis
		case 1:
			body, err := strictjson.Canonical(OutcomeBody{Request: "req_aaaaaaaaaaaaaaaaaaaaaaaaaa", State: "APPROVED", Reasons: []string{},
				Signer: &statement.SignerKeys{Statement: keys[1].PublicKey().JWK(), Channel: []jwk.Key{p256}}})
			if err != nil {
				t.Fatal(err)
			}
			e.Type, e.Body = Outcome, strictjson.Raw(body)
		}
		payload, err := Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		line, err := jws.Sign(t.Context(), signer, statement.TypEntry, payload)
		if err != nil {
			t.Fatal(err)
		}
		prev = Hash([]byte(line))
		text.WriteString(line + "\n")
	}
	var looked [size]atomic.Bool
	c := Chain{Key: keys[0].PublicKey(), Inner: func(e Entry) { looked[e.Seq].Store(true) }}
	ahead := 0
	mark, err := c.Verify(strings.NewReader(text.String()), func(e Entry, _, _ string) error {
		if next := e.Seq + 1; next%batch != 0 && looked[next].Load() {
			ahead++
		}
		return nil
	})
	if err != nil || mark.Size != size || !c.Key.Equal(keys[1].PublicKey()) {
		t.Fatalf("%+v, %v", mark, err)
	}
	// Those that were read before the new keys were met are verified at their turn.
	if least := 2 * (batch - 1); ahead < least {
		t.Errorf("%d lines were verified ahead, want at least %d", ahead, least)
	}
}
