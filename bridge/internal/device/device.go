// Package device is the tokens of this computer, as the bridge uses them. Each
// PKCS#11 module runs in a process of its own, the same program started again:
// a module of a vendor may crash or hang, and the bridge may not. What goes wrong
// there costs the operations that are running; they fail with MODULE_FAILED and
// are never repeated in silence, the process is replaced, and the tokens are
// found again, locked.
//
// The process does what bridge/internal/hsm does with one module. This side checks
// what comes out of it: every signature is brought into its one form and verified
// before it is seen. Used by bridge/internal/approver, bridge/internal/signer
// and the commands. A program that opens devices calls [Child] first.
package device

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/bridge/internal/hsm"
	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
)

// Identity tells tokens apart.
type Identity = hsm.Identity

// State is a token as it is now.
type State = hsm.State

// Template describes a key pair to be made.
type Template = hsm.Template

// URI names tokens and keys (RFC 7512).
type URI = hsm.URI

// Named is what a URI says of its token.
func Named(u URI) Identity { return hsm.Named(u) }

// ParseURI reads a PKCS#11 URI.
func ParseURI(s string) (URI, error) { return hsm.ParseURI(s) }

// Meanings are the return values of modules that errors explain, by number.
func Meanings() map[uint]string { return hsm.Meanings() }

// What a token may lack, in [State]: mechanisms by these names, and curves.
const (
	LacksSigning = hsm.LacksSigning
	LacksECDH    = hsm.LacksECDH
)

// Module is one PKCS#11 module.
type Module struct {
	Path     string
	Reserved string // C_INITIALIZE_ARGS.pReserved, which NSS wants: "configdir='sql:…' …"
}

// Modules are modules that need a path only.
func Modules(paths ...string) []Module {
	all := make([]Module, len(paths))
	for i, p := range paths {
		all[i].Path = p
	}
	return all
}

// Config says which modules to load and how.
type Config struct {
	Modules []Module
	Poll    time.Duration // how often the slots are looked at; 0: 0.8 seconds
	// Timeout is how long one call into a module may take before its process is
	// killed; 0: 60 s. Looking at slots may take 10 s at most, and a PIN on a
	// reader's pad twice as long.
	Timeout time.Duration
	// InProcess loads the modules into this process: for tests and measurements.
	InProcess bool
	// Failed is told when a module that worked crashed, hung or returned garbage; it
	// must not block. nil: nobody.
	Failed func(path string)
	Log    *slog.Logger // nil: none

	silent   time.Duration // how long a process may not answer at all; 0: silentTime
	patience time.Duration // how long Open waits for the modules; 0: openTime
}

// Devices are the tokens of some modules.
type Devices struct {
	modules []*module
	stop    context.CancelFunc
	running sync.WaitGroup

	claiming sync.Mutex
	files    map[*module]os.FileInfo // which module has which file

	mu       sync.Mutex
	watchers map[int]func(id Identity, present bool)
	next     int
}

// Open starts the modules and finds their tokens. One that cannot be loaded costs no
// other: see [Devices.Problems], and [Devices.Usable] when none can. One that crashes,
// hangs or cannot be loaded is tried again for as long as the devices are open, and one
// that takes long to start is not waited for. A file that two paths lead to is loaded
// once, for the first of them.
func Open(cfg Config) (*Devices, error) {
	if inModule() && !cfg.InProcess {
		return nil, errors.New("a program that opens devices must call device.Child first")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Minute
	}
	if cfg.Poll == 0 {
		cfg.Poll = 800 * time.Millisecond // a token that is pulled is missed within a second
	}
	if cfg.silent == 0 {
		cfg.silent = silentTime
	}
	if cfg.patience == 0 {
		cfg.patience = openTime
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &Devices{stop: stop, files: map[*module]os.FileInfo{}, watchers: map[int]func(Identity, bool){}}
	for _, module := range cfg.Modules {
		d.add(module, cfg)
	}
	for _, m := range d.modules {
		d.running.Go(func() { m.run(ctx) })
	}
	d.started(cfg.patience)
	return d, nil
}

// openTime is how long [Open] waits for the modules. One that hangs must not keep
// the tokens of the others away for long.
const openTime = 10 * time.Second

// started waits for the modules, a little.
func (d *Devices) started(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	for _, m := range d.modules {
		select {
		case <-m.first:
		case <-ctx.Done():
			select {
			case <-m.first:
			default:
				m.cfg.Log.Warn("the PKCS#11 module takes long to start", "module", m.module.Path)
			}
		}
	}
}

// Problem is a module that cannot be used.
type Problem struct {
	Path string
	Err  error  // DEVICE_ERROR, or INVALID_REQUEST with Same
	Same string // the path under which the same file is open; nothing is missing then
}

// Problems are the modules that cannot be used now, whose tokens are left out.
func (d *Devices) Problems() (all []Problem) {
	for _, m := range d.modules {
		if err := m.unusable(); err != nil {
			all = append(all, Problem{m.module.Path, err, sameAs(err)})
		}
	}
	return all
}

// Usable fails with DEVICE_ERROR when there are modules and none of them can be used now.
func (d *Devices) Usable() error {
	all := d.Problems()
	if len(all) < len(d.modules) {
		return nil
	}
	var errs []error
	for _, p := range all {
		if p.Same == "" {
			errs = append(errs, p.Err)
		}
	}
	return errors.Join(errs...)
}

func (d *Devices) add(which Module, cfg Config) {
	m := &module{cfg: cfg, module: which, devices: d, first: make(chan struct{}), ended: make(chan struct{}), up: make(chan struct{})}
	d.modules = append(d.modules, m)
	_ = d.claim(m) // in the order of the list; errors are told when it starts
}

// claim takes a module's file for it. It fails with DEVICE_ERROR when it is not there, and
// INVALID_REQUEST when another module has the same file.
func (d *Devices) claim(m *module) error {
	info, err := os.Stat(m.module.Path)
	d.claiming.Lock()
	defer d.claiming.Unlock()
	delete(d.files, m)
	if err != nil {
		return noModule(m.module.Path, err)
	}
	for other, file := range d.files {
		if os.SameFile(file, info) {
			return listedTwice(m.module.Path, other.module.Path)
		}
	}
	d.files[m] = info
	return nil
}

// Close ends the use of the modules. Operations that are running fail.
func (d *Devices) Close() error {
	d.stop()
	d.running.Wait()
	return nil
}

// Watch calls changed when a token comes or goes, until ctx ends. changed must
// not block.
func (d *Devices) Watch(ctx context.Context, changed func(id Identity, present bool)) error {
	d.mu.Lock()
	id := d.next
	d.next++
	d.watchers[id] = changed
	d.mu.Unlock()
	<-ctx.Done()
	d.mu.Lock()
	delete(d.watchers, id)
	d.mu.Unlock()
	return nil
}

func (d *Devices) tell(id Identity, present bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.watchers {
		w(id, present)
	}
}

// All lists every token that is plugged in, or was, by label.
func (d *Devices) All() []*Device {
	var all []*Device
	for _, m := range d.modules {
		all = append(all, m.list()...)
	}
	slices.SortFunc(all, func(a, b *Device) int {
		return cmp.Or(strings.Compare(a.id.Label, b.id.Label), strings.Compare(a.id.Serial, b.id.Serial))
	})
	return all
}

// State reads how the token that a URI names is, without looking for one that is
// missing: it may be asked often. A token that was never there is not present. It
// fails with INVALID_REQUEST when several match.
func (d *Devices) State(ctx context.Context, u URI) (State, error) {
	k, err := d.Known(u)
	if err != nil || k == nil {
		return State{Identity: hsm.Named(u), Locked: true, TriesLeft: -1}, err
	}
	return k.State(ctx), nil
}

// Known is the one token that a URI names, plugged in or not, without looking for it;
// nil when none was there yet. Of several, one that is plugged in counts before those
// that are not. It fails with INVALID_REQUEST when several match all the same.
func (d *Devices) Known(u URI) (*Device, error) {
	found := d.match(u)
	if some := slices.DeleteFunc(slices.Clone(found), func(k *Device) bool { return !k.isPresent() }); len(some) > 0 {
		found = some
	}
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	var all, through []string
	for _, k := range found {
		if uri := k.id.URI().String(); !slices.Contains(all, uri) {
			all = append(all, uri)
		}
		through = append(through, k.module.module.Path)
	}
	if len(all) == 1 {
		return nil, fault.New(fault.Invalid, fmt.Sprintf("the token %s shows through %d modules, %s: leave one of them out of the configuration", found[0].id.Quoted(), len(found), strings.Join(through, " and ")))
	}
	return nil, fault.New(fault.Invalid, fmt.Sprintf("%d tokens match %s: name one of them, %s", len(found), u.OfToken(), strings.Join(all, " or ")))
}

// Device finds the one token that a URI names, plugged in or not. When none that
// is plugged in matches, the modules look again, as SoftHSM must to see one that
// came back. It fails with DEVICE_NOT_FOUND, and INVALID_REQUEST when several
// match.
func (d *Devices) Device(ctx context.Context, uri string) (*Device, error) {
	u, err := ParseURI(uri)
	if err != nil {
		return nil, err
	}
	return d.device(ctx, u)
}

func (d *Devices) device(ctx context.Context, u URI) (*Device, error) {
	if u.PINSource != "" {
		return nil, fault.New(fault.Invalid, "pin-source is for programs that run without a person: the bridge asks for the PIN")
	}
	if found := d.match(u); !slices.ContainsFunc(found, (*Device).isPresent) {
		failed := d.look(ctx, found)
		if found = d.match(u); len(found) == 0 && failed != nil {
			return nil, failed
		}
	}
	k, err := d.Known(u)
	if err == nil && k == nil {
		why := ""
		for _, p := range d.Problems() {
			if p.Same != "" {
				continue
			}
			why += fmt.Sprintf("; the tokens of the module %s are not seen, because it cannot be used", p.Path)
		}
		err = fault.Wrap(d.empty(), fault.DeviceMissing, fmt.Sprintf("the token %s is not plugged in%s", called(u), why)).With("device", hsm.Named(u).Shown())
	}
	return k, err
}

// Empty is why a token may be missing: modules that can be used and show no token at
// all.
type Empty struct {
	Modules []string
	All     bool // no module shows one
}

func (e *Empty) Error() string {
	return "no token at all shows through " + strings.Join(e.Modules, " and ")
}

// empty is an [Empty], or nil.
func (d *Devices) empty() error {
	var e Empty
	for _, m := range d.modules {
		if m.unusable() == nil && !slices.ContainsFunc(m.list(), (*Device).isPresent) {
			e.Modules = append(e.Modules, m.module.Path)
		}
	}
	if len(e.Modules) == 0 {
		return nil
	}
	e.All = len(e.Modules) == len(d.modules)
	return &e
}

// called is how a message names a token that was not there yet.
func called(u URI) string {
	if u.OfToken() == (URI{Token: u.Token}) && u.Token != "" {
		return hsm.Named(u).Quoted()
	}
	return u.OfToken().String()
}

// look has the modules look for a token: those that had it, or all when it was never
// seen; at once, because another module may hang.
func (d *Devices) look(ctx context.Context, known []*Device) error {
	modules := d.modules
	if len(known) > 0 {
		modules = nil
		for _, k := range known {
			if !slices.Contains(modules, k.module) {
				modules = append(modules, k.module)
			}
		}
	}
	errs := make([]error, len(modules))
	var looking sync.WaitGroup
	for i, m := range modules {
		if m.unusable() != nil {
			continue
		}
		looking.Go(func() { errs[i] = m.look(ctx, len(known) > 0) })
	}
	looking.Wait()
	return cmp.Or(errs...)
}

func (d *Devices) match(u URI) []*Device {
	return slices.DeleteFunc(d.All(), func(k *Device) bool { return !k.id.Matches(u) })
}

// Key finds a key pair by its URI: the token by its label and so on, the key by
// object and id. The token must show the public half; the private half is looked
// for at the first use. It fails with DEVICE_NOT_FOUND, DEVICE_REMOVED,
// PIN_REQUIRED when the token shows nothing without it, KEY_NOT_FOUND,
// MODULE_FAILED, and INVALID_REQUEST when several keys match.
func (d *Devices) Key(ctx context.Context, uri string) (keys.Key, error) {
	u, err := ParseURI(uri)
	if err != nil {
		return nil, err
	}
	token, err := d.device(ctx, u)
	if err != nil {
		return nil, err
	}
	k, err := token.find(ctx, u)
	if err != nil {
		return nil, err
	}
	return k, nil
}
