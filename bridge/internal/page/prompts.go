package page

import (
	"context"
	"time"

	"countersign/bridge/internal/alarm"
	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/frame"
)

// confirm asks, and tells the page that a prompt is open and where.
func (v *visit) confirm(q consent.Question, ctx context.Context, about frame.PromptParams) error {
	q.Site = v.site()
	return v.prompt(ctx, about, func(ctx context.Context, opened consent.Opened) error {
		return v.pages.Prompts.Confirm(ctx, q, opened)
	})
}

// prompt lets the page have one prompt: within its share, told when it opens and
// closes, and ended when the site may not ask any more.
func (v *visit) prompt(ctx context.Context, about frame.PromptParams, ask func(ctx context.Context, opened consent.Opened) error) error {
	ctx, stop, err := v.pages.Sites.Admit(ctx, v.site())
	if err != nil {
		return err
	}
	defer stop()
	if about.Where == "" {
		about.Where = v.pages.Prompts.Where()
	}
	err = ask(ctx, func() func(error) {
		guard.Settle(v.conn.ctx) // the person sees it
		opened := about
		opened.Left = secondsLeft(ctx)
		v.conn.notify(frame.PromptOpened, opened)
		return func(answer error) {
			v.conn.notify(frame.PromptClosed, about)
			v.judge(answer)
		}
	})
	return alarm.Because(ctx, err)
}

// Prompt lets the page have a prompt about a key.
func (v *visit) Prompt(ctx context.Context, about unlock.Prompt, ask func(ctx context.Context, opened consent.Opened) error) error {
	p := frame.PromptParams{Approval: about.Approval, Kind: frame.PromptConfirm, Again: about.Again}
	if about.PIN {
		p.Kind = frame.PromptPIN
	}
	if about.OnReader {
		p.Where = frame.WhereReader
	}
	return v.prompt(ctx, p, ask)
}

// Shown tells the page the lines that the person reads.
func (v *visit) Shown(approval, text string) {
	if len(text) <= frame.MaxShown {
		v.conn.notify(frame.PromptText, frame.PromptTextParams{Approval: approval, Text: text})
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
func (v *visit) judge(answer error) {
	switch fault.CodeOf(answer) {
	case fault.SiteBlocked:
		v.pages.block(v)
	case fault.Declined, fault.Cancelled, fault.Timeout:
		v.pages.Sites.Vain(v.site())
	}
}
