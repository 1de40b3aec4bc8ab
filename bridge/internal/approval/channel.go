package approval

import (
	"context"
	"sync"

	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/member"
	"countersign/shared/channel"
	"countersign/shared/fault"
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

func (d *Desk) channel(id string) (*channelState, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	ch, ok := d.channels[id]
	if !ok {
		return nil, fault.New(fault.ChannelClosed, "the channel is closed")
	}
	return ch, nil
}

// CloseChannel forgets a channel and what was going on in it.
func (d *Desk) CloseChannel(id string) {
	d.mu.Lock()
	ch := d.channels[id]
	delete(d.channels, id)
	for aid, a := range d.approvals {
		if a.channelID == id {
			a.cancel()
			delete(d.approvals, aid)
		}
	}
	d.mu.Unlock()
	if ch != nil {
		ch.close()
		ch.release()
	}
}

// OpenChannel makes act 1 for a member's channel key and the pinned signer.
func (d *Desk) OpenChannel(ctx context.Context, entity, member string) (channelID string, act1 []byte, err error) {
	if err := d.Asker.Permitted(); err != nil {
		return "", nil, err
	}
	id, err := d.Members.Find(entity, member)
	if err != nil {
		return "", nil, err
	}
	defer func() { err = d.Refusals.Refuse(d.Tokens.Entry(journal.Refused, id), err) }()
	done, err := d.Tokens.Hold(id)
	if err != nil {
		return "", nil, err
	}
	defer done()
	if err := d.Tokens.Suits(ctx, id); err != nil {
		return "", nil, err
	}
	suite, err := channel.SuiteFor(id.Channel.Curve())
	if err != nil {
		return "", nil, err
	}
	static := d.Tokens.Key(id, id.ChannelStatic(), "opens the channel to the vault of "+id.EntityName+".", "")
	if err := static.Open(ctx); err != nil {
		return "", nil, err
	}
	i, err := channel.NewInitiator(channel.InitiatorConfig{Suite: suite, Static: static, Remote: id.Remote, Entity: id.Entity,
		Rand: d.Rand, Now: d.Now})
	if err != nil {
		return "", nil, err
	}
	if act1, err = i.Start(ctx); err != nil {
		return "", nil, err
	}
	if channelID, err = ids.New(d.Rand, ids.Channel); err != nil {
		return "", nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.channels) >= MaxChannels {
		return "", nil, fault.New(fault.Busy, "too many channels are open")
	}
	ch := &channelState{identity: id, initiator: i, release: d.Tokens.Keep(id)}
	ch.ctx, ch.cancel = context.WithCancel(d.ctx)
	d.channels[channelID] = ch
	return channelID, act1, nil
}

// AcceptChannel reads act 2 and makes act 3, with the member's certificate.
func (d *Desk) AcceptChannel(channelID string, act2 []byte) (act3 []byte, err error) {
	ch, err := d.channel(channelID)
	if err != nil {
		return nil, err
	}
	done, err := d.Tokens.Hold(ch.identity)
	if err == nil {
		defer done()
		act3, err = ch.finish(act2)
		if err != nil && fault.CodeOf(err) != fault.Conflict {
			d.CloseChannel(channelID)
		}
	}
	return act3, d.Refusals.Refuse(d.Tokens.Entry(journal.Refused, ch.identity), err)
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

// ReadyChannel reads the signer's welcome: the channel is open. It returns whose it is.
func (d *Desk) ReadyChannel(channelID string, welcome []byte) (*member.Identity, error) {
	ch, err := d.channel(channelID)
	if err != nil {
		return nil, err
	}
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.session == nil || ch.ready {
		return nil, fault.New(fault.Conflict, "the channel does not wait for a welcome")
	}
	m, err := openMessage[*channel.Welcome](ch.session, welcome)
	if err != nil {
		return nil, err
	}
	if m.Entity != ch.identity.Entity || m.Member != ch.identity.Member {
		return nil, fault.New(fault.RecordInvalid, "the signer welcomed another member")
	}
	ch.ready = true
	return ch.identity, nil
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
