package journal

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
)

var update = flag.Bool("update", false, "write the vectors again")

const vectorFile = "../../../shared/spec/vectors/journal.json"

// vector is one row of shared/spec/vectors/journal.json.
type vector struct {
	Name  string   `json:"name"`
	Lines []string `json:"lines"`
	Torn  bool     `json:"torn,omitempty"`
	Valid bool     `json:"valid"`
	Entry string   `json:"entry,omitempty"`
	Size  uint64   `json:"size,omitempty"`
	Hash  string   `json:"hash,omitempty"`
}

func (v vector) file() []byte {
	text := strings.Join(v.Lines, "\n")
	if !v.Torn && len(v.Lines) > 0 {
		text += "\n"
	}
	return []byte(text)
}

// vectors are made from one story.
func vectors(t *testing.T) []vector {
	t.Helper()
	now := time.Date(2027, 1, 31, 8, 0, 0, 250e6, time.UTC)
	path := t.TempDir() + "/journal.log"
	j, err := Open(Config{Path: path, Now: func() time.Time { now = now.Add(time.Second); return now }})
	if err != nil {
		t.Fatal(err)
	}
	page := Event{Origin: "https://dashboard.example.com", Pairing: "9f86d081884c7d65", Process: "/usr/lib/firefox/firefox (pid 4711)"}
	with := func(kind string, change func(*Event)) Event {
		e := page
		e.Kind = kind
		if change != nil {
			change(&e)
		}
		return e
	}
	statement := func(e *Event) {
		e.Entity, e.Member, e.Device, e.Key = "ent_sandbox", "mem_alice", "alice", strings.Repeat("A", 43)
		e.Request, e.Decision, e.Statement, e.Digest = "req_aaaaaaaaaaaaaaaaaaaaaaaaaa", "APPROVE", "countersign-approval+jws", strings.Repeat("0f", 32)
	}
	decision := func(e *Event) {
		statement(e)
		e.Price, e.Amount, e.Asset, e.Minimum = "250.00 EUR", "0.0815", "ethereum", "0.0799"
		e.Counterparty, e.Account = "NorthPay (northpay)", "Treasury (acc_treasury)"
		e.Address, e.Chain = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", "eip155:1"
	}
	for _, e := range []Event{
		{Kind: Started}, with(Paired, nil), with(Derived, statement), with(Batched, func(e *Event) { e.Batch, e.Count = "bat_1", 2 }),
		with(Approved, decision), with(Signed, decision), with(Failed, func(e *Event) { e.Process, e.Code = "/home/é/\"<&>\"", "DEVICE_REMOVED" }),
	} {
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	good := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	change := func(n int, old, new string) []string {
		l := append([]string(nil), good...)
		l[n] = strings.Replace(l[n], old, new, 1)
		return l
	}
	cut := func(from, to int) []string { return append(append([]string(nil), good[:from]...), good[to:]...) }
	older := older(t)
	return []vector{
		{Name: "one of a writer that did not name what was decided on", Lines: older, Valid: true, Size: uint64(len(older)), Hash: hashOf(t, older[len(older)-1])},
		{Name: "an empty journal", Lines: []string{}, Valid: true},
		{Name: "a whole one", Lines: good, Valid: true, Size: uint64(len(good)), Hash: j.Head().Hash},
		{Name: "its beginning", Lines: good[:3], Valid: true, Size: 3, Hash: hashOf(t, good[2])},
		{Name: "a value was changed", Lines: change(4, "APPROVE", "REJECT"), Entry: "4"},
		{Name: "a hash was changed", Lines: change(1, `"hash":"`, `"hash":"0`), Entry: "1"},
		{Name: "a line was removed", Lines: cut(2, 3), Entry: "2"},
		{Name: "the first was removed", Lines: cut(0, 1), Entry: "0"},
		{Name: "two were exchanged", Lines: append([]string{good[1], good[0]}, good[2:]...), Entry: "0"},
		{Name: "a line is of another journal", Lines: append([]string{good[0]}, other(t), good[2]), Entry: "1"},
		{Name: "white space", Lines: change(3, `":`, `": `), Entry: "3"},
		{Name: "an escape that JSON does not require", Lines: change(6, "é", `\u00e9`), Entry: "6"},
		{Name: "an unknown field", Lines: change(2, `{`, `{"x":1,`), Entry: "2"},
		{Name: "an incomplete last line", Lines: append(append([]string(nil), good[:2]...), good[2][:40]), Torn: true, Entry: "2"},
	}
}

// older is a journal that was written before entries said what was decided on.
func older(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/older.log")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

func hashOf(t *testing.T, line string) string {
	t.Helper()
	var e Entry
	if err := json.Unmarshal([]byte(line), &e); err != nil {
		t.Fatal(err)
	}
	return e.Hash
}

// other is a good second line that does not follow this first one.
func other(t *testing.T) string {
	t.Helper()
	line, err := seal(&Entry{Seq: 1, Time: "2027-01-31T08:00:01.250Z", Event: Event{Kind: Paired}, Prev: strings.Repeat("00", 32)})
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(line), "\n")
}

func TestTheVectorsAreRead(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	if *update {
		data, err := json.MarshalIndent(all, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(vectorFile, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var stored []vector
	if err := json.Unmarshal(data, &stored); err != nil || len(stored) != len(all) {
		t.Fatalf("%d vectors, %d in the code: %v", len(stored), len(all), err)
	}
	for _, v := range stored {
		head, err := Verify(bytes.NewReader(v.file()), nil)
		f, _ := fault.As(err)
		switch {
		case v.Valid && (err != nil || head.Size != v.Size || head.Hash != v.Hash):
			t.Errorf("%s: %+v, %v", v.Name, head, err)
		case !v.Valid && (f == nil || f.Code != fault.LogCorrupt || f.Details["entry"] != v.Entry):
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}
