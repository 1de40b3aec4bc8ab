package signer

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/vault"
	"countersign/shared/wire"
)

// OpenChannel reads act 1 and answers with act 2. The same act 1 again, as long as
// act 3 has not come, is the same channel with the same answer. Errors are those
// of [channel.Responder.Accept].
func (s *Service) OpenChannel(ctx context.Context, act1 []byte) (wire.SignerChannel, error) {
	r, err := channel.NewResponder(channel.ResponderConfig{
		Statics: s.statics, Entity: s.entity(), Rand: s.deps.Rand, Now: s.deps.steady,
	})
	if err != nil {
		return wire.SignerChannel{}, err
	}
	digest := sha256.Sum256(act1)
	if n := s.sessions.begun(digest); n != nil {
		if act2 := n.repeat(); act2 != nil {
			return wire.SignerChannel{Channel: n.id, Record: base64.RawURLEncoding.EncodeToString(act2)}, nil
		}
	}
	n, err := s.sessions.open(r, digest, s.deps.Rand)
	if err != nil {
		return wire.SignerChannel{}, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	act2, err := r.Accept(ctx, act1)
	if err != nil {
		s.sessions.remove(n.id)
		return wire.SignerChannel{}, err
	}
	n.act2 = act2
	return wire.SignerChannel{Channel: n.id, Record: base64.RawURLEncoding.EncodeToString(act2)}, nil
}

// repeat is act 2 again, unless act 3 came or act 1 was refused. It waits until
// act 1 was read.
func (n *session) repeat() []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.responder == nil {
		return nil
	}
	return n.act2
}

func (s *Service) entity() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Genesis.Entity
}

// Record reads the next record of a channel, act 3 first, and returns the sealed
// answer. Refusals of what a member asks for are inside the answer; an error
// says that the channel itself is at fault: CHANNEL_CLOSED, RECORD_INVALID,
// RECORD_REPLAYED, CERTIFICATE_INVALID.
func (s *Service) Record(ctx context.Context, id string, record []byte) ([]byte, error) {
	n, err := s.sessions.find(id)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.channel == nil {
		return s.finish(ctx, n, record)
	}
	plain, err := n.channel.Open(record)
	if err != nil {
		if fault.CodeOf(err) == fault.ChannelClosed {
			s.sessions.remove(id)
		}
		return nil, err
	}
	answer, err := s.answer(ctx, n, plain)
	if err != nil {
		if _, public := fault.As(err); !public {
			s.deps.Log.Error("a message in a channel failed", "channel", id, "member", n.member.Member, "cause", err)
		}
		answer = channel.NewError(err)
	}
	return seal(n, answer)
}

func seal(n *session, m channel.Message) ([]byte, error) {
	data, err := channel.Encode(m)
	if err != nil {
		return nil, err
	}
	return n.channel.Seal(data)
}

func (s *Service) answer(ctx context.Context, n *session, plain []byte) (channel.Message, error) {
	m, err := channel.Decode(plain)
	if err != nil {
		return nil, err
	}
	switch m := m.(type) {
	case *channel.StatementGet:
		return s.serve(ctx, n, m)
	case *channel.StatementSubmit:
		return s.submit(ctx, n, m.JWS)
	}
	return nil, fault.New(fault.Invalid, "the signer does not take this message")
}

// finish reads act 3, checks whose certificate it carries, and welcomes the
// member. A handshake that fails is over.
func (s *Service) finish(ctx context.Context, n *session, act3 []byte) ([]byte, error) {
	if n.responder == nil {
		return nil, fault.New(fault.ChannelClosed, "the channel is closed; open another one")
	}
	r := n.responder
	n.responder, n.act2 = nil, nil
	payload, ch, err := r.Finish(ctx, act3)
	if err != nil {
		s.sessions.remove(n.id)
		return nil, err
	}
	if err := s.begin(); err != nil {
		return nil, err
	}
	m, err := s.certified(string(payload), ch.RemoteStatic())
	welcome := &channel.Welcome{Entity: s.state.Genesis.Entity, EntityName: s.state.Genesis.EntityName}
	mark := s.log.Mark() // of what counts
	s.mu.Unlock()
	if err != nil {
		s.sessions.remove(n.id)
		return nil, err
	}
	n.channel, n.member = ch, m
	s.sessions.own(n, m.Member)
	welcome.Member = m.Member
	welcome.Log.Size = uint64(mark.Size)
	if welcome.Log.Head, err = base64.RawURLEncoding.DecodeString(mark.Head); err != nil {
		return nil, fmt.Errorf("head of the log: %w", err)
	}
	return seal(n, welcome)
}

// certified checks a member's certificate: signed by this signer, valid now, for
// this entity, for the key that the channel proved, and still what the log says
// of the member. s.mu is held.
func (s *Service) certified(token string, remote []byte) (*vault.Member, error) {
	bad := func(why string) (*vault.Member, error) {
		return nil, fault.New(fault.CertificateBad, "the certificate of the member was refused: "+why)
	}
	payload, err := jws.Verify(token, statement.TypMember, s.key.PublicKey())
	if err != nil {
		return bad("this signer did not sign it")
	}
	c, err := statement.Decode[statement.Member](payload)
	if err != nil {
		return bad("it is not in the form of a certificate")
	}
	if c.Entity != s.state.Genesis.Entity {
		return bad("it is for another entity")
	}
	if s.at.Before(time.Unix(c.IssuedAt, 0).Add(-statement.Skew)) || !s.at.Before(time.Unix(c.Expires, 0)) {
		return bad("it is not valid now")
	}
	m := s.state.Member(c.Member)
	if m == nil || (statement.GenesisMember{Member: c.Member, Name: c.Name, Role: c.Role, Approval: c.Approval, Channel: c.Channel, ChannelIn: c.ChannelIn}) != m.GenesisMember {
		return bad("it is not what the vault knows of the member")
	}
	if m.State != intent.Active {
		return bad("the member is " + m.State)
	}
	if string(m.ChannelKey.Compressed()) != string(remote) {
		return bad("it is for another channel key than the one that opened the channel")
	}
	return m, nil
}
