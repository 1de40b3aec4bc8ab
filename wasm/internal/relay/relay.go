// Package relay carries an approval, or several that are read as one list, from
// the page between the bridge and the signer: it opens the end-to-end channel,
// and moves records that it cannot read from one side to the other, until the
// signer has recorded the decision. Specs: shared/spec/frame.md (the bridge's
// calls) and shared/spec/channel.md (what the records are). User:
// wasm/core.
package relay

import (
	"context"
	"errors"
	"time"

	"countersign/shared/fault"
	"countersign/shared/frame"
)

// Bridge is the line to the bridge; *bridgeclient.Client is one.
type Bridge interface {
	Call(ctx context.Context, method string, params, result any) error
}

// Gateway takes records to the signer and brings its answers.
type Gateway interface {
	// OpenChannel is POST /v1/channels: act 1 in, the gateway's name for the
	// channel and act 2 out.
	OpenChannel(ctx context.Context, record []byte) (channel string, answer []byte, err error)

	// SendRecord is POST /v1/channels/{id}/records. It must not send a record
	// twice: an error is final, and leaves open whether the signer saw it.
	SendRecord(ctx context.Context, channel string, record []byte) (answer []byte, err error)
}

// Stage is how far an approval has come.
type Stage string

// The stages, in their order. PIN happens when the token is locked only, and then
// already while connecting, because the channel uses the token too.
const (
	Connecting Stage = "connecting" // opening the channel between bridge and signer
	Fetching   Stage = "fetching"   // the signer prepares the statement
	Reading    Stage = "reading"    // the person reads and decides, in the bridge's prompt
	PIN        Stage = "pin"        // the bridge asks for the token's PIN
	Signed     Stage = "signed"     // the token signed; the signature is on its way to the signer
	Verified   Stage = "verified"   // the signer verified and recorded it
)

// Progress tells the page what happens. Where and Text are set when known.
type Progress struct {
	Stage Stage
	Where string // where the prompt is: frame.WherePinentry or frame.WhereTerminal
	Text  string // what the person read, from Signed on
	Done  int    // approvals that count, at Verified
	Need  int    // approvals that are needed, at Verified
}

// Job is one decision of one member on one request.
type Job struct {
	Entity   string
	Member   string
	Request  string
	Decision string         // frame.Approve or frame.Reject
	Progress func(Progress) // called in order, must not block; may be nil
}

// Result is what the signer recorded.
type Result struct {
	Request   string
	State     string
	Approvals []string // members whose approval counts
	Needed    int
	Text      string // what the person read and signed
}

// Error is an approval that did not come to its end. Starting again is always
// safe: the signer counts a member once.
type Error struct {
	Stage Stage // what was going on

	// Unknown is true when the signature left the bridge and the answer was
	// lost: the signer may have recorded the decision. The state of the request
	// tells.
	Unknown bool

	Fault *fault.Error
}

func (e *Error) Error() string { return "approval, " + string(e.Stage) + ": " + e.Fault.Error() }

// Unwrap returns the fault, so that fault.CodeOf works.
func (e *Error) Unwrap() error { return e.Fault }

// cleanupTime is for telling the bridge that something is over.
const cleanupTime = 2 * time.Second

// Relay keeps the channel of the member who approved last, and runs one approval,
// or one batch, at a time. It belongs to one connection to the bridge: make a new one after
// connecting again.
type Relay struct {
	bridge  Bridge
	gateway Gateway
	turn    chan struct{}

	// for the one who has the turn
	open *line

	prompts chan frame.PromptParams
}

// line is an open channel under both of its names.
type line struct {
	entity, member  string
	bridge, gateway string
}

// New makes a relay.
func New(bridge Bridge, gateway Gateway) *Relay {
	return &Relay{bridge: bridge, gateway: gateway, turn: make(chan struct{}, 1), prompts: make(chan frame.PromptParams, 16)}
}

// PromptOpened tells the relay of the bridge's notification prompt.opened, which
// moves the approval that runs to Reading or PIN. It does not block.
func (r *Relay) PromptOpened(p frame.PromptParams) {
	select {
	case r.prompts <- p:
	default: // nobody follows
	}
}

// Run takes one decision to the signer. Errors are *Error. Cancelling ctx closes
// the bridge's prompt; once the signature is on its way to the signer it is
// taken to its end, because it cannot be taken back.
func (r *Relay) Run(ctx context.Context, job Job) (Result, error) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return Result{}, failure(ctx, Connecting, ctx.Err())
	}
	if job.Progress == nil {
		job.Progress = func(Progress) {}
	}
	approval, statement, err := r.fetch(ctx, job)
	if err != nil {
		return Result{}, err
	}
	decided, err := r.decide(ctx, job, approval, statement)
	if err != nil {
		return Result{}, err
	}
	return r.submit(ctx, job, approval, decided)
}

// fetch gets the sealed statement. A channel may have ended at the signer: one
// from an earlier approval by age or a restart, a new one because the person took
// long for the PIN between acts 2 and 3. Since nothing has been asked or signed
// yet, it starts once more, with new records on a new channel.
func (r *Relay) fetch(ctx context.Context, job Job) (approval string, statement []byte, err error) {
	reused := r.open != nil && r.open.entity == job.Entity && r.open.member == job.Member
	approval, statement, err = r.fetchOnce(ctx, job)
	if err != nil && ctx.Err() == nil && (ended(err) || reused && stale(err)) {
		approval, statement, err = r.fetchOnce(ctx, job)
	}
	return approval, statement, err
}

// ended reports whether the other side does not know the channel any more.
func ended(err error) bool {
	code := fault.CodeOf(err)
	return code == fault.ChannelClosed || code == fault.NotFound
}

// stale reports whether the two ends of the channel have parted.
func stale(err error) bool {
	code := fault.CodeOf(err)
	return ended(err) || code == fault.RecordInvalid || code == fault.RecordReplayed
}

func (r *Relay) fetchOnce(ctx context.Context, job Job) (string, []byte, error) {
	if err := r.connect(ctx, job); err != nil {
		return "", nil, failure(ctx, Connecting, err)
	}
	job.Progress(Progress{Stage: Fetching})
	var prepared frame.ApprovalPrepareResult
	err := r.bridge.Call(ctx, frame.ApprovalPrepare,
		frame.ApprovalPrepareParams{Channel: r.open.bridge, Request: job.Request, Decision: job.Decision}, &prepared)
	if err != nil {
		r.hangUp(ctx)
		return "", nil, failure(ctx, Fetching, err)
	}
	statement, err := r.gateway.SendRecord(ctx, r.open.gateway, prepared.Record)
	if err != nil {
		r.cancel(ctx, prepared.Approval)
		r.hangUp(ctx)
		return "", nil, failure(ctx, Fetching, err)
	}
	return prepared.Approval, statement, nil
}

// connect makes sure that there is a channel for the member.
func (r *Relay) connect(ctx context.Context, job Job) error {
	if r.open != nil && r.open.entity == job.Entity && r.open.member == job.Member {
		return nil
	}
	r.hangUp(ctx)
	job.Progress(Progress{Stage: Connecting})
	var opened frame.ChannelOpenResult
	_, err := r.ask(job, prompt{stage: Connecting}, func() error {
		return r.bridge.Call(ctx, frame.ChannelOpen, frame.ChannelOpenParams{Entity: job.Entity, Member: job.Member}, &opened)
	})
	if err != nil {
		return err
	}
	l := &line{entity: job.Entity, member: job.Member, bridge: opened.Channel}
	if err := r.handshake(ctx, job, l, opened.Record); err != nil {
		r.open = l
		r.hangUp(ctx)
		return err
	}
	r.open = l
	return nil
}

// handshake takes the three acts and the welcome where they belong. The token of
// the member derives at channel.accept, so the bridge may ask for its PIN then.
func (r *Relay) handshake(ctx context.Context, job Job, l *line, act1 []byte) error {
	channel, act2, err := r.gateway.OpenChannel(ctx, act1)
	if err != nil {
		return err
	}
	l.gateway = channel
	var accepted frame.ChannelAcceptResult
	_, err = r.ask(job, prompt{stage: Connecting}, func() error {
		return r.bridge.Call(ctx, frame.ChannelAccept, frame.ChannelAcceptParams{Channel: l.bridge, Record: act2}, &accepted)
	})
	if err != nil {
		return err
	}
	welcome, err := r.gateway.SendRecord(ctx, l.gateway, accepted.Record)
	if err != nil {
		return err
	}
	var ready frame.ChannelReadyResult
	if err := r.bridge.Call(ctx, frame.ChannelReady, frame.ChannelReadyParams{Channel: l.bridge, Record: welcome}, &ready); err != nil {
		return err
	}
	if ready.Entity != l.entity || ready.Member != l.member {
		return fault.New(fault.CertificateBad, "the channel is for another member than the one that was asked for")
	}
	return nil
}

// decide lets the person read and decide at the bridge.
func (r *Relay) decide(ctx context.Context, job Job, approval string, statement []byte) (decided frame.ApprovalDecideResult, err error) {
	job.Progress(Progress{Stage: Reading})
	stage, err := r.ask(job, prompt{approval: approval, stage: Reading}, func() error {
		return r.bridge.Call(ctx, frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: approval, Record: statement}, &decided)
	})
	if err != nil {
		r.afterRefusal(ctx, approval, err)
		return decided, failure(ctx, stage, err)
	}
	return decided, nil
}

// prompt is what belongs to a call during which the bridge may ask the person:
// the approval that its notifications name, and the stage of a question other
// than the PIN.
type prompt struct {
	approval string
	stage    Stage
}

// ask makes a call, reports the prompts that open meanwhile, and returns the
// stage that was reached.
func (r *Relay) ask(job Job, about prompt, call func() error) (Stage, error) {
	done := make(chan error, 1)
	go func() { done <- call() }()
	stage := about.stage
	for {
		select {
		case p := <-r.prompts:
			if p.Approval != about.approval || p.Kind == frame.PromptPairing {
				continue
			}
			if stage = about.stage; p.Kind == frame.PromptPIN {
				stage = PIN
			}
			job.Progress(Progress{Stage: stage, Where: p.Where})
		case err := <-done:
			return stage, err
		}
	}
}

// afterRefusal tidies up after approval.decide failed. A person's no, a wrong
// PIN or a statement that does not fit leave the channel as it was; what says
// that the channel or the connection is broken ends it.
func (r *Relay) afterRefusal(ctx context.Context, approval string, err error) {
	r.cancel(ctx, approval)
	if stale(err) || fault.CodeOf(err) == fault.Timeout || fault.CodeOf(err) == fault.DeviceRemoved {
		r.hangUp(ctx)
	}
}

// submit takes the signature to the signer, once, whatever happens to ctx.
func (r *Relay) submit(ctx context.Context, job Job, approval string, decided frame.ApprovalDecideResult) (Result, error) {
	if ctx.Err() != nil { // nothing has left the bridge that the signer could read
		r.cancel(ctx, approval)
		r.hangUp(ctx)
		return Result{}, failure(ctx, Signed, ctx.Err())
	}
	job.Progress(Progress{Stage: Signed, Text: decided.StatementText})
	result, err := r.deliver(ctx, r.open.gateway, job.Request, approval, decided)
	if err != nil {
		if err.Unknown {
			r.hangUp(ctx)
		}
		return Result{}, err
	}
	job.Progress(Progress{Stage: Verified, Text: result.Text, Done: len(result.Approvals), Need: result.Needed})
	return result, nil
}

// deliver posts a signature and has the bridge read the receipt.
func (r *Relay) deliver(ctx context.Context, channel, request, approval string, decided frame.ApprovalDecideResult) (Result, *Error) {
	ctx = context.WithoutCancel(ctx)
	receipt, err := r.gateway.SendRecord(ctx, channel, decided.Record)
	if err != nil {
		r.cancel(ctx, approval)
		return Result{}, unknown(err)
	}
	var f frame.ApprovalFinishResult
	err = r.bridge.Call(ctx, frame.ApprovalFinish, frame.ApprovalFinishParams{Approval: approval, Record: receipt}, &f)
	switch {
	case err != nil && noReceipt(err):
		return Result{}, unknown(err)
	case err != nil:
		return Result{}, failure(ctx, Signed, err) // the signer's own answer
	case f.Request != request:
		return Result{}, unknown(fault.New(fault.RecordInvalid, "the signer's receipt is for another request"))
	}
	return Result{Request: f.Request, State: f.State, Approvals: f.Approvals, Needed: f.Needed, Text: decided.StatementText}, nil
}

// noReceipt reports whether the bridge's error leaves open what the signer did.
func noReceipt(err error) bool {
	switch fault.CodeOf(err) {
	case fault.Unavailable, fault.Timeout, fault.Cancelled, fault.Internal, fault.Invalid:
		return true
	}
	return stale(err)
}

// Close ends the open channel, if there is one, when no approval runs.
func (r *Relay) Close(ctx context.Context) {
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
		r.hangUp(ctx)
	case <-ctx.Done():
	}
}

// hangUp ends the channel at the bridge; at the signer it ends by itself.
func (r *Relay) hangUp(ctx context.Context) {
	l := r.open
	r.open = nil
	if l == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_ = r.bridge.Call(ctx, frame.ChannelClose, frame.ChannelCloseParams{Channel: l.bridge}, new(frame.ChannelCloseResult)) // the bridge ends it with the link otherwise
}

// cancel gives an approval up at the bridge, which closes its prompt.
func (r *Relay) cancel(ctx context.Context, approval string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	_ = r.bridge.Call(ctx, frame.ApprovalCancel, frame.ApprovalCancelParams{Approval: approval}, new(frame.ApprovalCancelResult)) // it is over at the bridge otherwise
}

func failure(ctx context.Context, stage Stage, err error) *Error {
	f, ok := fault.As(err)
	switch {
	case ctx.Err() != nil && errors.Is(ctx.Err(), context.DeadlineExceeded):
		f = fault.Wrap(err, fault.Timeout, "the approval took too long; nothing was signed, and you can start again")
	case ctx.Err() != nil:
		f = fault.Wrap(err, fault.Cancelled, "the approval was cancelled; the request is still open")
	case !ok:
		f = fault.Wrap(err, fault.Internal, "something went wrong in the page; you can start again")
	}
	return &Error{Stage: stage, Fault: f}
}

// unknown is for an answer that was lost after the signature had been sent.
func unknown(cause error) *Error {
	return &Error{Stage: Signed, Unknown: true, Fault: fault.Wrap(cause, fault.Unavailable,
		"the signer's answer was lost. Your decision may have been recorded: the request shows it in a moment. If it does not, approve again; a decision counts once")}
}
