// Package approval is the way of an approval on a member's computer: a [Desk] opens
// an end-to-end channel to the vault's signer (shared/channel, as initiator, with a key
// in a token; channel.go), takes the statement that the signer itself sent, checks it,
// has it decided, lets the token sign it, and reads the signer's receipt (approval.go);
// several are decided as one list (batch.go). Who decides is a [Decider]: a [Person] at
// the bridge's own prompt. Whoever carries the records can read none of them. Every
// decision is in the journal before anything comes of it.
//
// Specs: shared/spec/channel.md, statement.md. It knows no page and no frame:
// bridge/internal/page brings it the records of pages.
package approval

import (
	"context"
	"io"
	"sync"
	"time"

	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/unlock"
)

// The limits of one desk.
const (
	MaxChannels  = 32
	MaxApprovals = 256
)

// Members finds identities: a [member.List].
type Members interface {
	// Find fails with NOT_FOUND, and for an identity that cannot be used with its code.
	Find(entity, member string) (*member.Identity, error)
}

// Asker is who brings the records.
type Asker interface {
	// Permitted fails when the asker may ask for nothing any more.
	Permitted() error
	// Progress says how many items of a batch are done.
	Progress(batch string, done, of int)
	// Tell tells the person who decided what became of it, until ctx ends.
	Tell(ctx context.Context, news string)
}

// Config is what a desk works with.
type Config struct {
	Members  Members
	Tokens   *unlock.User // of the same asker
	Asker    Asker
	Decider  Decider
	Journal  *journal.Journal
	Refusals *journal.Refusals
	Rand     io.Reader
	Now      func() time.Time
}

// Desk has one asker's channels and approvals.
type Desk struct {
	Config
	ctx   context.Context // of everything that is done here
	tasks sync.WaitGroup

	mu        sync.Mutex
	channels  map[string]*channelState
	approvals map[string]*approval
}

// New is a desk on which nothing is. What is done there ends with ctx.
func New(ctx context.Context, cfg Config) *Desk {
	return &Desk{Config: cfg, ctx: ctx, channels: map[string]*channelState{}, approvals: map[string]*approval{}}
}

// Close closes the channels, and tells the person of signatures of which nobody knows
// whether the vault has them. Nothing may be asked of the desk any more.
func (d *Desk) Close() {
	d.tasks.Wait()
	d.tellLost()
	d.tasks.Wait()
	for _, ch := range d.channels {
		ch.close()
	}
}
