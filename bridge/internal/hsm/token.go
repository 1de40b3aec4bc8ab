package hsm

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"github.com/miekg/pkcs11"

	"countersign/bridge/internal/keys"
	"countersign/shared/fault"
)

// queueLength is how many operations wait for a token before more are refused.
const queueLength = 256

// Token is one token, plugged in or not. It stays the same when the token is
// pulled and comes back.
type Token struct {
	id     Identity
	module *module
	jobs   chan *job
	stop   chan struct{}

	// alone is held by what must not run beside another of its kind: searching,
	// making and removing objects, and logins. It is taken after module.calls, and
	// before any other lock.
	alone   sync.Mutex
	written map[string]version // what PutData wrote last, by label; guarded by alone
	unread  map[string]unread  // pairs that Generate made, by label; guarded by alone

	mu         sync.Mutex
	workers    int
	slot       uint
	generation int
	present    bool
	doubted    time.Time // when a use failed, and it has not said since who it is
	lostIn     int       // the generation in which it was last seen to be gone; -1: never
	loggedIn   bool
	unlocked   bool // it needs no PIN: CKF_LOGIN_REQUIRED is not set
	looked     bool // unlocked and lacks are what it said since it came
	flags      uint // CK_TOKEN_INFO.flags, as it last told them
	epoch      int  // counts logins: handles of private objects are good for one
	lacks      []string
	anchor     *session // a login lasts while a session is open
	found      map[keyName]*Key
}

func newToken(m *module, id Identity) *Token {
	return &Token{id: id, module: m, jobs: make(chan *job, queueLength), stop: make(chan struct{}), lostIn: -1, epoch: 1, found: map[keyName]*Key{}, written: map[string]version{}, unread: map[string]unread{}}
}

// Identity says which token this is.
func (k *Token) Identity() Identity { return k.id }

// Present reports whether the token is plugged in.
func (k *Token) Present() bool { return k.isPresent() }

// Locked reports whether the PIN is needed.
func (k *Token) Locked() bool { return k.isLocked() }

func (k *Token) isPresent() bool { k.mu.Lock(); defer k.mu.Unlock(); return k.present }
func (k *Token) isLocked() bool  { k.mu.Lock(); defer k.mu.Unlock(); return !k.loggedIn && !k.unlocked }
func (k *Token) inLogin() int    { k.mu.Lock(); defer k.mu.Unlock(); return k.epoch }

// appear notes where the token is; news is whether it was away. SoftHSM shows a
// token that is back before it can use it: that takes a new generation.
func (k *Token) appear(slot uint, generation int) (news bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.module.softHSM && !k.present && k.lostIn == generation {
		return false
	}
	news = !k.present
	k.present, k.slot = true, slot
	if news {
		k.looked, k.flags = false, 0
	}
	if k.generation != generation {
		k.generation, k.anchor = generation, nil
		k.setLoggedOut()
	}
	return news
}

func (k *Token) vanish() (news bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	news = k.present
	if news {
		k.lostIn = k.generation
		for _, key := range k.found {
			key.forget()
		}
	}
	k.present, k.anchor = false, nil
	k.setLoggedOut()
	return news
}

// hasMoved reports that a token is in another slot than it was: it was pulled in
// between, or is another that says the same of itself.
func (k *Token) hasMoved(slot uint, generation int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.present && k.slot != slot && k.generation == generation
}

// gone notes that the token turned out not to be there, and tells.
func (k *Token) gone() {
	m := k.module
	m.telling.Lock()
	defer m.telling.Unlock()
	if !k.vanish() {
		return
	}
	m.mu.Lock()
	m.forget(k)
	m.mu.Unlock()
	m.watchers.tell(Change{k, false})
}

func (k *Token) loggedOut() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.anchor = nil
	k.setLoggedOut()
}

func (k *Token) setLoggedOut() {
	if k.loggedIn || k.unlocked {
		k.loggedIn = false
		k.epoch++
	}
}

func (k *Token) quit() {
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.stop:
	default:
		close(k.stop)
	}
}

// State reads how the token is now.
func (k *Token) State() State {
	s := State{Identity: k.id, TriesLeft: -1, Locked: true}
	if !k.isPresent() {
		return s
	}
	defer k.module.enter(quick)()
	k.askLogin()
	k.mu.Lock()
	s.Present, s.Locked, s.NoPIN, s.Lacks = k.present, !k.loggedIn && !k.unlocked, k.unlocked, k.lacks
	k.mu.Unlock()
	flags, present := k.told()
	if !present {
		s.Present = false
		return s
	}
	s.PINLocked = flags&pkcs11.CKF_USER_PIN_LOCKED != 0
	s.FinalTry = flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0
	s.CountLow = flags&pkcs11.CKF_USER_PIN_COUNT_LOW != 0
	s.PINPad = flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH != 0
	s.PINUnset = isUnset(flags)
	s.PINStale = flags&pkcs11.CKF_USER_PIN_TO_BE_CHANGED != 0
	s.ReadOnly = flags&pkcs11.CKF_WRITE_PROTECTED != 0
	switch {
	case s.PINLocked:
		s.TriesLeft = 0
	case s.FinalTry:
		s.TriesLeft = 1
	}
	return s
}

// askLogin notes a login that the token forgot, without waiting for what it does: that
// would notice, too. The caller holds calls.
func (k *Token) askLogin() {
	if !k.alone.TryLock() {
		return
	}
	defer k.alone.Unlock()
	k.mu.Lock()
	anchor, loggedIn := k.anchor, k.loggedIn
	k.mu.Unlock()
	if !loggedIn || anchor == nil {
		return
	}
	if user, err := k.module.isUser(anchor.handle); err == nil && !user {
		k.loggedOutKeepingAnchor()
	}
}

// isUnset reports that a token has no PIN yet, and wants one. What the token said when
// it could not be asked has no flags at all.
func isUnset(flags uint) bool {
	return flags&pkcs11.CKF_TOKEN_INITIALIZED != 0 && flags&pkcs11.CKF_LOGIN_REQUIRED != 0 && flags&pkcs11.CKF_USER_PIN_INITIALIZED == 0
}

// told are the flags of the token as it tells them now, or when it cannot say, as it
// told them last. present is false when it says that it is away.
func (k *Token) told() (flags uint, present bool) {
	info, err := k.info()
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.flags = info.Flags
	}
	return k.flags, k.present
}

// info is what the token says of itself: this one, and not another that is in its
// place by now and would get its PIN. The caller holds calls.
func (k *Token) info() (pkcs11.TokenInfo, error) {
	id, info, sight, err := k.module.identify(k.where())
	if sight == away || sight == there && id != k.id {
		k.gone()
		return info, removed(k.id)
	}
	return info, err
}

// PIN is how a token is unlocked.
type PIN struct {
	Digits []byte // nil: it is typed on the reader
	Final  bool   // the person knows that a wrong one locks the token
}

// Login unlocks the token's private keys for this process. That is not an
// authorization of whoever asked: the bridge decides who may use a key. A PIN
// that cannot be right by its length is not tried, none is tried twice, and the
// last try is not made unless pin.Final is set. When the token is unlocked
// already, it is locked first, so that the PIN is checked. It fails with
// PIN_INCORRECT (tries_left where the token tells), PIN_LOCKED, PIN_REQUIRED when
// only the last try is left, DECLINED at the reader, DEVICE_REMOVED and
// DEVICE_ERROR.
func (k *Token) Login(ctx context.Context, pin PIN) (err error) {
	c := normal
	if pin.Digits == nil {
		c = human
	}
	defer k.enterAlone(c)()
	if err := keys.Ended(ctx); err != nil {
		return err
	}
	session, err := k.anchorSession()
	if err != nil {
		return err
	}
	if _, err := k.module.ctx.GetSessionInfo(session); err != nil { // another program closed it
		k.renewAnchor(err)
		if session, err = k.anchorSession(); err != nil {
			return err
		}
	}
	if err := k.mayTry(pin); err != nil {
		return err
	}
	defer func() { k.renewAnchor(err) }()
	err = k.login(session, pkcs11.CKU_USER, pin.Digits)
	if is(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN) {
		if err = k.module.ctx.Logout(session); err == nil {
			k.loggedOutKeepingAnchor()
			err = k.login(session, pkcs11.CKU_USER, pin.Digits)
		}
	}
	if err != nil {
		return k.judge(err, "be unlocked")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.loggedIn = true
	k.epoch++
	return nil
}

// mayTry refuses a PIN that the token would refuse, or that may lock it. The
// caller holds calls.
func (k *Token) mayTry(pin PIN) error {
	info, err := k.info()
	if err != nil {
		return k.judge(err, "tell its state")
	}
	switch n := uint(len(pin.Digits)); {
	case info.Flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return k.pinLocked()
	case isUnset(info.Flags):
		return deviceError(pkcs11.Error(pkcs11.CKR_USER_PIN_NOT_INITIALIZED), "be unlocked")
	case pin.Digits == nil && info.Flags&pkcs11.CKF_PROTECTED_AUTHENTICATION_PATH == 0:
		return fault.New(fault.PINRequired, fmt.Sprintf("the reader of %s has no pad for its PIN", k.id.Quoted())).With("device", k.id.Shown())
	case pin.Digits != nil && (n == 0 || n < info.MinPinLen || info.MaxPinLen > 0 && n > info.MaxPinLen):
		return fault.New(fault.PINIncorrect, fmt.Sprintf("a PIN of this token has %d to %d characters; it was not tried", info.MinPinLen, info.MaxPinLen)).
			With("device", k.id.Shown())
	case info.Flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0 && !pin.Final:
		return fault.New(fault.PINRequired, "one try is left, and a wrong PIN locks the token: it was not tried").
			With("device", k.id.Shown()).With("tries_left", "1")
	}
	return nil
}

// login passes the PIN without a copy on Go's side, or none for the reader's pad.
// The binding copies it into C memory for the call.
func (k *Token) login(session pkcs11.SessionHandle, user uint, pin []byte) error {
	err := k.module.ctx.Login(session, user, unsafe.String(unsafe.SliceData(pin), len(pin)))
	runtime.KeepAlive(pin)
	return err
}

func (k *Token) pinIncorrect() error {
	f := fault.New(fault.PINIncorrect, "the PIN is not right").With("device", k.id.Shown())
	info, err := k.info()
	switch {
	case err != nil:
	case info.Flags&pkcs11.CKF_USER_PIN_LOCKED != 0:
		return k.pinLocked()
	case info.Flags&pkcs11.CKF_USER_PIN_FINAL_TRY != 0:
		f = f.With("tries_left", "1")
	}
	return f
}

func (k *Token) pinLocked() error {
	return fault.New(fault.PINLocked, fmt.Sprintf("the token %s is locked after too many wrong PINs", k.id.Quoted())).
		With("device", k.id.Shown()).With("tries_left", "0")
}

// Logout locks the token again, for every user of this process.
func (k *Token) Logout(ctx context.Context) error {
	return k.administer(ctx, "be locked", func(session pkcs11.SessionHandle) error {
		err := k.module.ctx.Logout(session)
		k.loggedOutKeepingAnchor()
		if is(err, pkcs11.CKR_USER_NOT_LOGGED_IN) {
			return nil
		}
		return err
	})
}

func (k *Token) loggedOutKeepingAnchor() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.setLoggedOut()
}

func (k *Token) where() uint { k.mu.Lock(); defer k.mu.Unlock(); return k.slot }

// anchorSession is the session that logins, searches and the making of keys use.
// The caller holds alone and calls.
func (k *Token) anchorSession() (pkcs11.SessionHandle, error) {
	k.mu.Lock()
	slot, present, anchor := k.slot, k.present, k.anchor
	k.mu.Unlock()
	if !present {
		return 0, removed(k.id)
	}
	if anchor != nil {
		return anchor.handle, nil
	}
	anchor, err := k.module.openSession(k, slot, pkcs11.CKF_RW_SESSION)
	if is(err, pkcs11.CKR_TOKEN_WRITE_PROTECTED) {
		anchor, err = k.module.openSession(k, slot, 0)
	}
	if err != nil {
		return 0, k.judge(err, "open a session")
	}
	k.mu.Lock()
	k.anchor = anchor
	k.mu.Unlock()
	return anchor.handle, nil
}

// renewAnchor replaces the anchor after an error that leaves it in doubt. The new
// one is opened first: closing a token's last session would end its login.
func (k *Token) renewAnchor(err error) {
	if err == nil || isRefusal(err) || effectOf(err)&(sessionLost|tokenLost) == 0 {
		return
	}
	k.mu.Lock()
	old := k.anchor
	k.anchor = nil
	k.mu.Unlock()
	if old == nil {
		return
	}
	_, _ = k.anchorSession() // when it fails, the next use opens one
	k.module.closeSession(old)
}

// judge turns a return value into what the outside sees, and draws the
// consequences: a lost login asks for the PIN, and where the token may be gone, it
// looks. PIN_REQUIRED says that nothing was done: who has the PIN tries again. The
// caller holds calls.
func (k *Token) judge(err error, what string) error {
	var f *fault.Error
	if err == nil || errors.As(err, &f) {
		return err
	}
	e := effectOf(err)
	k.mu.Lock()
	if e&loginLost != 0 {
		k.setLoggedOut()
	}
	slot := k.slot
	k.mu.Unlock()
	if e&tokenLost != 0 {
		if !k.module.holds(slot, k, e) {
			k.gone()
			return removed(k.id)
		}
	}
	if e&loginLost != 0 && !mayHaveRun(err) && !is(err, pkcs11.CKR_TOKEN_NOT_RECOGNIZED) {
		return pinRequired(k.id)
	}
	switch {
	case is(err, pkcs11.CKR_PIN_INCORRECT), is(err, pkcs11.CKR_PIN_LEN_RANGE), is(err, pkcs11.CKR_PIN_INVALID):
		return k.pinIncorrect()
	case is(err, pkcs11.CKR_PIN_LOCKED):
		return k.pinLocked()
	case is(err, pkcs11.CKR_FUNCTION_CANCELED):
		return fault.Wrap(err, fault.Declined, "the PIN was not given on the reader")
	}
	if is(err, pkcs11.CKR_KEY_FUNCTION_NOT_PERMITTED) || is(err, pkcs11.CKR_KEY_TYPE_INCONSISTENT) {
		return fault.Wrap(err, fault.KeyUnsuited, "the key is not made for this use")
	}
	return deviceError(err, what)
}
