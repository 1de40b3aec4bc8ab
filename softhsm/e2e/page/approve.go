package page

import (
	"context"
	"fmt"
	"net/http"

	"countersign/shared/fault"
	"countersign/shared/frame"
)

// Channel is an open end-to-end channel between a member's token and the
// signer, of which the page sees sealed records only.
type Channel struct {
	Member  string
	bridge  *Bridge
	gateway *Gateway
	local   string // the bridge's name for it
	remote  string // the gateway's name for it
}

// Decision is what came of an approval.
type Decision struct {
	Text   string // what the person read
	Result frame.ApprovalFinishResult
}

// record is the body that carries one record, both ways.
type record struct {
	Channel string       `json:"channel,omitempty"`
	Record  frame.Record `json:"record"`
}

// OpenChannel relays the handshake between member's token and the signer.
func OpenChannel(ctx context.Context, b *Bridge, g *Gateway, entity, member string) (*Channel, error) {
	c := &Channel{Member: member, bridge: b, gateway: g}
	var opened frame.ChannelOpenResult
	if err := b.Call(ctx, frame.ChannelOpen, frame.ChannelOpenParams{Entity: entity, Member: member}, &opened); err != nil {
		return nil, fmt.Errorf("open a channel: %w", err)
	}
	c.local = opened.Channel
	var second record
	if err := g.Do(ctx, http.MethodPost, "/v1/channels", record{Record: opened.Record}, &second); err != nil {
		return nil, fmt.Errorf("relay act 1: %w", err)
	}
	c.remote = second.Channel
	var accepted frame.ChannelAcceptResult
	if err := b.Call(ctx, frame.ChannelAccept, frame.ChannelAcceptParams{Channel: c.local, Record: second.Record}, &accepted); err != nil {
		return nil, fmt.Errorf("accept act 2: %w", err)
	}
	welcome, err := c.relay(ctx, accepted.Record)
	if err != nil {
		return nil, fmt.Errorf("relay act 3: %w", err)
	}
	var ready frame.ChannelReadyResult
	if err := b.Call(ctx, frame.ChannelReady, frame.ChannelReadyParams{Channel: c.local, Record: welcome}, &ready); err != nil {
		return nil, fmt.Errorf("read the signer's welcome: %w", err)
	}
	return c, nil
}

// relay carries a record to the signer and returns its answer.
func (c *Channel) relay(ctx context.Context, r frame.Record) (frame.Record, error) {
	var answer record
	err := c.gateway.Do(ctx, http.MethodPost, "/v1/channels/"+c.remote+"/records", record{Record: r}, &answer)
	return answer.Record, err
}

// Decide asks the member to sign decision (APPROVE or REJECT) on request and
// has the signer record it.
func (c *Channel) Decide(ctx context.Context, request, decision string) (Decision, error) {
	var prepared frame.ApprovalPrepareResult
	err := c.bridge.Call(ctx, frame.ApprovalPrepare,
		frame.ApprovalPrepareParams{Channel: c.local, Request: request, Decision: decision}, &prepared)
	if err != nil {
		return Decision{}, fmt.Errorf("prepare the approval: %w", err)
	}
	statement, err := c.relay(ctx, prepared.Record)
	if err != nil {
		return Decision{}, fmt.Errorf("fetch the statement: %w", err)
	}
	return c.settle(ctx, request, prepared.Approval, statement)
}

// settle has the bridge decide on one statement and the signer record it.
func (c *Channel) settle(ctx context.Context, request, approval string, statement frame.Record) (Decision, error) {
	var decided frame.ApprovalDecideResult
	if err := c.bridge.Call(ctx, frame.ApprovalDecide, frame.ApprovalDecideParams{Approval: approval, Record: statement}, &decided); err != nil {
		return Decision{}, fmt.Errorf("decide: %w", err)
	}
	receipt, err := c.relay(ctx, decided.Record)
	if err != nil {
		return Decision{}, fmt.Errorf("submit the signature: %w", err)
	}
	d := Decision{Text: decided.StatementText}
	if err := c.bridge.Call(ctx, frame.ApprovalFinish, frame.ApprovalFinishParams{Approval: approval, Record: receipt}, &d.Result); err != nil {
		return Decision{}, fmt.Errorf("read the receipt: %w", err)
	}
	if d.Result.Request != request {
		return Decision{}, fault.New(fault.RecordInvalid, "the receipt is for another request")
	}
	return d, nil
}

// Close gives the channel up on the bridge's side.
func (c *Channel) Close(ctx context.Context) error {
	return c.bridge.Call(ctx, frame.ChannelClose, frame.ChannelCloseParams{Channel: c.local}, &frame.ChannelCloseResult{})
}
