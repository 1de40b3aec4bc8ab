package hsm

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"countersign/bridge/internal/tokendir"

	"github.com/miekg/pkcs11"
)

// loaded holds the modules of this process. PKCS #11 has one state per process
// and module (C_Initialize, logins, sessions), so it cannot belong to anything
// smaller.
var loaded = struct {
	sync.Mutex
	modules map[string]*module // by real path
}{modules: map[string]*module{}}

// lookEvery is how soon after the last a module is asked to look again.
const lookEvery = time.Second

// module is one PKCS#11 module and the tokens that it has shown so far.
type module struct {
	path     string
	reserved string
	pinned   runtime.Pinner // what reserved became
	timeout  time.Duration
	ctx      *pkcs11.Ctx
	softHSM  bool          // sees tokens come back only after it is initialised again
	patience time.Duration // how long it is asked at least for a token that it may misread: lookTime
	users    int           // guarded by loaded
	running  running
	watchers watchers

	// calls is held for reading during each call into the module, and for
	// writing while the module is initialised or finalised, which crashes some
	// modules when a call is running.
	calls sync.RWMutex

	// The locks below are taken in this order, after calls and Token.alone, and
	// before Token.mu and Key.mu. Only the first two are held during a call.

	// telling is held while a token comes or goes, until the watchers know: they
	// hear of it in the order in which it happened.
	telling sync.Mutex

	// opening is held while a session is opened or closed.
	opening sync.Mutex

	mu         sync.Mutex
	tokens     map[Identity]*Token
	sessions   map[pkcs11.SessionHandle]*session // that are open
	generation int                               // counts initialisations: sessions of an older one are gone
	looked     time.Time                         // when it was initialised again,
	took       time.Duration                     // and how long that took
}

// acquire loads a module, or shares the one that is loaded.
func acquire(cfg Config) (*module, error) {
	real, err := filepath.EvalSymlinks(cfg.Path)
	if err != nil {
		return nil, err
	}
	loaded.Lock()
	defer loaded.Unlock()
	if m := loaded.modules[real]; m != nil {
		if m.users == 0 {
			if err := m.initialize(); err != nil {
				return nil, err
			}
		}
		m.users++
		m.reinitialize()
		return m, nil
	}
	ctx := pkcs11.New(real)
	if ctx == nil {
		return nil, errors.New("it is not a PKCS#11 module, or a library that it needs is missing")
	}
	m := &module{path: real, reserved: cfg.Reserved, timeout: cfg.Timeout, ctx: ctx, tokens: map[Identity]*Token{},
		sessions: map[pkcs11.SessionHandle]*session{}, patience: lookTime}
	if err := m.initialize(); err != nil {
		return nil, err
	}
	if info, err := ctx.GetInfo(); err == nil {
		m.softHSM = strings.Contains(info.ManufacturerID, "SoftHSM")
	}
	m.users = 1
	m.refresh()
	loaded.modules[real] = m
	return m, nil
}

// reservedArgument is C_INITIALIZE_ARGS.pReserved: a string that ends with NUL and
// stays where it is, because modules may keep the pointer.
func (m *module) reservedArgument() unsafe.Pointer {
	text := append([]byte(m.reserved), 0)
	m.pinned.Pin(&text[0])
	return unsafe.Pointer(&text[0])
}

func (m *module) initialize() error {
	var options []pkcs11.InitializeOption
	if m.reserved != "" {
		options = append(options, pkcs11.InitializeWithReserved(m.reservedArgument()))
	}
	defer m.running.begin(m.timeout)()
	if err := m.ctx.Initialize(options...); err != nil && !is(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		return fmt.Errorf("C_Initialize: %w", err)
	}
	return nil
}

// release finalises the module after its last user. The library stays loaded:
// unloading one is not safe.
func (m *module) release() error {
	loaded.Lock()
	defer loaded.Unlock()
	m.users--
	if m.users > 0 {
		return nil
	}
	for _, k := range m.list() {
		k.quit()
	}
	m.calls.Lock()
	defer m.calls.Unlock()
	m.mu.Lock()
	m.generation++
	clear(m.tokens)
	m.mu.Unlock()
	if err := m.finalize(); err != nil {
		return fmt.Errorf("C_Finalize: %w", err)
	}
	return nil
}

// finalize ends all sessions. The caller holds calls for writing.
func (m *module) finalize() error {
	defer m.running.begin(m.timeout)()
	m.mu.Lock()
	clear(m.sessions)
	m.mu.Unlock()
	return m.ctx.Finalize()
}

func (m *module) list() []*Token {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*Token, 0, len(m.tokens))
	for _, k := range m.tokens {
		all = append(all, k)
	}
	return all
}

// refresh looks at the slots and tells which tokens came and went.
func (m *module) refresh() {
	if m.softHSM && m.idleAndMissing() && m.rested() {
		m.reinitializeIf(m.idleAndMissing)
		return
	}
	if m.isDown() {
		m.reinitializeIf(m.isDownNow)
		return
	}
	defer m.enter(quick)()
	m.scan()
}

// isDown reports that the module says, twice, that it is not initialised: another user
// of it in this process finalised it, or it could not be initialised again.
func (m *module) isDown() bool {
	defer m.enter(quick)()
	return m.isDownNow()
}

// isDownNow is isDown for a caller that holds calls.
func (m *module) isDownNow() bool {
	for range 2 {
		if _, err := m.ctx.GetInfo(); !is(err, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED) {
			return false
		}
	}
	return true
}

// scan is refresh for a caller that holds calls. Only an answer removes a token: when
// the module could not look, what it has said holds.
func (m *module) scan() {
	slots, err := m.ctx.GetSlotList(true)
	if err != nil {
		return
	}
	seen := map[Identity]uint{}
	for _, slot := range slots {
		id, sight := m.still(slot)
		if sight != there {
			id, _, sight, _ = m.identify(slot)
		}
		if sight == unclear {
			id, sight = m.lastIn(slot)
		}
		// Of two tokens that are one by all that they say, the one counts that did.
		if _, twice := seen[id]; sight == there && (!twice || m.isAt(id, slot)) {
			seen[id] = slot
		}
	}
	m.telling.Lock()
	defer m.telling.Unlock()
	changes := m.note(seen)
	for _, k := range m.list() {
		k.look()
	}
	for _, c := range changes {
		m.watchers.tell(c)
	}
}

// note compares what is plugged in with what was. The caller holds telling.
func (m *module) note(seen map[Identity]uint) []Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	var changes []Change
	for id, k := range m.tokens {
		if slot, ok := seen[id]; (!ok || k.hasMoved(slot, m.generation)) && k.vanish() {
			m.forget(k)
			changes = append(changes, Change{k, false})
		}
	}
	for id, slot := range seen {
		k := m.tokens[id]
		if k == nil {
			k = newToken(m, id)
			m.tokens[id] = k
		}
		if k.appear(slot, m.generation) {
			changes = append(changes, Change{k, true})
		}
	}
	return changes
}

// lookAgain is refresh for somebody who misses a token, known when this process
// has seen it before. SoftHSM has to be initialised again for it, which ends the
// logins of its other tokens: that is done only when a token is there that it does not
// show, at most once a second, so it may wait for its turn, and for a token that was
// never there only when no login is lost.
func (m *module) lookAgain(known bool) {
	if !m.softHSM || !m.idle() && (!known || !m.hides()) {
		m.refresh()
		return
	}
	asked := time.Now()
	time.Sleep(time.Until(m.lastLook().Add(lookEvery)))
	m.reinitializeIf(func() bool { return m.lastLook().Before(asked) && (m.idle() || known && m.hides()) })
}

// hides reports that a token lies in SoftHSM's store that the module does not show, or
// that this cannot be told.
func (m *module) hides() bool {
	store, err := tokendir.Find()
	if err != nil {
		return true
	}
	serials, whole := store.Serials()
	if !whole {
		return true
	}
	for _, k := range m.list() {
		if k.isPresent() {
			serials = slices.DeleteFunc(serials, func(s string) bool { return s == k.id.Serial })
		}
	}
	return len(serials) > 0
}

func (m *module) lastLook() time.Time { m.mu.Lock(); defer m.mu.Unlock(); return m.looked }

// rested reports that initialising again takes little of the time: with thousands
// of objects it takes long.
func (m *module) rested() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return time.Since(m.looked) > restFactor*m.took
}

// restFactor is how much longer than it took is between two initialisations that
// nobody asked for.
const restFactor = 10

// idle reports that no token is unlocked.
func (m *module) idle() bool {
	return !slices.ContainsFunc(m.list(), func(k *Token) bool { return !k.isLocked() })
}

// reinitialize has the module forget and find everything again.
func (m *module) reinitialize() { m.reinitializeIf(func() bool { return true }) }

// reinitializeIf is reinitialize when still is true once no call is running: a
// token may have been unlocked since somebody last looked.
func (m *module) reinitializeIf(still func() bool) {
	m.calls.Lock()
	defer m.calls.Unlock()
	if !still() {
		m.scan()
		return
	}
	began := time.Now()
	_ = m.finalize()   // it is initialised again whatever this says
	_ = m.initialize() // when it fails no slot can be read, and the next look does it again
	m.mu.Lock()
	m.looked = time.Now()
	m.took = m.looked.Sub(began)
	m.generation++
	for _, k := range m.tokens {
		k.loggedOut()
	}
	m.mu.Unlock()
	m.scan()
}

// idleAndMissing reports that a token is away and that looking for it disturbs
// nobody.
func (m *module) idleAndMissing() bool {
	return m.idle() && slices.ContainsFunc(m.list(), func(k *Token) bool { return !k.isPresent() })
}

func (m *module) currentGeneration() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.generation
}
