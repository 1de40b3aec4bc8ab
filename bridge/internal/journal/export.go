package journal

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Read verifies the journal at path, which nobody writes, and calls each, which may be
// nil, with every entry and its line. Errors are those of [Verify].
func Read(path string, each func(e Entry, line []byte) error) (Head, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Head{}, fmt.Errorf("open journal: %w", err)
	}
	return (&Reader{Path: path}).To(info.Size(), each)
}

// Reader reads a journal that grows, up to where its writer says that it ends.
type Reader struct {
	Path string
	at   int64 // what was verified
	head Head
}

// To verifies what follows, up to the first end bytes of the journal, and calls each,
// which may be nil, with every entry and its line. Errors are those of [Verify], and
// LOG_CORRUPT when the file is shorter.
func (r *Reader) To(end int64, each func(e Entry, line []byte) error) (Head, error) {
	f, err := os.Open(r.Path)
	if err != nil {
		return r.head, fmt.Errorf("open journal: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return r.head, fmt.Errorf("open journal: %w", err)
	}
	if info.Size() < end || end < r.at {
		return r.head, corrupt(r.head.Size, "the journal was cut off")
	}
	head, n, torn, err := scan(io.NewSectionReader(f, r.at, end-r.at), r.head, each)
	if err != nil {
		return head, err
	}
	r.at, r.head = r.at+n, head
	if torn {
		return head, incomplete(head)
	}
	return head, nil
}

// Filter chooses entries. Its zero value takes all.
type Filter struct {
	Since  time.Time // the first moment; zero: from the beginning
	Until  time.Time // the first moment that is not wanted any more; zero: to the end
	Member string    // only this member's; empty: everything, also what belongs to nobody
}

// Takes reports whether the filter wants e.
func (f Filter) Takes(e Entry) bool {
	at, err := time.Parse(timeForm, e.Time)
	return (f.Member == "" || f.Member == e.Member) &&
		(f.Since.IsZero() || err == nil && !at.Before(f.Since)) &&
		(f.Until.IsZero() || err == nil && at.Before(f.Until))
}

// Export says what is exported, and of which bridge.
type Export struct {
	Filter
	CSV    bool
	Bridge string // what the computer is called
	Now    time.Time
}

// exportHeader is the first line of an export. Size and Hash are the head of the
// whole journal, Entries how many lines follow.
type exportHeader struct {
	Journal  string `json:"journal"` // "countersign-journal/1"
	Bridge   string `json:"bridge"`
	Exported string `json:"exported"`
	Size     uint64 `json:"size"`
	Hash     string `json:"hash"`
	Since    string `json:"since,omitempty"`
	Until    string `json:"until,omitempty"`
	Member   string `json:"member,omitempty"`
	Entries  int    `json:"entries"`
}

// Write verifies the first end bytes of the journal at path and writes the entries that
// the filter takes: a header line and then the journal's own lines, or CSV. Of a broken
// journal it writes nothing.
func (x Export) Write(w io.Writer, path string, end int64) error {
	n := 0
	head, err := (&Reader{Path: path}).To(end, func(e Entry, _ []byte) error {
		if x.Takes(e) {
			n++
		}
		return nil
	})
	if err != nil {
		return err
	}
	stamp := func(t time.Time) string {
		if t.IsZero() {
			return ""
		}
		return t.UTC().Format(timeForm)
	}
	table := csv.NewWriter(w)
	if x.CSV {
		err = table.Write(columns)
	} else {
		err = json.NewEncoder(w).Encode(exportHeader{Journal: "countersign-journal/1", Bridge: bridgeName(x.Bridge), Exported: stamp(x.Now),
			Size: head.Size, Hash: head.Hash, Since: stamp(x.Since), Until: stamp(x.Until), Member: x.Member, Entries: n})
	}
	if err != nil {
		return err
	}
	_, err = (&Reader{Path: path}).To(end, func(e Entry, line []byte) error {
		switch {
		case !x.Takes(e):
			return nil
		case x.CSV:
			return table.Write(e.row())
		}
		_, err := w.Write(line)
		return err
	})
	if err != nil {
		return err
	}
	table.Flush()
	return table.Error()
}

// columns are the names of the fields of [Entry.row].
var columns = []string{"seq", "time", "event", "origin", "pairing", "process", "entity", "member", "device", "key",
	"request", "batch", "count", "decision", "intent", "price", "amount", "asset", "minimum", "counterparty", "account", "address", "chain", "change", "purpose", "reference", "statement", "digest", "code", "hash"}

// row is the entry as a line of a table.
func (e Entry) row() []string {
	count := ""
	if e.Count > 0 {
		count = strconv.Itoa(e.Count)
	}
	row := []string{strconv.FormatUint(e.Seq, 10), e.Time, e.Kind, e.Origin, e.Pairing, e.Process, e.Entity, e.Member, e.Device, e.Key,
		e.Request, e.Batch, count, e.Decision, e.Intent, e.Price, e.Amount, e.Asset, e.Minimum, e.Counterparty, e.Account, e.Address, e.Chain, e.Change, e.Purpose, e.Reference, e.Statement, e.Digest, e.Code, e.Hash}
	for i, cell := range row {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			row[i] = "'" + cell // a spreadsheet would compute it
		}
	}
	return row
}
