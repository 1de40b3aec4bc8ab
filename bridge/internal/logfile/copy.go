package logfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"countersign/shared/fault"
)

// Copy brings the log in the folder to up to date with segments, whose ends are whole lines
// ([Segment.Trim]): it is made with mode 0700, what it has stays as it is, and what is new
// is added, and on the disk when Copy returns. Another process may append to the segments
// meanwhile. It fails with CONFLICT when the folder has lines that the segments do not.
func Copy(segments []Segment, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return fmt.Errorf("make the folder of the copy: %w", err)
	}
	there, err := Segments(to)
	if err != nil {
		return fmt.Errorf("look into the folder of the copy: %w", err)
	}
	for _, t := range there {
		if !slices.ContainsFunc(segments, func(s Segment) bool { return s.First == t.First }) {
			return more(to)
		}
	}
	for _, s := range segments {
		if err := s.copy(to); err != nil {
			return err
		}
	}
	return syncDir(to)
}

// more says that a folder has what is not in the log that is copied into it.
func more(to string) error {
	return fault.New(fault.Conflict, fmt.Sprintf("the log in %s has entries that the other log has not: it is of another log, or the other one was rewound. Nothing is replaced", to))
}

// copy adds to its copy what that does not have.
func (s Segment) copy(to string) (err error) {
	from, err := os.Open(s.Path)
	if err != nil {
		return fmt.Errorf("copy the log: %w", err)
	}
	defer from.Close()
	into, err := os.OpenFile(filepath.Join(to, Name(s.First)), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("copy the log: %w", err)
	}
	defer func() { err = errors.Join(err, into.Close()) }()
	r := io.LimitReader(from, s.Size)
	had, err := prefix(r, into)
	if err != nil {
		return fmt.Errorf("compare %s with its copy: %w", Name(s.First), err)
	}
	if !had {
		return more(to)
	}
	if _, err := io.Copy(into, r); err != nil {
		return fmt.Errorf("copy the log: %w", err)
	}
	return into.Sync()
}

// prefix reads whole from r what f has, and reports whether it is the same.
func prefix(r io.Reader, f io.Reader) (bool, error) {
	b := bufio.NewReader(f)
	have, want := make([]byte, 64<<10), make([]byte, 64<<10)
	for {
		n, err := b.Read(have)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return true, err
		}
		switch _, err := io.ReadFull(r, want[:n]); {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return false, nil
		case err != nil:
			return false, err
		case !bytes.Equal(have[:n], want[:n]):
			return false, nil
		}
	}
}
