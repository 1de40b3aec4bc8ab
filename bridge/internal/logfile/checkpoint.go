package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"countersign/shared/signedlog"
	"countersign/shared/vault"
)

// Checkpoint returns the newest checkpoint: the line of its entry and the state that it
// is about, which it vouches for once the line is verified. It fails with fs.ErrNotExist
// when there is none.
func (d *Dir) Checkpoint() (line string, state []byte, err error) {
	f, err := os.Open(filepath.Join(d.path, checkpointName))
	if err != nil {
		return "", nil, err
	}
	const most = signedlog.MaxLine + 1 + vault.MaxSnapshot
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return "", nil, err
	}
	head, state, ok := bytes.Cut(data, []byte{'\n'})
	if !ok || len(data) > most {
		return "", nil, errors.New("it is cut off, or too long")
	}
	return string(head), state, nil
}

// SaveCheckpoint writes a checkpoint over the older one, and removes what of the index only
// that one needed.
func (d *Dir) SaveCheckpoint(line string, state []byte) (err error) {
	path := filepath.Join(d.path, checkpointName)
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write a checkpoint: %w", err)
	}
	for _, part := range [][]byte{[]byte(line + "\n"), state} {
		if _, werr := f.Write(part); err == nil {
			err = werr
		}
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write a checkpoint: %w", err)
	}
	if err := errors.Join(os.Rename(path+".new", path), syncDir(d.path)); err != nil {
		return fmt.Errorf("write a checkpoint: %w", err)
	}
	return d.Index.Clean()
}
