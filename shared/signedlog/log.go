package signedlog

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// MaxLine is the longest line, in bytes without its line feed. MaxBody is the
// longest body of an entry.
const (
	MaxLine = jws.MaxToken
	MaxBody = 32 << 10
)

// Hash is how an entry is named: base64url of the SHA-256 of its line.
func Hash(line []byte) string {
	sum := sha256.Sum256(line)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// none is the hash before the genesis.
var none = base64.RawURLEncoding.EncodeToString(make([]byte, sha256.Size))

// Encode returns the canonical bytes of an entry, which is what is signed.
func Encode(e Entry) ([]byte, error) {
	if len(e.Body) > MaxBody {
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("the body of an entry is longer than %d bytes", MaxBody))
	}
	return strictjson.Canonical(e)
}

// Decode reads the canonical bytes of an entry. It fails with INVALID_REQUEST.
func Decode(data []byte) (Entry, error) {
	var e Entry
	if err := strictjson.UnmarshalCanonical(data, &e, MaxLine); err != nil {
		return Entry{}, err
	}
	if e.Seq < 0 || e.At < 0 || e.Type == "" || len(e.Body) == 0 || e.Body[0] != '{' {
		return Entry{}, fault.New(fault.Invalid, "the entry has no proper seq, at, type or body")
	}
	return e, nil
}

// Visit is called with each verified entry, its line and its hash, in order.
type Visit func(e Entry, line, hash string) error

// Chain verifies lines one after the other, from the genesis on or from a state
// that was verified before.
type Chain struct {
	Key  jws.PublicKey // the statement key
	Mark Mark          // how far it is; the zero Mark before the genesis
	// Inner looks at an entry ahead of its turn, for what it holds besides. It is called
	// by several goroutines, also while an earlier entry is visited. nil: nothing does.
	Inner func(Entry)
	at    int64
}

// Next verifies the next line. It fails with LOG_CORRUPT, details entry, and
// then stays where it was.
func (c *Chain) Next(line string) (Entry, string, error) {
	return c.follow(line, open(line, c.Key))
}

// opened is an entry whose signature holds, or why not.
type opened struct {
	Entry
	err error
	why string
}

func open(line string, key jws.PublicKey) opened {
	if len(line) > MaxLine {
		return opened{why: "is too long"}
	}
	payload, err := jws.Verify(line, statement.TypEntry, key)
	if err != nil {
		return opened{err: err, why: "is not signed by the signer's statement key: it was changed"}
	}
	e, err := Decode(payload)
	if err != nil {
		return opened{err: err, why: "has another form than an entry"}
	}
	return opened{Entry: e}
}

// follow holds an entry against the one before it.
func (c *Chain) follow(line string, o opened) (Entry, string, error) {
	n, e := c.Mark.Size, o.Entry
	if o.why != "" {
		return Entry{}, "", corrupt(n, o.err, o.why)
	}
	if e.Seq != n {
		return Entry{}, "", corrupt(n, nil, fmt.Sprintf("says that it is entry %d: entries were removed or re-ordered", e.Seq))
	}
	prev := c.Mark.Head
	if n == 0 {
		prev = none
	}
	if e.Prev != prev {
		return Entry{}, "", corrupt(n, nil, "does not follow the entry before it: one of the two was exchanged")
	}
	if (n == 0) != (e.Type == Genesis) {
		return Entry{}, "", corrupt(n, nil, "is a "+e.Type+": the genesis is entry 0 and no other")
	}
	if e.At < c.at && e.Type != Clock {
		return Entry{}, "", corrupt(n, nil, "is older than the entry before it")
	}
	c.advance(e, line)
	return e, c.Mark.Head, nil
}

func (c *Chain) advance(e Entry, line string) {
	c.Mark, c.at = Mark{Size: e.Seq + 1, Head: Hash([]byte(line))}, e.At
}

func corrupt(entry int64, cause error, why string) error {
	msg := fmt.Sprintf("the log is corrupt: entry %d %s", entry, why)
	e := fault.New(fault.LogCorrupt, msg)
	if cause != nil {
		e = fault.Wrap(cause, fault.LogCorrupt, msg)
	}
	return e.With("entry", fmt.Sprint(entry))
}

// Verify reads a whole log, from where the chain is to its end, and calls visit with each
// entry. A last line without a line feed is an error here.
func (c *Chain) Verify(r io.Reader, visit Visit) (Mark, error) {
	_, torn, err := c.read(r, visit)
	if err == nil && torn > 0 {
		err = corrupt(c.Mark.Size, nil, "is cut off")
	}
	return c.Mark, err
}

// batch is how many lines are verified at once.
const batch = 256

// portion are the next lines of a log, opened, and what ended them: nil when there
// are more.
type portion struct {
	lines   []string
	entries []opened
	torn    int64 // bytes without a line feed behind them
	end     error
}

// read verifies all complete lines; good is how many bytes they are, torn how
// many follow without a line feed.
func (c *Chain) read(r io.Reader, visit Visit) (good, torn int64, err error) {
	next, stop := c.portions(bufio.NewReaderSize(r, MaxLine+2))
	defer stop()
	for {
		p := next()
		for i, line := range p.lines {
			if err := c.take(line, p.entries[i], visit); err != nil {
				return good, 0, err
			}
			good += int64(len(line)) + 1
		}
		switch {
		case p.end == nil:
		case errors.Is(p.end, io.EOF):
			return good, p.torn, nil
		case errors.Is(p.end, bufio.ErrBufferFull):
			return good, 0, corrupt(c.Mark.Size, nil, "is too long")
		default:
			return good, 0, fmt.Errorf("read the log: %w", p.end)
		}
	}
}

// portions reads and opens lines, on all cores and ahead of whoever takes them; stop
// ends it.
func (c *Chain) portions(r *bufio.Reader) (next func() portion, stop func()) {
	ch, done := make(chan portion, 1), make(chan struct{})
	go func() {
		defer close(ch)
		for more := true; more; {
			p := c.portion(r)
			more = p.end == nil
			select {
			case ch <- p:
			case <-done:
				return
			}
		}
	}()
	return func() portion { return <-ch }, func() {
		close(done)
		for range ch { // r is not read any more when this ends
		}
	}
}

func (c *Chain) portion(r *bufio.Reader) (p portion) {
	for p.end == nil && len(p.lines) < batch {
		line, err := r.ReadSlice('\n')
		if p.end = err; err == nil {
			p.lines = append(p.lines, string(line[:len(line)-1]))
		} else {
			p.torn = int64(len(line))
		}
	}
	p.entries = make([]opened, len(p.lines))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(p.lines)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(p.lines); i = int(next.Add(1)) - 1 {
				p.entries[i] = open(p.lines[i], c.Key)
				if p.entries[i].why == "" && c.Inner != nil {
					c.Inner(p.entries[i].Entry)
				}
			}
		})
	}
	all.Wait()
	return p
}

// take verifies the next line and has it visited.
func (c *Chain) take(line string, o opened, visit Visit) error {
	e, hash, err := c.follow(line, o)
	if err != nil || visit == nil {
		return err
	}
	if err := visit(e, line, hash); err != nil {
		if code := fault.CodeOf(err); code == fault.LogCorrupt || code == fault.Version {
			return err
		}
		return corrupt(e.Seq, err, "does not fit what was before it")
	}
	return nil
}

// Log is an open log. Its methods may be called by several goroutines.
type Log struct {
	cfg   Config
	mu    sync.Mutex
	chain Chain
	err   error // why no more can be appended
}

// Open verifies the whole log, calls visit with each entry, and compares it with
// the watermark. A line that a power cut tore is removed, if the watermark shows
// that it was never acknowledged. An entry that is complete but one beyond the
// watermark was signed and made durable before the power went: it is kept. It
// fails with LOG_CORRUPT, naming the entry, when anything was changed, removed,
// re-ordered or cut off.
func Open(ctx context.Context, cfg Config, visit Visit) (*Log, error) {
	mark, err := cfg.Watermark.Get(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the watermark of the log: %w", err)
	}
	l := &Log{cfg: cfg, chain: Chain{Key: cfg.Signer.PublicKey(), Inner: cfg.Inner}}
	r, err := cfg.Storage.Open()
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	marked := ""
	good, torn, err := l.chain.read(r, func(e Entry, line, hash string) error {
		if e.Seq == mark.Size-1 {
			marked = hash
		}
		if visit == nil {
			return nil
		}
		return visit(e, line, hash)
	})
	if cerr := r.Close(); err == nil && cerr != nil {
		err = fmt.Errorf("close the log: %w", cerr)
	}
	if err != nil {
		return nil, err
	}
	size := l.chain.Mark.Size
	switch {
	case size < mark.Size:
		return nil, corrupt(size, nil, fmt.Sprintf("is missing: the log's size was %d and is %d", mark.Size, size))
	case mark.Size > 0 && marked != mark.Head:
		return nil, corrupt(mark.Size-1, nil, "is not the one that was written: the log was exchanged")
	case size > mark.Size+1:
		return nil, corrupt(mark.Size, nil, fmt.Sprintf("is beyond what was acknowledged: the watermark's size is %d, the log's %d", mark.Size, size))
	}
	if torn > 0 {
		if err := cfg.Storage.Truncate(good); err != nil {
			return nil, fmt.Errorf("remove a torn line of the log: %w", err)
		}
	}
	if size == mark.Size+1 {
		if err := cfg.Watermark.Set(ctx, l.chain.Mark); err != nil {
			return nil, fmt.Errorf("set the watermark of the log: %w", err)
		}
	}
	return l, nil
}

// Mark returns how far the log is.
func (l *Log) Mark() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.chain.Mark
}

// Append signs an entry, makes it durable, and moves the watermark; only then it
// counts. It returns the entry and its line. body is written in canonical form. After an error of storage or
// watermark the log takes no more entries until it is opened again, because
// nobody knows what was written.
func (l *Log) Append(ctx context.Context, typ string, body any) (e Entry, line string, err error) {
	raw, err := strictjson.Canonical(body)
	if err != nil {
		return Entry{}, "", fmt.Errorf("write the body of a log entry: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return Entry{}, "", l.err
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
	line, err = jws.Sign(ctx, l.cfg.Signer, statement.TypEntry, payload)
	if err != nil {
		return Entry{}, "", fmt.Errorf("sign log entry %d: %w", e.Seq, err)
	}
	next := l.chain
	next.advance(e, line)
	if err := l.cfg.Storage.Append([]byte(line)); err != nil {
		l.err = fault.Wrap(fmt.Errorf("append log entry %d: %w", e.Seq, err), fault.Unavailable, "the signer cannot write its log; it must be restarted")
		return Entry{}, "", l.err
	}
	// The entry is durable: what the caller stopped waiting for happens anyway.
	if err := l.cfg.Watermark.Set(context.WithoutCancel(ctx), next.Mark); err != nil {
		l.err = fault.Wrap(fmt.Errorf("set the watermark to entry %d: %w", e.Seq, err), fault.Unavailable, "the signer cannot move its watermark; it must be restarted")
		return Entry{}, "", l.err
	}
	l.chain = next
	return e, line, nil
}
