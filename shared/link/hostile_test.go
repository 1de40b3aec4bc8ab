package link

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"countersign/shared/fault"
)

// sealed is a session with records on their way from the page to the bridge.
type sealed struct {
	page, bridge *Session
	records      [][]byte
}

func newSealed(t testing.TB) sealed {
	t.Helper()
	s := sealed{}
	s.page, s.bridge = connected(t)
	for i := range 4 {
		record, err := s.page.Seal(fmt.Appendf(nil, `[{"jsonrpc":"2.0","id":%d}]`, i))
		if err != nil {
			t.Fatal(err)
		}
		s.records = append(s.records, record)
	}
	return s
}

// Whoever is on the way may do anything to records. The first that is not the
// next one ends the session: nothing after it opens, and nothing is sent.
func TestWhatIsDoneToRecordsOnTheWayEndsTheSession(t *testing.T) {
	t.Parallel()
	other := newSealed(t)
	for name, r := range map[string]struct {
		arrive func(s sealed) [][]byte
		opened int // records that open before the session ends
	}{
		"replayed":                    {func(s sealed) [][]byte { return [][]byte{s.records[0], s.records[0]} }, 1},
		"replayed later":              {func(s sealed) [][]byte { return [][]byte{s.records[0], s.records[1], s.records[0]} }, 2},
		"reordered":                   {func(s sealed) [][]byte { return [][]byte{s.records[1], s.records[0]} }, 0},
		"dropped":                     {func(s sealed) [][]byte { return [][]byte{s.records[0], s.records[2]} }, 1},
		"cut by one byte":             {func(s sealed) [][]byte { return [][]byte{s.records[0][:len(s.records[0])-1]} }, 0},
		"cut to the tag":              {func(s sealed) [][]byte { return [][]byte{s.records[0][:tagSize]} }, 0},
		"cut below the tag":           {func(s sealed) [][]byte { return [][]byte{s.records[0][:tagSize-1]} }, 0},
		"cut to nothing":              {func(s sealed) [][]byte { return [][]byte{{}} }, 0},
		"a byte more":                 {func(s sealed) [][]byte { return [][]byte{append(bytes.Clone(s.records[0]), 0)} }, 0},
		"two in one":                  {func(s sealed) [][]byte { return [][]byte{append(bytes.Clone(s.records[0]), s.records[1]...)} }, 0},
		"one in two":                  {func(s sealed) [][]byte { return [][]byte{s.records[0][:20], s.records[0][20:]} }, 0},
		"larger than any":             {func(s sealed) [][]byte { return [][]byte{make([]byte, MaxRecord+1)} }, 0},
		"zeros":                       {func(s sealed) [][]byte { return [][]byte{make([]byte, len(s.records[0]))} }, 0},
		"in clear":                    {func(s sealed) [][]byte { return [][]byte{[]byte(`[{"jsonrpc":"2.0","id":0}]`)} }, 0},
		"from another session":        {func(s sealed) [][]byte { return [][]byte{other.records[0]} }, 0},
		"from another session, later": {func(s sealed) [][]byte { return [][]byte{s.records[0], other.records[1]} }, 1},
		"reflected": {func(s sealed) [][]byte {
			own, err := s.bridge.Seal([]byte("x"))
			if err != nil {
				t.Error(err)
			}
			return [][]byte{own}
		}, 0},
		"the same plaintext sealed again": {func(s sealed) [][]byte {
			again, err := other.page.Seal([]byte(`[{"jsonrpc":"2.0","id":0}]`))
			if err != nil {
				t.Error(err)
			}
			return [][]byte{again}
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSealed(t)
			opened := 0
			var err error
			for _, record := range r.arrive(s) {
				if _, err = s.bridge.Open(record); err != nil {
					break
				}
				opened++
			}
			if opened != r.opened || fault.CodeOf(err) != fault.RecordInvalid {
				t.Errorf("%d records opened, then %v", opened, err)
			}
			if _, err := s.bridge.Open(s.records[min(opened, 3)]); fault.CodeOf(err) != fault.ChannelClosed {
				t.Errorf("the right record after it: %v", err)
			}
			if _, err := s.bridge.Seal([]byte("x")); fault.CodeOf(err) != fault.ChannelClosed {
				t.Errorf("seal after it: %v", err)
			}
		})
	}
}

func TestAFlippedBitAnywhereEndsTheSession(t *testing.T) {
	t.Parallel()
	for at := range newSealed(t).records[0] {
		for bit := range 8 {
			s := newSealed(t)
			changed := bytes.Clone(s.records[0])
			changed[at] ^= 1 << bit
			if plaintext, err := s.bridge.Open(changed); fault.CodeOf(err) != fault.RecordInvalid || plaintext != nil {
				t.Fatalf("bit %d of byte %d: %q, %v", bit, at, plaintext, err)
			}
			if _, err := s.bridge.Open(s.records[0]); fault.CodeOf(err) != fault.ChannelClosed {
				t.Fatalf("bit %d of byte %d, then the right record: %v", bit, at, err)
			}
		}
	}
}

// Each bit of the three messages counts: no handshake ends with two sessions that
// disagree, and most do not end at all.
func TestAFlippedBitAnywhereInTheHandshakeLeavesNoLink(t *testing.T) {
	t.Parallel()
	page, bridge := newKey(t), newKey(t)
	for number, size := range map[int]int{1: Message1Size, 2: Message2Size, 3: Message3Size} {
		for at := range size {
			change := func(n int, m []byte) []byte {
				if n == number {
					m = bytes.Clone(m)
					m[at] ^= 1 << (at % 8)
				}
				return m
			}
			if _, _, err := (ends{page: page, bridge: bridge, change: change}).connect(); err == nil {
				t.Errorf("message %d, byte %d: a link", number, at)
			}
		}
	}
}

// Message 3 of one handshake is of no use in another, even with the same keys.
func TestMessagesOfAnEarlierHandshakeAreRefused(t *testing.T) {
	t.Parallel()
	page, bridge := newKey(t), newKey(t)
	old := map[int][]byte{}
	keep := func(n int, m []byte) []byte { old[n] = m; return m }
	if _, _, err := (ends{page: page, bridge: bridge, change: keep}).connect(); err != nil {
		t.Fatal(err)
	}
	for number := range old {
		replay := func(n int, m []byte) []byte {
			if n == number {
				return old[n]
			}
			return m
		}
		if _, _, err := (ends{page: page, bridge: bridge, change: replay}).connect(); fault.CodeOf(err) != fault.RecordInvalid {
			t.Errorf("message %d of an earlier handshake: %v", number, err)
		}
	}
	// Somebody who recorded a whole visit plays it to the bridge again.
	r, err := NewResponder(ResponderConfig{DH: bridge, Origin: origin, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Accept(old[1]); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Finish(old[3]); fault.CodeOf(err) != fault.RecordInvalid {
		t.Errorf("a recorded visit: %v", err)
	}
}

func TestAClockThatJumpsDoesNotLockTheBridge(t *testing.T) {
	t.Parallel()
	for name, jump := range map[string]time.Duration{"forward": 24 * time.Hour, "back": -24 * time.Hour} {
		now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
		b := Budget{Now: func() time.Time { return now }}
		for range MaxAbandoned {
			b.Begin(origin)
		}
		if pair, _ := b.Begin(origin); pair {
			t.Errorf("%s: before the jump one may pair", name)
		}
		now = now.Add(jump)
		if pair, _ := b.Begin(origin); !pair {
			t.Errorf("%s: after the jump none may pair", name)
		}
	}
}
