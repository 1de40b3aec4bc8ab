package statefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"

	"countersign/shared/strictjson"
)

// List is a list in a JSON file: {"name": [ … ]}. Each use checks whether the file
// was replaced.
type List[T any] struct {
	dir, name string

	changing sync.Mutex
	reading  sync.Mutex
	file     os.FileInfo // of what list was read from
	list     []T
}

func (l *List[T]) path() string { return filepath.Join(l.dir, l.name+".json") }

// NewList is the list called name in a folder.
func NewList[T any](dir, name string) *List[T] { return &List[T]{dir: dir, name: name} }

// Read returns the list, the oldest first.
func (l *List[T]) Read() ([]T, error) {
	l.reading.Lock()
	defer l.reading.Unlock()
	info, err := os.Stat(l.path())
	if errors.Is(err, fs.ErrNotExist) {
		l.file, l.list = nil, nil
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", l.name, err)
	}
	// A change is a rename, so it is another file.
	if l.file != nil && os.SameFile(info, l.file) && info.ModTime().Equal(l.file.ModTime()) && info.Size() == l.file.Size() {
		return slices.Clone(l.list), nil
	}
	data, err := Read(l.path())
	if err != nil {
		return nil, fmt.Errorf("read the %s: %w", l.name, err)
	}
	content := map[string][]T{}
	if err := strictjson.UnmarshalFile(data, &content, Max); err != nil {
		return nil, fmt.Errorf("read %s: %w", l.path(), err)
	}
	list, ok := content[l.name]
	if !ok || len(content) != 1 {
		return nil, fmt.Errorf("read %s: it must hold %q and nothing else", l.path(), l.name)
	}
	l.file, l.list = info, list
	return slices.Clone(list), nil
}

// Change rewrites the file while no other process does.
func (l *List[T]) Change(edit func([]T) ([]T, error)) error {
	l.changing.Lock()
	defer l.changing.Unlock()
	lock, err := os.OpenFile(l.path()+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("write the %s: %w", l.name, err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("write the %s: %w", l.name, err)
	}
	list, err := l.Read()
	if err != nil {
		return err
	}
	if list, err = edit(list); err != nil {
		return err
	}
	if list == nil {
		list = []T{}
	}
	data, err := json.MarshalIndent(map[string][]T{l.name: list}, "", "  ")
	if err != nil {
		return err
	}
	if err := l.write(append(data, '\n')); err != nil {
		return fmt.Errorf("write the %s: %w", l.name, err)
	}
	return nil
}

// write puts a new file in the place of the old one. It is on the disk before it
// is there, so that a power cut leaves one or the other.
func (l *List[T]) write(data []byte) error {
	next := l.path() + ".new"
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
	return os.Rename(next, l.path())
}
