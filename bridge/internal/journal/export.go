package journal

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// Read verifies the journal at path as it is now and calls each, which may be
// nil, with every entry and its line. Errors are those of [Verify].
func Read(path string, each func(e Entry, line []byte) error) (Head, error) {
	f, err := os.Open(path)
	if err != nil {
		return Head{}, fmt.Errorf("open journal: %w", err)
	}
	defer f.Close()
	size, err := settled(f)
	if err != nil {
		return Head{}, err
	}
	head, _, torn, err := scan(io.NewSectionReader(f, 0, size), Head{}, each)
	if err == nil && torn {
		return head, incomplete(head)
	}
	return head, err
}

// settled is the size of the file when nobody is in the middle of a line.
func settled(f *os.File) (size int64, err error) {
	err = alone(f, func() error {
		info, err := f.Stat()
		if err == nil {
			size = info.Size()
		}
		return err
	})
	return size, err
}

// followEvery is how often [Follow] looks for new lines.
const followEvery = 250 * time.Millisecond

// Follow is [Read] that goes on with what is added, until ctx ends.
func Follow(ctx context.Context, path string, each func(e Entry, line []byte) error) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	defer f.Close()
	ticker := time.NewTicker(followEvery)
	defer ticker.Stop()
	var head Head
	for at := int64(0); ; {
		size, err := settled(f)
		if err != nil {
			return err
		}
		if size < at {
			return corrupt(head.Size, "the journal was cut off while it was read")
		}
		var n int64
		head, n, _, err = scan(io.NewSectionReader(f, at, size-at), head, each)
		if err != nil {
			return err
		}
		at += n
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
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

// Write verifies the journal at path and writes the entries that the filter
// takes: a header line and then the journal's own lines, or CSV. Of a broken
// journal it writes nothing.
func (x Export) Write(w io.Writer, path string) error {
	n := 0
	head, err := Read(path, func(e Entry, _ []byte) error {
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
	enough := errors.New("all that was verified is written")
	_, err = Read(path, func(e Entry, line []byte) error {
		switch {
		case e.Seq >= head.Size:
			return enough // a line that was added since
		case !x.Takes(e):
			return nil
		case x.CSV:
			return table.Write(e.row())
		}
		_, err := w.Write(line)
		return err
	})
	if err != nil && !errors.Is(err, enough) {
		return err
	}
	table.Flush()
	return table.Error()
}

// columns are the names of the fields of [Entry.row].
var columns = []string{"seq", "time", "event", "origin", "pairing", "process", "entity", "member", "device", "key",
	"request", "batch", "count", "decision", "intent", "price", "amount", "asset", "minimum", "counterparty", "account", "address", "chain", "purpose", "statement", "digest", "code", "hash"}

// row is the entry as a line of a table.
func (e Entry) row() []string {
	count := ""
	if e.Count > 0 {
		count = strconv.Itoa(e.Count)
	}
	row := []string{strconv.FormatUint(e.Seq, 10), e.Time, e.Kind, e.Origin, e.Pairing, e.Process, e.Entity, e.Member, e.Device, e.Key,
		e.Request, e.Batch, count, e.Decision, e.Intent, e.Price, e.Amount, e.Asset, e.Minimum, e.Counterparty, e.Account, e.Address, e.Chain, e.Purpose, e.Statement, e.Digest, e.Code, e.Hash}
	for i, cell := range row {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			row[i] = "'" + cell // a spreadsheet would compute it
		}
	}
	return row
}
