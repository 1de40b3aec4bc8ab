package statefile

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"sync"

	"countersign/shared/strictjson"
)

// List is a list in a JSON file: {"name": [ … ]}. It is read once: while this process
// has the lock of the folder (bridge/internal/instance), no other writes the file.
type List[T any] struct {
	dir, name string

	mu   sync.Mutex
	read bool
	list []T
}

func (l *List[T]) path() string { return filepath.Join(l.dir, l.name+".json") }

// NewList is the list called name in a folder.
func NewList[T any](dir, name string) *List[T] { return &List[T]{dir: dir, name: name} }

// Read returns the list, the oldest first.
func (l *List[T]) Read() ([]T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.load(); err != nil {
		return nil, err
	}
	return slices.Clone(l.list), nil
}

// load reads the file, the first time. l.mu is held.
func (l *List[T]) load() error {
	if l.read {
		return nil
	}
	data, err := Read(l.path())
	if errors.Is(err, fs.ErrNotExist) {
		l.read = true
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the %s: %w", l.name, err)
	}
	content := map[string][]T{}
	if err := strictjson.UnmarshalFile(data, &content, Max); err != nil {
		return fmt.Errorf("read %s: %w", l.path(), err)
	}
	list, ok := content[l.name]
	if !ok || len(content) != 1 {
		return fmt.Errorf("read %s: it must hold %q and nothing else", l.path(), l.name)
	}
	l.read, l.list = true, list
	return nil
}

// Change rewrites the file. When it fails, nothing has changed.
func (l *List[T]) Change(edit func([]T) ([]T, error)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.load(); err != nil {
		return err
	}
	list, err := edit(slices.Clone(l.list))
	if err != nil {
		return err
	}
	if list == nil {
		list = []T{}
	}
	data, err := json.MarshalIndent(map[string][]T{l.name: list}, "", "  ")
	if err != nil {
		return err
	}
	if err := Write(l.path(), append(data, '\n')); err != nil {
		return fmt.Errorf("write the %s: %w", l.name, err)
	}
	l.list = list
	return nil
}
