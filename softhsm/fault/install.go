package fault

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Config says what a disturbed module stands in front of.
type Config struct {
	Real    string   // the real module. It is copied, so that its state is this one's alone
	InPlace bool     // use Real where it is: NSS's, for one, looks for its files beside itself
	Token   string   // the label of the only token that is shown; empty: all of them
	Env     []string // NAME=VALUE that the real module needs when it is initialised
}

// Module is a disturbed module in a folder of its own. Its methods may be called
// from several goroutines, and take effect in every process that has loaded it,
// at its next call and in calls that hang.
type Module struct {
	Path string // what a program loads

	setup string
	state string
	bell  *os.File // the module rings it when a call comes and when it goes

	mu      sync.Mutex
	faults  []Fault
	absent  bool
	plugged int
	last    int               // id of the newest fault
	told    map[string]uint64 // calls that Entered has told of, or that a new fault made old
	back    map[string]uint64 // the same for Returned
	reading bool
	closed  bool
	rung    chan struct{}
}

// Install builds the module into dir, and puts a copy of the real one, the
// control file and the file with the counters beside it. Close ends it.
func Install(ctx context.Context, dir string, cfg Config) (*Module, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, err
	}
	m := &Module{Path: filepath.Join(dir, "fault.so"), state: filepath.Join(dir, "fault.state"), plugged: 1,
		told: map[string]uint64{}, back: map[string]uint64{}, rung: make(chan struct{})}
	real, err := place(cfg, dir)
	if err != nil {
		return nil, err
	}
	if err := build(ctx, m.Path); err != nil {
		return nil, err
	}
	bell := filepath.Join(dir, "fault.bell")
	if err := syscall.Mkfifo(bell, 0o600); err != nil {
		return nil, fmt.Errorf("fault: make %s: %w", bell, err)
	}
	// Open for both directions, so that it never ends and opening does not wait.
	if m.bell, err = os.OpenFile(bell, os.O_RDWR, 0); err != nil {
		return nil, err
	}
	lines := []string{"real " + real, "trace " + bell}
	for _, e := range cfg.Env {
		lines = append(lines, "env "+e)
	}
	if cfg.Token != "" {
		lines = append(lines, "token "+cfg.Token)
	}
	m.setup = strings.Join(lines, "\n") + "\n"
	if strings.Count(m.setup, "\n") != len(lines) {
		return nil, errors.Join(errors.New("fault: a line break in the configuration"), m.Close())
	}
	if err := m.write(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// place puts the real module where nobody else loads it, unless it has to stay.
func place(cfg Config, dir string) (path string, err error) {
	body, err := os.ReadFile(cfg.Real)
	if err != nil {
		return "", err
	}
	if cfg.InPlace {
		return filepath.Abs(cfg.Real)
	}
	path = filepath.Join(dir, "real.so")
	return path, os.WriteFile(path, body, 0o700)
}

// Close takes the token away for good, so that what hangs ends and programs that
// still have the module loaded touch nothing, and ends those who wait.
func (m *Module) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults, m.absent, m.closed = nil, true, true
	return errors.Join(m.write(), m.bell.Close())
}

// Set puts faults in the place of all that there are. None: the token works.
func (m *Module) Set(faults ...Fault) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = nil
	_, err := m.add(faults)
	return err
}

// Add puts faults beside those that there are. The function that it returns takes
// them away again, and with them lets go what hangs because of them.
func (m *Module) Add(faults ...Fault) (undo func() error, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids, err := m.add(faults)
	if err != nil {
		return nil, err
	}
	return func() error {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.faults = slices.DeleteFunc(m.faults, func(f Fault) bool { return slices.Contains(ids, f.id) })
		return m.write()
	}, nil
}

// add is Add for a caller that holds mu.
func (m *Module) add(faults []Fault) (ids []int, err error) {
	for _, f := range faults {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("fault: %w", err)
		}
		m.last++
		f.id = m.last
		ids = append(ids, f.id)
		m.faults = append(m.faults, f)
		if f.function != "" && f.function != "*" {
			if m.told[f.function], m.back[f.function], err = m.count(f.function); err != nil {
				return nil, err
			}
		}
	}
	return ids, m.write()
}

// Vanish takes the token away. Running calls end as soon as they no longer hang.
func (m *Module) Vanish() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.absent = true
	return m.write()
}

// Return puts the same token back. Sessions that were open before stay dead, and
// nobody is logged in.
func (m *Module) Return() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.absent = false
	m.plugged++
	return m.write()
}

// Control is the text of the control file.
func (m *Module) Control() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.control()
}

func (m *Module) control() string {
	var b strings.Builder
	b.WriteString(m.setup)
	fmt.Fprintf(&b, "plugged %d\n", m.plugged)
	if m.absent {
		b.WriteString("absent\n")
	}
	for _, f := range m.faults {
		b.WriteString(f.String() + "\n")
	}
	return b.String()
}

// write is called with mu held.
func (m *Module) write() error {
	return replace(strings.TrimSuffix(m.Path, ".so")+".control", []byte(m.control()))
}

// Calls says how often a function was called so far, in all processes. Asking
// C_Sign for the length of its output is not a call of it.
func (m *Module) Calls(function string) (int, error) {
	entered, _, err := m.count(function)
	return int(entered), err
}

// Entered waits until a function is called, and tells each call once: a call
// that came before Entered is told as well, unless a fault was set for the
// function since.
func (m *Module) Entered(ctx context.Context, function string) error {
	return m.await(ctx, func() (bool, error) {
		entered, _, err := m.count(function)
		return m.tell(m.told, function, entered), err
	})
}

// Returned waits until a call of a function came back, as [Module.Entered] does
// for its beginning.
func (m *Module) Returned(ctx context.Context, function string) error {
	return m.await(ctx, func() (bool, error) {
		_, returned, err := m.count(function)
		return m.tell(m.back, function, returned), err
	})
}

func (m *Module) tell(told map[string]uint64, function string, count uint64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if count <= told[function] {
		return false
	}
	told[function]++
	return true
}

// await asks happened again whenever the module rings.
func (m *Module) await(ctx context.Context, happened func() (bool, error)) error {
	for {
		m.mu.Lock()
		rung := m.rung
		if m.closed {
			m.mu.Unlock()
			return os.ErrClosed
		}
		if !m.reading {
			m.reading = true
			go m.listen()
		}
		m.mu.Unlock()
		if ok, err := happened(); ok || err != nil {
			return err
		}
		select {
		case <-rung:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// listen reads what the module rang since somebody listened. When nobody does,
// the bell fills up, and ringing costs the module next to nothing.
func (m *Module) listen() {
	_, err := m.bell.Read(make([]byte, 64<<10))
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.rung)
	m.rung = make(chan struct{})
	m.reading = false
	m.closed = m.closed || err != nil
}

// The file with the counters: see module/control.h.
const (
	stateMagic   = "csfault1"
	stateCounter = 128 // two numbers of 64 bits for each function
)

// count reads how often a function was entered and left.
func (m *Module) count(function string) (entered, returned uint64, err error) {
	at := slices.Index(functions(), function)
	if at < 0 {
		return 0, 0, fmt.Errorf("fault: %q is not a function of PKCS#11 v2.40", function)
	}
	f, err := os.Open(m.state)
	if errors.Is(err, os.ErrNotExist) {
		return 0, 0, nil // no program has loaded the module yet
	}
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, stateCounter+16*(at+1))
	if _, err := f.ReadAt(head, 0); err != nil || !bytes.HasPrefix(head, []byte(stateMagic)) {
		return 0, 0, nil // it is being made
	}
	pair := head[stateCounter+16*at:]
	return binary.NativeEndian.Uint64(pair), binary.NativeEndian.Uint64(pair[8:]), nil
}
