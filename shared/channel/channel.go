// Package channel is the end-to-end channel between a bridge and the signer:
// Noise XK with static keys that stay in PKCS#11 tokens on both ends, and after
// the handshake sealed records with explicit counters, because page and gateway
// relay them over HTTP and may lose or reorder them.
//
// It does no I/O: every step takes and returns the bytes of one record. Spec:
// shared/spec/channel.md. Users: bridge/internal/approval and
// bridge/internal/agent (initiators), bridge/internal/signer (responder).
package channel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/flynn/noise"

	"countersign/shared/fault"
	"countersign/shared/id"
)

// Version is the first byte of every record, in the handshake and after it.
const Version = 1

// The sizes, in bytes.
const (
	MaxRecord  = 32768 // any record; it fits into a frame after base64url
	MaxPayload = 16384 // what act 3 carries: the member's certificate
	Act1Size   = actHeader + pointSize + tagSize
	Act2Size   = actHeader + pointSize + tagSize
	minAct3    = actHeader + pointSize + tagSize + tagSize
	actHeader  = 2
	tagSize    = 16
	maxEntity  = id.MaxID
)

const prologueLabel = "countersign-channel/1"

// InitiatorConfig is what a bridge knows before it opens a channel.
type InitiatorConfig struct {
	Suite  Suite
	Static Static // the member's channel key
	Remote []byte // the signer's channel key for this suite, 33 bytes, pinned
	Entity string // ent_…
	Rand   io.Reader
	Now    func() time.Time
}

// ResponderConfig is what a signer knows when a channel is opened.
type ResponderConfig struct {
	Statics map[Suite]Static // a suite that is missing is refused
	Entity  string
	Rand    io.Reader
	Now     func() time.Time
}

// Initiator is the bridge's end of a handshake: Start, then Finish, once each.
type Initiator struct {
	state *state
	step  int
}

// NewInitiator prepares a handshake. It fails with KEY_UNSUITED when a key is
// not on the suite's curve.
func NewInitiator(cfg InitiatorConfig) (*Initiator, error) {
	s, err := newState(parties{
		suite: cfg.Suite, static: cfg.Static, remote: cfg.Remote, entity: cfg.Entity, random: cfg.Rand, now: cfg.Now,
	}, true)
	if err != nil {
		return nil, err
	}
	return &Initiator{state: s}, nil
}

// Start returns act 1. It does not use the static key.
func (i *Initiator) Start(ctx context.Context) ([]byte, error) {
	if i.step != 0 {
		return nil, errOrder
	}
	i.step = -1
	act, _, _, err := i.state.write(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("channel: write act 1: %w", err)
	}
	i.step = 1
	return act, nil
}

// Finish reads act 2 and returns act 3, which carries payload (the member's
// certificate) to the signer alone, and the session. The static key derives
// once. It fails with RECORD_INVALID, VERSION_UNSUPPORTED, KEY_UNSUITED, or the
// error of the static key.
func (i *Initiator) Finish(ctx context.Context, act2, payload []byte) ([]byte, *Session, error) {
	if i.step != 1 {
		return nil, nil, errOrder
	}
	i.step = -1
	if len(payload) > MaxPayload {
		return nil, nil, fault.New(fault.TooLarge, fmt.Sprintf("act 3 carries at most %d bytes", MaxPayload))
	}
	if len(act2) != Act2Size {
		return nil, nil, errAct(2)
	}
	if _, _, _, err := i.state.read(ctx, 2, act2); err != nil {
		return nil, nil, err
	}
	act3, send, receive, err := i.state.write(ctx, payload)
	if err != nil {
		return nil, nil, fmt.Errorf("channel: write act 3: %w", err)
	}
	return act3, i.state.session(send, receive, fromInitiator), nil
}

// Responder is the signer's end of a handshake: Accept, then Finish, once each.
type Responder struct {
	cfg   ResponderConfig
	state *state
	step  int
}

// NewResponder prepares a handshake.
func NewResponder(cfg ResponderConfig) (*Responder, error) {
	if len(cfg.Statics) == 0 || cfg.Rand == nil || cfg.Now == nil {
		return nil, fmt.Errorf("channel: the configuration of a responder has no key, no Rand or no Now")
	}
	return &Responder{cfg: cfg}, nil
}

// Accept reads act 1 and returns act 2. The static key derives once. It fails
// with VERSION_UNSUPPORTED, RECORD_INVALID (also when the initiator expects
// another signer key or another entity), KEY_UNSUITED, or the error of the
// static key.
func (r *Responder) Accept(ctx context.Context, act1 []byte) ([]byte, error) {
	if r.step != 0 {
		return nil, errOrder
	}
	r.step = -1
	if len(act1) > 0 && act1[0] != Version {
		return nil, errVersion
	}
	if len(act1) != Act1Size {
		return nil, errAct(1)
	}
	suite := Suite(act1[1])
	static := r.cfg.Statics[suite]
	if static == nil {
		return nil, fault.New(fault.Version, fmt.Sprintf("the signer does not offer %v", suite))
	}
	var err error
	r.state, err = newState(parties{
		suite: suite, static: static, entity: r.cfg.Entity, random: r.cfg.Rand, now: r.cfg.Now,
	}, false)
	if err != nil {
		return nil, err
	}
	if _, _, _, err := r.state.read(ctx, 1, act1); err != nil {
		return nil, err
	}
	act2, _, _, err := r.state.write(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("channel: write act 2: %w", err)
	}
	r.step = 1
	return act2, nil
}

// Finish reads act 3 and returns its payload and the session. The caller checks
// that the certificate in the payload is for [Session.RemoteStatic]. It fails
// with RECORD_INVALID, VERSION_UNSUPPORTED and KEY_UNSUITED.
func (r *Responder) Finish(ctx context.Context, act3 []byte) ([]byte, *Session, error) {
	if r.step != 1 {
		return nil, nil, errOrder
	}
	r.step = -1
	if len(act3) < minAct3 || len(act3) > minAct3+MaxPayload {
		return nil, nil, errAct(3)
	}
	payload, receive, send, err := r.state.read(ctx, 3, act3)
	if err != nil {
		return nil, nil, err
	}
	return payload, r.state.session(send, receive, fromResponder), nil
}

var (
	errOrder   = fault.New(fault.Conflict, "the steps of a handshake happen once and in order")
	errVersion = fault.New(fault.Version, fmt.Sprintf("the other end does not speak version %d of the channel", Version))
)

func errAct(n int) error {
	return fault.New(fault.RecordInvalid, fmt.Sprintf("act %d of the channel's handshake is not valid", n))
}

// parties is what either end brings to a handshake.
type parties struct {
	suite  Suite
	static Static
	remote []byte // initiator only
	entity string
	random io.Reader
	now    func() time.Time
}

// state is the handshake of either end.
type state struct {
	hs     *noise.HandshakeState
	dh     *dhFunc
	cipher noise.CipherFunc
	suite  Suite
	now    func() time.Time
}

func newState(p parties, initiator bool) (*state, error) {
	c, cipher, name, err := p.suite.parts()
	if err != nil {
		return nil, err
	}
	if p.static == nil || p.random == nil || p.now == nil || p.entity == "" || len(p.entity) > maxEntity {
		return nil, fmt.Errorf("channel: the configuration has no key, entity, Rand or Now")
	}
	if err := c.check(p.static.Public()); err != nil {
		return nil, fmt.Errorf("own static key: %w", err)
	}
	if initiator {
		if err := c.check(p.remote); err != nil {
			return nil, fmt.Errorf("static key of the signer: %w", err)
		}
	}
	s := &state{dh: &dhFunc{curve: c, name: name, static: p.static}, cipher: cipher, suite: p.suite, now: p.now}
	s.hs, err = noise.NewHandshakeState(noise.Config{
		CipherSuite:   noise.NewCipherSuite(s.dh, cipher, noise.HashSHA256),
		Random:        p.random,
		Pattern:       noise.HandshakeXK,
		Initiator:     initiator,
		Prologue:      prologue(p.suite, p.entity),
		StaticKeypair: noise.DHKey{Public: p.static.Public()},
		PeerStatic:    p.remote,
	})
	if err != nil {
		return nil, fmt.Errorf("channel: start the handshake: %w", err)
	}
	return s, nil
}

// prologue is what both ends must agree on before the first byte, each part with
// its length in two bytes in front.
func prologue(suite Suite, entity string) []byte {
	var b []byte
	for _, part := range []string{prologueLabel, suite.String(), entity} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(part)))
		b = append(b, part...)
	}
	return b
}

func (s *state) write(ctx context.Context, payload []byte) ([]byte, *noise.CipherState, *noise.CipherState, error) {
	s.dh.ctx = ctx
	return s.hs.WriteMessage([]byte{Version, byte(s.suite)}, payload)
}

// read checks the two bytes of the header and hands the rest to Noise. An error
// that says why on its own is passed on: it is the token's, or a bad point.
func (s *state) read(ctx context.Context, n int, act []byte) ([]byte, *noise.CipherState, *noise.CipherState, error) {
	if act[0] != Version {
		return nil, nil, nil, errVersion
	}
	if Suite(act[1]) != s.suite {
		return nil, nil, nil, errAct(n)
	}
	s.dh.ctx = ctx
	payload, a, b, err := s.hs.ReadMessage(nil, act[actHeader:])
	if err == nil {
		return payload, a, b, nil
	}
	own := (*keyError)(nil)
	if _, ok := fault.As(err); ok || errors.As(err, &own) {
		return nil, nil, nil, fmt.Errorf("act %d: %w", n, err)
	}
	return nil, nil, nil, fault.Wrap(err, fault.RecordInvalid, errAct(n).(*fault.Error).Message)
}

func (s *state) session(send, receive *noise.CipherState, d direction) *Session {
	return newSession(sessionConfig{
		hash: s.hs.ChannelBinding(), remote: s.hs.PeerStatic(), cipher: s.cipher, now: s.now,
		send: send.UnsafeKey(), receive: receive.UnsafeKey(), out: d,
	})
}
