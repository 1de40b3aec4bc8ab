package signedlog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// Log is an open log. Its methods may be called by several goroutines.
type Log struct {
	cfg     Config
	mu      sync.Mutex
	chain   Chain     // with what was appended
	counts  Mark      // what is durable, and the watermark says so
	waits   []waiting // what is not, in order
	last    int64     // the first entry of the segment of the first that waits
	writing bool      // one of those who wait in Commit writes for all
	written *sync.Cond
	full    error // why the last write wrote nothing; the next may
	err     error // why no more can be appended
}

// waiting is an entry that waits to be written.
type waiting struct {
	text string
	ends bool // the segment
	mark Mark // behind it
}

// Open verifies the log, calls visit with each entry, and compares it with the watermark.
// What a power cut tore is removed, if the watermark shows that it was never
// acknowledged. Entries that are complete but beyond the watermark, at most MaxBatch, were
// signed and made durable before the power went: they are kept. It fails with
// LOG_CORRUPT, naming the entry, when anything was changed, removed, re-ordered or cut
// off.
func Open(ctx context.Context, cfg Config, visit Visit) (*Log, error) {
	mark, err := cfg.Watermark.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the watermark of the log: %w", err)
	}
	l := &Log{cfg: cfg, chain: Chain{Key: cfg.Signer.PublicKey(), Inner: cfg.Inner}}
	if cfg.From == "" && !cfg.Root.IsZero() {
		l.chain.Key = cfg.Root
	}
	l.written = sync.NewCond(&l.mu)
	marked := ""
	if cfg.From != "" {
		if _, err := l.chain.Begin(cfg.From); err != nil {
			return nil, err
		}
		from := l.chain.Mark
		if from.Size > mark.Size {
			return nil, fault.New(fault.LogCorrupt, fmt.Sprintf("the checkpoint is of entry %d, which was never acknowledged", from.Size-1)).With("part", "checkpoint")
		}
		if from.Size == mark.Size {
			marked = from.Head
		}
	}
	last, err := l.chain.walk(cfg.Storage, mark.Size, func(e Entry, line, hash string) error {
		if e.Seq == mark.Size-1 {
			marked = hash
		}
		if visit == nil {
			return nil
		}
		return visit(e, line, hash)
	})
	if err != nil {
		return nil, err
	}
	size := l.chain.Mark.Size
	switch {
	case size < mark.Size:
		return nil, corrupt(size, nil, fmt.Sprintf("is missing: the log's size was %d and is %d", mark.Size, size))
	case mark.Size > 0 && marked != mark.Head:
		return nil, corrupt(mark.Size-1, nil, "is not the one that was written: the log was exchanged")
	case size > mark.Size+MaxBatch:
		return nil, corrupt(mark.Size, nil, fmt.Sprintf("is beyond what was acknowledged: the watermark's size is %d, the log's %d", mark.Size, size))
	}
	if last.torn {
		if err := cfg.Storage.Truncate(last.first, last.good); err != nil {
			return nil, fmt.Errorf("remove a torn line of the log: %w", err)
		}
	}
	if size > mark.Size {
		if err := cfg.Watermark.Set(ctx, l.chain.Mark); err != nil {
			return nil, fmt.Errorf("set the watermark of the log: %w", err)
		}
	}
	l.counts, l.last = l.chain.Mark, last.next
	return l, nil
}

// Mark returns how far the log counts.
func (l *Log) Mark() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts
}

// Tip returns how far the log was appended to. What is beyond [Log.Mark] does not count
// until [Log.Commit] has returned.
func (l *Log) Tip() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain.Mark
}

// Tree is the Merkle tree over the lines up to [Log.Tip].
func (l *Log) Tree() Tree {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain.Tree
}

// Append signs an entry, which counts when [Log.Commit] has returned. It returns the entry
// and its line. body is written in canonical form. After an error of storage or watermark
// the log takes no more entries until it is opened again, because nobody knows what was
// written; after [ErrFull], until a Commit has found room for what waits.
func (l *Log) Append(ctx context.Context, typ string, body any) (e Entry, text string, err error) {
	raw, err := strictjson.Canonical(body)
	if err != nil {
		return Entry{}, "", fmt.Errorf("write the body of a log entry: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := cmp.Or(l.err, l.full); err != nil {
		return Entry{}, "", err
	}
	if !l.chain.Key.Equal(l.cfg.Signer.PublicKey()) {
		return Entry{}, "", Rotated()
	}
	at := l.cfg.Now().Unix()
	if typ != Clock {
		at = max(at, l.chain.at)
	}
	e = Entry{Seq: l.chain.Mark.Size, Prev: l.chain.Mark.Head, At: at, Type: typ, Body: strictjson.Raw(raw)}
	if e.Seq == 0 {
		e.Prev = none
	}
	payload, err := Encode(e)
	if err != nil {
		return Entry{}, "", err
	}
	text, err = jws.Sign(ctx, l.cfg.Signer, statement.TypEntry, payload)
	if err != nil {
		return Entry{}, "", fmt.Errorf("sign log entry %d: %w", e.Seq, err)
	}
	key, rotates, err := e.Rotates()
	if err != nil {
		return Entry{}, "", err
	}
	if l.chain.advance(e, text); rotates {
		l.chain.Key = key
	}
	l.waits = append(l.waits, waiting{text, typ == Checkpoint, l.chain.Mark})
	return e, text, nil
}

// Rotated is UNAVAILABLE: the log goes on with other keys than the signer has.
func Rotated() error {
	return fault.New(fault.Unavailable, "the vault's keys were rotated: its log goes on in the new token, and this one signs no more").With("reason", "rotated")
}

// Commit returns when the first size entries are durable and the watermark says so. One of
// those who wait writes what all of them appended.
func (l *Log) Commit(ctx context.Context, size int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.counts.Size < size {
		if l.err != nil {
			return l.err
		}
		if l.writing {
			l.written.Wait()
			continue
		}
		if len(l.waits) == 0 {
			return fmt.Errorf("wait for entry %d of the log, which has %d", size-1, l.chain.Mark.Size)
		}
		l.writing = true
		l.write(ctx)
		l.writing = false
		l.written.Broadcast()
		if l.full != nil {
			return l.full
		}
	}
	return nil
}

// write makes the next batch count: entries of one segment. l.mu is held, but not while
// it writes.
func (l *Log) write(ctx context.Context) {
	n, ends := 0, false
	texts := []string{}
	for n < min(len(l.waits), MaxBatch) && !ends {
		texts = append(texts, l.waits[n].text)
		ends = l.waits[n].ends
		n++
	}
	segment, mark := l.last, l.waits[n-1].mark
	l.mu.Unlock()
	err := l.cfg.Storage.Append(segment, texts)
	if errors.Is(err, ErrFull) {
		l.mu.Lock()
		l.full = fault.Wrap(err, fault.Unavailable, "the signer's disk is full: nothing is recorded, and nothing is lost; it goes on when there is room").With("reason", "disk")
		return
	}
	if err != nil {
		err = fault.Wrap(fmt.Errorf("append to the log up to entry %d: %w", mark.Size-1, err), fault.Unavailable, "the signer cannot write its log; it must be restarted")
	} else if err = l.cfg.Watermark.Set(context.WithoutCancel(ctx), mark); err != nil { // what is durable happens, even if the caller has gone
		err = fault.Wrap(fmt.Errorf("set the watermark to entry %d: %w", mark.Size-1, err), fault.Unavailable, "the signer cannot move its watermark; it must be restarted")
	}
	l.mu.Lock()
	l.full = nil
	if l.err = err; err != nil {
		return
	}
	l.waits = append([]waiting(nil), l.waits[n:]...)
	if l.counts = mark; ends {
		l.last = mark.Size
	}
}
