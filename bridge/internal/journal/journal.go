// Package journal is the bridge's own record: one line for each decision of the
// person and each use of a key, append-only, each line bound to the one before
// by a hash, in a file that only its owner reads. The bridge writes before it
// acts and refuses to act when it cannot write. A line names keys, requests and
// outcomes; it never holds a PIN, a key, or a record's content.
//
// The chain shows that a line was changed, removed or moved; it does not stop
// somebody who may write the file from writing a new one, so an operator who
// needs that keeps the head that `countersign-bridge journal verify` prints.
// bridge/internal/approver writes it, bridge/cmd/countersign-bridge reads it.
package journal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"countersign/shared/fault"
	"countersign/shared/strictjson"
)

// maxLine is the longest line that is read or written, in bytes.
const maxLine = 8 << 10

// syncEvery is how long a line may be in the operating system's memory only: a
// crash of the bridge loses nothing, a power cut at most this much.
const syncEvery = time.Second

// The events. What stands after "first" is synced to the disk before the key is
// used: [Event.Durable].
const (
	Started       = "started"        // the bridge started
	Stopped       = "stopped"        // it stopped as it was told
	Recovered     = "recovered"      // the last line was incomplete after a power cut or a full disk, and was dropped
	HeadSigned    = "head-signed"    // first: a token's key signs the head of this journal; Digest is the head's hash
	Paired        = "paired"         // the person accepted a page's key
	PairingFailed = "pairing-failed" // they did not, or the code's handshake failed
	Revoked       = "revoked"        // a pairing was taken back
	OriginAdded   = "origin-added"   // a site was added to the configuration
	OriginRemoved = "origin-removed" // it was removed
	Blocked       = "blocked"        // the person blocked a site at the prompt
	Unblocked     = "unblocked"      // they took it back
	Limited       = "limited"        // a site asked too often and was refused
	Refused       = "refused"        // a request was refused before anybody was asked: Code says why
	Batched       = "batch"          // several statements are shown as one list; Batch is its id, Count its items
	Derived       = "key-derived"    // first: ECDH with a channel key
	Unlocked      = "unlocked"       // a PIN was accepted
	PINFailed     = "pin-failed"     // a PIN was refused, or not given
	Locked        = "locked"         // a token was locked again: idle for too long, pulled, or on demand
	Approved      = "approved"       // first: the person approved; the key is about to be used
	Declined      = "declined"       // the person said no; nothing was signed
	Signed        = "signed"         // a signature was made and leaves the bridge
	Failed        = "failed"         // it was not: Code says why
	ModuleFailed  = "module-failed"  // a PKCS#11 module crashed or hung and was restarted; Device is its file, Code MODULE_FAILED
	KeyMade       = "key-made"       // first: a key pair is made in a token
	KeyDeleted    = "key-deleted"    // first: a key pair is deleted from a token
)

// Event is what happened. Empty fields are left out.
type Event struct {
	Kind      string `json:"event"` // one of the constants above
	Origin    string `json:"origin,omitempty"`
	Pairing   string `json:"pairing,omitempty"` // id of the page's key
	Process   string `json:"process,omitempty"` // the page's program: "/usr/bin/firefox (pid 4711)"
	Entity    string `json:"entity,omitempty"`
	Member    string `json:"member,omitempty"`
	Device    string `json:"device,omitempty"`    // token label
	Key       string `json:"key,omitempty"`       // thumbprint
	Request   string `json:"request,omitempty"`   // request id
	Batch     string `json:"batch,omitempty"`     // id of the batch that the request was shown in
	Count     int    `json:"count,omitempty"`     // how many items, or how many events this line stands for; 0 means one
	Decision  string `json:"decision,omitempty"`  // APPROVE or REJECT
	Statement string `json:"statement,omitempty"` // what kind of statement: its typ, "countersign-approval+jws"
	Digest    string `json:"digest,omitempty"`    // SHA-256 of the statement, hex
	Code      string `json:"code,omitempty"`      // fault code
}

// Durable reports whether the event permits the use of a key: [Journal.Append]
// then returns only when the line is on the disk.
func (e Event) Durable() bool {
	switch e.Kind {
	case Approved, Derived, HeadSigned, KeyMade, KeyDeleted:
		return true
	}
	return false
}

// Entry is one line: an event in its place. Hash is SHA-256, in hex, over the
// line without the member "hash".
type Entry struct {
	Seq  uint64 `json:"seq"`
	Time string `json:"time"` // RFC 3339, UTC, milliseconds
	Event
	Prev string `json:"prev"`
	Hash string `json:"hash,omitempty"`
}

// Config is what a journal needs.
type Config struct {
	Path string
	Now  func() time.Time // nil: time.Now
}

// Journal is an open journal. It is safe for concurrent use.
type Journal struct {
	now   func() time.Time
	mu    sync.Mutex
	file  *os.File
	head  Head
	err   error // the first failure; nothing is written after it
	dirty bool
	timer *time.Timer
}

// Head is where a chain ends.
type Head struct {
	Size uint64 // number of entries
	Hash string // of the last one; empty when there is none
}

// Open opens or creates the journal, verifies the chain, and locks the file
// against a second bridge. It fails with LOG_CORRUPT when the chain is broken.
// Only a last line that a power cut left incomplete is forgiven: it is dropped,
// and the next line says so.
func Open(cfg Config) (*Journal, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	f, err := os.OpenFile(cfg.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{now: cfg.Now, file: f}
	if err := j.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

func (j *Journal) load() error {
	info, err := j.file.Stat()
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("open journal: %s must be readable by its owner only (chmod 600)", j.file.Name())
	}
	if err := syscall.Flock(int(j.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("open journal: another bridge uses %s: %w", j.file.Name(), err)
	}
	head, size, torn, err := scan(j.file, nil)
	if err != nil {
		return err
	}
	j.head = head
	if _, err := j.file.Seek(size, io.SeekStart); err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if !torn {
		return nil
	}
	if err := j.file.Truncate(size); err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	return j.Append(Event{Kind: Recovered})
}

// Append writes one event. When it fails the caller must not do what it wanted
// to record; every later call fails too, because the file's end is uncertain.
func (j *Journal) Append(e Event) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		return refused(j.err)
	}
	entry := Entry{Seq: j.head.Size, Time: j.now().UTC().Format("2006-01-02T15:04:05.000Z"), Event: e, Prev: j.head.Hash}
	line, err := seal(&entry)
	if err != nil {
		return refused(err)
	}
	if _, err := j.file.Write(line); err != nil {
		j.err = err
		return refused(err)
	}
	j.head = Head{Size: entry.Seq + 1, Hash: entry.Hash}
	if !j.dirty {
		j.dirty = true
		j.timer = time.AfterFunc(syncEvery, j.sync)
	}
	return nil
}

func refused(cause error) error {
	return fault.Wrap(cause, fault.JournalDown, "the bridge cannot write its journal, so it does nothing with your keys")
}

func (j *Journal) sync() {
	j.mu.Lock()
	f := j.file
	j.dirty = false
	j.mu.Unlock()
	if err := f.Sync(); err != nil && !errors.Is(err, os.ErrClosed) {
		j.mu.Lock()
		j.err = errors.Join(j.err, err)
		j.mu.Unlock()
	}
}

// Head is where the chain ends now.
func (j *Journal) Head() Head {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.head
}

// Close flushes and closes the file. Append fails afterwards.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.timer != nil {
		j.timer.Stop()
	}
	if errors.Is(j.err, os.ErrClosed) {
		return nil
	}
	j.err = os.ErrClosed
	return errors.Join(j.file.Sync(), j.file.Close())
}

// seal computes the hash of entry and returns its line.
func seal(entry *Entry) ([]byte, error) {
	entry.Hash = ""
	body, err := json.Marshal(entry)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	entry.Hash = hex.EncodeToString(sum[:])
	line, err := json.Marshal(entry)
	if err != nil {
		return nil, err
	}
	if len(line)+1 > maxLine {
		return nil, fmt.Errorf("journal: an entry is longer than %d bytes", maxLine)
	}
	return append(line, '\n'), nil
}

// Verify reads a journal, calls each (which may be nil) for every entry in
// order, and returns the head. It fails with LOG_CORRUPT, naming the entry, when
// the chain is broken or its last line is incomplete.
func Verify(r io.Reader, each func(Entry) error) (Head, error) {
	head, _, torn, err := scan(r, each)
	if err == nil && torn {
		return head, corrupt(head.Size, "it is incomplete")
	}
	return head, err
}

// scan reads whole lines. size is how many bytes they have, torn says whether an
// incomplete one follows.
func scan(r io.Reader, each func(Entry) error) (head Head, size int64, torn bool, err error) {
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
			if err := each(entry); err != nil {
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

func corrupt(seq uint64, why string) error {
	return fault.New(fault.LogCorrupt, fmt.Sprintf("journal entry %d was changed, removed or moved: %s", seq, why)).
		With("entry", fmt.Sprint(seq))
}
