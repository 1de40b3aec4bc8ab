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
	step      int // guarded by conn.mu
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
	r, err = c.decide(a, p.Record)
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

func (c *conn) decide(a *approvalState, record []byte) (r frame.ApprovalDecideResult, err error) {
	session, err := a.channel.use()
	if err != nil {
		return r, err
	}
	m, err := openMessage[*channel.Statement](session, record)
	if err != nil {
		return r, err
	}
	read, err := statement.Decode[statement.Approval](m.Statement)
	if err != nil {
		return r, err
	}
	id := a.channel.identity
	want := statement.Want{Entity: id.Entity, Request: a.request, Decision: a.decision, Member: id.Member,
		Key: id.approval.Thumbprint(), Channel: base64.RawURLEncoding.EncodeToString(session.HandshakeHash()), Now: c.bridge.deps.Now()}
	if err := statement.Check(read, want); err != nil {
		return r, err
	}
	r.StatementText = statement.Text(read)
	token, err := c.sign(a, m.Statement, r.StatementText, func() error {
		want.Now = c.bridge.deps.Now() // the person took their time
		return statement.Check(read, want)
	})
	if err != nil {
		return r, err
	}
	r.Outcome = frame.OutcomeSigned
	r.Record, err = sealMessage(session, &channel.StatementSubmit{JWS: token})
	return r, err
}

// sign asks the person and lets the token sign. What is decided and done is in
// the journal before it has an effect.
func (c *conn) sign(a *approvalState, payload []byte, text string, stillValid func() error) (string, error) {
	id := a.channel.identity
	sum := sha256.Sum256(payload)
	event := journal.Event{Origin: c.origin, Pairing: c.pairing, Entity: id.Entity, Member: id.Member, Device: id.device,
		Key: id.approval.Thumbprint(), Request: a.request, Decision: a.decision, Digest: hex.EncodeToString(sum[:])}
	note := func(what string, err error) error {
		event.Kind, event.Code = what, string(fault.CodeOf(err))
		return c.bridge.deps.Journal.Append(event)
	}
	about := frame.PromptParams{Approval: a.id, Kind: frame.PromptConfirm}
	use := &keyUse{conn: c, identity: id, uri: id.ApprovalKey, want: id.approval, why: "It signs the statement that you just read.", about: about}
	if err := use.open(a.ctx); err != nil { // before the person reads for nothing
		return "", err
	}
	title := "Approve a purchase of " + id.entityName
	if a.decision == statement.Reject {
		title = "Reject a purchase of " + id.entityName
	}
	err := c.confirm(consent.Question{Title: title, Text: text}, a.ctx, about)
	if err == nil {
		err = c.stillPaired()
	}
	if err == nil {
		err = stillValid()
	}
	if err != nil {
		what := journal.Failed
		if fault.CodeOf(err) == fault.Declined {
			what = journal.Declined
		}
		if jerr := note(what, err); jerr != nil {
			return "", jerr
		}
		return "", err
	}
	if err := note(journal.Approved, nil); err != nil {
		return "", err
	}
	token, err := jws.Sign(a.ctx, use, statement.TypApproval, payload)
	if err == nil {
		err = stillValid() // a PIN may have been asked for
	}
	if err != nil {
		if jerr := note(journal.Failed, err); jerr != nil {
			return "", jerr
		}
		return "", err
	}
	if err := note(journal.Signed, nil); err != nil {
		return "", err
	}
	return token, nil
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
