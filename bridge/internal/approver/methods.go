package approver

import (
	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/frame"
)

// methods is what a page may call: the whole table.
var methods = map[string]func(*conn, frame.Message) (any, error){
	frame.BridgeInfo: method(info),
	frame.ChannelOpen: method(func(c *conn, p frame.ChannelOpenParams) (r frame.ChannelOpenResult, err error) {
		r.Channel, r.Record, err = c.desk.OpenChannel(c.work, p.Entity, p.Member)
		return r, err
	}),
	frame.ChannelAccept: method(func(c *conn, p frame.ChannelAcceptParams) (r frame.ChannelAcceptResult, err error) {
		r.Record, err = c.desk.AcceptChannel(p.Channel, p.Record)
		return r, err
	}),
	frame.ChannelReady: method(func(c *conn, p frame.ChannelReadyParams) (r frame.ChannelReadyResult, err error) {
		id, err := c.desk.ReadyChannel(p.Channel, p.Record)
		if err == nil {
			r.Entity, r.Member = id.Entity, id.Member
		}
		return r, err
	}),
	frame.ChannelClose: method(func(c *conn, p frame.ChannelCloseParams) (r frame.ChannelCloseResult, err error) {
		c.desk.CloseChannel(p.Channel)
		return r, nil
	}),
	frame.ApprovalPrepare: method(func(c *conn, p frame.ApprovalPrepareParams) (r frame.ApprovalPrepareResult, err error) {
		r.Approval, r.Record, err = c.desk.Prepare(p.Channel, p.Request, p.Decision)
		return r, err
	}),
	frame.ApprovalBatch: method(func(c *conn, p frame.ApprovalBatchParams) (r frame.ApprovalBatchResult, err error) {
		r.Batch, err = c.desk.Batch(p.Approvals)
		return r, err
	}),
	frame.ApprovalDecide: method(func(c *conn, p frame.ApprovalDecideParams) (r frame.ApprovalDecideResult, err error) {
		signed, err := c.desk.Decide(p.Approval, p.Record)
		return frame.ApprovalDecideResult{Outcome: frame.OutcomeSigned, StatementText: signed.Text, Record: signed.Record}, err
	}),
	frame.ApprovalFinish: method(func(c *conn, p frame.ApprovalFinishParams) (r frame.ApprovalFinishResult, err error) {
		receipt, err := c.desk.Finish(p.Approval, p.Record)
		if err == nil {
			r = frame.ApprovalFinishResult{Request: receipt.Request, State: receipt.State, Approvals: append([]string{}, receipt.Approvals...), Needed: receipt.Needed}
		}
		return r, err
	}),
	frame.ApprovalCancel: method(func(c *conn, p frame.ApprovalCancelParams) (r frame.ApprovalCancelResult, err error) {
		c.desk.Cancel(p.Approval)
		return r, nil
	}),
}

// method makes a row of the table: strict parameters, typed result.
func method[P, R any](do func(*conn, P) (R, error)) func(*conn, frame.Message) (any, error) {
	return func(c *conn, m frame.Message) (any, error) {
		var params P
		if err := frame.DecodeParams(m, &params); err != nil {
			return nil, err
		}
		return do(c, params)
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

// info says what the bridge is, and which members it can approve for.
func info(c *conn, _ frame.BridgeInfoParams) (frame.BridgeInfoResult, error) {
	result := frame.BridgeInfoResult{Version: Version, Identities: []frame.Identity{}}
	for _, id := range c.bridge.members.All {
		if id.Valid(c.bridge.deps.Now()) != nil {
			continue // the bridge says so at its own computer
		}
		token := c.user.Token(c.work, id)
		result.Identities = append(result.Identities, frame.Identity{
			Entity: id.Entity, EntityName: id.EntityName, Member: id.Member, MemberName: id.Name, Device: token.Name,
			Curve: id.Approval.Curve(), Present: token.State.Present, Locked: token.State.Locked || !token.State.Present, ChannelIn: id.ChannelIn,
			Holder: token.Holder[:min(len(token.Holder), frame.MaxName)], Lacks: token.State.Lacks,
		})
	}
	return result, nil
}
