package link

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"countersign/shared/fault"
)

const origin = "https://app.example"

func newKey(t testing.TB) *Key {
	t.Helper()
	k, err := NewKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// ends are the two ends of a handshake and the messages between them, which a
// test may change on the way.
type ends struct {
	page, bridge           DH
	pageOrigin, hostOrigin string
	pinned                 []byte
	change                 func(number int, message []byte) []byte
}

func (e ends) connect() (page, bridge *Session, err error) {
	if e.change == nil {
		e.change = func(_ int, m []byte) []byte { return m }
	}
	if e.pageOrigin == "" {
		e.pageOrigin = origin
	}
	if e.hostOrigin == "" {
		e.hostOrigin = origin
	}
	i, err := NewInitiator(InitiatorConfig{DH: e.page, Origin: e.pageOrigin, Remote: e.pinned, Rand: rand.Reader})
	if err != nil {
		return nil, nil, err
	}
	r, err := NewResponder(ResponderConfig{DH: e.bridge, Origin: e.hostOrigin, Rand: rand.Reader})
	if err != nil {
		return nil, nil, err
	}
	m1, err := i.Start()
	if err != nil {
		return nil, nil, err
	}
	m2, err := r.Accept(e.change(1, m1))
	if err != nil {
		return nil, nil, fmt.Errorf("bridge, message 1: %w", err)
	}
	m3, page, err := i.Finish(e.change(2, m2))
	if err != nil {
		return nil, nil, fmt.Errorf("page, message 2: %w", err)
	}
	bridge, err = r.Finish(e.change(3, m3))
	if err != nil {
		return nil, nil, fmt.Errorf("bridge, message 3: %w", err)
	}
	return page, bridge, nil
}

func connected(t testing.TB) (page, bridge *Session) {
	t.Helper()
	page, bridge, err := ends{page: newKey(t), bridge: newKey(t)}.connect()
	if err != nil {
		t.Fatal(err)
	}
	return page, bridge
}

func TestBothEndsAgreeOnKeysCodeAndHash(t *testing.T) {
	t.Parallel()
	p, b := newKey(t), newKey(t)
	page, bridge, err := ends{page: p, bridge: b, pinned: b.Static()}.connect()
	if err != nil {
		t.Fatal(err)
	}
	if page.Code() != bridge.Code() || len(page.Code()) != 6 {
		t.Errorf("codes %q and %q", page.Code(), bridge.Code())
	}
	if !bytes.Equal(page.HandshakeHash(), bridge.HandshakeHash()) {
		t.Error("the handshake hashes differ")
	}
	if !bytes.Equal(page.RemoteStatic(), b.Static()) || !bytes.Equal(bridge.RemoteStatic(), p.Static()) {
		t.Error("an end does not know the other's key")
	}
	for i := range 3 {
		for _, way := range [][2]*Session{{page, bridge}, {bridge, page}} {
			want := fmt.Sprintf("frame %d", i)
			record, err := way[0].Seal([]byte(want))
			if err != nil {
				t.Fatal(err)
			}
			got, err := way[1].Open(record)
			if err != nil || string(got) != want {
				t.Fatalf("opened %q, %v", got, err)
			}
		}
	}
}

func TestKeysOutliveTheProcess(t *testing.T) {
	t.Parallel()
	k := newKey(t)
	again, err := ParseKey(k.Bytes())
	if err != nil || !bytes.Equal(again.Static(), k.Static()) {
		t.Fatalf("the key changed: %v", err)
	}
}

func TestHandshakeRefuses(t *testing.T) {
	t.Parallel()
	page, bridge, other := newKey(t), newKey(t), newKey(t)
	flip := func(number, at int) func(int, []byte) []byte {
		return func(n int, m []byte) []byte {
			if n == number {
				m = bytes.Clone(m)
				m[at] ^= 1
			}
			return m
		}
	}
	later := func(number int) func(int, []byte) []byte {
		return func(n int, m []byte) []byte {
			if n == number {
				m = bytes.Clone(m)
				m[0] = Version + 1
			}
			return m
		}
	}
	size := func(number, by int) func(int, []byte) []byte {
		return func(n int, m []byte) []byte {
			switch {
			case n != number:
				return m
			case by < 0:
				return m[:len(m)+by]
			}
			return append(bytes.Clone(m), make([]byte, by)...)
		}
	}
	tests := map[string]struct {
		ends ends
		want fault.Code
	}{
		"another bridge than last time": {ends{pinned: other.Static()}, fault.BridgeKeyChanged},
		"another origin":                {ends{hostOrigin: "https://evil.example"}, fault.RecordInvalid},
		"an origin that is too long":    {ends{pageOrigin: string(make([]byte, maxOrigin+1))}, fault.OriginRefused},
		"version of message 1":          {ends{change: later(1)}, fault.Version},
		"version of message 2":          {ends{change: later(2)}, fault.Version},
		"version of message 3":          {ends{change: later(3)}, fault.Version},
		"text of another program":       {ends{change: func(int, []byte) []byte { return []byte("HTTP/1.1 400 Bad Request") }}, fault.RecordInvalid},
		"number of message 1":           {ends{change: flip(1, 1)}, fault.RecordInvalid},
		"number of message 2":           {ends{change: flip(2, 1)}, fault.RecordInvalid},
		"changed ephemeral of the page": {ends{change: flip(1, 5)}, fault.RecordInvalid},
		"changed commitment":            {ends{change: flip(1, Message1Size-1)}, fault.RecordInvalid},
		"changed ephemeral of bridge":   {ends{change: flip(2, 5)}, fault.RecordInvalid},
		"changed static of the bridge":  {ends{change: flip(2, 40)}, fault.RecordInvalid},
		"changed nonce of the bridge":   {ends{change: flip(2, Message2Size-1)}, fault.RecordInvalid},
		"changed static of the page":    {ends{change: flip(3, 5)}, fault.RecordInvalid},
		"changed nonce of the page":     {ends{change: flip(3, Message3Size-1)}, fault.RecordInvalid},
		"short message 1":               {ends{change: size(1, -1)}, fault.RecordInvalid},
		"long message 1":                {ends{change: size(1, 1)}, fault.RecordInvalid},
		"empty message 1":               {ends{change: size(1, -Message1Size)}, fault.RecordInvalid},
		"short message 2":               {ends{change: size(2, -1)}, fault.RecordInvalid},
		"long message 3":                {ends{change: size(3, 7)}, fault.RecordInvalid},
		"ephemeral of low order": {ends{change: func(n int, m []byte) []byte {
			if n == 1 {
				m = bytes.Clone(m)
				clear(m[headerSize : headerSize+KeySize])
			}
			return m
		}}, fault.RecordInvalid},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.ends.page, tc.ends.bridge = page, bridge
			_, _, err := tc.ends.connect()
			if got := fault.CodeOf(err); got != tc.want {
				t.Errorf("code %q, want %q: %v", got, tc.want, err)
			}
		})
	}
}

// A program between page and bridge that commits to one key and shows another
// could choose the key that makes the codes agree.
func TestTheCommitmentHoldsThePagesKey(t *testing.T) {
	t.Parallel()
	honest, other := newKey(t), newKey(t)
	i, err := NewInitiator(InitiatorConfig{DH: honest, Origin: origin, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	i.static = other.Static() // commits to another key than the handshake will show
	r, err := NewResponder(ResponderConfig{DH: newKey(t), Origin: origin, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	m1, err := i.Start()
	if err != nil {
		t.Fatal(err)
	}
	m2, err := r.Accept(m1)
	if err != nil {
		t.Fatal(err)
	}
	m3, _, err := i.Finish(m2)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Finish(m3); fault.CodeOf(err) != fault.RecordInvalid {
		t.Errorf("the bridge took another key: %v", err)
	}
}

func TestThePageSendsNothingOfItselfToAnotherBridge(t *testing.T) {
	t.Parallel()
	sent := 0
	_, _, err := ends{page: newKey(t), bridge: newKey(t), pinned: newKey(t).Static(), change: func(n int, m []byte) []byte {
		sent = n
		return m
	}}.connect()
	if fault.CodeOf(err) != fault.BridgeKeyChanged || sent != 2 {
		t.Errorf("message %d was sent: %v", sent, err)
	}
}

func TestAProgramBetweenHasTwoCodes(t *testing.T) {
	t.Parallel()
	evil := newKey(t)
	page, _, err := ends{page: newKey(t), bridge: evil}.connect()
	if err != nil {
		t.Fatal(err)
	}
	_, bridge, err := ends{page: evil, bridge: newKey(t)}.connect()
	if err != nil {
		t.Fatal(err)
	}
	if page.Code() == bridge.Code() && bytes.Equal(page.HandshakeHash(), bridge.HandshakeHash()) {
		t.Error("two handshakes have one code and one hash")
	}
}

func TestStepsHappenOnceAndInOrder(t *testing.T) {
	t.Parallel()
	i, err := NewInitiator(InitiatorConfig{DH: newKey(t), Origin: origin, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewResponder(ResponderConfig{DH: newKey(t), Origin: origin, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := i.Finish(nil); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("Finish before Start: %v", err)
	}
	if _, err := r.Finish(nil); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("Finish before Accept: %v", err)
	}
	m1, err := i.Start()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := i.Start(); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("Start twice: %v", err)
	}
	if _, err := r.Accept(m1[:10]); fault.CodeOf(err) != fault.RecordInvalid {
		t.Errorf("Accept of a piece: %v", err)
	}
	if _, err := r.Accept(m1); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("Accept after a failure: %v", err)
	}
}

func TestErrorsOfTheKeyArePassedOn(t *testing.T) {
	t.Parallel()
	for _, at := range []int{1, 2} {
		broken := &brokenKey{Key: newKey(t), failAt: at}
		_, _, err := ends{page: broken, bridge: newKey(t)}.connect()
		if !errors.Is(err, io.ErrClosedPipe) || fault.CodeOf(err) == fault.RecordInvalid {
			t.Errorf("derivation %d: %v", at, err)
		}
	}
}

// brokenKey fails at one of its derivations.
type brokenKey struct {
	*Key
	failAt, calls int
}

func (b *brokenKey) DH(private, public []byte) ([]byte, error) {
	if b.calls++; b.calls == b.failAt {
		return nil, io.ErrClosedPipe
	}
	return b.Key.DH(private, public)
}

func TestARecordOutOfPlaceEndsTheSession(t *testing.T) {
	t.Parallel()
	tests := map[string]func(records [][]byte) []byte{
		"replayed":    func(r [][]byte) []byte { return r[0] },
		"skipped":     func(r [][]byte) []byte { return r[2] },
		"cut":         func(r [][]byte) []byte { return r[1][:len(r[1])-1] },
		"shorter":     func(r [][]byte) []byte { return r[1][:tagSize-1] },
		"empty":       func([][]byte) []byte { return nil },
		"longer":      func(r [][]byte) []byte { return append(bytes.Clone(r[1]), 0) },
		"too long":    func([][]byte) []byte { return make([]byte, MaxRecord+1) },
		"bit changed": func(r [][]byte) []byte { c := bytes.Clone(r[1]); c[0] ^= 0x80; return c },
	}
	for name, pick := range tests {
		t.Run(name, func(t *testing.T) {
			page, bridge := connected(t)
			var records [][]byte
			for i := range 3 {
				r, err := page.Seal([]byte{byte(i)})
				if err != nil {
					t.Fatal(err)
				}
				records = append(records, r)
			}
			if _, err := bridge.Open(records[0]); err != nil {
				t.Fatal(err)
			}
			if _, err := bridge.Open(pick(records)); fault.CodeOf(err) != fault.RecordInvalid {
				t.Errorf("opened: %v", err)
			}
			if _, err := bridge.Open(records[1]); fault.CodeOf(err) != fault.ChannelClosed {
				t.Errorf("the session goes on: %v", err)
			}
			if _, err := bridge.Seal(nil); fault.CodeOf(err) != fault.ChannelClosed {
				t.Errorf("the session still seals: %v", err)
			}
		})
	}
}

func TestARecordDoesNotOpenAtItsSender(t *testing.T) {
	t.Parallel()
	page, _ := connected(t)
	r, err := page.Seal([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := page.Open(r); fault.CodeOf(err) != fault.RecordInvalid {
		t.Errorf("reflected record: %v", err)
	}
}

func TestTheKeyChangesEvery1000Records(t *testing.T) {
	t.Parallel()
	page, bridge := connected(t)
	before := page.send.UnsafeKey()
	for i := range 2*RekeyEvery + 1 {
		r, err := page.Seal([]byte("x"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := bridge.Open(r); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		if changed := page.send.UnsafeKey() != before; changed != (i > 0 && i%RekeyEvery == 0) {
			t.Fatalf("record %d: key changed: %v", i, changed)
		}
		before = page.send.UnsafeKey()
	}
}

func TestTheLargestRecordFits(t *testing.T) {
	t.Parallel()
	page, bridge := connected(t)
	r, err := page.Seal(make([]byte, MaxPlaintext))
	if err != nil || len(r) != 65535 {
		t.Fatalf("%d bytes, %v", len(r), err)
	}
	if _, err := bridge.Open(r); err != nil {
		t.Error(err)
	}
	if _, err := page.Seal(make([]byte, MaxPlaintext+1)); fault.CodeOf(err) != fault.TooLarge {
		t.Errorf("too large: %v", err)
	}
}

func TestACloseEndsBothDirections(t *testing.T) {
	t.Parallel()
	page, _ := connected(t)
	page.Close()
	if _, err := page.Seal(nil); fault.CodeOf(err) != fault.ChannelClosed {
		t.Error(err)
	}
	if _, err := page.Open(make([]byte, 20)); fault.CodeOf(err) != fault.ChannelClosed {
		t.Error(err)
	}
}

func TestSealAndOpenFromTwoGoroutines(t *testing.T) {
	t.Parallel()
	page, bridge := connected(t)
	var wg sync.WaitGroup
	for _, way := range [][2]*Session{{page, bridge}, {bridge, page}} {
		wg.Go(func() {
			for range 100 {
				r, err := way[0].Seal([]byte("x"))
				if err == nil {
					_, err = way[1].Open(r)
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestBudgetCountsHandshakesThatDoNotEnd(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	b := &Budget{Now: func() time.Time { return now }}
	for range 100 {
		pair, finished := b.Begin(origin)
		if !pair {
			t.Fatal("handshakes that end are not free")
		}
		finished()
	}
	for range MaxAbandoned {
		if pair, _ := b.Begin(origin); !pair {
			t.Fatal("too early")
		}
	}
	for range 1000 {
		pair, finished := b.Begin(origin)
		if pair {
			t.Fatal("one more may pair")
		}
		finished() // gives nothing back: it was not charged
	}
	if n := len(b.spent[origin]); n != MaxAbandoned {
		t.Errorf("%d handshakes are remembered", n)
	}
	if pair, _ := b.Begin("https://other.example"); !pair {
		t.Error("one site's handshakes keep another's out")
	}
	now = now.Add(AbandonedTime)
	if pair, _ := b.Begin(origin); !pair {
		t.Error("after the time none may pair")
	}
}

func FuzzHandshake(f *testing.F) {
	key, err := ParseKey(bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	i, err := NewInitiator(InitiatorConfig{DH: key, Origin: origin, Rand: rand.Reader})
	if err != nil {
		f.Fatal(err)
	}
	m1, err := i.Start()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m1, make([]byte, Message3Size))
	f.Fuzz(func(t *testing.T, first, third []byte) {
		r, err := NewResponder(ResponderConfig{DH: key, Origin: origin, Rand: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Accept(first); err != nil {
			if c := fault.CodeOf(err); c != fault.RecordInvalid && c != fault.Version {
				t.Errorf("code %s: %v", c, err)
			}
			return
		}
		if _, err := r.Finish(third); err == nil {
			t.Error("a message 3 was made up")
		}
	})
}

func BenchmarkHandshake(b *testing.B) {
	e := ends{page: newKey(b), bridge: newKey(b)}
	for b.Loop() {
		if _, _, err := e.connect(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecord(b *testing.B) {
	page, bridge := connected(b)
	frame := make([]byte, 200)
	for b.Loop() {
		r, err := page.Seal(frame)
		if err == nil {
			_, err = bridge.Open(r)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
