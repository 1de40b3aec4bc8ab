package logfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"sync"

	"countersign/shared/fault"
)

// Index finds lines by their number, and entries by what they are about. The runs of
// closed segments are in a file, that of the segment that is written is in memory. It is
// a [vault.Past]. Its methods may be called by several goroutines.
type Index struct {
	mu   sync.RWMutex
	f    *os.File
	sum  hash.Hash // of all runs
	size int64     // of all runs, in bytes
	runs []place

	// Of the segment that is not closed yet.
	first   int64
	offsets []uint32
	bytes   int64 // of its lines
	names   map[key][]uint32
}

// place is a run in the file.
type place struct {
	head
	at   int64
	last uint32 // offset of the last line
}

func openIndex(path string) (*Index, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the index of the log: %w", err)
	}
	x := &Index{f: f}
	x.reset()
	return x, nil
}

func (x *Index) reset() {
	x.sum, x.size, x.runs = sha256.New(), 0, nil
	x.begin(0)
}

// begin begins the segment whose first entry is first.
func (x *Index) begin(first int64) {
	x.first, x.offsets, x.bytes, x.names = first, nil, 0, map[key][]uint32{}
}

// Reset forgets everything: the log is read from its genesis.
func (x *Index) Reset() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.reset()
	return x.f.Truncate(0)
}

// Load reads the runs of the first size entries, whose digest a verified checkpoint says.
// What is behind them is removed: those lines are read again. It fails with LOG_CORRUPT,
// details part=index, when the index does not fit.
func (x *Index) Load(size int64, digest string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.reset()
	bad := func(cause error, why string) error {
		x.reset()
		return fault.Wrap(cause, fault.LogCorrupt, "the index of the log does not fit its checkpoint: "+why).With("part", "index")
	}
	for x.first < size {
		p, err := x.read(x.size)
		if err != nil {
			return bad(err, "it cannot be read")
		}
		if p.first != x.first {
			return bad(nil, "a segment is missing in it")
		}
		if _, err := io.Copy(x.sum, io.NewSectionReader(x.f, p.at, p.head.size())); err != nil {
			return bad(err, "it cannot be read")
		}
		x.add(p)
	}
	if x.first != size || encoded(x.sum) != digest {
		return bad(nil, "it was changed")
	}
	return x.f.Truncate(x.size)
}

// read reads where things are in a run.
func (x *Index) read(at int64) (p place, err error) {
	data := make([]byte, headSize)
	if _, err := x.f.ReadAt(data, at); err != nil {
		return p, err
	}
	p.at = at
	if p.head, err = readHead(data); err != nil {
		return p, err
	}
	p.last, err = x.offset(p, p.lines-1)
	return p, err
}

// offset is where a line of a segment begins.
func (x *Index) offset(p place, line int) (uint32, error) {
	data := make([]byte, offsetSize)
	_, err := x.f.ReadAt(data, p.at+int64(headSize+line*offsetSize))
	return binary.BigEndian.Uint32(data), err
}

// add takes a run that is behind the others in the file.
func (x *Index) add(p place) {
	x.runs = append(x.runs, p)
	x.size += p.head.size()
	x.begin(p.first + int64(p.lines))
}

func encoded(sum hash.Hash) string { return base64.RawURLEncoding.EncodeToString(sum.Sum(nil)) }

// run is the index of the open segment, when lines are the offsets of its lines.
func (x *Index) run(lines []uint32) run {
	r := run{first: x.first, offsets: lines}
	for name, entries := range x.names {
		for _, e := range entries {
			r.about = append(r.about, about{name, e})
		}
	}
	slices.SortFunc(r.about, about.compare)
	return r
}

// Digest is what the checkpoint says that comes next: the digest of all runs, with that of
// the segment which it closes.
func (x *Index) Digest() (string, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	sum, err := x.sum.(hash.Cloner).Clone()
	if err != nil {
		return "", err
	}
	sum.Write(x.run(append(slices.Clip(x.offsets), uint32(x.bytes))).encode())
	return encoded(sum), nil
}

// Seal closes the segment behind its last line, that of the checkpoint.
func (x *Index) Seal() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	data := x.run(x.offsets).encode()
	if _, err := x.f.WriteAt(data, x.size); err != nil {
		return fmt.Errorf("write the index of the log: %w", err)
	}
	if err := x.f.Sync(); err != nil {
		return fmt.Errorf("write the index of the log: %w", err)
	}
	p, err := x.read(x.size)
	if err != nil {
		return fmt.Errorf("read the index of the log: %w", err)
	}
	x.sum.Write(data)
	x.add(p)
	return nil
}

// Line says that a line follows, with its line feed size bytes long.
func (x *Index) Line(size int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.offsets = append(x.offsets, uint32(x.bytes))
	x.bytes += int64(size)
}

// Note implements [vault.Past].
func (x *Index) Note(name string, seq int64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	k := keyOf(name)
	x.names[k] = append(x.names[k], uint32(seq-x.first))
}

// Find implements [vault.Past]. It fails with LOG_CORRUPT, details part=index, when the
// file cannot be read.
func (x *Index) Find(name string) (all []int64, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	k := keyOf(name)
	var room []byte
	for _, p := range x.runs {
		from, to := uint32(0), p.upTo[k[0]]
		if k[0] > 0 {
			from = p.upTo[k[0]-1]
		}
		room = slices.Grow(room[:0], int(to-from)*aboutSize)[:int(to-from)*aboutSize]
		if _, err := x.f.ReadAt(room, p.at+int64(headSize+p.lines*offsetSize)+int64(from)*int64(aboutSize)); err != nil {
			return nil, fault.Wrap(err, fault.LogCorrupt, "the index of the log cannot be read").With("part", "index")
		}
		for at := room; len(at) > 0; at = at[aboutSize:] {
			if bytes.Equal(at[:len(k)], k[:]) {
				all = append(all, p.first+int64(binary.BigEndian.Uint32(at[len(k):])))
			}
		}
	}
	for _, e := range x.names[k] {
		all = append(all, x.first+int64(e))
	}
	return all, nil
}

// locate returns the segment of an entry and where its line begins.
func (x *Index) locate(seq int64) (first, offset int64, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	if n := seq - x.first; n >= 0 && n < int64(len(x.offsets)) {
		return x.first, int64(x.offsets[n]), nil
	}
	i, ok := slices.BinarySearchFunc(x.runs, seq, func(p place, seq int64) int {
		switch {
		case p.first > seq:
			return 1
		case p.first+int64(p.lines) <= seq:
			return -1
		}
		return 0
	})
	if !ok {
		return 0, 0, fmt.Errorf("the log has no entry %d", seq)
	}
	at, err := x.offset(x.runs[i], int(seq-x.runs[i].first))
	return x.runs[i].first, int64(at), err
}
