package approver

import (
	"context"
	"sync"

	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/member"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/frame"
	ids "countersign/shared/id"
)

// channelState is one end-to-end channel to the signer, on its way or open.
type channelState struct {
	identity *member.Identity
	release  func()          // of its tokens, at its end
	ctx      context.Context // ends with the channel, and closes its prompts
	cancel   context.CancelFunc

	mu        sync.Mutex
	initiator *channel.Initiator // until act 2
	session   *channel.Session   // from act 3 on
	ready     bool               // the signer's welcome was read
}

func (s *channelState) close() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session != nil {
		s.session.Close()
	}
}

// use is the session of a channel that is open.
func (s *channelState) use() (*channel.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ready {
		return nil, fault.New(fault.Conflict, "the channel is not open yet")
	}
	return s.session, nil
}

func (c *conn) channel(id string) (*channelState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch, ok := c.channels[id]
	if !ok {
		return nil, fault.New(fault.ChannelClosed, "the channel is closed")
	}
	return ch, nil
}

// dropChannel forgets a channel and what was going on in it.
func (c *conn) dropChannel(id string) {
	c.mu.Lock()
	ch := c.channels[id]
	delete(c.channels, id)
	for aid, a := range c.approvals {
		if a.channelID == id {
			a.cancel()
			delete(c.approvals, aid)
		}
	}
	c.mu.Unlock()
	if ch != nil {
		ch.close()
		ch.release()
	}
}

// openChannel makes act 1 for a member's channel key and the pinned signer.
func (c *conn) openChannel(ctx context.Context, p frame.ChannelOpenParams) (r frame.ChannelOpenResult, err error) {
	if err := c.Permitted(); err != nil {
		return r, err
	}
	id, err := c.bridge.members.Find(p.Entity, p.Member)
	if err != nil {
		return r, err
	}
	defer func() { err = c.refused(c.user.Entry(journal.Refused, id), err) }()
	done, err := c.user.Hold(id)
	if err != nil {
		return r, err
	}
	defer done()
	if err := c.bridge.keeper.Suits(ctx, id); err != nil {
		return r, err
	}
	suite, err := channel.SuiteFor(id.Channel.Curve())
	if err != nil {
		return r, err
	}
	static := c.user.Key(id, id.ChannelStatic(), "opens the channel to the vault of "+id.EntityName+".", "")
	if err := static.Open(ctx); err != nil {
		return r, err
	}
	i, err := channel.NewInitiator(channel.InitiatorConfig{Suite: suite, Static: static, Remote: id.Remote, Entity: id.Entity,
		Rand: c.bridge.deps.Rand, Now: c.bridge.deps.Now})
	if err != nil {
		return r, err
	}
	if r.Record, err = i.Start(ctx); err != nil {
		return r, err
	}
	if r.Channel, err = ids.New(c.bridge.deps.Rand, ids.Channel); err != nil {
		return r, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.channels) >= maxChannels {
		return r, fault.New(fault.Busy, "too many channels are open")
	}
	ch := &channelState{identity: id, initiator: i, release: c.user.Keep(id)}
	ch.ctx, ch.cancel = context.WithCancel(c.work)
	c.channels[r.Channel] = ch
	return r, nil
}

// acceptChannel reads act 2 and makes act 3, with the member's certificate.
func (c *conn) acceptChannel(_ context.Context, p frame.ChannelAcceptParams) (r frame.ChannelAcceptResult, err error) {
	ch, err := c.channel(p.Channel)
	if err != nil {
		return r, err
	}
	done, err := c.user.Hold(ch.identity)
	if err == nil {
		defer done()
		r.Record, err = ch.finish(p.Record)
		if err != nil && fault.CodeOf(err) != fault.Conflict {
			c.dropChannel(p.Channel)
		}
	}
	return r, c.refused(c.user.Entry(journal.Refused, ch.identity), err)
}

// finish ends the handshake. It takes as long as the person takes for a PIN.
func (s *channelState) finish(act2 []byte) (act3 []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.initiator == nil {
		return nil, fault.New(fault.Conflict, "the channel has had its act 2")
	}
	i := s.initiator
	s.initiator = nil
	act3, s.session, err = i.Finish(s.ctx, act2, []byte(s.identity.Certificate))
	return act3, err
}

// readyChannel reads the signer's welcome: the channel is open.
func (c *conn) readyChannel(_ context.Context, p frame.ChannelReadyParams) (r frame.ChannelReadyResult, err error) {
	ch, err := c.channel(p.Channel)
	if err != nil {
		return r, err
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.session == nil || ch.ready {
		return r, fault.New(fault.Conflict, "the channel does not wait for a welcome")
	}
	m, err := openMessage[*channel.Welcome](ch.session, p.Record)
	if err != nil {
		return r, err
	}
	if m.Entity != ch.identity.Entity || m.Member != ch.identity.Member {
		return r, fault.New(fault.RecordInvalid, "the signer welcomed somebody else")
	}
	ch.ready = true
	return frame.ChannelReadyResult{Entity: m.Entity, Member: m.Member}, nil
}

func (c *conn) closeChannel(_ context.Context, p frame.ChannelCloseParams) (frame.ChannelCloseResult, error) {
	c.dropChannel(p.Channel)
	return frame.ChannelCloseResult{}, nil
}

// openMessage opens a record that must hold a message of one type; the signer's
// own refusal becomes the error.
func openMessage[M channel.Message](s *channel.Session, record []byte) (M, error) {
	var none M
	plaintext, err := s.Open(record)
	if err != nil {
		return none, err
	}
	m, err := channel.Decode(plaintext)
	if err != nil {
		return none, err
	}
	if e, ok := m.(*channel.Error); ok {
		return none, e.Fault()
	}
	want, ok := m.(M)
	if !ok {
		return none, fault.New(fault.RecordInvalid, "the signer's message is not the one that was asked for")
	}
	return want, nil
}

// sealMessage seals a message for the signer.
func sealMessage(s *channel.Session, m channel.Message) ([]byte, error) {
	plaintext, err := channel.Encode(m)
	if err != nil {
		return nil, err
	}
	return s.Seal(plaintext)
}
