package channel

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"countersign/shared/fault"
)

func seal(t testing.TB, s *Session, plaintext string) []byte {
	t.Helper()
	r, err := s.Seal([]byte(plaintext))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func timed(t testing.TB, s Suite) (bridge, signer *Session, c *clock) {
	t.Helper()
	e := newEnds(t, s)
	e.clock = &clock{now: time.Unix(1_800_000_000, 0)}
	bridge, signer = connected(t, e)
	return bridge, signer, e.clock
}

func TestARecordOpensOnceInAnyOrder(t *testing.T) {
	t.Parallel()
	bridge, signer := connected(t, newEnds(t, P256))
	var records [][]byte
	for range Window {
		records = append(records, seal(t, bridge, "x"))
	}
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(records)) {
		if _, err := signer.Open(records[i]); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
		if _, err := signer.Open(records[i]); fault.CodeOf(err) != fault.RecordReplayed {
			t.Fatalf("record %d again: %v", i, err)
		}
	}
}

func TestTheReplayWindowIs1024Wide(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		skip int // records sealed after the old one and before the new one
		want fault.Code
	}{
		"last place in the window": {Window - 2, ""},
		"just outside":             {Window - 1, fault.RecordReplayed},
		"far outside":              {3 * Window, fault.RecordReplayed},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			bridge, signer := connected(t, newEnds(t, P256))
			old := seal(t, bridge, "old")
			for range tc.skip {
				seal(t, bridge, "lost")
			}
			if _, err := signer.Open(seal(t, bridge, "new")); err != nil {
				t.Fatal(err)
			}
			if _, err := signer.Open(old); fault.CodeOf(err) != tc.want {
				t.Errorf("the old record: %v", err)
			}
		})
	}
}

func TestARecordThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range suites {
		bridge, signer := connected(t, newEnds(t, s))
		good := seal(t, bridge, "good")
		number := func(n uint32) []byte { r := bytes.Clone(good); binary.BigEndian.PutUint32(r[1:], n); return r }
		counter := func(n uint64) []byte { r := bytes.Clone(good); binary.BigEndian.PutUint64(r[5:], n); return r }
		flipped := func(at int) []byte { r := bytes.Clone(good); r[at] ^= 1; return r }
		for name, tc := range map[string]struct {
			record []byte
			want   fault.Code
		}{
			"empty":                     {nil, fault.RecordInvalid},
			"only a header":             {good[:recordHeader], fault.RecordInvalid},
			"cut":                       {good[:len(good)-1], fault.RecordInvalid},
			"longer":                    {append(bytes.Clone(good), 0), fault.RecordInvalid},
			"too long":                  {append(bytes.Clone(good), make([]byte, MaxRecord)...), fault.RecordInvalid},
			"another version":           {flipped(0), fault.Version},
			"ciphertext changed":        {flipped(recordHeader), fault.RecordInvalid},
			"tag changed":               {flipped(len(good) - 1), fault.RecordInvalid},
			"another counter":           {counter(1), fault.RecordInvalid},
			"counter far ahead":         {counter(1 << 40), fault.RecordInvalid},
			"counter that no one has":   {counter(math.MaxUint64), fault.RecordInvalid},
			"next key":                  {number(1), fault.RecordInvalid},
			"last key that may be next": {number(maxAhead), fault.RecordInvalid},
			"key too far ahead":         {number(maxAhead + 1), fault.RecordInvalid},
			"last key of all":           {number(math.MaxUint32), fault.RecordInvalid},
			"record of the other side":  {seal(t, signer, "x"), fault.RecordInvalid},
		} {
			if _, err := signer.Open(tc.record); fault.CodeOf(err) != tc.want {
				t.Errorf("%v, %s: code %q, want %q", s, name, fault.CodeOf(err), tc.want)
			}
		}
		if got, err := signer.Open(good); err != nil || string(got) != "good" {
			t.Errorf("%v: the good record does not open any more: %v", s, err)
		}
	}
}

func TestARecordOfAnotherChannelDoesNotOpen(t *testing.T) {
	t.Parallel()
	e := newEnds(t, Secp256k1)
	first, _ := connected(t, e)
	_, second := connected(t, e)
	if _, err := second.Open(seal(t, first, "x")); fault.CodeOf(err) != fault.RecordInvalid {
		t.Error(err)
	}
}

func TestTheKeyChangesEvery1000RecordsAndEveryHour(t *testing.T) {
	t.Parallel()
	bridge, signer, c := timed(t, P256)
	numberOf := func(r []byte) uint32 { return binary.BigEndian.Uint32(r[1:]) }
	for i := range 2*RekeyEvery + 1 {
		r := seal(t, bridge, "x")
		if got, want := numberOf(r), uint32(i/RekeyEvery); got != want {
			t.Fatalf("record %d has key %d, want %d", i, got, want)
		}
		if _, err := signer.Open(r); err != nil {
			t.Fatalf("record %d: %v", i, err)
		}
	}
	c.now = c.now.Add(RekeyAfter - time.Second)
	if got := numberOf(seal(t, bridge, "x")); got != 2 {
		t.Errorf("key %d before an hour", got)
	}
	c.now = c.now.Add(time.Second)
	r := seal(t, bridge, "x")
	if numberOf(r) != 3 {
		t.Errorf("key %d after an hour", numberOf(r))
	}
	if _, err := signer.Open(r); err != nil {
		t.Error(err)
	}
	if back := seal(t, signer, "x"); numberOf(back) != 1 {
		t.Errorf("the other direction has key %d", numberOf(back))
	}
}

func TestALateRecordOpensUnderAnOlderKey(t *testing.T) {
	t.Parallel()
	bridge, signer := connected(t, newEnds(t, P256))
	for range RekeyEvery - 1 {
		seal(t, bridge, "lost")
	}
	late := seal(t, bridge, "late")
	for i := range 3 {
		if _, err := signer.Open(seal(t, bridge, "new")); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
	}
	if got, err := signer.Open(late); err != nil || string(got) != "late" {
		t.Error(err)
	}
	if n := len(signer.receive.keys); n != 2 {
		t.Errorf("%d receiving keys", n)
	}
}

func TestOldKeysAreForgotten(t *testing.T) {
	t.Parallel()
	bridge, signer, c := timed(t, P256)
	late := seal(t, bridge, "late")
	for range keptKeys {
		c.now = c.now.Add(RekeyAfter)
		if _, err := signer.Open(seal(t, bridge, "x")); err != nil {
			t.Fatal(err)
		}
	}
	if len(signer.receive.keys) != keptKeys {
		t.Errorf("%d keys are kept", len(signer.receive.keys))
	}
	if _, err := signer.Open(late); fault.CodeOf(err) != fault.RecordInvalid {
		t.Errorf("a record under a forgotten key: %v", err)
	}
}

func TestASessionLives24Hours(t *testing.T) {
	t.Parallel()
	bridge, signer, c := timed(t, Secp256k1)
	c.now = c.now.Add(Life - time.Nanosecond)
	if _, err := signer.Open(seal(t, bridge, "x")); err != nil {
		t.Error(err)
	}
	last := seal(t, bridge, "x")
	c.now = c.now.Add(time.Nanosecond)
	if _, err := bridge.Seal(nil); fault.CodeOf(err) != fault.ChannelClosed {
		t.Errorf("seals after its life: %v", err)
	}
	if _, err := signer.Open(last); fault.CodeOf(err) != fault.ChannelClosed {
		t.Errorf("opens after its life: %v", err)
	}
	c.now = c.now.Add(-time.Hour)
	if _, err := signer.Open(last); fault.CodeOf(err) != fault.ChannelClosed {
		t.Errorf("lives again when the clock is set back: %v", err)
	}
}

func TestCloseForgetsTheKeys(t *testing.T) {
	t.Parallel()
	bridge, _ := connected(t, newEnds(t, P256))
	bridge.Close()
	if _, err := bridge.Seal(nil); fault.CodeOf(err) != fault.ChannelClosed {
		t.Error(err)
	}
	if bridge.send.key != [32]byte{} || bridge.receive.keys[0].key != [32]byte{} {
		t.Error("keys are still there")
	}
}

func TestTheLargestRecordFits(t *testing.T) {
	t.Parallel()
	bridge, signer := connected(t, newEnds(t, P256))
	r, err := bridge.Seal(make([]byte, MaxPlaintext))
	if err != nil || len(r) != MaxRecord {
		t.Fatalf("%d bytes, %v", len(r), err)
	}
	if _, err := signer.Open(r); err != nil {
		t.Error(err)
	}
	if _, err := bridge.Seal(make([]byte, MaxPlaintext+1)); fault.CodeOf(err) != fault.TooLarge {
		t.Error(err)
	}
}

func TestTheWindowAgreesWithASet(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	var r receiver
	opened := map[uint64]bool{}
	var newest uint64
	for range 200_000 {
		c := newest + uint64(random.IntN(40))
		switch random.IntN(20) {
		case 0:
			c = newest + uint64(random.IntN(3*Window))
		case 1, 2, 3, 4, 5, 6, 7, 8, 9, 10:
			c -= min(c, uint64(random.IntN(Window+40)))
		}
		want := opened[c] || c+Window < newest
		if got := r.old(c); got != want {
			t.Fatalf("counter %d of %d: old %v, want %v", c, newest, got, want)
		}
		if !want {
			r.mark(c)
			opened[c] = true
			newest = max(newest, c+1)
		}
	}
}

func TestManyGoroutinesUseOneSession(t *testing.T) {
	t.Parallel()
	bridge, signer := connected(t, newEnds(t, P256))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				r, err := bridge.Seal([]byte("x"))
				if err == nil {
					_, err = signer.Open(r)
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

func FuzzOpen(f *testing.F) {
	bridge, signer := connected(f, newEnds(f, P256))
	good := seal(f, bridge, "x")
	f.Add(good[:len(good)-1])
	f.Add([]byte{Version, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, record []byte) {
		if bytes.Equal(record, good) {
			return
		}
		if _, err := signer.Open(record); err == nil {
			t.Error("a made-up record opened")
		}
	})
}

func FuzzAct3(f *testing.F) {
	e := newEnds(f, P256)
	var act3 []byte
	e.change = func(n int, r []byte) []byte {
		if n == 3 {
			act3 = r
		}
		return r
	}
	connected(f, e)
	f.Add(act3)
	f.Fuzz(func(t *testing.T, record []byte) {
		e := e
		e.change = func(n int, r []byte) []byte {
			if n == 3 {
				return record
			}
			return r
		}
		if _, _, _, err := e.connect(t.Context()); err == nil {
			t.Error("a made-up act 3 was taken")
		}
	})
}
