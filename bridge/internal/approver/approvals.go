package approver

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"countersign/bridge/internal/consent"
	"countersign/bridge/internal/journal"
	"countersign/bridge/internal/member"
	"countersign/bridge/internal/unlock"
	"countersign/shared/channel"
	"countersign/shared/fault"
	"countersign/shared/frame"
	"countersign/shared/id"
	"countersign/shared/intent"
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
	digest    string        // of the statement that came, SHA-256 in hex
	wants     intent.Intent // what the statement decides on, once it was read
	step      int           // guarded by conn.mu
	part      *part         // of the batch in which it is decided, or nil; guarded by conn.mu, fixed once deciding
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
	if err := c.Permitted(); err != nil {
		return r, err
	}
	ch, err := c.channel(p.Channel)
	if err != nil {
		return r, err
	}
	done, err := c.user.Hold(ch.identity) // another page may have it by now: say so before there is a statement
	if err != nil {
		return r, c.refused(c.user.Entry(journal.Refused, ch.identity), err)
	}
	defer done()
	session, err := ch.use()
	if err != nil {
		return r, err
	}
	if r.Record, err = sealMessage(session, &channel.StatementGet{Request: p.Request, Decision: p.Decision}); err != nil {
		return r, err
	}
	if r.Approval, err = id.New(c.bridge.deps.Rand, id.Approval); err != nil {
		return r, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.approvals) >= maxApprovals {
		return r, fault.New(fault.Busy, "too many approvals are on their way")
	}
	a := &approvalState{id: r.Approval, channelID: p.Channel, channel: ch, request: p.Request, decision: p.Decision}
	a.ctx, a.cancel = context.WithCancel(c.work)
	c.approvals[a.id] = a
	return r, nil
}

// decideApproval opens the statement that the signer sent, shows it, and signs it
// when the person approves.
func (c *conn) decideApproval(_ context.Context, p frame.ApprovalDecideParams) (r frame.ApprovalDecideResult, err error) {
	a, err := c.advance(p.Approval, prepared, deciding)
	if err != nil {
		return r, err
	}
	done, err := c.user.Hold(a.channel.identity)
	if err == nil {
		defer done()
		if a.part != nil {
			r, err = a.part.decide(p.Record)
		} else {
			r, err = c.decide(a, p.Record)
		}
	}
	if err == nil {
		_, err = c.advance(a.id, deciding, decided)
	}
	if err != nil {
		return frame.ApprovalDecideResult{}, c.undecided(a, err)
	}
	return r, nil
}

// undecided ends an approval that came to nothing, and says why.
func (c *conn) undecided(a *approvalState, err error) error {
	e := c.user.Entry(journal.Refused, a.channel.identity)
	e.Request, e.Decision, e.Statement, e.Digest = a.request, a.decision, statement.TypApproval, a.digest
	if a.wants != nil {
		e.Record = a.wants.Record()
	}
	err = c.refused(e, err)
	cancelled := a.ctx.Err() != nil && c.work.Err() == nil
	c.dropApproval(a)
	if cancelled {
		return fault.Wrap(err, fault.Cancelled, "the approval was cancelled")
	}
	return err
}

// item is a statement that the signer sent, opened, and found to be what was
// asked for.
type item struct {
	approval *approvalState
	session  *channel.Session
	payload  []byte // what is signed
	read     statement.Approval
	wants    intent.Intent // what it decides on
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
	if err == nil {
		err = read.CheckNow()
	}
	if err != nil {
		return nil, err
	}
	wants, err := read.Wants()
	if err != nil {
		return nil, err
	}
	text, err := statement.Text(read)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(m.Statement)
	a.digest, a.wants = hex.EncodeToString(sum[:]), wants
	id := a.channel.identity
	it := &item{approval: a, session: session, payload: m.Statement, read: read, wants: wants, text: text,
		want: statement.Want{Entity: id.Entity, Request: a.request, Decision: a.decision, Member: id.Member,
			Key: id.Approval.Thumbprint(), Channel: base64.RawURLEncoding.EncodeToString(session.HandshakeHash())}}
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
	use.Why = fmt.Sprintf("signs your decision on %s: %s.", a.request, it.wants.Summary())
	if err := use.Open(a.ctx); err != nil { // before the person reads for nothing
		return r, err
	}
	question := decisionOn("a "+it.wants.Noun(), a.channel.identity, a.decision)
	question.Text = it.text
	ctx, stop := c.whileValid(a.ctx, it)
	err = use.Confirm(ctx, question)
	stop()
	if err := c.answered(it, err); err != nil {
		return r, err
	}
	return c.sign(it, use)
}

// decisionOn asks for a decision on what: both are signed, and each has a word of
// its own to type.
func decisionOn(what string, id *member.Identity, decision string) consent.Question {
	if decision == statement.Reject {
		return consent.Question{Title: "Reject " + what + " of " + id.EntityName, Word: consent.RejectWord}
	}
	return consent.Question{Title: "Approve " + what + " of " + id.EntityName, Word: consent.Word}
}

// whileValid ends when the statement does, so that nobody reads what they cannot
// sign any more. A clock that jumps is noticed by [conn.check].
func (c *conn) whileValid(ctx context.Context, it *item) (context.Context, context.CancelFunc) {
	left := time.Unix(it.read.Expires, 0).Sub(c.bridge.deps.Now())
	return context.WithTimeoutCause(ctx, left, fault.New(fault.StatementInvalid, "the statement expired while it was shown; ask again").With("field", "exp"))
}

// approvalKey is the key that signs statements, for a page's approval or batch.
func (c *conn) approvalKey(id *member.Identity, approval string) *unlock.Key {
	return c.user.Key(id, id.ApprovalSigner(), "signs the statement that you just read.", approval)
}

// answered writes into the journal what the person decided about a statement,
// before anything comes of it. answer is nil when they approved.
func (c *conn) answered(it *item, answer error) error {
	err := answer
	if err == nil {
		err = c.Permitted()
	}
	if err == nil {
		err = c.check(it)
	}
	kind, code := journal.Approved, fault.CodeOf(err)
	switch {
	case err == nil:
	case unasked(err):
		return err
	case code == fault.Declined || code == fault.SiteBlocked:
		kind = journal.Declined
	default:
		kind = journal.Failed
	}
	return c.note(it, kind, err)
}

// sign lets the token sign what the person approved, and seals it for the signer.
func (c *conn) sign(it *item, use *unlock.Key) (r frame.ApprovalDecideResult, err error) {
	token, err := jws.Sign(it.approval.ctx, use, statement.TypApproval, it.payload)
	if err == nil {
		err = c.check(it) // a PIN may have been asked for
	}
	kind := journal.Signed
	if err != nil {
		kind = journal.Failed
	}
	if err := c.note(it, kind, err); err != nil {
		return r, err
	}
	record, err := sealMessage(it.session, &channel.StatementSubmit{JWS: token})
	return frame.ApprovalDecideResult{Outcome: frame.OutcomeSigned, StatementText: it.text, Record: record}, err
}

// note writes what happens to a statement into the journal, and returns err, or
// why it could not be written.
func (c *conn) note(it *item, kind string, err error) error {
	id := it.approval.channel.identity
	e := c.user.Entry(kind, id)
	e.Key, e.Request, e.Batch, e.Decision = id.Approval.Thumbprint(), it.approval.request, it.batch, it.approval.decision
	e.Statement, e.Digest, e.Code = statement.TypApproval, it.approval.digest, string(fault.CodeOf(err))
	e.Record = it.wants.Record()
	if jerr := c.bridge.deps.Journal.Append(e); jerr != nil {
		return jerr
	}
	if err != nil {
		return journal.Written(err)
	}
	return nil
}

// finishApproval reads the signer's receipt.
func (c *conn) finishApproval(_ context.Context, p frame.ApprovalFinishParams) (r frame.ApprovalFinishResult, err error) {
	a, err := c.advance(p.Approval, decided, over)
	if err != nil {
		return r, err
	}
	defer c.dropApproval(a)
	defer func() { c.tell(a, r, err) }()
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
	lost := a != nil && a.step == decided
	c.mu.Unlock()
	if lost {
		c.tell(a, frame.ApprovalFinishResult{}, errLost)
	}
	if a != nil {
		c.dropApproval(a)
	}
	return frame.ApprovalCancelResult{}, nil
}
