package approver

import (
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
func (c *conn) begin() {
	err := c.notBlocked()
	var known bool
	if err == nil {
		known, err = c.bridge.pairings.Has(c.origin, c.page)
	}
	if err == nil && known {
		guard.Settle(c.ctx)
	}
	if err == nil && !known && !c.mayPair {
		err = tooManyHandshakes()
	}
	if err == nil && !known {
		c.user.Disallow()
		err = c.pair()
	}
	if err == nil {
		guard.Settle(c.ctx)
		err = c.bridge.pairings.Add(c.origin, c.page, c.bridge.deps.Now())
	}
	if err != nil {
		if c.ctx.Err() == nil {
			c.log.Warn("the page was not let in", "error", err)
		}
		c.refuse(c.refused(c.event(journal.Refused), err))
		return
	}
	c.mu.Lock()
	c.ready = true
	c.mu.Unlock()
	c.notify(frame.LinkState, frame.LinkStateParams{State: frame.Ready, Bridge: product, Version: Version})
}

// tooManyHandshakes refuses a page that would have to be paired: see [link.Budget].
func tooManyHandshakes() error {
	return fault.New(fault.Limited, fmt.Sprintf("more than %d connections of this site broke off within %v: wait a minute before you pair a page of it", link.MaxAbandoned, link.AbandonedTime)).
		With("retry_after", strconv.Itoa(int(link.AbandonedTime.Seconds())))
}

// refuse says why the page may do nothing any more, and closes the connection.
func (c *conn) refuse(why error) {
	c.notify(frame.LinkState, frame.LinkStateParams{State: frame.Refused, Bridge: product, Version: Version, Error: frame.FromFault(why)})
	c.end(fault.CodeOf(why))
}

// pair asks the person whether the page shows the same code.
func (c *conn) pair() error {
	c.notify(frame.LinkState, frame.LinkStateParams{State: frame.Pairing, Bridge: product, Version: Version})
	code := c.session.Code()
	q := consent.Question{
		Title: "Pair with " + c.origin,
		Text: c.whence() + "\n" +
			"Its code:  " + code[:3] + " " + code[3:] + "\n\n" +
			"Approve only if you opened this page just now and it shows the same six digits.\n" +
			"You will still be asked about every signature.\n",
	}
	err := c.confirm(q, c.work, frame.PromptParams{Kind: frame.PromptPairing})
	if consent.Unasked(err) {
		return err
	}
	event := c.event(journal.Paired)
	if err != nil {
		event.Kind, event.Code = journal.PairingFailed, string(fault.CodeOf(err))
	}
	if jerr := c.bridge.deps.Journal.Append(event); jerr != nil {
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
