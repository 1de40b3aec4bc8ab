package approver

import (
	"context"
	"time"

	"countersign/bridge/internal/alarm"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/frame"
)

// site is who asks, for the person and for what is counted: an origin that the
// browser on this computer told, or one that a gateway claims.
func (c *conn) site() string {
	if c.gateway == "" {
		return c.origin
	}
	return c.origin + relayedBy + c.gateway
}

// confirm asks, and tells the page that a prompt is open and where.
func (c *conn) confirm(q consent.Question, ctx context.Context, about frame.PromptParams) error {
	q.Site = c.site()
	return c.prompt(ctx, about, func(ctx context.Context, opened consent.Opened) error {
		return c.bridge.deps.Prompts.Confirm(ctx, q, opened)
	})
}

// prompt lets the page have one prompt: within its share, told when it opens and
// closes, and ended when the site may not ask any more.
func (c *conn) prompt(ctx context.Context, about frame.PromptParams, ask func(ctx context.Context, opened consent.Opened) error) error {
	b := c.bridge
	if limited := b.limits.admit(c.site()); limited != nil {
		return limited
	}
	ctx, stop := b.silenced.Watch(ctx, c.site())
	defer stop()
	if about.Where == "" {
		about.Where = b.deps.Prompts.Where()
	}
	err := ask(ctx, func() func(error) {
		guard.Settle(c.ctx) // the person sees it
		opened := about
		opened.Left = secondsLeft(ctx)
		c.notify(frame.PromptOpened, opened)
		return func(answer error) {
			c.notify(frame.PromptClosed, about)
			c.judge(answer)
		}
	})
	return alarm.Because(ctx, err)
}

// Prompt lets the page have a prompt about a key.
func (c *conn) Prompt(ctx context.Context, about unlock.Prompt, ask func(ctx context.Context, opened consent.Opened) error) error {
	p := frame.PromptParams{Approval: about.Approval, Kind: frame.PromptConfirm, Again: about.Again}
	if about.PIN {
		p.Kind = frame.PromptPIN
	}
	if about.OnReader {
		p.Where = frame.WhereReader
	}
	return c.prompt(ctx, p, ask)
}

// Shown tells the page the lines that the person reads.
func (c *conn) Shown(approval, text string) {
	if len(text) <= frame.MaxShown {
		c.notify(frame.PromptText, frame.PromptTextParams{Approval: approval, Text: text})
	}
}

// secondsLeft is how long a prompt that opens now may stay: as long as what it is
// about is valid, and never longer than any prompt.
func secondsLeft(ctx context.Context) int {
	left := consent.AskTimeout
	if end, ok := ctx.Deadline(); ok {
		left = min(left, time.Until(end))
	}
	return max(0, int(left/time.Second))
}

// judge draws the consequences of an answer before anything else is asked.
func (c *conn) judge(answer error) {
	b := c.bridge
	switch fault.CodeOf(answer) {
	case fault.SiteBlocked:
		b.block(c)
	case fault.Declined, fault.Cancelled, fault.Timeout:
		b.limits.charge(c.site())
		if limited := b.limits.admit(c.site()); limited != nil {
			b.silenced.Ring(c.site(), limited) // what it has waiting would be asked next
		}
	}
}

// block notes that the person blocked a page's site, and closes
// every connection of it. One that a gateway claims to be the site is blocked with
// it, and not the other way round.
func (b *Bridge) block(c *conn) {
	why := fault.New(fault.SiteBlocked, "this site was blocked at the bridge's prompt")
	b.record(c.event(journal.Blocked))
	if err := b.blocks.Add(c.site(), b.deps.Now()); err != nil {
		b.deps.Log.Error("the block could not be stored: it ends with this run of the bridge", "site", c.site(), "error", err)
		b.unstored.Store(c.site(), true)
	}
	b.mu.Lock()
	var same []*conn
	for other := range b.conns {
		if other.origin == c.origin && (c.gateway == "" || other.gateway == c.gateway) {
			same = append(same, other)
		}
	}
	b.mu.Unlock()
	b.silenced.Ring(c.site(), why)
	for _, other := range same {
		other.user.Disallow()
		other.refuse(why)
	}
}

// notBlocked fails with SITE_BLOCKED when the page's site is blocked. The list is
// looked at each time: the command line may take a block back.
func (c *conn) notBlocked() error {
	for _, site := range []string{c.origin, c.site()} {
		blocked, err := c.bridge.blocks.Has(site)
		if err != nil {
			return err
		}
		if _, unstored := c.bridge.unstored.Load(site); blocked || unstored {
			return fault.New(fault.SiteBlocked, "this site was blocked at the bridge's prompt; to take that back: countersign-bridge origins unblock "+c.origin)
		}
	}
	return nil
}
