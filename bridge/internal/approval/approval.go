package approval

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
	"countersign/shared/ceremony"
	"countersign/shared/channel"
	"countersign/shared/effects"
	"countersign/shared/fault"
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

// approval is one approval of one request, through one channel.
type approval struct {
	id        string
	channelID string
	channel   *channelState
	request   string
	decision  string
	digest    string        // of the statement that came, SHA-256 in hex
	wants     intent.Intent // what the statement decides on, once it was read
	step      int           // guarded by Desk.mu
	part      *part         // of the batch in which it is decided, or nil; guarded by Desk.mu, fixed once deciding
	ctx       context.Context
	cancel    context.CancelFunc
}

// advance moves an approval to its next step.
func (d *Desk) advance(id string, from, to int) (*approval, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.approvals[id]
	if !ok {
		return nil, fault.New(fault.NotFound, "there is no such approval")
	}
	if a.step != from {
		return nil, fault.New(fault.Conflict, "the approval is not at this step")
	}
	a.step = to
	return a, nil
}

func (d *Desk) dropApproval(a *approval) {
	a.cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.approvals, a.id)
}

// Prepare seals the request for a statement.
func (d *Desk) Prepare(channelID, request, decision string) (approvalID string, record []byte, err error) {
	if err := d.Asker.Permitted(); err != nil {
		return "", nil, err
	}
	ch, err := d.channel(channelID)
	if err != nil {
		return "", nil, err
	}
	done, err := d.Tokens.Hold(ch.identity) // another asker may have it by now: say so before there is a statement
	if err != nil {
		return "", nil, d.Refusals.Refuse(d.Tokens.Entry(journal.Refused, ch.identity), err)
	}
	defer done()
	session, err := ch.use()
	if err != nil {
		return "", nil, err
	}
	if record, err = sealMessage(session, &channel.StatementGet{Request: request, Decision: decision}); err != nil {
		return "", nil, err
	}
	if approvalID, err = id.New(d.Rand, id.Approval); err != nil {
		return "", nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.approvals) >= MaxApprovals {
		return "", nil, fault.New(fault.Busy, "too many approvals are on their way")
	}
	a := &approval{id: approvalID, channelID: channelID, channel: ch, request: request, decision: decision}
	a.ctx, a.cancel = context.WithCancel(d.ctx)
	d.approvals[a.id] = a
	return approvalID, record, nil
}

// Signed is a statement that was decided on and signed.
type Signed struct {
	Text   string // what was decided on, as the decider had it
	Record []byte // the signature, sealed for the signer
}

// Decide opens the statement that the signer sent, has it decided, and signs it when
// it was approved.
func (d *Desk) Decide(approvalID string, record []byte) (s Signed, err error) {
	a, err := d.advance(approvalID, prepared, deciding)
	if err != nil {
		return s, err
	}
	done, err := d.Tokens.Hold(a.channel.identity)
	if err == nil {
		defer done()
		if a.part != nil {
			s, err = a.part.decide(record)
		} else {
			s, err = d.decide(a, record)
		}
	}
	if err == nil {
		_, err = d.advance(a.id, deciding, decided)
	}
	if err != nil {
		return Signed{}, d.undecided(a, err)
	}
	return s, nil
}

// undecided ends an approval that came to nothing, and says why.
func (d *Desk) undecided(a *approval, err error) error {
	e := d.Tokens.Entry(journal.Refused, a.channel.identity)
	e.Request, e.Decision, e.Statement, e.Digest = a.request, a.decision, statement.Typ(a.decision), a.digest
	if a.wants != nil {
		e.Record = a.wants.Record()
	}
	err = d.Refusals.Refuse(e, err)
	cancelled := a.ctx.Err() != nil && d.ctx.Err() == nil
	d.dropApproval(a)
	if cancelled {
		return fault.Wrap(err, fault.Cancelled, "the approval was cancelled")
	}
	return err
}

// item is a statement that the signer sent, opened, and found to be what was
// asked for.
type item struct {
	approval *approval
	session  *channel.Session
	payload  []byte // what is signed
	read     statement.Approval
	wants    intent.Intent // what it decides on
	want     statement.Want
	text     string // what the person reads about it
	batch    string // the list in which they read it; empty when alone
}

// receive opens a statement and checks it.
func (d *Desk) receive(a *approval, record []byte) (*item, error) {
	session, err := a.channel.use()
	if err != nil {
		return nil, err
	}
	m, err := openMessage[*channel.Statement](session, record)
	if err != nil {
		return nil, err
	}
	read, err := statement.DecodeDecision(m.Statement)
	if err == nil {
		err = read.CheckNow()
	}
	if err != nil {
		return nil, err
	}
	wants, err := read.Wants()
	if err == nil {
		err = ceremony.Holds(wants, read.Entity)
	}
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
	return it, d.check(it)
}

// check compares a statement with what was asked for, by the clock as it is now:
// a person takes their time. What a transaction does is computed again from what they read.
func (d *Desk) check(it *item) error {
	it.want.Now = d.Now()
	if err := statement.Check(it.read, it.want); err != nil {
		return err
	}
	if it.read.Decision == statement.Initiate { // approves nothing
		return nil
	}
	return effects.Check(it.read.Effects, it.wants)
}

// decide has one statement decided and signs it when it was approved.
func (d *Desk) decide(a *approval, record []byte) (s Signed, err error) {
	it, err := d.receive(a, record)
	if err != nil {
		return s, err
	}
	use := d.approvalKey(a.channel.identity, a.id)
	use.Why = fmt.Sprintf("signs your decision on %s: %s.", a.request, it.wants.Summary())
	if err := use.Open(a.ctx); err != nil { // before the person reads for nothing
		return s, err
	}
	ctx, stop := d.whileValid(a.ctx, it)
	err = d.Decider.Decide(ctx, Question{Key: use, EntityName: a.channel.identity.EntityName, Decision: a.decision,
		Wants: []intent.Intent{it.wants}, What: intent.One(it.wants), Text: it.text})
	stop()
	if err := d.answered(it, err); err != nil {
		return s, err
	}
	return d.sign(it, use)
}

// whileValid ends when the statement does, so that nobody reads what they cannot
// sign any more. A clock that jumps is noticed by [Desk.check].
func (d *Desk) whileValid(ctx context.Context, it *item) (context.Context, context.CancelFunc) {
	left := time.Unix(it.read.Expires, 0).Sub(d.Now())
	return context.WithTimeoutCause(ctx, left, fault.New(fault.StatementInvalid, "the statement expired while it was shown; ask again").With("field", "exp"))
}

// approvalKey is the key that signs statements, for an approval or a batch.
func (d *Desk) approvalKey(id *member.Identity, approval string) *unlock.Key {
	return d.Tokens.Key(id, id.ApprovalSigner(), "signs the statement that you just read.", approval)
}

// answered writes into the journal what was decided about a statement, before
// anything comes of it. answer is nil when it was approved.
func (d *Desk) answered(it *item, answer error) error {
	err := answer
	if err == nil {
		err = d.Asker.Permitted()
	}
	if err == nil {
		err = d.check(it)
	}
	kind, code := journal.Approved, fault.CodeOf(err)
	switch {
	case err == nil:
	case consent.Unasked(err):
		return err
	case code == fault.Declined || code == fault.SiteBlocked:
		kind = journal.Declined
	default:
		kind = journal.Failed
	}
	return d.note(it, kind, err)
}

// sign lets the token sign what was approved, and seals it for the signer.
func (d *Desk) sign(it *item, use *unlock.Key) (s Signed, err error) {
	token, err := jws.Sign(it.approval.ctx, use, statement.Typ(it.read.Decision), it.payload)
	if err == nil {
		err = d.check(it) // a PIN may have been asked for
	}
	kind := journal.Signed
	if err != nil {
		kind = journal.Failed
	}
	if err := d.note(it, kind, err); err != nil {
		return s, err
	}
	record, err := sealMessage(it.session, &channel.StatementSubmit{JWS: token})
	return Signed{Text: it.text, Record: record}, err
}

// note writes what happens to a statement into the journal, and returns err, or
// why it could not be written.
func (d *Desk) note(it *item, kind string, err error) error {
	id := it.approval.channel.identity
	e := d.Tokens.Entry(kind, id)
	e.Key, e.Request, e.Batch, e.Decision = id.Approval.Thumbprint(), it.approval.request, it.batch, it.approval.decision
	e.Statement, e.Digest, e.Code = statement.Typ(it.read.Decision), it.approval.digest, string(fault.CodeOf(err))
	e.Record = it.wants.Record()
	if jerr := d.Journal.Append(e); jerr != nil {
		return jerr
	}
	if err != nil {
		return journal.Written(err)
	}
	return nil
}

// Finish reads the signer's receipt.
func (d *Desk) Finish(approvalID string, record []byte) (receipt *channel.Receipt, err error) {
	a, err := d.advance(approvalID, decided, over)
	if err != nil {
		return nil, err
	}
	defer d.dropApproval(a)
	defer func() { d.tell(a, receipt, err) }()
	session, err := a.channel.use()
	if err != nil {
		return nil, err
	}
	m, err := openMessage[*channel.Receipt](session, record)
	if err != nil {
		return nil, err
	}
	if m.Request != a.request {
		return nil, fault.New(fault.RecordInvalid, "the signer's receipt is for another request")
	}
	return m, nil
}

// Cancel ends an approval; its prompt closes. An unknown one is over.
func (d *Desk) Cancel(approvalID string) {
	d.mu.Lock()
	a := d.approvals[approvalID]
	lost := a != nil && a.step == decided
	d.mu.Unlock()
	if lost {
		d.tell(a, nil, errLost)
	}
	if a != nil {
		d.dropApproval(a)
	}
}
