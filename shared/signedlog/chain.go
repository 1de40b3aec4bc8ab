package signedlog

import (
	"bufio"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
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

// Reread reads a line that was verified before, as its hash shows whoever asks: its signature
// and its form are not looked at again.
func Reread(line string) (e Entry, err error) {
	payload, err := jws.Payload(line)
	if err == nil {
		err = strictjson.Unmarshal(payload, &e, MaxLine)
	}
	return e, err
}

// Visit is called with each verified entry, its line and its hash, in order.
type Visit func(e Entry, line, hash string) error

// Chain verifies lines one after the other, from the genesis on or from a state
// that was verified before.
type Chain struct {
	Key  jws.PublicKey // the statement key that signs the next line
	Mark Mark          // how far it is; the zero Mark before the genesis
	Tree Tree          // over the lines so far
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

// opened is an entry whose signature by a key holds, or why not.
type opened struct {
	Entry
	by  jws.PublicKey
	err error
	why string
}

func open(line string, key jws.PublicKey) opened {
	if len(line) > MaxLine {
		return opened{by: key, why: "is too long"}
	}
	payload, err := jws.Verify(line, statement.TypEntry, key)
	if err != nil {
		return opened{by: key, err: err, why: "is not signed by the signer's statement key: it was changed"}
	}
	e, err := Decode(payload)
	if err != nil {
		return opened{by: key, err: err, why: "has another form than an entry"}
	}
	return opened{Entry: e, by: key}
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
	if e.Type == Checkpoint {
		if b, err := e.Checkpoint(); err != nil || !slices.Equal(b.Edge, c.Tree.Edge()) {
			return Entry{}, "", corrupt(n, err, "is a checkpoint of another tree than that of the entries before it")
		}
	}
	key, rotates, err := e.Rotates()
	if err != nil {
		return Entry{}, "", corrupt(n, err, "has new keys of the vault in another form")
	}
	if c.advance(e, line); rotates {
		c.Key = key
	}
	return e, c.Mark.Head, nil
}

func (c *Chain) advance(e Entry, line string) {
	c.Mark, c.at = Mark{Size: e.Seq + 1, Head: Hash([]byte(line))}, e.At
	c.Tree, _ = c.Tree.Add(line)
}

// Begin goes on behind a checkpoint, of which only its line is verified: that the signer
// wrote it. It fails with LOG_CORRUPT, details part=checkpoint.
func (c *Chain) Begin(line string) (Entry, error) {
	bad := func(err error) (Entry, error) {
		return Entry{}, fault.Wrap(err, fault.LogCorrupt, "the checkpoint of the log was changed, or is of another log").With("part", "checkpoint")
	}
	e, err := Read(line, c.Key)
	if err != nil {
		return bad(err)
	}
	b, err := e.Checkpoint()
	if err != nil {
		return bad(err)
	}
	t, ok := tree(e.Seq, b.Edge)
	if !ok {
		return bad(errors.New("it has the edge of no tree of its size"))
	}
	c.Tree = t
	c.advance(e, line)
	return e, nil
}

func corrupt(entry int64, cause error, why string) error {
	msg := fmt.Sprintf("the log is corrupt: entry %d %s", entry, why)
	e := fault.New(fault.LogCorrupt, msg)
	if cause != nil {
		e = fault.Wrap(cause, fault.LogCorrupt, msg)
	}
	return e.With("entry", fmt.Sprint(entry))
}

// Read verifies one line by itself: that the signer wrote it, and not where. It fails with
// LOG_CORRUPT.
func Read(line string, key jws.PublicKey) (Entry, error) {
	o := open(line, key)
	if o.why != "" {
		return Entry{}, fault.Wrap(o.err, fault.LogCorrupt, "the log is corrupt: an entry "+o.why)
	}
	return o.Entry, nil
}

// Verify reads lines, from where the chain is to their end, and calls visit with each
// entry. A last line without a line feed is an error here.
func (c *Chain) Verify(r io.Reader, visit Visit) (Mark, error) {
	_, torn, err := c.read(r, visit, math.MaxInt64)
	if err == nil && torn {
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
	torn    bool // there are bytes without a line feed behind them
	end     error
}

// read verifies all complete lines; good is how many bytes they are. torn says that others
// follow that were never written to their end: without a line feed, or, as of an entry
// that was never acknowledged, without a signature.
func (c *Chain) read(r io.Reader, visit Visit, acknowledged int64) (good int64, torn bool, err error) {
	var ahead atomic.Pointer[jws.PublicKey] // with which lines are opened ahead of their turn
	ahead.Store(new(c.Key))
	next, stop := c.portions(bufio.NewReaderSize(r, MaxLine+2), &ahead)
	defer stop()
	for {
		p := next()
		for i, line := range p.lines {
			if !p.entries[i].by.Equal(c.Key) { // the vault's keys were rotated since it was read ahead
				p.entries[i] = c.look(line, c.Key)
			}
			if p.entries[i].why != "" && c.Mark.Size >= acknowledged {
				return good, true, nil
			}
			if err := c.take(line, p.entries[i], visit); err != nil {
				return good, false, err
			}
			if !ahead.Load().Equal(c.Key) {
				ahead.Store(new(c.Key))
			}
			good += int64(len(line)) + 1
		}
		switch {
		case p.end == nil:
		case errors.Is(p.end, io.EOF):
			return good, p.torn, nil
		case errors.Is(p.end, bufio.ErrBufferFull) && c.Mark.Size >= acknowledged:
			return good, true, nil
		case errors.Is(p.end, bufio.ErrBufferFull):
			return good, false, corrupt(c.Mark.Size, nil, "is too long")
		default:
			return good, false, fmt.Errorf("read the log: %w", p.end)
		}
	}
}

// portions reads and opens lines, on all cores and ahead of whoever takes them, with the newest
// key that those taken so far lead to; stop ends it.
func (c *Chain) portions(r *bufio.Reader, key *atomic.Pointer[jws.PublicKey]) (next func() portion, stop func()) {
	ch, done := make(chan portion, 1), make(chan struct{})
	go func() {
		defer close(ch)
		for more := true; more; {
			p := c.portion(r, *key.Load())
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

func (c *Chain) portion(r *bufio.Reader, key jws.PublicKey) (p portion) {
	for p.end == nil && len(p.lines) < batch {
		line, err := r.ReadSlice('\n')
		if p.end = err; err == nil {
			p.lines = append(p.lines, string(line[:len(line)-1]))
		} else {
			p.torn = len(line) > 0
		}
	}
	p.entries = make([]opened, len(p.lines))
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(p.lines)) {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(p.lines); i = int(next.Add(1)) - 1 {
				p.entries[i] = c.look(p.lines[i], key)
			}
		})
	}
	all.Wait()
	return p
}

// look opens a line, and has what it holds looked at ahead of its turn.
func (c *Chain) look(line string, key jws.PublicKey) opened {
	o := open(line, key)
	if o.why == "" && c.Inner != nil {
		c.Inner(o.Entry)
	}
	return o
}

// take verifies the next line and has it visited.
func (c *Chain) take(line string, o opened, visit Visit) error {
	e, hash, err := c.follow(line, o)
	if err != nil || visit == nil {
		return err
	}
	if err := visit(e, line, hash); err != nil {
		if code := fault.CodeOf(err); code == fault.LogCorrupt || code == fault.Version || code == fault.Unavailable {
			return err
		}
		return corrupt(e.Seq, err, "does not fit what was before it")
	}
	return nil
}
