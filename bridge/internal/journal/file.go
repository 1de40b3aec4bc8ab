package journal

import (
	"bytes"
	"errors"
	"fmt"
	"os"
)

// errReplaced is why nothing is added to a file that is not the one that was
// verified.
var errReplaced = errors.New("the journal is not the file that this bridge has written")

// errAdded is why nothing is added to a file that another program wrote into.
var errAdded = errors.New("the journal has bytes that this bridge has not written")

// ready makes sure of the file before a line is added: it is still the one that was
// opened and ends where the last line does, and after trouble what may not be on the
// disk is written again. The caller holds mu.
func (j *Journal) ready() error {
	info, err := os.Stat(j.path)
	switch {
	case err != nil:
		return errors.Join(errReplaced, err)
	case !os.SameFile(info, j.info) || info.Size() < j.size:
		return errReplaced
	case info.Size() > j.size && !j.torn:
		return errAdded
	case info.Size() > j.size:
		if err := j.file.Truncate(j.size); err != nil {
			return fmt.Errorf("drop an incomplete line: %w", err)
		}
	}
	j.torn = false
	if j.trouble != nil {
		return j.repair()
	}
	return nil
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

// line writes one event at the end. The caller holds mu.
func (j *Journal) line(e Event) error {
	entry := Entry{Seq: j.head.Size, Time: j.now().UTC().Format(timeForm), Event: e.tidied(), Prev: j.head.Hash}
	line, err := seal(&entry)
	if err != nil {
		return err
	}
	if _, err := j.file.WriteAt(line, j.size); err != nil {
		j.torn = j.file.Truncate(j.size) != nil // then the next line does it
		return err
	}
	j.tail, j.last = line, j.size
	j.head, j.size, j.pending = Head{Size: entry.Seq + 1, Hash: entry.Hash}, j.size+int64(len(line)), append(j.pending, line...)
	close(j.grown)
	j.grown = make(chan struct{})
	return nil
}
