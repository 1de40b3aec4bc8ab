package logfile

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"
)

// about says that an entry is about a name.
type about struct {
	name  key
	entry int64
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

// run is a file of what the entries of one or more closed segments are about, sorted, and
// a table of where to look.
type run struct {
	f          *os.File
	first, end int64 // the entries; end is behind the last
	names      int
	digest     [sha256.Size]byte // of the file
}

const (
	namesSuffix = ".names"
	namesMagic  = "CSN1"
	namesHead   = len(namesMagic) + 8 + 8 + 8
	aboutSize   = len(key{}) + 4
	tableEntry  = 4
	maxAbout    = 4       // names of one entry
	maxRun      = 1 << 32 // entries
	perBucket   = 64      // names, as a rule
)

// namesName is the file of a run.
func namesName(first, end int64) string {
	return fmt.Sprintf("log-%012d-%012d%s", first, end, namesSuffix)
}

// tableBits says how many first bits of a name its table goes by, when there are n names.
func tableBits(n int) int { return min(bits.Len(uint(n/perBucket)), 24) }

func bucket(k key, tableBits int) int {
	return int(binary.BigEndian.Uint32(k[:]) >> (32 - tableBits)) // 0 bits: 0
}

// writeRun writes what follows, which is sorted, as the run of n names in path:
//
//	CSN1, the first entry, the end and n (8 bytes each)
//	each name (16 bytes) with its entry, from the first (4)
//	for each value of the first bits of a name, how many have it or a lower one (4 each)
//
// Numbers are big endian.
func writeRun(path string, first, end int64, n int, next func() (about, error)) (*run, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	r, sum := &run{f: f, first: first, end: end, names: n}, sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<16)
	write := func(b []byte) { _, _ = w.Write(b) } // an error stays until Flush
	write(r.head())
	table := make([]uint32, 1<<tableBits(n))
	for range n {
		a, err := next()
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		write(binary.BigEndian.AppendUint32(a.name[:], uint32(a.entry-first)))
		table[bucket(a.name, tableBits(n))]++
	}
	upTo := uint32(0)
	for _, more := range table {
		upTo += more
		write(binary.BigEndian.AppendUint32(nil, upTo))
	}
	if err := errors.Join(w.Flush(), f.Sync()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	r.digest = [sha256.Size]byte(sum.Sum(nil))
	return r, nil
}

func (r *run) head() []byte {
	b := append([]byte{}, namesMagic...)
	for _, n := range []int64{r.first, r.end, int64(r.names)} {
		b = binary.BigEndian.AppendUint64(b, uint64(n))
	}
	return b
}

// size is that of the file.
func (r *run) size() int64 {
	return int64(namesHead) + int64(r.names)*int64(aboutSize) + int64(tableEntry)<<tableBits(r.names)
}

// openRun opens the run of the entries from first to end. Whether it is the right one, its
// digest says.
func openRun(dir string, first, end int64) (*run, error) {
	f, err := os.Open(filepath.Join(dir, namesName(first, end)))
	if err != nil {
		return nil, err
	}
	r := &run{f: f}
	if err := r.read(first, end); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return r, nil
}

func (r *run) read(first, end int64) error {
	head := make([]byte, namesHead)
	if _, err := r.f.ReadAt(head, 0); err != nil {
		return err
	}
	info, err := r.f.Stat()
	if err != nil {
		return err
	}
	if err := r.readHead(head); err != nil {
		return err
	}
	if r.first != first || r.end != end || r.size() != info.Size() {
		return errors.New("a part of the index is of other entries, or cut off")
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(r.f, 0, info.Size())); err != nil {
		return err
	}
	r.digest = [sha256.Size]byte(sum.Sum(nil))
	return nil
}

func (r *run) readHead(head []byte) error {
	number := func(i int) uint64 { return binary.BigEndian.Uint64(head[len(namesMagic)+8*i:]) }
	if len(head) != namesHead || string(head[:len(namesMagic)]) != namesMagic ||
		number(0) > number(1) || number(1)-number(0) > maxRun || number(1) > 1<<62 || number(2) > maxAbout*(number(1)-number(0)) {
		return errors.New("a part of the index has not its form")
	}
	r.first, r.end, r.names = int64(number(0)), int64(number(1)), int(number(2))
	return nil
}

// find adds the entries that are about a name.
func (r *run) find(k key, all []int64) ([]int64, error) {
	from, to, err := r.bucket(k)
	if err != nil {
		return nil, err
	}
	if from > to || to > r.names {
		return nil, errors.New("a part of the index was changed")
	}
	some := make([]byte, (to-from)*aboutSize)
	if _, err := r.f.ReadAt(some, int64(namesHead)+int64(from)*int64(aboutSize)); err != nil {
		return nil, err
	}
	for ; len(some) > 0; some = some[aboutSize:] {
		if bytes.Equal(some[:len(k)], k[:]) {
			all = append(all, r.first+int64(binary.BigEndian.Uint32(some[len(k):])))
		}
	}
	return all, nil
}

// bucket says among which names a name is.
func (r *run) bucket(k key) (from, to int, err error) {
	b := bucket(k, tableBits(r.names))
	table := int64(namesHead) + int64(r.names)*int64(aboutSize)
	room := make([]byte, 2*tableEntry)
	if b == 0 {
		_, err = r.f.ReadAt(room[tableEntry:], table)
	} else {
		_, err = r.f.ReadAt(room, table+int64(b-1)*tableEntry)
	}
	return int(binary.BigEndian.Uint32(room)), int(binary.BigEndian.Uint32(room[tableEntry:])), err
}

// source gives what is in a run, in order.
type source struct {
	r     *bufio.Reader
	first int64
	left  int
	next  about
}

func (r *run) source() *source {
	body := io.NewSectionReader(r.f, int64(namesHead), int64(r.names)*int64(aboutSize))
	return &source{r: bufio.NewReaderSize(body, 1<<16), first: r.first, left: r.names}
}

// advance moves to the next; ok says whether there is one.
func (s *source) advance() (ok bool, err error) {
	if s.left == 0 {
		return false, nil
	}
	s.left--
	var b [aboutSize]byte
	if _, err := io.ReadFull(s.r, b[:]); err != nil {
		return false, err
	}
	s.next = about{key(b[:len(key{})]), s.first + int64(binary.BigEndian.Uint32(b[len(key{}):]))}
	return true, nil
}

// merged gives, in order, what is in runs and in more, which is sorted.
func merged(runs []*run, more []about) (next func() (about, error), n int, err error) {
	var all []*source
	n = len(more)
	for _, r := range runs {
		s := r.source()
		ok, err := s.advance()
		if err != nil {
			return nil, 0, err
		}
		if n += r.names; ok {
			all = append(all, s)
		}
	}
	return func() (about, error) {
		least := -1
		for i, s := range all {
			if least < 0 || s.next.compare(all[least].next) < 0 {
				least = i
			}
		}
		if len(more) > 0 && (least < 0 || more[0].compare(all[least].next) < 0) {
			a := more[0]
			more = more[1:]
			return a, nil
		}
		if least < 0 {
			return about{}, io.ErrUnexpectedEOF
		}
		a := all[least].next
		ok, err := all[least].advance()
		if !ok {
			all = slices.Delete(all, least, least+1)
		}
		return a, err
	}, n, nil
}
