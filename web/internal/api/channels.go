package api

import "countersign/shared/wire"

func (a *api) openChannel(q *question) (any, error) {
	var in wire.RecordInput
	if err := wire.Decode(q.body, &in, wire.MaxRecordBody); err != nil {
		return nil, err
	}
	return a.Gateway.OpenChannel(q.r.Context(), q.caller, in.Record)
}

func (a *api) relay(q *question) (any, error) {
	var in wire.RecordInput
	if err := wire.Decode(q.body, &in, wire.MaxRecordBody); err != nil {
		return nil, err
	}
	id, err := a.object(q, "chn", "the channel")
	if err != nil {
		return nil, err
	}
	return a.Gateway.Relay(q.r.Context(), q.caller, id, in.Record)
}
