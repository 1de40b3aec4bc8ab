package hsm

import (
	"fmt"

	"github.com/miekg/pkcs11"
)

// session is one that we opened. Its handle is good for as long as it is
// registered: a module that lost the token, or was finalised, has closed it, and
// may give the same number to another.
type session struct {
	handle pkcs11.SessionHandle
	token  *Token
}

// openSession opens a session, one at a time: one module gives the same handle to
// two callers otherwise. A handle that is in use already is refused: two workers
// would share a session without knowing. The caller holds calls.
func (m *module) openSession(k *Token, slot uint, flags uint) (*session, error) {
	m.opening.Lock()
	defer m.opening.Unlock()
	handle, err := m.ctx.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|flags)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.sessions[handle] != nil {
		return nil, fmt.Errorf("the module opened session %d twice", handle)
	}
	s := &session{handle, k}
	m.sessions[handle] = s
	return s, nil
}

func (m *module) isOpen(s *session) bool {
	if s == nil {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sessions[s.handle] == s
}

// closeSession ends a session, unless it has ended already. The caller holds calls.
func (m *module) closeSession(s *session) {
	m.opening.Lock()
	defer m.opening.Unlock()
	m.mu.Lock()
	open := m.sessions[s.handle] == s
	if open {
		delete(m.sessions, s.handle)
	}
	m.mu.Unlock()
	if open {
		_ = m.ctx.CloseSession(s.handle)
	}
}

// forget drops the sessions of a token that has gone, as the module does. The
// caller holds mu.
func (m *module) forget(k *Token) {
	for handle, s := range m.sessions {
		if s.token == k {
			delete(m.sessions, handle)
		}
	}
}
