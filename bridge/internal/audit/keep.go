package audit

import (
	"errors"
	"fmt"
	"os"

	"countersign/bridge/internal/logfile"
	"countersign/shared/signedlog"
)

// keeper writes the lines of a log into segments, as its signer does, in a folder of its
// own until all of it is verified.
type keeper struct {
	path  string
	dir   *logfile.Dir
	first int64    // entry of the segment
	lines []string // of the segment, so far
}

func newKeeper() (*keeper, error) {
	path, err := os.MkdirTemp("", "countersign-audit-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for the copy of the log: %w", err)
	}
	k := &keeper{path: path}
	if k.dir, err = logfile.Open(path); err != nil {
		return nil, errors.Join(err, os.RemoveAll(path))
	}
	return k, nil
}

func (k *keeper) close() error { return errors.Join(k.dir.Close(), os.RemoveAll(k.path)) }

// add adds a line; a checkpoint ends its segment.
func (k *keeper) add(e signedlog.Entry, line string) error {
	if k.lines = append(k.lines, line); e.Type == signedlog.Checkpoint {
		return k.end(e.Seq + 1)
	}
	return nil
}

// end writes the segment; another begins with entry next.
func (k *keeper) end(next int64) error {
	if len(k.lines) == 0 {
		return nil
	}
	if err := k.dir.Append(k.first, k.lines); err != nil {
		return fmt.Errorf("copy the log: %w", err)
	}
	k.first, k.lines = next, nil
	return nil
}

// keep brings the copy in a folder up to date, as [logfile.Copy] does.
func (k *keeper) keep(to string) error {
	if err := k.end(k.first); err != nil {
		return err
	}
	segments, err := logfile.Segments(k.path)
	if err != nil {
		return err
	}
	return logfile.Copy(segments, to)
}
