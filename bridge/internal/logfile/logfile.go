// Package logfile keeps the log of a signer on disk: segments, which are files of lines,
// an index of what the closed ones say about a request or an address, and the newest
// checkpoint. Nothing in the folder is trusted: lines are signed, and a signed entry
// vouches for the index and for the state of a checkpoint. Spec: shared/spec/signedlog.md.
// bridge/internal/signer uses it.
package logfile

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"countersign/bridge/internal/flock"
	"countersign/shared/fault"
	"countersign/shared/signedlog"
	"countersign/shared/vault"
)

// The files of a log.
const (
	lockName       = "log.lock"
	linesName      = "log.lines" // where the lines of closed segments begin
	newName        = "log.names.new"
	checkpointName = "log.checkpoint"
	earlierName    = "log.jws" // the whole log, of an earlier version
)

// Name is the file of a segment.
func Name(first int64) string { return fmt.Sprintf("log-%012d.jws", first) }

// Dir is a folder with the log of one signer, held by this process alone. It is a
// [signedlog.Storage]. Its methods may be called by several goroutines.
type Dir struct {
	Index *Index
	path  string
	locks []*os.File // of the folder, and of the file in it that says so
	tail  *os.File   // the segment that was appended to; nil: none yet
	first int64      // its first entry
}

// Open opens or makes the log in path, which is made with mode 0700. It fails with
// CONFLICT while another process holds it, and with VERSION_UNSUPPORTED when an earlier
// version wrote it.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	if err := current(path); err != nil {
		return nil, err
	}
	locks, err := lock(path)
	if err != nil {
		return nil, err
	}
	d := &Dir{path: path, locks: locks}
	if d.Index, err = OpenIndex(path); err != nil {
		return nil, errors.Join(err, release(locks))
	}
	if err := syncDir(path); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// lock locks the folder, so that removing the lock file lets no second signer in, and the
// file.
func lock(path string) (locks []*os.File, err error) {
	for _, l := range []struct {
		path string
		flag int
	}{{path, os.O_RDONLY}, {filepath.Join(path, lockName), os.O_RDWR | os.O_CREATE | syscall.O_NOFOLLOW}} {
		f, err := os.OpenFile(l.path, l.flag, 0o600)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open the log: %w", err), release(locks))
		}
		locks = append(locks, f)
		if err := flock.Exclusive(f); errors.Is(err, flock.ErrHeld) {
			return nil, errors.Join(fault.Wrap(err, fault.Conflict, "another signer uses the log in "+path), release(locks))
		} else if err != nil {
			return nil, errors.Join(err, release(locks))
		}
	}
	return locks, nil
}

func release(locks []*os.File) (err error) {
	for _, f := range slices.Backward(locks) {
		err = errors.Join(err, flock.Release(f))
	}
	return err
}

// current fails with VERSION_UNSUPPORTED when an earlier version wrote the log in path.
func current(path string) error {
	if _, err := os.Stat(filepath.Join(path, earlierName)); err == nil {
		return vault.Earlier()
	}
	return nil
}

// Held reports whether a process holds the log in path. It fails with fs.ErrNotExist when
// there is no log.
func Held(path string) (held bool, err error) {
	for _, path := range []string{path, filepath.Join(path, lockName)} {
		f, err := os.Open(path)
		if err != nil {
			return false, err
		}
		if err := flock.Shared(f); errors.Is(err, flock.ErrHeld) {
			return true, f.Close()
		} else if err != nil {
			return false, errors.Join(err, f.Close())
		}
		if err := flock.Release(f); err != nil {
			return false, err
		}
	}
	return false, nil
}

// Close leaves the log to another process, at once.
func (d *Dir) Close() error {
	err := d.Index.Close()
	if d.tail != nil {
		err = errors.Join(err, d.tail.Close())
	}
	return errors.Join(err, release(d.locks))
}

// Segment is a file of lines.
type Segment struct {
	First int64 // its first entry
	Path  string
	Size  int64 // in bytes
}

// Segments are those of the log in path, which another process may hold, in order.
func Segments(path string) ([]Segment, error) {
	if err := current(path); err != nil {
		return nil, err
	}
	all, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var segments []Segment
	for _, e := range all {
		digits, ok := strings.CutPrefix(strings.TrimSuffix(e.Name(), ".jws"), "log-")
		first, err := strconv.ParseInt(digits, 10, 64)
		if !ok || err != nil || first < 0 || Name(first) != e.Name() {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		segments = append(segments, Segment{first, filepath.Join(path, e.Name()), info.Size()})
	}
	slices.SortFunc(segments, func(a, b Segment) int { return cmp.Compare(a.First, b.First) })
	return segments, nil
}

// Segments implements [signedlog.Storage].
func (d *Dir) Segments() ([]int64, error) {
	all, err := Segments(d.path)
	firsts := make([]int64, len(all))
	for i, s := range all {
		firsts[i] = s.First
	}
	return firsts, err
}

// Open implements [signedlog.Storage].
func (d *Dir) Open(first int64) (io.ReadCloser, error) {
	return os.Open(filepath.Join(d.path, Name(first)))
}

// Append implements [signedlog.Storage].
func (d *Dir) Append(first int64, lines []string) error {
	if err := d.turn(first); err != nil {
		return full(err)
	}
	end, err := d.tail.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := d.tail.WriteAt([]byte(strings.Join(lines, "\n")+"\n"), end); err != nil {
		if cut := d.Truncate(first, end); cut != nil { // what fitted stays
			return errors.Join(err, cut)
		}
		return full(err)
	}
	return d.tail.Sync()
}

// full makes [signedlog.ErrFull] of an error that says so, of a write of which nothing is
// left.
func full(err error) error {
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) {
		return fmt.Errorf("%w: %w", signedlog.ErrFull, err)
	}
	return err
}

// Truncate implements [signedlog.Storage].
func (d *Dir) Truncate(first, size int64) error {
	if err := d.turn(first); err != nil {
		return err
	}
	if err := d.tail.Truncate(size); err != nil {
		return err
	}
	return d.tail.Sync()
}

// turn opens the segment that is appended to, which may be new.
func (d *Dir) turn(first int64) error {
	if d.tail != nil && d.first == first {
		return nil
	}
	if d.tail != nil {
		if err := d.tail.Close(); err != nil {
			return err
		}
	}
	var err error
	if d.tail, err = os.OpenFile(filepath.Join(d.path, Name(first)), os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		d.tail = nil
		return err
	}
	d.first = first
	return syncDir(d.path)
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("open the state directory: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
