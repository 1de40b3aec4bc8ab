package signer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"countersign/shared/fault"
	"countersign/shared/signedlog"
	"countersign/shared/strictjson"
)

// logName is the log, in the state directory.
const logName = "log.jws"

// file is the log on disk: one line per entry, held by this process alone.
type file struct{ f *os.File }

// openFile opens or makes the log in dir, which is made with mode 0700.
func openFile(dir string) (*file, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the state directory: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, logName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fault.Wrap(err, fault.Conflict, "another signer uses the log in "+dir), f.Close())
	}
	if err := syncDir(dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &file{f}, nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the state directory: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open reads from the start, through a reader of its own.
func (s *file) Open() (io.ReadCloser, error) {
	return io.NopCloser(io.NewSectionReader(s.f, 0, 1<<62)), nil
}

// Append writes one line behind the last, and returns when it is on the disk.
func (s *file) Append(line []byte) error {
	end, err := s.f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err := s.f.WriteAt(append(line[:len(line):len(line)], '\n'), end); err != nil {
		return err
	}
	return s.f.Sync()
}

// Truncate removes what is behind size.
func (s *file) Truncate(size int64) error {
	if err := s.f.Truncate(size); err != nil {
		return err
	}
	return s.f.Sync()
}

// Close leaves the log to another process, at once: a process that is being
// started has a copy of the descriptor until it runs its program, and would keep
// the lock.
func (s *file) Close() error {
	return errors.Join(syscall.Flock(int(s.f.Fd()), syscall.LOCK_UN), s.f.Close())
}

// watermarkLabel is the data object in the vault token that remembers how far
// the log was.
const watermarkLabel = "countersign-log"

// watermark keeps the mark where who can change files cannot reach it: in the
// vault token.
type watermark struct{ vault Vault }

func (w watermark) Get(ctx context.Context) (signedlog.Mark, error) {
	data, err := w.vault.GetData(ctx, watermarkLabel)
	if err != nil || data == nil {
		return signedlog.Mark{}, err
	}
	var m signedlog.Mark
	if err := strictjson.UnmarshalCanonical(data, &m, 256); err != nil {
		return signedlog.Mark{}, fmt.Errorf("read data object %q: %w", watermarkLabel, err)
	}
	return m, nil
}

func (w watermark) Set(ctx context.Context, m signedlog.Mark) error {
	data, err := strictjson.Canonical(m)
	if err != nil {
		return err
	}
	return w.vault.PutData(ctx, watermarkLabel, data)
}

// readSmall reads a file of at most limit bytes.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is longer than %d bytes", path, limit)
	}
	return data, nil
}
