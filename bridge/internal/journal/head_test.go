package journal

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/csv"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
	"countersign/shared/jws"
)

func memory(t testing.TB, curve string) keys.Key {
	t.Helper()
	k, err := keys.NewMemory(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestASignedHeadShowsThatAJournalWasRewrittenOrCutOff(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal.log")
	early := fill(t, path, 3)
	j := open(t, path)
	signed := j.Head()
	for _, curve := range []string{jws.Secp256k1, jws.P256} {
		key := memory(t, curve)
		token, err := SignHead(t.Context(), key, "laptop\x00", signed, time.Unix(1_800_000_000, 0))
		if err != nil {
			t.Fatal(err)
		}
		h, err := OpenHead(token+"\n", key.PublicKey())
		if err != nil || h.Size != 3 || h.Hash != signed.Hash || h.Bridge != "laptop" || h.IssuedAt != 1_800_000_000 {
			t.Fatalf("%+v, %v", h, err)
		}
		if _, err := OpenHead(token, memory(t, curve).PublicKey()); fault.CodeOf(err) != fault.SignatureInvalid {
			t.Errorf("another key: %v", err)
		}
		if head, err := Contains(bytes.NewReader(early), h); err != nil || head != signed {
			t.Errorf("%+v, %v", head, err)
		}
		late := append(bytes.Clone(early), more(t, early)...)
		if head, err := Contains(bytes.NewReader(late), h); err != nil || head.Size != 4 {
			t.Errorf("one entry more: %+v, %v", head, err)
		}
		other := filepath.Join(t.TempDir(), "journal.log")
		fill(t, other, 2)
		short, err := os.ReadFile(other)
		if err != nil {
			t.Fatal(err)
		}
		rewritten := append(bytes.Clone(short), more(t, short)...)
		for name, data := range map[string][]byte{"cut off": short, "rewritten": rewritten} {
			f, _ := fault.As(func() error { _, err := Contains(bytes.NewReader(data), h); return err }())
			if f == nil || f.Code != fault.LogCorrupt || f.Details["entry"] != "2" {
				t.Errorf("%s: %v", name, f)
			}
		}
	}
}

// more makes the line that follows data.
func more(t *testing.T, data []byte) []byte {
	t.Helper()
	head, err := Verify(bytes.NewReader(data), nil)
	if err != nil {
		t.Fatal(err)
	}
	line, err := seal(&Entry{Seq: head.Size, Time: "2027-01-15T08:00:01.000Z", Event: Event{Kind: Started}, Prev: head.Hash})
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func TestASignedHeadIsRefusedWhenItIsNotOne(t *testing.T) {
	t.Parallel()
	key := memory(t, jws.P256)
	hash := strings.Repeat("0a", 32)
	good := `{"v":1,"type":"journal-head","bridge":"laptop","size":1,"hash":"` + hash + `","iat":1}`
	for name, r := range map[string]struct{ typ, payload, field string }{
		"right":             {TypHead, good, "-"},
		"another purpose":   {"countersign-approval+jws", good, ""},
		"another version":   {TypHead, strings.Replace(good, `"v":1`, `"v":2`, 1), "v"},
		"another type":      {TypHead, strings.Replace(good, "journal-head", "approval", 1), "type"},
		"an empty journal":  {TypHead, strings.Replace(good, `"size":1`, `"size":0`, 1), "size"},
		"an upper-case hex": {TypHead, strings.Replace(good, "0a", "0A", 1), "hash"},
		"a short hash":      {TypHead, strings.Replace(good, "0a", "", 1), "hash"},
		"a name with ESC":   {TypHead, strings.Replace(good, "laptop", `\u001b[2J`, 1), "bridge"},
		"before 1970":       {TypHead, strings.Replace(good, `"iat":1`, `"iat":-1`, 1), "iat"},
		"a space more":      {TypHead, strings.Replace(good, ",", ", ", 1), ""},
		"one field more":    {TypHead, strings.Replace(good, "}", `,"x":1}`, 1), ""},
	} {
		token, err := jws.Sign(t.Context(), key, r.typ, []byte(r.payload))
		if err != nil {
			t.Fatal(err)
		}
		_, err = OpenHead(token, key.PublicKey())
		f, _ := fault.As(err)
		if (err == nil) != (r.field == "-") || err != nil && f.Details["field"] != r.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := SignHead(t.Context(), key, "laptop", Head{}, time.Unix(1, 0)); fault.CodeOf(err) != fault.StatementInvalid {
		t.Errorf("an empty journal was signed: %v", err)
	}
}

// story is a journal of four entries on four days.
func story(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "journal.log")
	now := time.Date(2027, 1, 1, 12, 0, 0, 0, time.UTC)
	j, err := Open(Config{Path: path, Now: func() time.Time { now = now.AddDate(0, 0, 1); return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []Event{{Kind: Started}, {Kind: Signed, Member: "mem_alice", Request: "=cmd()"}, {Kind: Signed, Member: "mem_bob"}, {Kind: Declined, Member: "mem_alice"}} {
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// length is how many bytes a journal has.
func length(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

func TestAnExportHasTheWantedLinesAsTheyAre(t *testing.T) {
	t.Parallel()
	path := story(t)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	day := func(d int) time.Time { return time.Date(2027, 1, d, 12, 0, 0, 0, time.UTC) }
	for name, r := range map[string]struct {
		filter Filter
		want   []int
	}{
		"everything":  {Filter{}, []int{0, 1, 2, 3}},
		"one member":  {Filter{Member: "mem_alice"}, []int{1, 3}},
		"from a time": {Filter{Since: day(4)}, []int{2, 3}},
		"to a time":   {Filter{Until: day(3)}, []int{0}},
		"both":        {Filter{Since: day(3), Until: day(5), Member: "mem_bob"}, []int{2}},
		"nothing":     {Filter{Member: "mem_eve"}, nil},
	} {
		var out bytes.Buffer
		if err := (Export{Filter: r.filter, Bridge: "laptop", Now: day(9)}).Write(&out, path, length(t, path)); err != nil {
			t.Fatal(err)
		}
		header, rest, _ := strings.Cut(out.String(), "\n")
		var h exportHeader
		if err := json.Unmarshal([]byte(header), &h); err != nil || h.Entries != len(r.want) || h.Size != 4 || h.Bridge != "laptop" || h.Member != r.filter.Member {
			t.Errorf("%s: %s, %v", name, header, err)
		}
		var want string
		for _, i := range r.want {
			want += lines[i]
		}
		if rest != want {
			t.Errorf("%s: %s", name, rest)
		}
	}
}

func TestASpreadsheetComputesNothing(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	path := story(t)
	if err := (Export{CSV: true}).Write(&out, path, length(t, path)); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(rows) != 5 || len(rows[0]) != len(columns) || rows[2][10] != "'=cmd()" {
		t.Errorf("%q, %v", rows, err)
	}
}

func TestOfABrokenJournalNothingIsExported(t *testing.T) {
	t.Parallel()
	path := story(t)
	changed(t, path, func(data []byte) []byte { return bytes.Replace(data, []byte("mem_bob"), []byte("mem_eve"), 1) })
	var out bytes.Buffer
	if err := (Export{}).Write(&out, path, length(t, path)); fault.CodeOf(err) != fault.LogCorrupt || out.Len() > 0 {
		t.Errorf("%q, %v", out.String(), err)
	}
}

func TestAReaderGoesOnWhereItsWriterSaysThatTheJournalEnds(t *testing.T) {
	t.Parallel()
	path := story(t)
	j := open(t, path)
	r := &Reader{Path: path}
	var seen []string
	each := func(e Entry, _ []byte) error { seen = append(seen, e.Kind); return nil }
	before := j.End()
	if head, err := r.To(before.Bytes, each); err != nil || head != before.Head || len(seen) != 4 {
		t.Fatalf("%+v, %v, %v", head, err, seen)
	}
	grown := make(chan End, 1)
	go func() { grown <- j.Grown(t.Context(), before.Bytes) }()
	if err := j.Append(Event{Kind: Blocked}); err != nil {
		t.Fatal(err)
	}
	end := <-grown
	if head, err := r.To(end.Bytes, each); err != nil || head != end.Head || len(seen) != 5 || seen[4] != Blocked {
		t.Errorf("%+v, %v, %v", head, err, seen)
	}
	if got := j.Grown(t.Context(), -1); got != end {
		t.Errorf("at once: %+v", got)
	}
	ended, stop := context.WithCancel(t.Context())
	stop()
	if got := j.Grown(ended, end.Bytes); got != end {
		t.Errorf("nothing more: %+v", got)
	}
	for name, bytes := range map[string]int64{"beyond its end": end.Bytes + 1, "before what was read": end.Bytes - 1} {
		if _, err := r.To(bytes, nil); fault.CodeOf(err) != fault.LogCorrupt {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := (&Reader{Path: path}).To(end.Bytes-1, nil); fault.CodeOf(err) != fault.LogCorrupt {
		t.Errorf("in a line: %v", err)
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

func FuzzSignedHead(f *testing.F) {
	f.Add([]byte(`{"v":1,"type":"journal-head","bridge":"laptop","size":1,"hash":"` + strings.Repeat("00", 32) + `","iat":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		h, err := readHead(data)
		if err == nil && (h.Size == 0 || len(h.Hash) != 64 || h.Bridge == "") {
			t.Fatalf("%+v", h)
		}
	})
}
