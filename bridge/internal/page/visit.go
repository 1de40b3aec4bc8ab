package page

import (
	"context"
	"sync"

	"countersign/bridge/internal/approval"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/site"
	"countersign/bridge/internal/unlock"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/link"
)

// visit is a page at the other end of a connection.
type visit struct {
	caller
	pages   *Pages
	conn    *conn
	key     []byte // the page's static key
	pairing string // its id
	mayPair bool   // the site has not abandoned too many handshakes
	user    *unlock.User
	desk    *approval.Desk

	mu    sync.Mutex
	ready bool
}

// connect makes the link, within the guard's time.
func (v *visit) connect() error {
	p := v.pages
	budget := &p.budget
	if v.gateway != "" {
		budget = &p.relayed
	}
	pair, finished := budget.Begin(v.origin)
	if v.mayPair = pair; !pair {
		_ = v.refused(v.event(journal.Limited), tooManyHandshakes())
	}
	if err := v.conn.handshake(link.ResponderConfig{DH: p.Key, Origin: v.origin, Rand: p.Rand}); err != nil {
		return err
	}
	finished()
	v.key = v.conn.session.RemoteStatic()
	v.pairing = site.PairingID(v.origin, v.key)
	return nil
}

func (v *visit) isReady() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.ready
}

func (v *visit) setReady(ready bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.ready = ready
}

// end closes the connection: running calls end with their prompts, and what they
// return is sent first.
func (v *visit) end(code fault.Code) {
	v.setReady(false)
	v.conn.end(code)
}

// event begins a line of the journal about this page.
func (v *visit) event(kind string) journal.Event { return v.Who().Event(kind) }

// refused notes that something was refused: see [journal.Refusals.Refuse].
func (v *visit) refused(e journal.Event, err error) error { return v.pages.Refusals.Refuse(e, err) }

// Who says which page it is.
func (v *visit) Who() unlock.Who {
	return unlock.Who{Origin: v.origin, Site: v.site(), Pairing: v.pairing, Process: v.program()}
}

// Permitted notes a use of the pairing, and fails once it was revoked.
func (v *visit) Permitted() error {
	known, err := v.use()
	if err == nil && !known {
		err = revoked()
	}
	return err
}

// use notes a use of the page's pairing; known is false when it has none.
func (v *visit) use() (known bool, err error) {
	known, err = v.pages.Pairings.Use(v.origin, v.key, v.pages.Now())
	if err != nil && known {
		v.conn.log.Warn("the time of the pairing's last use was not stored", "error", err)
		err = nil
	}
	return known, err
}

// Progress tells the page how much of a batch is done.
func (v *visit) Progress(batch string, done, of int) {
	v.conn.notify(frame.ApprovalProgress, frame.ApprovalProgressParams{Batch: batch, Done: done, Of: of})
}

// Tell tells the person what became of what they decided for the page.
func (v *visit) Tell(ctx context.Context, news string) {
	v.pages.Prompts.Tell(ctx, v.site(), news)
}
