package signer

import (
	"context"
	"sync"
	"time"

	"countersign/shared/fault"
	"countersign/shared/intent"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// certificateLife is how long a member's certificate is valid.
const certificateLife = 366 * 24 * time.Hour

// certificate is what the vault says of a member from a time on.
func certificate(entity string, m statement.GenesisMember, from time.Time) statement.Member {
	return statement.Member{
		V: 1, Type: "member", Entity: entity, Member: m.Member, Name: m.Name, Role: m.Role, Approval: m.Approval,
		Channel: m.Channel, ChannelIn: m.ChannelIn, IssuedAt: from.Unix(), Expires: from.Add(certificateLife).Unix(),
	}
}

// certificates are the newest that were signed: whoever asks again on the same day gets
// the same one, and the token signs once.
type certificates struct {
	mu       sync.Mutex
	byMember map[string]issued
}

type issued struct {
	says  statement.Member
	token string
}

// Certificate is the certificate of an active member, as the vault knows them now, from the
// beginning of this day (UTC) on. Anybody may ask: it proves nothing without the member's
// keys. It fails with NOT_FOUND, and with CONFLICT for a member who is not active.
func (s *Service) Certificate(ctx context.Context, member string) (wire.Certificate, error) {
	if err := s.begin(); err != nil {
		return wire.Certificate{}, err
	}
	m, entity, at := s.state.Member(member), s.state.Genesis.Entity, s.at
	var err error
	s.end(ctx, &err)
	switch {
	case err != nil:
		return wire.Certificate{}, err
	case m == nil:
		return wire.Certificate{}, fault.New(fault.NotFound, "the vault has no such member").With("field", "member")
	case m.State != intent.Active:
		return wire.Certificate{}, fault.New(fault.Conflict, "the member is "+m.State).With("field", "member")
	}
	says := certificate(entity, m.GenesisMember, at.Truncate(24*time.Hour))
	c := &s.certificates
	c.mu.Lock()
	defer c.mu.Unlock()
	if was := c.byMember[member]; was.says != says {
		token, err := sign(ctx, s.key, statement.TypMember, says)
		if err != nil {
			return wire.Certificate{}, err
		}
		c.byMember[member] = issued{says, token}
	}
	return wire.Certificate{Certificate: c.byMember[member].token}, nil
}
