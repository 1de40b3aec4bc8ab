package approver

import (
	"context"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/frame"
)

// confirm asks, and tells the page that a prompt is open and where.
func (c *conn) confirm(q consent.Question, ctx context.Context, about frame.PromptParams) error {
	q.Site = c.origin
	return c.prompt(ctx, about, func(ctx context.Context, opened consent.Opened) error {
		return c.bridge.deps.Prompts.Confirm(ctx, q, opened)
	})
}

// prompt lets the page have one prompt: within its share, told when it opens and
// closes, and ended when the site may not ask any more.
func (c *conn) prompt(ctx context.Context, about frame.PromptParams, ask func(ctx context.Context, opened consent.Opened) error) error {
	b := c.bridge
	if limited := b.limits.admit(c.origin); limited != nil {
		return limited
	}
	ctx, stop := b.silenced.watch(ctx, c.origin)
	defer stop()
	if about.Where == "" {
		about.Where = b.deps.Prompts.Where()
	}
	err := ask(ctx, func() func(error) {
		c.notify(frame.PromptOpened, about)
		return func(answer error) {
			c.notify(frame.PromptClosed, about)
			c.judge(answer)
		}
	})
	return because(ctx, err)
}

// judge draws the consequences of an answer before anything else is asked.
func (c *conn) judge(answer error) {
	b := c.bridge
	switch fault.CodeOf(answer) {
	case fault.SiteBlocked:
		b.block(c)
	case fault.Declined, fault.Cancelled, fault.Timeout:
		b.limits.charge(c.origin)
		if limited := b.limits.admit(c.origin); limited != nil {
			b.silenced.ring(c.origin, limited) // what it has waiting would be asked next
		}
	}
}

// block notes that the person wants to hear no more of a page's site, and closes
// every connection of it.
func (b *Bridge) block(c *conn) {
	why := fault.New(fault.SiteBlocked, "this site was blocked at the bridge's prompt")
	b.record(c.event(journal.Blocked))
	if err := b.blocks.Add(c.origin, b.deps.Now()); err != nil {
		b.deps.Log.Error("the block could not be stored: it ends with this run of the bridge", "origin", c.origin, "error", err)
		b.unstored.Store(c.origin, true)
	}
	b.mu.Lock()
	var same []*conn
	for other := range b.conns {
		if other.origin == c.origin {
			same = append(same, other)
		}
	}
	b.mu.Unlock()
	b.silenced.ring(c.origin, why)
	for _, other := range same {
		b.grants.takePairing(other.pairing)
		other.refuse(why)
	}
}

// isBlocked fails with SITE_BLOCKED when the site is blocked. The list is looked
// at each time: the command line may take a block back.
func (b *Bridge) isBlocked(origin string) error {
	blocked, err := b.blocks.Has(origin)
	if err != nil {
		return err
	}
	if _, unstored := b.unstored.Load(origin); !blocked && !unstored {
		return nil
	}
	return fault.New(fault.SiteBlocked, "this site was blocked at the bridge's prompt; to take that back: countersign-bridge origins unblock "+origin)
}
