package link

import (
	"strconv"
	"sync"

	"countersign/shared/fault"
	"countersign/shared/link/xx"
)

// RekeyEvery is after how many records a direction gets its next key (Noise §11.3).
const RekeyEvery = 1000

// Session seals and opens the records of one link. The counters are implicit:
// a WebSocket keeps order, so a record that is replayed, moved, cut, changed or
// missing does not open, and the session is over then. Seal and Open may be
// called from different goroutines, but the records of one direction must be
// sent in the order in which they were sealed.
type Session struct {
	code   string
	remote []byte
	hash   []byte

	mu      sync.Mutex
	send    *xx.Cipher
	receive *xx.Cipher
	closed  bool
}

func newSession(hs *xx.Handshake, send, receive *xx.Cipher, nonceP, nonceB []byte) *Session {
	hash := hs.ChannelBinding()
	return &Session{
		code: code(nonceP, nonceB, hash), remote: append([]byte(nil), hs.PeerStatic()...), hash: append([]byte(nil), hash...),
		send: send, receive: receive,
	}
}

// Code is the six digits that page and prompt show when the two meet for the
// first time. The two are the same exactly when nobody sits between.
func (s *Session) Code() string { return s.code }

// RemoteStatic is the other end's static key, 32 bytes, proven by the handshake.
func (s *Session) RemoteStatic() []byte { return append([]byte(nil), s.remote...) }

// HandshakeHash names this link: 32 bytes, the same on both ends.
func (s *Session) HandshakeHash() []byte { return append([]byte(nil), s.hash...) }

// Seal encrypts one frame, at most MaxPlaintext bytes. It fails with
// PAYLOAD_TOO_LARGE and, after Close or a failed Open, with CHANNEL_CLOSED.
func (s *Session) Seal(plaintext []byte) ([]byte, error) {
	if len(plaintext) > MaxPlaintext {
		return nil, fault.New(fault.TooLarge, "a record carries at most "+strconv.Itoa(MaxPlaintext)+" bytes")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	rekey(s.send)
	record, err := s.send.Encrypt(nil, nil, plaintext)
	if err != nil {
		s.closed = true
		return nil, fault.Wrap(err, fault.ChannelClosed, "the link has carried all it can")
	}
	return record, nil
}

// Open decrypts the next record. It fails with RECORD_INVALID, which ends the
// session, and with CHANNEL_CLOSED after that.
func (s *Session) Open(record []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	if len(record) > MaxRecord || len(record) < tagSize {
		s.closed = true
		return nil, fault.New(fault.RecordInvalid, "the record has a size that none can have")
	}
	rekey(s.receive)
	plaintext, err := s.receive.Decrypt(nil, nil, record)
	if err != nil {
		s.closed = true
		return nil, fault.Wrap(err, fault.RecordInvalid, "the record is not the next one of this link")
	}
	return plaintext, nil
}

// Close ends the session; Seal and Open fail from now on.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

var errClosed = fault.New(fault.ChannelClosed, "the link is closed")

// rekey moves to the next key before record 1,000, 2,000, and so on.
func rekey(c *xx.Cipher) {
	if n := c.Nonce(); n > 0 && n%RekeyEvery == 0 {
		c.Rekey()
	}
}
