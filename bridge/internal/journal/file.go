package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// errReplaced is why nothing is added to a file that is not the one that was
// verified.
var errReplaced = errors.New("the journal is not the file that this bridge has written")

// ready brings the journal's own picture up to date before a line is added: it is
// still the file that was opened, what other processes added is verified, an
// incomplete line is dropped, and after trouble what may not be on the disk is
// written again. The caller holds mu and the file's lock.
func (j *Journal) ready() error {
	info, err := os.Stat(j.path)
	if err != nil {
		return errors.Join(errReplaced, err)
	}
	if !os.SameFile(info, j.info) || info.Size() < j.size {
		return errReplaced
	}
	if j.trouble != nil {
		if err := j.repair(); err != nil {
			return err
		}
	}
	if info.Size() == j.size {
		return nil
	}
	torn, err := j.catchUp()
	if err == nil && torn && j.trouble == nil {
		err = j.line(Event{Kind: Recovered}) // another writer left it
	}
	return err
}

// repair verifies that the file still ends with the last line, and writes again
// what a failed sync may have dropped from memory.
func (j *Journal) repair() error {
	if j.last < j.synced {
		line := make([]byte, len(j.tail))
		if _, err := j.file.ReadAt(line, j.last); err != nil {
			return err
		}
		if !bytes.Equal(line, j.tail) {
			return corrupt(j.head.Size-1, "it is another than the one that was written")
		}
	}
	if _, err := j.file.WriteAt(j.pending, j.synced); err != nil {
		return err
	}
	if err := j.datasync(j.file); err != nil {
		return err
	}
	j.onDisk(j.size)
	return nil
}

// catchUp reads what other processes have added, and drops an incomplete line.
func (j *Journal) catchUp() (torn bool, err error) {
	info, err := j.file.Stat()
	if err != nil {
		return false, err
	}
	var added []byte
	tail := j.tail
	head, n, torn, err := scan(io.NewSectionReader(j.file, j.size, info.Size()-j.size), j.head, func(_ Entry, line []byte) error {
		added, tail = append(added, line...), bytes.Clone(line)
		return nil
	})
	if err != nil {
		return false, err
	}
	if n > 0 {
		j.head, j.size, j.pending = head, j.size+n, append(j.pending, added...)
		j.tail, j.last = tail, j.size-int64(len(tail))
	}
	if torn {
		if err := j.file.Truncate(j.size); err != nil {
			return false, fmt.Errorf("drop an incomplete line: %w", err)
		}
	}
	return torn, nil
}

// line writes one event at the end. The caller holds mu and the file's lock.
func (j *Journal) line(e Event) error {
	entry := Entry{Seq: j.head.Size, Time: j.now().UTC().Format(timeForm), Event: e.tidied(), Prev: j.head.Hash}
	line, err := seal(&entry)
	if err != nil {
		return err
	}
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		_ = j.file.Truncate(j.size) // or the next line does it
		return err
	}
	j.tail, j.last = line, j.size
	j.head, j.size, j.pending = Head{Size: entry.Seq + 1, Hash: entry.Hash}, j.size+int64(len(line)), append(j.pending, line...)
	return nil
}

// lock waits until no other process writes. It cannot wait for long: a writer
// that was stopped in the middle must not stop the bridge without a word.
func lock(f *os.File) error {
	for until := time.Now().Add(lockWait); ; time.Sleep(time.Millisecond) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
		case !errors.Is(err, syscall.EWOULDBLOCK):
			return fmt.Errorf("lock the journal: %w", err)
		case time.Now().After(until):
			return fmt.Errorf("lock the journal: another program has held it for %s", lockWait)
		}
	}
}

// alone runs what must not meet another process's line.
func alone(f *os.File, do func() error) error {
	if err := lock(f); err != nil {
		return err
	}
	defer unlock(f)
	return do()
}

func unlock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) } // it ends with the file at the latest
