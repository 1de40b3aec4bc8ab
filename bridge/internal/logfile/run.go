package logfile

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
)

// A run is the index of one closed segment: where its lines begin, and which of its
// entries are about a name.
type run struct {
	first   int64
	offsets []uint32 // of the lines, in bytes
	about   []about  // sorted
}

// about says that an entry is about a name.
type about struct {
	name  key
	entry uint32 // from the first of the segment
}

// key is the first half of the SHA-256 of a name.
type key [16]byte

func keyOf(name string) key {
	sum := sha256.Sum256([]byte(name))
	return key(sum[:16])
}

func (a about) compare(b about) int {
	return cmp.Or(bytes.Compare(a.name[:], b.name[:]), cmp.Compare(a.entry, b.entry))
}

const (
	magic      = "CSI1"
	headSize   = len(magic) + 8 + 4 + 256*4
	offsetSize = 4
	aboutSize  = len(key{}) + 4
	maxEntries = 1 << 20 // of a segment
	maxAbout   = 4       // names of one entry
)

// head begins a run in the file.
type head struct {
	first int64
	lines int
	// upTo has, for each first byte of a name, how many names begin with it or with a
	// lower one.
	upTo [256]uint32
}

// size is that of the run, in bytes.
func (h head) size() int64 {
	return int64(headSize + h.lines*offsetSize + int(h.upTo[255])*aboutSize)
}

// encode is the one form of a run, in big endian: CSI1, the first entry (8 bytes), the
// number of lines (4), 256 numbers of names (4 each), the offsets (4 each), and the names
// (16, and 4 for the entry).
func (r run) encode() []byte {
	h := head{first: r.first, lines: len(r.offsets)}
	for _, a := range r.about {
		h.upTo[a.name[0]]++
	}
	b := make([]byte, 0, headSize+len(r.offsets)*offsetSize+len(r.about)*aboutSize)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint64(b, uint64(h.first))
	b = binary.BigEndian.AppendUint32(b, uint32(h.lines))
	n := uint32(0)
	for _, more := range h.upTo {
		n += more
		b = binary.BigEndian.AppendUint32(b, n)
	}
	for _, o := range r.offsets {
		b = binary.BigEndian.AppendUint32(b, o)
	}
	for _, a := range r.about {
		b = append(b, a.name[:]...)
		b = binary.BigEndian.AppendUint32(b, a.entry)
	}
	return b
}

// readHead reads the first bytes of a run.
func readHead(data []byte) (h head, err error) {
	bad := errors.New("a run of the index has not its form")
	if len(data) < headSize || string(data[:len(magic)]) != magic {
		return h, bad
	}
	data = data[len(magic):]
	h.first, h.lines = int64(binary.BigEndian.Uint64(data)), int(binary.BigEndian.Uint32(data[8:]))
	for i := range h.upTo {
		h.upTo[i] = binary.BigEndian.Uint32(data[12+4*i:])
	}
	if h.first < 0 || h.lines == 0 || h.lines > maxEntries || int64(h.upTo[255]) > int64(h.lines)*maxAbout || !slices.IsSorted(h.upTo[:]) {
		return h, bad
	}
	return h, nil
}
