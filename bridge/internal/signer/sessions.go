package signer

import (
	"crypto/rand"
	"crypto/sha256"
	"io"
	"sync"
	"time"

	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/vault"
)

// Limits of channels.
const (
	maxHandshakes  = 64               // that wait for act 3; one more ends the oldest
	handshakeTime  = 30 * time.Second // from act 1 to act 3
	perMember      = 8                // open channels of one member; the oldest makes room
	idleTime       = 30 * time.Minute
	maxOutstanding = 16 // statements served in one channel and not answered
)

// sessions are the channels that exist: those in their handshake, and those that
// a member holds.
type sessions struct {
	now  func() time.Time // the steady time
	mu   sync.Mutex
	list map[string]*session
	last uint64 // number of the last that was opened
}

// session is one channel. Its own lock keeps its records in order.
type session struct {
	id      string
	number  uint64            // in the order of their acts 1, which may come at one time of the clock
	act1    [sha256.Size]byte // its digest
	started time.Time

	mu        sync.Mutex
	responder *channel.Responder // until act 3
	act2      []byte             // the answer to act 1, until act 3
	channel   *channel.Session   // from act 3 on
	member    *vault.Member
	served    map[string]served // by nonce

	// Guarded by the lock of sessions.
	used  time.Time
	owner string // member id; empty before act 3
}

// served is a statement that waits for its signature.
type served struct {
	request, decision string
	step              int
	bytes             string
	ends              time.Time // by the steady time
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, list: map[string]*session{}}
}

// open adds a channel whose handshake begins. When too many have begun, the oldest
// of them ends: whoever means it sends act 3 at once.
func (s *sessions) open(r *channel.Responder, act1 [sha256.Size]byte, random io.Reader) (*session, error) {
	if random == nil {
		random = rand.Reader
	}
	name, err := id.New(random, id.Channel)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.drop(now)
	var oldest *session
	waiting := 0
	for _, o := range s.list {
		if o.owner != "" {
			continue
		}
		if waiting++; oldest == nil || o.number < oldest.number {
			oldest = o
		}
	}
	if waiting >= maxHandshakes {
		delete(s.list, oldest.id)
	}
	s.last++
	n := &session{id: name, number: s.last, act1: act1, started: now, used: now, responder: r, served: map[string]served{}}
	s.list[name] = n
	return n, nil
}

func (s *sessions) find(id string) (*session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.list[id]
	if n == nil {
		return nil, fault.New(fault.ChannelClosed, "the channel is closed; open another one")
	}
	n.used = s.now()
	return n, nil
}

// begun is the channel whose handshake began with the same act 1 and waits for
// act 3; nil when there is none.
func (s *sessions) begun(act1 [sha256.Size]byte) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(s.now())
	for _, n := range s.list {
		if n.owner == "" && n.act1 == act1 {
			return n
		}
	}
	return nil
}

// own says whose channel it is, and closes the member's oldest beyond the limit.
func (s *sessions) own(n *session, member string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n.owner = member
	for {
		var oldest *session
		count := 0
		for _, o := range s.list {
			if o.owner != member {
				continue
			}
			count++
			if o != n && (oldest == nil || o.used.Before(oldest.used)) {
				oldest = o
			}
		}
		if count <= perMember || oldest == nil {
			return
		}
		delete(s.list, oldest.id)
	}
}

func (s *sessions) remove(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.list, id)
}

// end closes the channels of a member.
func (s *sessions) end(member string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, n := range s.list {
		if n.owner == member {
			delete(s.list, id)
		}
	}
}

func (s *sessions) sweep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(s.now())
}

// drop forgets handshakes that take too long and channels that are not used.
func (s *sessions) drop(now time.Time) {
	for id, n := range s.list {
		late := n.owner == "" && now.Sub(n.started) > handshakeTime
		if late || now.Sub(n.used) > idleTime || now.Sub(n.started) > channel.Life {
			delete(s.list, id)
		}
	}
}
