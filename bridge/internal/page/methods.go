package page

import (
	"countersign/bridge/internal/journal"
	"countersign/shared/fault"
	"countersign/shared/frame"
)

// methods is what a page may call: the whole table.
var methods = map[string]func(*visit, frame.Message) (any, error){
	frame.BridgeInfo: method(info),
	frame.ChannelOpen: method(func(v *visit, p frame.ChannelOpenParams) (r frame.ChannelOpenResult, err error) {
		r.Channel, r.Record, err = v.desk.OpenChannel(v.conn.work, p.Entity, p.Member)
		return r, err
	}),
	frame.ChannelAccept: method(func(v *visit, p frame.ChannelAcceptParams) (r frame.ChannelAcceptResult, err error) {
		r.Record, err = v.desk.AcceptChannel(p.Channel, p.Record)
		return r, err
	}),
	frame.ChannelReady: method(func(v *visit, p frame.ChannelReadyParams) (r frame.ChannelReadyResult, err error) {
		id, err := v.desk.ReadyChannel(p.Channel, p.Record)
		if err == nil {
			r.Entity, r.Member = id.Entity, id.Member
		}
		return r, err
	}),
	frame.ChannelClose: method(func(v *visit, p frame.ChannelCloseParams) (r frame.ChannelCloseResult, err error) {
		v.desk.CloseChannel(p.Channel)
		return r, nil
	}),
	frame.ApprovalPrepare: method(func(v *visit, p frame.ApprovalPrepareParams) (r frame.ApprovalPrepareResult, err error) {
		r.Approval, r.Record, err = v.desk.Prepare(p.Channel, p.Request, p.Decision)
		return r, err
	}),
	frame.ApprovalBatch: method(func(v *visit, p frame.ApprovalBatchParams) (r frame.ApprovalBatchResult, err error) {
		r.Batch, err = v.desk.Batch(p.Approvals)
		return r, err
	}),
	frame.ApprovalDecide: method(func(v *visit, p frame.ApprovalDecideParams) (r frame.ApprovalDecideResult, err error) {
		signed, err := v.desk.Decide(p.Approval, p.Record)
		return frame.ApprovalDecideResult{Outcome: frame.OutcomeSigned, StatementText: signed.Text, Record: signed.Record}, err
	}),
	frame.ApprovalFinish: method(func(v *visit, p frame.ApprovalFinishParams) (r frame.ApprovalFinishResult, err error) {
		receipt, err := v.desk.Finish(p.Approval, p.Record)
		if err == nil {
			r = frame.ApprovalFinishResult{Request: receipt.Request, State: receipt.State, Approvals: append([]string{}, receipt.Approvals...), Needed: receipt.Needed}
		}
		return r, err
	}),
	frame.ApprovalCancel: method(func(v *visit, p frame.ApprovalCancelParams) (r frame.ApprovalCancelResult, err error) {
		v.desk.Cancel(p.Approval)
		return r, nil
	}),
}

// method makes a row of the table: strict parameters, typed result.
func method[P, R any](do func(*visit, P) (R, error)) func(*visit, frame.Message) (any, error) {
	return func(v *visit, m frame.Message) (any, error) {
		var params P
		if err := frame.DecodeParams(m, &params); err != nil {
			return nil, err
		}
		return do(v, params)
	}
}

// call answers one request. Whatever is refused is in the journal.
func (v *visit) call(m frame.Message) (any, error) {
	result, err := v.perform(m)
	return result, v.refused(v.event(journal.Refused), err)
}

func (v *visit) perform(m frame.Message) (any, error) {
	do, ok := methods[m.Method]
	if !ok {
		return nil, fault.New(fault.Method, "the bridge has no such method")
	}
	if !v.isReady() {
		return nil, fault.New(fault.NotPaired, "this page is not paired with the bridge yet")
	}
	return do(v, m)
}

// info says what the bridge is, and which members it can approve for.
func info(v *visit, _ frame.BridgeInfoParams) (frame.BridgeInfoResult, error) {
	result := frame.BridgeInfoResult{Version: v.pages.Version, Identities: []frame.Identity{}}
	for _, id := range v.pages.Members.All {
		if id.Valid(v.pages.Now()) != nil {
			continue // the bridge says so at its own computer
		}
		token := v.user.Token(v.conn.work, id)
		result.Identities = append(result.Identities, frame.Identity{
			Entity: id.Entity, EntityName: id.EntityName, Member: id.Member, MemberName: id.Name, Device: token.Name,
			Curve: id.Approval.Curve(), Present: token.State.Present, Locked: token.State.Locked || !token.State.Present, ChannelIn: id.ChannelIn,
			Holder: token.Holder[:min(len(token.Holder), frame.MaxName)], Lacks: token.State.Lacks,
		})
	}
	return result, nil
}
