// Package statefile reads and writes the small files of a bridge: configuration,
// certificates, and lists of pairings and blocks. A list is replaced as a whole, on the
// disk before it is seen, by the one process that has the lock (bridge/internal/instance).
// bridge/internal/approver, site, member and audit use it.
package statefile

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Max is the largest file that is read, in bytes.
const Max = 256 << 10

// Read reads a small file.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, Max+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	if len(data) > Max {
		return nil, fmt.Errorf("read %s: it is larger than %d bytes", path, Max)
	}
	return data, nil
}

// Write puts a new file, which only this user may read, in the place of the old one. It is on the disk before it
// is there, so that a power cut leaves one or the other.
func Write(path string, data []byte) error {
	next := path + ".new"
	f, err := os.OpenFile(next, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(next, path)
}
