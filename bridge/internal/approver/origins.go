package approver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
)

// Origins is the list of dashboards in a configuration file, which a running
// bridge and the command line share: each use checks whether the file was changed.
type Origins struct {
	path string

	mu   sync.Mutex
	file os.FileInfo // of what cfg was read from
	cfg  Config
}

// OpenOrigins is the list in the configuration file at path.
func OpenOrigins(path string) *Origins { return &Origins{path: path} }

// List returns the dashboards that may connect as the file has them now. When it
// cannot be read any more, or is not a configuration, the list stays as it was, with
// the error.
func (o *Origins) List() ([]string, error) {
	list, _, err := o.read()
	return list, err
}

// read is List, with what is left out of the list.
func (o *Origins) read() (list []string, leftOut []BadOrigin, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer func() { list, leftOut = o.cfg.Dashboards() }()
	info, err := os.Stat(o.path)
	if err != nil {
		return nil, nil, fmt.Errorf("read the configuration: %w", err)
	}
	if o.file != nil && os.SameFile(info, o.file) && info.ModTime().Equal(o.file.ModTime()) && info.Size() == o.file.Size() {
		return nil, nil, nil
	}
	cfg, err := Load(o.path)
	if err == nil {
		o.file, o.cfg = info, cfg
	}
	return nil, nil, err
}

// Change edits the list in the file and nothing else there: order, spacing and
// the other fields stay. The new file replaces the old one at once, is checked
// before it does, and only its owner can read it. edit must not fail after it had
// an effect.
func (o *Origins) Change(edit func([]string) ([]string, error)) error {
	path, err := filepath.EvalSymlinks(o.path)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	lock, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	cfg, err := Load(path)
	if err != nil {
		return err
	}
	list, err := edit(slices.Clone(cfg.Origins))
	if err != nil || slices.Equal(list, cfg.Origins) {
		return err
	}
	data, err := statefile.Read(path)
	if err != nil {
		return err
	}
	if data, err = setMember(data, "origins", list); err != nil {
		return fmt.Errorf("write %s: %w", o.path, err)
	}
	return replace(path, data)
}

// replace rewrites a configuration file.
func replace(path string, data []byte) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	next := f.Name()
	defer os.Remove(next) // it is gone when all went well
	_, err = f.Write(data)
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && err == nil && int(owner.Uid) != os.Getuid() {
		err = f.Chown(int(owner.Uid), int(owner.Gid)) // an administrator edits somebody's file
	}
	if err = errors.Join(err, f.Chmod(info.Mode().Perm()&0o700), f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	if _, err := Load(next); err != nil {
		return err
	}
	return os.Rename(next, path)
}

// setMember replaces the value of one member of a JSON object, or adds it, and
// leaves every other byte as it is. data must have been decoded strictly.
func setMember(data []byte, name string, list []string) ([]byte, error) {
	dec := json.NewDecoder(bytes.NewReader(data))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	open := dec.InputOffset()
	text := func(indent string) []byte {
		if !bytes.ContainsRune(data, '\n') {
			indent = ""
		}
		return listText(list, indent)
	}
	empty := true
	for dec.More() {
		empty = false
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if key == name {
			end := dec.InputOffset()
			return splice(data, end-int64(len(value)), end, text("  ")), nil
		}
	}
	member := append([]byte("\n  \""+name+"\": "), text("  ")...)
	if !empty {
		member = append(member, ',')
	}
	return splice(data, open, open, member), nil
}

func splice(data []byte, from, to int64, with []byte) []byte {
	return slices.Concat(data[:from], with, data[to:])
}

// listText writes a list one line each, or on one line without indent.
func listText(list []string, indent string) []byte {
	var quoted []string
	for _, s := range list {
		text, _ := json.Marshal(s) // a text can always be written
		quoted = append(quoted, string(text))
	}
	if indent == "" || len(list) == 0 {
		return []byte("[" + strings.Join(quoted, ", ") + "]")
	}
	return []byte("[\n" + indent + "  " + strings.Join(quoted, ",\n"+indent+"  ") + "\n" + indent + "]")
}

// AddOrigin puts an origin on the list; added is false when it is there already.
// before is called when the change is certain, and can refuse it.
func (o *Origins) AddOrigin(origin string, before func() error) (added bool, err error) {
	if _, err := guard.ParseOrigin(origin); err != nil {
		return false, err
	}
	err = o.Change(func(list []string) ([]string, error) {
		if slices.Contains(list, origin) {
			return list, nil
		}
		added = true
		return append(list, origin), before()
	})
	return added && err == nil, err
}

// RemoveOrigin takes an origin off the list. It fails with NOT_FOUND when it is
// not there. before is called when the change is certain.
func (o *Origins) RemoveOrigin(origin string, before func()) error {
	return o.Change(func(list []string) ([]string, error) {
		at := slices.Index(list, origin)
		if at < 0 {
			return nil, fault.New(fault.NotFound, fmt.Sprintf("%q is not in the list of origins", origin))
		}
		before()
		return slices.Delete(list, at, at+1), nil
	})
}

// lookEvery is how often a running bridge checks whether the list was changed.
const lookEvery = time.Second

// watchOrigins follows the list in the configuration file until ctx ends: what
// was added may connect, and what was removed is disconnected.
func (b *Bridge) watchOrigins(ctx context.Context, allow func([]string) error) {
	if b.cfg.file == "" {
		return // the configuration is not in a file
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	_, known := b.cfg.Dashboards()
	now, said := b.currentOrigins(), ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		list, leftOut, err := b.origins.read()
		if err == nil {
			err = allow(list)
		}
		if err != nil {
			if said != err.Error() {
				b.deps.Log.Warn("the configuration was changed and cannot be read: the origins stay as they are", "error", err)
				said = err.Error()
			}
			continue
		}
		said = ""
		b.warn(slices.DeleteFunc(slices.Clone(leftOut), func(o BadOrigin) bool {
			return slices.ContainsFunc(known, func(k BadOrigin) bool { return k.Origin == o.Origin })
		}))
		known = leftOut
		if slices.Equal(list, now) {
			continue
		}
		b.deps.Log.Info("the origins were changed", "before", now, "now", list)
		now = list
		b.pages.DisconnectOthers(list)
	}
}

// warn says which origins are left out.
func (b *Bridge) warn(leftOut []BadOrigin) {
	for _, o := range leftOut {
		b.deps.Log.Warn("an origin of the configuration is left out", "why", o.Err)
	}
}

// currentOrigins are the dashboards that may connect now.
func (b *Bridge) currentOrigins() []string {
	if b.cfg.file == "" {
		list, _ := b.cfg.Dashboards()
		return list
	}
	list, _ := b.origins.List() // the last that could be read
	return list
}
