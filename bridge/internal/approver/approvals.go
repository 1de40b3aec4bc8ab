package approver

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/jws"
	"countersign/shared/statement"
)

// The steps of an approval. Each happens once.
const (
	prepared = iota // statement.get was sealed
	deciding        // the person is asked
	decided         // the signature was sealed
	over            // the receipt was read, or it failed
)

// approvalState is one approval of one request, through one channel.
type approvalState struct {
	id        string
	channelID string
	channel   *channelState
	request   string
	decision  string
	step      int   // guarded by conn.mu
	part      *part // of the batch in which it is decided, or nil; guarded by conn.mu, fixed once deciding
	ctx       context.Context
	cancel    context.CancelFunc
}

// advance moves an approval to its next step.
func (c *conn) advance(id string, from, to int) (*approvalState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a, ok := c.approvals[id]
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no such approval")
	}
	if a.step != from {
		return nil, fault.New(fault.Conflict, "the approval is not at this step")
	}
	a.step = to
	return a, nil
}

func (c *conn) dropApproval(a *approvalState) {
	a.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.approvals, a.id)
}

// prepareApproval seals the question for a statement.
func (c *conn) prepareApproval(_ context.Context, p frame.ApprovalPrepareParams) (r frame.ApprovalPrepareResult, err error) {
	if err := c.stillPaired(); err != nil {
		return r, err
	}
	ch, err := c.channel(p.Channel)
	if err != nil {
		return r, err
	}
	session, err := ch.use()
	if err != nil {
		return r, err
	}
	if r.Record, err = sealMessage(session, &channel.StatementGet{Request: p.Request, Decision: p.Decision}); err != nil {
		return r, err
	}
	if r.Approval, err = newID(c.bridge.deps.Rand, "apv"); err != nil {
		return r, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.approvals) >= maxApprovals {
		return r, fault.New(fault.Busy, "too many approvals are on their way")
	}
	a := &approvalState{id: r.Approval, channelID: p.Channel, channel: ch, request: p.Request, decision: p.Decision}
	a.ctx, a.cancel = context.WithCancel(c.ctx)
	c.approvals[a.id] = a
	return r, nil
}

// stillPaired notices a pairing that was revoked from the command line.
func (c *conn) stillPaired() error {
	ok, err := c.bridge.pairings.Has(c.origin, c.page)
	if err == nil && !ok {
		return fault.New(fault.NotPaired, "the pairing of this page was revoked")
	}
	return err
}

// decideApproval opens the statement that the signer sent, shows it, and signs it
// when the person approves.
func (c *conn) decideApproval(_ context.Context, p frame.ApprovalDecideParams) (r frame.ApprovalDecideResult, err error) {
	a, err := c.advance(p.Approval, prepared, deciding)
	if err != nil {
		return r, err
	}
	if a.part != nil {
		r, err = a.part.decide(p.Record)
	} else {
		r, err = c.decide(a, p.Record)
	}
	if err == nil {
		_, err = c.advance(a.id, deciding, decided)
	}
	if err != nil {
		cancelled := a.ctx.Err() != nil
		c.dropApproval(a)
		if cancelled {
			return frame.ApprovalDecideResult{}, fault.Wrap(err, fault.Cancelled, "the approval was cancelled")
		}
		return frame.ApprovalDecideResult{}, err
	}
	return r, nil
}

// item is a statement that the signer sent, opened, and found to be what was
// asked for.
type item struct {
	approval *approvalState
	session  *channel.Session
	payload  []byte // what is signed
	read     statement.Approval
	want     statement.Want
	text     string // what the person reads about it
	batch    string // the list in which they read it; empty when alone
}

// receive opens a statement and checks it.
func (c *conn) receive(a *approvalState, record []byte) (*item, error) {
	session, err := a.channel.use()
	if err != nil {
		return nil, err
	}
	m, err := openMessage[*channel.Statement](session, record)
	if err != nil {
		return nil, err
	}
	read, err := statement.Decode[statement.Approval](m.Statement)
	if err != nil {
		return nil, err
	}
	id := a.channel.identity
	it := &item{approval: a, session: session, payload: m.Statement, read: read, text: statement.Text(read),
		want: statement.Want{Entity: id.Entity, Request: a.request, Decision: a.decision, Member: id.Member,
			Key: id.approval.Thumbprint(), Channel: base64.RawURLEncoding.EncodeToString(session.HandshakeHash())}}
	return it, c.check(it)
}

// check compares a statement with what was asked for, by the clock as it is now:
// a person takes their time.
func (c *conn) check(it *item) error {
	it.want.Now = c.bridge.deps.Now()
	return statement.Check(it.read, it.want)
}

// decide shows one statement and signs it when the person approves.
func (c *conn) decide(a *approvalState, record []byte) (r frame.ApprovalDecideResult, err error) {
	it, err := c.receive(a, record)
	if err != nil {
		return r, err
	}
	use := c.approvalKey(a.channel.identity, a.id)
	if err := use.open(a.ctx); err != nil { // before the person reads for nothing
		return r, err
	}
	title := "Approve a purchase of " + use.identity.entityName
	if a.decision == statement.Reject {
		title = "Reject a purchase of " + use.identity.entityName
	}
	err = c.confirm(consent.Question{Title: title, Text: it.text}, a.ctx, use.about)
	if err := c.answered(it, err); err != nil {
		return r, err
	}
	return c.sign(it, use)
}

// approvalKey is the key that signs statements, for a page's approval or batch.
func (c *conn) approvalKey(id *identity, approval string) *keyUse {
	return &keyUse{conn: c, identity: id, uri: id.ApprovalKey, want: id.approval, why: "It signs the statement that you just read.",
		about: frame.PromptParams{Approval: approval, Kind: frame.PromptConfirm}}
}

// answered writes into the journal what the person decided about a statement,
// before anything comes of it. answer is nil when they approved.
func (c *conn) answered(it *item, answer error) error {
	err := answer
	if err == nil {
		err = c.stillPaired()
	}
	if err == nil {
		err = c.check(it)
	}
	kind := journal.Approved
	switch {
	case fault.CodeOf(err) == fault.Declined:
		kind = journal.Declined
	case err != nil:
		kind = journal.Failed
	}
	if jerr := c.note(it, kind, err); jerr != nil {
		return jerr
	}
	return err
}

// sign lets the token sign what the person approved, and seals it for the signer.
func (c *conn) sign(it *item, use *keyUse) (r frame.ApprovalDecideResult, err error) {
	token, err := jws.Sign(it.approval.ctx, use, statement.TypApproval, it.payload)
	if err == nil {
		err = c.check(it) // a PIN may have been asked for
	}
	kind := journal.Signed
	if err != nil {
		kind = journal.Failed
	}
	if jerr := c.note(it, kind, err); jerr != nil {
		return r, jerr
	}
	if err != nil {
		return r, err
	}
	record, err := sealMessage(it.session, &channel.StatementSubmit{JWS: token})
	return frame.ApprovalDecideResult{Outcome: frame.OutcomeSigned, StatementText: it.text, Record: record}, err
}

// note writes what happens to a statement into the journal.
func (c *conn) note(it *item, kind string, err error) error {
	id, sum := it.approval.channel.identity, sha256.Sum256(it.payload)
	return c.bridge.deps.Journal.Append(journal.Event{Kind: kind, Origin: c.origin, Pairing: c.pairing, Entity: id.Entity, Member: id.Member,
		Device: id.device, Key: id.approval.Thumbprint(), Request: it.approval.request, Batch: it.batch, Decision: it.approval.decision,
		Statement: statement.TypApproval, Digest: hex.EncodeToString(sum[:]), Code: string(fault.CodeOf(err))})
}

// finishApproval reads the signer's receipt.
func (c *conn) finishApproval(_ context.Context, p frame.ApprovalFinishParams) (r frame.ApprovalFinishResult, err error) {
	a, err := c.advance(p.Approval, decided, over)
	if err != nil {
		return r, err
	}
	defer c.dropApproval(a)
	session, err := a.channel.use()
	if err != nil {
		return r, err
	}
	m, err := openMessage[*channel.Receipt](session, p.Record)
	if err != nil {
		return r, err
	}
	if m.Request != a.request {
		return r, fault.New(fault.RecordInvalid, "the signer's receipt is for another request")
	}
	approvals := m.Approvals
	if approvals == nil {
		approvals = []string{}
	}
	return frame.ApprovalFinishResult{Request: m.Request, State: m.State, Approvals: approvals, Needed: m.Needed}, nil
}

// cancelApproval gives an approval up; its prompt closes. An unknown one is over.
func (c *conn) cancelApproval(_ context.Context, p frame.ApprovalCancelParams) (frame.ApprovalCancelResult, error) {
	c.mu.Lock()
	a := c.approvals[p.Approval]
	c.mu.Unlock()
	if a != nil {
		c.dropApproval(a)
	}
	return frame.ApprovalCancelResult{}, nil
}
