package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// maxLine is the longest line that is read or written, in bytes.
const maxLine = 8 << 10

// Entry is one line: an event in its place. Hash is SHA-256, in hex, over the
// line without the member "hash".
type Entry struct {
	Seq  uint64 `json:"seq"`
	Time string `json:"time"` // RFC 3339, UTC, milliseconds
	Event
	Prev string `json:"prev"`
	Hash string `json:"hash,omitempty"`
}

var errTooLong = fmt.Errorf("a journal entry is longer than %d bytes", maxLine)

// timeForm is how the time of an entry is written.
const timeForm = "2006-01-02T15:04:05.000Z"

// Head is where a chain ends.
type Head struct {
	Size uint64 `json:"size"` // number of entries
	Hash string `json:"hash"` // of the last one; empty when there is none
}

// seal computes the hash of entry and returns its line. "hash" is the last
// member, so the hashed bytes are the line without it.
func seal(entry *Entry) ([]byte, error) {
	entry.Hash = ""
	body, err := strictjson.Canonical(*entry)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	entry.Hash = hex.EncodeToString(sum[:])
	line := append(body[:len(body)-1], `,"hash":"`+entry.Hash+`"}`+"\n"...)
	if len(line) > maxLine {
		return nil, errTooLong
	}
	return line, nil
}

// Verify reads a journal, calls each (which may be nil) for every entry in
// order, and returns the head. It fails with LOG_CORRUPT, naming the entry, when
// the chain is broken or its last line is incomplete.
func Verify(r io.Reader, each func(Entry) error) (Head, error) {
	var lines func(Entry, []byte) error
	if each != nil {
		lines = func(e Entry, _ []byte) error { return each(e) }
	}
	head, _, torn, err := scan(r, Head{}, lines)
	if err == nil && torn {
		return head, incomplete(head)
	}
	return head, err
}

// scan reads whole lines that follow head. size is how many bytes they have, torn
// says whether an incomplete one follows.
func scan(r io.Reader, head Head, each func(e Entry, line []byte) error) (_ Head, size int64, torn bool, err error) {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF):
			return head, size, len(line) > 0, nil
		case errors.Is(err, bufio.ErrBufferFull):
			return head, size, false, corrupt(head.Size, "it is too long")
		case err != nil:
			return head, size, false, fmt.Errorf("read journal: %w", err)
		}
		entry, err := parse(line, head)
		if err != nil {
			return head, size, false, err
		}
		if each != nil {
			if err := each(entry, line); err != nil {
				return head, size, false, err
			}
		}
		head = Head{Size: entry.Seq + 1, Hash: entry.Hash}
		size += int64(len(line))
	}
}

// parse reads the line that must follow head.
func parse(line []byte, head Head) (Entry, error) {
	var e Entry
	if err := strictjson.Unmarshal(bytes.TrimSuffix(line, []byte{'\n'}), &e, maxLine); err != nil {
		return Entry{}, corrupt(head.Size, "it is not a journal entry")
	}
	again := e
	want, err := seal(&again)
	switch {
	case err != nil || !bytes.Equal(want, line):
		return Entry{}, corrupt(head.Size, "its content and its hash do not agree")
	case e.Seq != head.Size:
		return Entry{}, corrupt(head.Size, fmt.Sprintf("entry %d stands in its place", e.Seq))
	case e.Prev != head.Hash:
		return Entry{}, corrupt(head.Size, "it does not follow the entry before it")
	}
	return e, nil
}

func incomplete(head Head) error {
	return corrupt(head.Size, "it is incomplete, as a power cut or a full disk leaves it; the next start of the bridge repairs that")
}

func corrupt(seq uint64, why string) error {
	return fault.New(fault.LogCorrupt, fmt.Sprintf("journal entry %d was changed, removed or moved: %s", seq, why)).
		With("entry", fmt.Sprint(seq))
}
