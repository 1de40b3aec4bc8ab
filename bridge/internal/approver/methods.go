package approver

import (
	"context"

	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/frame"
)

// methods is what a page may call: the whole table.
var methods = map[string]func(*conn, frame.Message) (any, error){
	frame.BridgeInfo:      method((*conn).info),
	frame.ChannelOpen:     method((*conn).openChannel),
	frame.ChannelAccept:   method((*conn).acceptChannel),
	frame.ChannelReady:    method((*conn).readyChannel),
	frame.ChannelClose:    method((*conn).closeChannel),
	frame.ApprovalPrepare: method((*conn).prepareApproval),
	frame.ApprovalBatch:   method((*conn).batchApprovals),
	frame.ApprovalDecide:  method((*conn).decideApproval),
	frame.ApprovalFinish:  method((*conn).finishApproval),
	frame.ApprovalCancel:  method((*conn).cancelApproval),
}

// method makes a row of the table: strict parameters, typed result.
func method[P, R any](do func(*conn, context.Context, P) (R, error)) func(*conn, frame.Message) (any, error) {
	return func(c *conn, m frame.Message) (any, error) {
		var params P
		if err := frame.DecodeParams(m, &params); err != nil {
			return nil, err
		}
		return do(c, c.work, params)
	}
}

// call answers one request. Whatever is refused is in the journal.
func (c *conn) call(m frame.Message) (any, error) {
	result, err := c.perform(m)
	return result, c.refused(c.event(journal.Refused), err)
}

func (c *conn) perform(m frame.Message) (any, error) {
	do, ok := methods[m.Method]
	if !ok {
		return nil, fault.New(fault.Method, "the bridge has no such method")
	}
	c.mu.Lock()
	ready := c.ready
	c.mu.Unlock()
	if !ready {
		return nil, fault.New(fault.NotPaired, "this page is not paired with the bridge yet")
	}
	return do(c, m)
}

func (c *conn) info(ctx context.Context, _ frame.BridgeInfoParams) (frame.BridgeInfoResult, error) {
	result := frame.BridgeInfoResult{Version: Version, Identities: []frame.Identity{}}
	for _, id := range c.bridge.members.All {
		if id.Valid(c.bridge.deps.Now()) != nil {
			continue // the bridge says so at its own computer
		}
		token := c.user.Token(ctx, id)
		result.Identities = append(result.Identities, frame.Identity{
			Entity: id.Entity, EntityName: id.EntityName, Member: id.Member, MemberName: id.Name, Device: token.Name,
			Curve: id.Approval.Curve(), Present: token.State.Present, Locked: token.State.Locked || !token.State.Present, ChannelIn: id.ChannelIn,
			Holder: token.Holder[:min(len(token.Holder), frame.MaxName)], Lacks: token.State.Lacks,
		})
	}
	return result, nil
}
