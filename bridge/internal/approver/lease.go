package approver

import (
	"fmt"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/name"
)

// leaseIdle is how long a page with an open channel keeps a token that it does
// not use.
const leaseIdle = 2 * time.Minute

// leases say which page uses a token: one at a time, the first that comes. A page
// is one connection, so a second tab of the same site is another page. A page
// keeps the token while a call of it is running, be it for as long as a person
// reads, and for leaseIdle between calls; it gives it up with its last channel.
type leases struct {
	now func() time.Time
	mu  sync.Mutex
	of  map[string]*lease // by token
}

type lease struct {
	holder *conn // nil: nobody
	uses   int   // calls of the holder that are running
	last   time.Time
}

func newLeases(now func() time.Time) *leases { return &leases{now: now, of: map[string]*lease{}} }

// free reports whether a page may take the token.
func (l *lease) free(now time.Time) bool {
	return l.holder == nil || l.uses == 0 && passed(l.last, leaseIdle, now)
}

// take lets c use all of the tokens, or fails with DEVICE_IN_USE. done ends the
// use.
func (ls *leases) take(c *conn, labels []string) (done func(), err error) {
	now := ls.now().Round(0) // by the clock on the wall: a computer that slept was idle
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, label := range labels {
		if l := ls.of[label]; l != nil && l.holder != c && !l.free(now) {
			return nil, fault.New(fault.DeviceInUse, fmt.Sprintf("another page of %s uses the token %s now; close it there, or wait two minutes after its last use", l.holder.origin, name.Quote(c.bridge.deps.Devices.Name(label)))).
				With("holder", l.holder.origin).With("device", c.bridge.deps.Devices.Name(label))
		}
	}
	for _, label := range labels {
		l := ls.of[label]
		if l == nil {
			l = new(lease)
			ls.of[label] = l
		}
		if l.holder != c {
			l.holder, l.uses = c, 0
		}
		l.uses++
	}
	return func() { ls.done(c, labels) }, nil
}

func (ls *leases) done(c *conn, labels []string) {
	now := ls.now().Round(0)
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, label := range labels {
		if l := ls.of[label]; l.holder == c {
			l.uses--
			l.last = now
			ls.settle(c, label)
		}
	}
}

// settle frees a token of which its holder has no channel any more.
func (ls *leases) settle(c *conn, label string) {
	if l := ls.of[label]; l != nil && l.holder == c && l.uses == 0 && !c.hasChannel(label) {
		l.holder = nil
	}
}

// closed is called when a channel of c has ended.
func (ls *leases) closed(c *conn, labels []string) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, label := range labels {
		ls.settle(c, label)
	}
}

// leave frees everything that c held.
func (ls *leases) leave(c *conn) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.of {
		if l.holder == c {
			l.holder = nil
		}
	}
}

// other is the origin of the page that holds a token, when that is not c.
func (ls *leases) other(c *conn, label string) string {
	now := ls.now().Round(0)
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.of[label]; l != nil && l.holder != c && !l.free(now) {
		return l.holder.origin[:min(len(l.holder.origin), frame.MaxName)]
	}
	return ""
}

// hasChannel reports whether the page has a channel that uses this token.
func (c *conn) hasChannel(label string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range c.channels {
		for _, d := range ch.identity.devices() {
			if d == label {
				return true
			}
		}
	}
	return false
}

// hold lets the page use an identity's tokens until done is called. It fails with
// DEVICE_IN_USE, and CERTIFICATE_INVALID when the identity's certificate has expired.
func (c *conn) hold(id *identity) (done func(), err error) {
	if err := id.Valid(c.bridge.deps.Now()); err != nil {
		return nil, err
	}
	return c.bridge.leases.take(c, id.devices())
}
