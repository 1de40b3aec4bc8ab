package logfile

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"countersign/shared/fault"
)

// Index finds lines by their number, and entries by what they are about. That of closed
// segments is in files: where each line begins, and runs of names. That of the segment
// that is written is in memory. It is a [vault.Past]. Its methods may be called by several
// goroutines.
type Index struct {
	dir string

	mu     sync.RWMutex
	lines  *os.File
	sum    hash.Hash // of lines
	closed []segment
	runs   []*run // in order; as many and as long as places says
	next   *next  // what Seal would keep; nil: not known yet

	// Of the segment that is not closed yet.
	first   int64
	offsets []uint32
	bytes   int64 // of its lines
	names   map[key][]int64
}

// segment is one that is closed.
type segment struct {
	first int64
	last  uint32 // offset of its last line
}

// next is an index with one segment more.
type next struct {
	digest  string
	offsets []byte // of the segment's lines
	last    uint32
	end     int64
	keep    int  // of the runs
	run     *run // that replaces the others
}

const (
	offsetSize = 4
	fanIn      = 8 // as many runs of one length become one
)

// OpenIndex opens or makes an index in dir, which exists.
func OpenIndex(dir string) (*Index, error) {
	f, err := os.OpenFile(filepath.Join(dir, linesName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the index of the log: %w", err)
	}
	x := &Index{dir: dir, lines: f}
	return x, x.reset()
}

func (x *Index) reset() (err error) {
	for _, r := range x.runs {
		err = errors.Join(err, r.f.Close())
	}
	x.forget()
	x.sum, x.closed, x.runs = sha256.New(), nil, nil
	x.begin(0)
	return err
}

// begin begins the segment whose first entry is first.
func (x *Index) begin(first int64) {
	x.first, x.offsets, x.bytes, x.names = first, nil, 0, map[key][]int64{}
}

// forget forgets what Seal would keep, because more was written.
func (x *Index) forget() {
	if x.next != nil {
		_ = x.next.run.f.Close() // it was never used
		x.next = nil
	}
}

// Close closes its files.
func (x *Index) Close() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return errors.Join(x.reset(), x.lines.Close())
}

// Reset forgets everything: the log is read from its genesis.
func (x *Index) Reset() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	return errors.Join(x.reset(), x.lines.Truncate(0))
}

// places are the ends of the runs over so many closed segments, counted in segments: as
// few as possible, each over a power of fanIn, the longest first.
func places(segments int) (ends []int) {
	length := 1
	for segments/length >= fanIn {
		length *= fanIn
	}
	for at := 0; at < segments; {
		if segments-at < length {
			length /= fanIn
			continue
		}
		at += length
		ends = append(ends, at)
	}
	return ends
}

// Load reads the index of the first size entries, whose digest a verified checkpoint says.
// What is behind them is removed: those lines are read again. It fails with LOG_CORRUPT,
// details part=index, when the index does not fit.
func (x *Index) Load(size int64, digest string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	err := x.reset()
	if err == nil {
		err = x.load(size)
	}
	if err == nil && digestOf(x.sum, x.runs) != digest {
		err = errors.New("it was changed")
	}
	if err != nil {
		return fault.Wrap(errors.Join(err, x.reset()), fault.LogCorrupt, "the index of the log does not fit its checkpoint").With("part", "index")
	}
	return x.lines.Truncate(size * offsetSize)
}

func (x *Index) load(size int64) error {
	if size < 0 || size > maxRun {
		return fmt.Errorf("it cannot be of %d entries", size)
	}
	room := make([]byte, 1<<16)
	for seq := int64(0); seq < size; {
		some := room[:min(int64(len(room)), (size-seq)*offsetSize)]
		if _, err := x.lines.ReadAt(some, seq*offsetSize); err != nil {
			return fmt.Errorf("where its lines begin cannot be read: %w", err)
		}
		x.sum.Write(some)
		for ; len(some) > 0; some = some[offsetSize:] {
			at := binary.BigEndian.Uint32(some)
			if at == 0 {
				x.closed = append(x.closed, segment{first: seq})
			}
			if len(x.closed) == 0 {
				return errors.New("its first segment is missing")
			}
			x.closed[len(x.closed)-1].last = at
			seq++
		}
	}
	from := int64(0)
	for _, end := range places(len(x.closed)) {
		to := size
		if end < len(x.closed) {
			to = x.closed[end].first
		}
		r, err := openRun(x.dir, from, to)
		if err != nil {
			return err
		}
		x.runs, from = append(x.runs, r), to
	}
	x.begin(size)
	return nil
}

func digestOf(lines hash.Hash, runs []*run) string {
	sum := sha256.New()
	sum.Write(lines.Sum(nil))
	for _, r := range runs {
		sum.Write(r.digest[:])
	}
	return base64.RawURLEncoding.EncodeToString(sum.Sum(nil))
}

// Digest is what the checkpoint says that comes next: of the index with the segment which
// it closes.
func (x *Index) Digest() (string, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.next == nil {
		n, err := x.prepare()
		if err != nil {
			return "", fault.Wrap(err, fault.Unavailable, "the signer cannot write the index of its log")
		}
		x.next = n
	}
	return x.next.digest, nil
}

// prepare writes the run that the index gets when the segment is closed.
func (x *Index) prepare() (*next, error) {
	n := &next{last: uint32(x.bytes), end: x.first + int64(len(x.offsets)) + 1}
	for _, at := range append(slices.Clip(x.offsets), n.last) {
		n.offsets = binary.BigEndian.AppendUint32(n.offsets, at)
	}
	lines, err := x.sum.(hash.Cloner).Clone()
	if err != nil {
		return nil, err
	}
	lines.Write(n.offsets)
	var more []about
	for name, entries := range x.names {
		for _, e := range entries {
			more = append(more, about{name, e})
		}
	}
	slices.SortFunc(more, about.compare)
	n.keep = len(places(len(x.closed)+1)) - 1
	from := x.first
	if n.keep < len(x.runs) {
		from = x.runs[n.keep].first
	}
	each, count, err := merged(x.runs[n.keep:], more)
	if err != nil {
		return nil, err
	}
	if n.run, err = writeRun(filepath.Join(x.dir, newName), from, n.end, count, each); err != nil {
		return nil, err
	}
	n.digest = digestOf(lines, append(slices.Clip(x.runs[:n.keep]), n.run))
	return n, nil
}

// Seal closes the segment with the line of the checkpoint, which says the digest. The runs
// of before stay until [Index.Clean], as long as an older checkpoint may need them.
func (x *Index) Seal() error {
	if _, err := x.Digest(); err != nil {
		return err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	n := x.next
	_, err := x.lines.WriteAt(n.offsets, x.first*offsetSize)
	if err == nil {
		err = errors.Join(x.lines.Sync(), os.Rename(filepath.Join(x.dir, newName), filepath.Join(x.dir, namesName(n.run.first, n.run.end))), syncDir(x.dir))
	}
	for _, r := range x.runs[n.keep:] {
		err = errors.Join(err, r.f.Close())
	}
	if err != nil {
		return fmt.Errorf("write the index of the log: %w", err)
	}
	x.sum.Write(n.offsets)
	x.closed = append(x.closed, segment{x.first, n.last})
	x.runs, x.next = append(slices.Clip(x.runs[:n.keep]), n.run), nil
	x.begin(n.end)
	return nil
}

// Clean removes the runs that the newest checkpoint does not need.
func (x *Index) Clean() error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	all, err := os.ReadDir(x.dir)
	if err != nil {
		return err
	}
	for _, e := range all {
		if !strings.HasSuffix(e.Name(), namesSuffix) || slices.ContainsFunc(x.runs, func(r *run) bool { return e.Name() == namesName(r.first, r.end) }) {
			continue
		}
		if err := os.Remove(filepath.Join(x.dir, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

// Line says that a line follows, with its line feed size bytes long.
func (x *Index) Line(size int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forget()
	x.offsets = append(x.offsets, uint32(x.bytes))
	x.bytes += int64(size)
}

// Note implements [vault.Past].
func (x *Index) Note(name string, seq int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.forget()
	k := keyOf(name)
	x.names[k] = append(x.names[k], seq)
}

// Find implements [vault.Past]. It fails with LOG_CORRUPT, details part=index, when the
// index cannot be read.
func (x *Index) Find(name string) (all []int64, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	k := keyOf(name)
	for _, r := range x.runs {
		if all, err = r.find(k, all); err != nil {
			return nil, fault.Wrap(err, fault.LogCorrupt, "the index of the log cannot be read").With("part", "index")
		}
	}
	return append(all, x.names[k]...), nil
}

// locate returns the segment of an entry and where its line begins.
func (x *Index) locate(seq int64) (first, offset int64, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if n := seq - x.first; n >= 0 && n < int64(len(x.offsets)) {
		return x.first, int64(x.offsets[n]), nil
	}
	if seq < 0 || seq >= x.first {
		return 0, 0, fmt.Errorf("the log has no entry %d", seq)
	}
	i, ok := slices.BinarySearchFunc(x.closed, seq, func(s segment, seq int64) int { return cmp.Compare(s.first, seq) })
	if !ok {
		i--
	}
	b := make([]byte, offsetSize)
	_, err = x.lines.ReadAt(b, seq*offsetSize)
	return x.closed[i].first, int64(binary.BigEndian.Uint32(b)), err
}
