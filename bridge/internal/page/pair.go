package page

import (
	"context"
	"fmt"
	"strconv"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/guard"
	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
)

// begin pairs when the page is new, and then lets it call methods.
func (v *visit) begin() {
	err := v.pages.Sites.Check(v.origin, v.gateway)
	if err == nil && !v.pages.Allows(v.origin) {
		err = offTheList() // while it connected
	}
	var known bool
	if err == nil {
		known, err = v.use()
	}
	if err == nil && !known && !v.mayPair {
		err = tooManyHandshakes()
	}
	approved := false
	if err == nil && !known {
		v.user.Disallow()
		if err = v.pair(); err == nil {
			approved = true
			err = v.pages.Pairings.Add(v.origin, v.key, v.pages.Now())
		}
	}
	if approved {
		v.tellPaired(err)
	}
	if err != nil {
		if v.conn.ctx.Err() == nil {
			v.conn.log.Warn("the page was not let in", "error", err)
		}
		v.refuse(v.refused(v.event(journal.Refused), err))
		return
	}
	guard.Settle(v.conn.ctx)
	v.setReady(true)
	v.conn.notify(frame.LinkState, frame.LinkStateParams{State: frame.Ready, Bridge: product, Version: v.pages.Version})
}

// tellPaired tells the person what came of their word.
func (v *visit) tellPaired(err error) {
	news := "The page is paired."
	if err != nil {
		news = "The page is not paired: " + frame.FromFault(err).Message + "."
	}
	v.conn.calls.Go(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(v.conn.ctx), consent.NewsTime)
		defer cancel()
		v.Tell(ctx, news)
	})
}

// tooManyHandshakes refuses a page that would have to be paired: see [link.Budget].
func tooManyHandshakes() error {
	return fault.New(fault.Limited, fmt.Sprintf("more than %d connections of this site broke off within %v: wait a minute before you pair a page of it", link.MaxAbandoned, link.AbandonedTime)).
		With("retry_after", strconv.Itoa(int(link.AbandonedTime.Seconds())))
}

// refuse says why the page may do nothing any more, and closes the connection.
func (v *visit) refuse(why error) {
	v.conn.notify(frame.LinkState, frame.LinkStateParams{State: frame.Refused, Bridge: product, Version: v.pages.Version, Error: frame.FromFault(why)})
	v.end(fault.CodeOf(why))
}

// pair asks the person whether the page shows the same code.
func (v *visit) pair() error {
	v.conn.notify(frame.LinkState, frame.LinkStateParams{State: frame.Pairing, Bridge: product, Version: v.pages.Version})
	code := v.conn.session.Code()
	q := consent.Question{
		Title: "Pair with " + v.origin,
		Text: v.whence() + "\n" +
			"Its code:  " + code[:3] + " " + code[3:] + "\n\n" +
			"Approve only if you opened this page just now and it shows the same six digits.\n" +
			"You will still be asked about every signature.\n",
		No: "The page is not paired.",
	}
	err := v.confirm(q, v.conn.work, frame.PromptParams{Kind: frame.PromptPairing})
	if consent.Unasked(err) {
		return err
	}
	event := v.event(journal.Paired)
	if err != nil {
		event.Kind, event.Code = journal.PairingFailed, string(fault.CodeOf(err))
	}
	if jerr := v.pages.Journal.Append(event); jerr != nil {
		return jerr
	}
	switch {
	case err == nil:
		return nil
	case fault.CodeOf(err) == fault.Declined:
		err = fault.Wrap(err, fault.PairingRefused, "the pairing was declined at the bridge's prompt")
	}
	return journal.Written(err)
}
