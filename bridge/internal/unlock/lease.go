package unlock

import (
	"fmt"
	"sync"
	"time"

	"countersign/bridge/internal/member"
	"countersign/shared/fault"
	"countersign/shared/name"
)

// LeaseIdle is how long an asker keeps a token that it does not use.
const LeaseIdle = 2 * time.Minute

// leases say which asker uses a token: one at a time, the first that comes. A page
// asks for each of its connections, so a second tab of the same site is another
// asker. It has the token while a call of it is running, be it for as long as a person
// reads, and for LeaseIdle between calls while it keeps the token.
type leases struct {
	now func() time.Time
	mu  sync.Mutex
	of  map[string]*lease // by token
}

type lease struct {
	holder *User // nil: nobody
	uses   int   // calls of the holder that are running
	last   time.Time
}

func newLeases(now func() time.Time) *leases { return &leases{now: now, of: map[string]*lease{}} }

// free reports whether another asker may take the token.
func (l *lease) free(now time.Time) bool {
	return l.holder == nil || l.uses == 0 && l.idle(now)
}

// idle reports whether the lease was not used for too long. A clock that was set back
// ends the wait, which would last for as long as the clock was wrong.
func (l *lease) idle(now time.Time) bool {
	elapsed := now.Sub(l.last)
	return elapsed < 0 || elapsed >= LeaseIdle
}

// take lets u use all of the tokens, or fails with DEVICE_IN_USE. done ends the
// use.
func (ls *leases) take(u *User, labels []string) (done func(), err error) {
	now := ls.now().Round(0) // by the clock on the wall: a computer that slept was idle
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, label := range labels {
		if l := ls.of[label]; l != nil && l.holder != u && !l.free(now) {
			return nil, fault.New(fault.DeviceInUse, fmt.Sprintf("another page of %s uses the token %s now; close it there, or wait two minutes after its last use", l.holder.asker.Who().Origin, name.Quote(u.keeper.cfg.Tokens.Name(label)))).
				With("holder", l.holder.asker.Who().Origin).With("device", u.keeper.cfg.Tokens.Name(label))
		}
	}
	for _, label := range labels {
		l := ls.of[label]
		if l == nil {
			l = new(lease)
			ls.of[label] = l
		}
		if l.holder != u {
			l.holder, l.uses = u, 0
		}
		l.uses++
	}
	return func() { ls.done(u, labels) }, nil
}

func (ls *leases) done(u *User, labels []string) {
	now := ls.now().Round(0)
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, label := range labels {
		if l := ls.of[label]; l.holder == u {
			l.uses--
			l.last = now
			ls.settle(u, label)
		}
	}
}

// settle frees a token that its holder neither uses nor keeps.
func (ls *leases) settle(u *User, label string) {
	if l := ls.of[label]; l != nil && l.holder == u && l.uses == 0 && u.kept[label] == 0 {
		l.holder = nil
	}
}

// keep keeps what u holds until release is called.
func (ls *leases) keep(u *User, labels []string) (release func()) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, label := range labels {
		u.kept[label]++
	}
	return func() {
		ls.mu.Lock()
		defer ls.mu.Unlock()
		for _, label := range labels {
			u.kept[label]--
			ls.settle(u, label)
		}
	}
}

// leave frees everything that u held.
func (ls *leases) leave(u *User) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.of {
		if l.holder == u {
			l.holder = nil
		}
	}
}

// other is the origin of the asker that holds a token, when that is not u.
func (ls *leases) other(u *User, label string) string {
	now := ls.now().Round(0)
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.of[label]; l != nil && l.holder != u && !l.free(now) {
		return l.holder.asker.Who().Origin
	}
	return ""
}

// Hold lets the asker use an identity's tokens until done is called. It fails with
// DEVICE_IN_USE, and CERTIFICATE_INVALID when the identity's certificate has expired.
func (u *User) Hold(id *member.Identity) (done func(), err error) {
	if err := id.Valid(u.keeper.cfg.Now()); err != nil {
		return nil, err
	}
	return u.keeper.leases.take(u, u.keeper.devices(id))
}

// Keep keeps an identity's tokens, which the asker holds, beyond a use: until release is
// called, or the asker has not used them for a while.
func (u *User) Keep(id *member.Identity) (release func()) {
	return u.keeper.leases.keep(u, u.keeper.devices(id))
}

// Leave gives back every token that the asker holds.
func (u *User) Leave() { u.keeper.leases.leave(u) }
