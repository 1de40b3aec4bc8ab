package channel

import (
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/flynn/noise"

	"countersign/shared/fault"
	"countersign/shared/id"
)

// The rules of a session.
const (
	Window     = 1024           // how far behind the newest record one may arrive
	RekeyEvery = 1000           // records under one key
	RekeyAfter = time.Hour      // how old a key may be when it seals
	Life       = 24 * time.Hour // of a session, from the handshake
	maxAhead   = 8              // keys that a record may be ahead of the newest one seen
	keptKeys   = 3              // receiving keys that are kept: the newest and the two before it
)

// The header of a sealed record: version, key number, counter.
const (
	recordHeader = 1 + 4 + 8
	minRecord    = recordHeader + tagSize

	// MaxPlaintext is what one record carries, in bytes.
	MaxPlaintext = MaxRecord - minRecord
)

// direction is the first byte of the associated data.
type direction byte

const (
	fromInitiator direction = 1
	fromResponder direction = 2
)

func (d direction) other() direction { return fromInitiator + fromResponder - d }

type sessionConfig struct {
	hash, remote  []byte
	cipher        noise.CipherFunc
	send, receive [32]byte
	out           direction
	now           func() time.Time
}

// Session seals and opens records. It may be used from several goroutines.
type Session struct {
	hash   []byte
	remote []byte
	cipher noise.CipherFunc
	now    func() time.Time
	out    direction

	mu       sync.Mutex
	closed   bool
	deadline time.Time
	send     sender
	receive  receiver
}

type sender struct {
	key     [32]byte
	number  uint32 // of the key
	since   time.Time
	sealed  int // records under this key
	counter uint64
}

type receiver struct {
	keys   []epoch // oldest first; the last is the newest
	newest uint64  // one more than the highest counter that was opened
	seen   [Window / 64]uint64
}

// epoch is one receiving key.
type epoch struct {
	key    [32]byte
	number uint32
	opened int
}

func newSession(cfg sessionConfig) *Session {
	now := cfg.now()
	return &Session{
		hash:     append([]byte(nil), cfg.hash...),
		remote:   append([]byte(nil), cfg.remote...),
		cipher:   cfg.cipher,
		now:      cfg.now,
		out:      cfg.out,
		deadline: now.Add(Life),
		send:     sender{key: cfg.send, since: now},
		receive:  receiver{keys: []epoch{{key: cfg.receive}}},
	}
}

// HandshakeHash names this channel in what is signed over it: 32 bytes, the same
// on both ends and for no other handshake.
func (s *Session) HandshakeHash() []byte { return append([]byte(nil), s.hash...) }

// RemoteStatic is the other end's static key, 33 bytes, proven by the handshake.
func (s *Session) RemoteStatic() []byte { return append([]byte(nil), s.remote...) }

// ID is a short name for logs, derived from the handshake hash: chn_ and 26
// characters.
func (s *Session) ID() string {
	return id.FromHash(id.Channel, s.hash)
}

// Close ends the session and forgets its keys.
func (s *Session) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.close()
}

func (s *Session) close() {
	s.closed = true
	s.send.key = [32]byte{}
	clear(s.receive.keys)
}

func (s *Session) alive() error {
	if !s.closed && !s.now().Before(s.deadline) {
		s.close()
	}
	if s.closed {
		return fault.New(fault.ChannelClosed, "the channel is closed: open a new one")
	}
	return nil
}

// Seal encrypts at most MaxPlaintext bytes into a record. It fails with
// PAYLOAD_TOO_LARGE, and with CHANNEL_CLOSED when the session has ended.
func (s *Session) Seal(plaintext []byte) ([]byte, error) {
	if len(plaintext) > MaxPlaintext {
		return nil, fault.New(fault.TooLarge, fmt.Sprintf("a record carries at most %d bytes", MaxPlaintext))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.alive(); err != nil {
		return nil, err
	}
	now := s.now()
	if s.send.sealed >= RekeyEvery || now.Sub(s.send.since) >= RekeyAfter {
		if s.send.number == math.MaxUint32 {
			s.close()
			return nil, fault.New(fault.ChannelClosed, "the channel has carried all it can: open a new one")
		}
		s.send.key = s.nextKey(s.send.key)
		s.send.number, s.send.since, s.send.sealed = s.send.number+1, now, 0
	}
	record := make([]byte, recordHeader, minRecord+len(plaintext))
	record[0] = Version
	binary.BigEndian.PutUint32(record[1:], s.send.number)
	binary.BigEndian.PutUint64(record[5:], s.send.counter)
	ad := s.associated(s.out, record[:recordHeader])
	record = s.cipher.Cipher(s.send.key).Encrypt(record, s.send.counter, ad, plaintext)
	s.send.counter++
	s.send.sealed++
	return record, nil
}

// Open decrypts a record. It fails with RECORD_INVALID when the record was not
// sealed for this session and direction, with RECORD_REPLAYED when it was opened
// before or is older than the window, and with CHANNEL_CLOSED when the session
// has ended. A record that is refused changes nothing.
func (s *Session) Open(record []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.alive(); err != nil {
		return nil, err
	}
	if len(record) > 0 && record[0] != Version {
		return nil, errVersion
	}
	if len(record) < minRecord || len(record) > MaxRecord {
		return nil, fault.New(fault.RecordInvalid, "the record has a size that none can have")
	}
	number := binary.BigEndian.Uint32(record[1:])
	counter := binary.BigEndian.Uint64(record[5:])
	if counter > noise.MaxNonce {
		return nil, errRecord
	}
	if s.receive.old(counter) {
		return nil, fault.New(fault.RecordReplayed, "the record was received before")
	}
	keys, i := s.keysFor(number)
	if i < 0 || keys[i].opened >= RekeyEvery {
		return nil, errRecord
	}
	ad := s.associated(s.out.other(), record[:recordHeader])
	plaintext, err := s.cipher.Cipher(keys[i].key).Decrypt(nil, counter, ad, record[recordHeader:])
	if err != nil {
		return nil, fault.Wrap(err, fault.RecordInvalid, errRecord.Message)
	}
	keys[i].opened++
	s.receive.keys = keys[max(0, len(keys)-keptKeys):]
	s.receive.mark(counter)
	return plaintext, nil
}

var errRecord = fault.New(fault.RecordInvalid, "the record does not belong to this channel")

// keysFor returns a copy of the receiving keys, extended up to the one with this
// number, and its index; -1 when it is too old or too far ahead.
func (s *Session) keysFor(number uint32) ([]epoch, int) {
	keys := append([]epoch(nil), s.receive.keys...)
	first, last := keys[0].number, keys[len(keys)-1]
	if number < first || uint64(number) > uint64(last.number)+maxAhead {
		return nil, -1
	}
	for last.number < number {
		last = epoch{key: s.nextKey(last.key), number: last.number + 1}
		keys = append(keys, last)
	}
	return keys, int(number - first)
}

// nextKey is REKEY of Noise §4.2: the first 32 bytes of the encryption of 32
// zeros with the nonce 2⁶⁴-1.
func (s *Session) nextKey(k [32]byte) [32]byte {
	var zeros [32]byte
	return [32]byte(s.cipher.Cipher(k).Encrypt(nil, math.MaxUint64, nil, zeros[:])[:32])
}

// associated is what a record is bound to: direction, channel, header.
func (s *Session) associated(d direction, header []byte) []byte {
	ad := make([]byte, 0, 1+len(s.hash)+recordHeader)
	ad = append(append(ad, byte(d)), s.hash...)
	return append(ad, header...)
}

// old reports whether counter was opened before or has left the window.
func (r *receiver) old(counter uint64) bool {
	if counter >= r.newest {
		return false
	}
	if r.newest-counter > Window {
		return true
	}
	return r.seen[counter%Window/64]&(1<<(counter%64)) != 0
}

// mark notes that counter was opened.
func (r *receiver) mark(counter uint64) {
	if counter >= r.newest {
		if counter-r.newest >= Window {
			clear(r.seen[:])
		} else {
			for c := r.newest; c < counter; c++ {
				r.seen[c%Window/64] &^= 1 << (c % 64)
			}
		}
		r.newest = counter + 1
	}
	r.seen[counter%Window/64] |= 1 << (counter % 64)
}
