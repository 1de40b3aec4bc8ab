package approver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"countersign/bridge/internal/statefile"
	"countersign/shared/fault"
	"countersign/shared/weborigin"
)

// Origins are the dashboards that may connect: those of the configuration, whose file it
// edits. While this process has the lock of the state directory, no other edits it; what
// a person writes into the file counts from the next edit or start on.
type Origins struct {
	path     string // of the file; empty: the configuration is in none
	changing sync.Mutex

	mu  sync.Mutex
	cfg Config // as the file was at the last edit or start
}

// OpenOrigins are the dashboards of a configuration.
func OpenOrigins(cfg Config) *Origins { return &Origins{path: cfg.file, cfg: cfg} }

// List returns the dashboards that may connect, and those that are left out.
func (o *Origins) List() (list []string, leftOut []BadOrigin) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cfg.Dashboards()
}

// Allowed returns the dashboards that may connect.
func (o *Origins) Allowed() []string {
	list, _ := o.List()
	return list
}

// Allows reports whether a dashboard may connect.
func (o *Origins) Allows(origin string) bool { return slices.Contains(o.Allowed(), origin) }

// Change edits the list in the file and nothing else there: order, spacing and
// the other fields stay. The new file replaces the old one at once, is checked
// before it does, and only its owner can read it. edit must not fail after it had
// an effect.
func (o *Origins) Change(edit func([]string) ([]string, error)) error {
	o.changing.Lock()
	defer o.changing.Unlock()
	if o.path == "" {
		return fault.New(fault.Conflict, "the configuration of this bridge is in no file: its origins cannot be changed")
	}
	path, err := filepath.EvalSymlinks(o.path)
	if err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	cfg, err := Load(path)
	if err != nil {
		return err
	}
	list, err := edit(slices.Clone(cfg.Origins))
	if err != nil {
		return err
	}
	if !slices.Equal(list, cfg.Origins) {
		data, err := statefile.Read(path)
		if err != nil {
			return err
		}
		if data, err = setMember(data, "origins", list); err != nil {
			return fmt.Errorf("write %s: %w", o.path, err)
		}
		if err := replace(path, data); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.cfg.Origins = list
	return nil
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
		err = f.Chown(int(owner.Uid), int(owner.Gid)) // fails, unless an administrator's program does it
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
func setMember[T any](data []byte, name string, list []T) ([]byte, error) {
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
func listText[T any](list []T, indent string) []byte {
	var quoted []string
	for _, one := range list {
		text, _ := json.Marshal(one) // texts can always be written
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
	if err := weborigin.Check(origin); err != nil {
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
