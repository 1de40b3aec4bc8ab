package logfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"countersign/shared/fault"
	"countersign/shared/signedlog"
)

// Check fails with LOG_CORRUPT, details part=segment, when a segment that the index is
// about is missing or cut off.
func (d *Dir) Check() error {
	d.Index.mu.RLock()
	defer d.Index.mu.RUnlock()
	for _, p := range d.Index.closed {
		info, err := os.Stat(filepath.Join(d.path, Name(p.first)))
		if err == nil && info.Size() <= int64(p.last) {
			err = errors.New("it is cut off")
		}
		if err != nil {
			return fault.Wrap(err, fault.LogCorrupt, fmt.Sprintf("the log is corrupt: entry %d is missing: %s is not there or is cut off", p.first, Name(p.first))).
				With("part", "segment").With("entry", fmt.Sprint(p.first))
		}
	}
	return nil
}

// Lines returns n lines from entry seq on. They must be durable. It fails with LOG_CORRUPT,
// naming the entry, when one is not where the index says.
func (d *Dir) Lines(seq int64, n int) (lines []string, err error) {
	for n > len(lines) {
		next := seq + int64(len(lines))
		first, offset, err := d.Index.locate(next)
		if err != nil {
			return nil, err
		}
		was := len(lines)
		if lines, err = readLines(filepath.Join(d.path, Name(first)), offset, n, lines); err == nil && len(lines) == was {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, fault.Wrap(err, fault.LogCorrupt, fmt.Sprintf("the log is corrupt: entry %d is not in %s", next, Name(first))).
				With("part", "segment").With("entry", fmt.Sprint(next))
		}
	}
	return lines, nil
}

// readLines adds lines of a segment until there are n, or it ends.
func readLines(path string, offset int64, n int, lines []string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(io.NewSectionReader(f, offset, math.MaxInt64-offset), signedlog.MaxLine+1)
	for len(lines) < n {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
		lines = append(lines, string(line[:len(line)-1]))
	}
	return lines, nil
}

// Trim makes s end with its last whole line: another process may write more of it just
// now.
func (s *Segment) Trim() error {
	f, err := os.Open(s.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	end := make([]byte, min(s.Size, signedlog.MaxLine+1))
	if _, err := f.ReadAt(end, s.Size-int64(len(end))); err != nil {
		return err
	}
	if i := bytes.LastIndexByte(end, '\n'); i >= 0 {
		s.Size -= int64(len(end) - i - 1)
	}
	return nil
}
