// Package journal is the bridge's own record: one line for each decision of the
// person and each use of a key, append-only, each line bound to the one before
// by a hash, in a file that only its owner reads. The bridge writes before it
// acts and refuses to act when it cannot write. A line names keys, requests and
// outcomes; it never holds a PIN, a key, or a record's content.
//
// A line that permits the use of a key is on the disk before the key is used; the
// others follow within a second. One process writes: the bridge that runs, or a command
// while none does (bridge/internal/instance). It says where the journal ends, so that
// others read whole lines ([Reader]).
//
// The chain shows that a line was changed, removed or moved; it does not stop
// somebody who may write the file from writing a new one. Against that, a token
// signs the head ([SignHead]), and the owner keeps the signature elsewhere.
//
// Spec: shared/spec/journal.md. The rooms of an approval (bridge/internal/page,
// approval, unlock) write it,
// bridge/cmd/countersign-bridge reads it.
package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"countersign/shared/fault"
	"countersign/shared/shell"
)

// syncEvery is how long a line may be in the operating system's memory only: a
// crash of the bridge loses nothing, a power cut at most this much, and never a
// line that permits the use of a key.
const syncEvery = time.Second

// Config is what a journal needs.
type Config struct {
	Path string
	Now  func() time.Time // nil: time.Now
}

// Journal is an open journal. It is safe for concurrent use.
type Journal struct {
	now      func() time.Time
	path     string
	file     *os.File
	info     os.FileInfo // which file it is
	datasync func(*os.File) error

	mu      sync.Mutex
	head    Head
	size    int64         // bytes of the lines up to head
	tail    []byte        // the last line
	last    int64         // where it starts
	synced  int64         // how many of the bytes are on the disk
	pending []byte        // the bytes from synced to size
	grown   chan struct{} // closed by the next line
	trouble error         // the last failure; the file is looked at before the next line
	torn    bool          // a line that failed may have left bytes at the end
	missed  int           // events that were refused since
	closed  bool
	timer   *time.Timer // set while lines wait to be synced

	syncing sync.Mutex // held during a sync; taken before mu. Who waits for it shares the next sync
}

// Open opens or creates the journal and verifies the chain. It fails with
// LOG_CORRUPT when the chain is broken. Only a last line that a power cut left
// incomplete is forgiven: it is dropped, and the next line says so.
func Open(cfg Config) (*Journal, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	_, err := os.Stat(cfg.Path)
	created := errors.Is(err, os.ErrNotExist)
	f, err := os.OpenFile(cfg.Path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open journal: %w", err)
	}
	j := &Journal{now: cfg.Now, path: cfg.Path, file: f, datasync: datasync, grown: make(chan struct{})}
	if err := j.load(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if created {
		if err := syncFolder(filepath.Dir(cfg.Path)); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return j, nil
}

func (j *Journal) load() error {
	var err error
	if j.info, err = j.file.Stat(); err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	if j.info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("open journal: %s must be readable by its owner only: chmod 600 %s", j.path, shell.Word(j.path))
	}
	var torn bool
	j.head, j.size, torn, err = scan(io.NewSectionReader(j.file, 0, j.info.Size()), Head{}, func(_ Entry, line []byte) error {
		j.tail = append(j.tail[:0], line...)
		return nil
	})
	if err != nil {
		return err
	}
	j.last, j.synced = j.size-int64(len(j.tail)), j.size
	if !torn {
		return nil
	}
	if err := j.file.Truncate(j.size); err != nil {
		return fmt.Errorf("drop an incomplete line: %w", err)
	}
	return j.line(Event{Kind: Recovered})
}

// syncFolder makes a new name in a folder survive a power cut.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open journal: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// Append writes one event. When it fails, with JOURNAL_UNAVAILABLE, the caller
// must not do what it wanted to record. An event that permits the use of a key
// is on the disk when Append returns. After a failure each call looks at the file
// again and goes on when there is space and the file ends as it should; the first
// line then says how many events were refused.
func (j *Journal) Append(e Event) error {
	end, err := j.write(e)
	if err == nil && e.Durable() {
		if err = j.commit(end); err != nil {
			j.mu.Lock()
			j.missed++
			j.mu.Unlock()
		}
	}
	if err != nil {
		return refused(err)
	}
	return nil
}

// write adds a line and returns where it ends.
func (j *Journal) write(e Event) (end int64, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return 0, os.ErrClosed
	}
	if err := j.add(e); errors.Is(err, errTooLong) {
		return 0, err
	} else if err != nil {
		j.trouble = err
		j.missed++
		return 0, err
	}
	j.flushLater()
	return j.size, nil
}

func (j *Journal) flushLater() {
	if j.timer == nil && !j.closed {
		j.timer = time.AfterFunc(syncEvery, j.flush)
	}
}

// add writes e at the end of the file.
func (j *Journal) add(e Event) error {
	if err := j.ready(); err != nil {
		return err
	}
	if j.trouble != nil {
		if err := j.line(Event{Kind: Recovered, Code: string(fault.JournalDown), Count: j.missed}); err != nil {
			return err
		}
		j.trouble, j.missed = nil, 0
	}
	return j.line(e)
}

// flush syncs what waits, and after a failure tries again until it can.
func (j *Journal) flush() {
	j.mu.Lock()
	j.timer = nil
	end := j.size
	j.mu.Unlock()
	if j.commit(end) == nil {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed || j.ready() == nil {
		return
	}
	j.flushLater()
}

// commit returns when the first end bytes are on the disk. One sync serves
// everybody who waited for the one before.
func (j *Journal) commit(end int64) error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	upTo, trouble := j.size, j.trouble
	done, closed := j.synced >= end, j.closed
	j.mu.Unlock()
	switch {
	case done:
		return nil
	case closed:
		return os.ErrClosed
	case trouble != nil:
		// A sync after one that failed may succeed without having written.
		return trouble
	}
	err := j.datasync(j.file)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil {
		j.trouble = err
		return err
	}
	j.onDisk(upTo)
	return nil
}

func (j *Journal) onDisk(upTo int64) {
	if upTo > j.synced {
		j.pending = append([]byte(nil), j.pending[upTo-j.synced:]...)
		j.synced = upTo
	}
}

// End is where a journal ends: after so many bytes, with this head.
type End struct {
	Bytes int64 `json:"bytes"`
	Head  Head  `json:"head"`
}

// End is where the journal ends now.
func (j *Journal) End() End {
	j.mu.Lock()
	defer j.mu.Unlock()
	return End{j.size, j.head}
}

// Head is where the chain ends now.
func (j *Journal) Head() Head { return j.End().Head }

// Grown waits until the journal is longer than this, or ctx ends, and returns where it
// ends then.
func (j *Journal) Grown(ctx context.Context, than int64) End {
	for {
		j.mu.Lock()
		end, grown := End{j.size, j.head}, j.grown
		j.mu.Unlock()
		if end.Bytes > than {
			return end
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return end
		}
	}
}

// Close flushes and closes the file. Append fails afterwards.
func (j *Journal) Close() error {
	j.syncing.Lock()
	defer j.syncing.Unlock()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil
	}
	j.closed = true
	if j.timer != nil {
		j.timer.Stop()
	}
	err := j.datasync(j.file)
	if err == nil {
		j.onDisk(j.size)
	}
	return errors.Join(err, j.file.Close())
}

// refused is what the outside sees.
func refused(cause error) error {
	why := ""
	switch {
	case errors.Is(cause, syscall.ENOSPC), errors.Is(cause, syscall.EDQUOT), errors.Is(cause, syscall.EFBIG):
		why = " (the disk is full)"
	case errors.Is(cause, errReplaced):
		why = " (the file was removed, replaced or cut off)"
	case errors.Is(cause, errAdded), fault.CodeOf(cause) == fault.LogCorrupt:
		why = " (another program changed it)"
	}
	return fault.Wrap(cause, fault.JournalDown, "the bridge cannot write its journal"+why+", so it does nothing with your keys")
}
