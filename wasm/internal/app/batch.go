package app

import (
	"countersign/shared/frame"
	"countersign/shared/wire"
	"countersign/wasm/internal/approvals"
)

// together is who would decide on several requests at once: the one who was
// chosen, else who may decide on most of the picked ones, then on most of all.
func (m *Model) together() (best frame.Identity) {
	const chosen, picked, waits, present = 1 << 20, 1 << 10, 2, 1
	most := 0
	for _, id := range m.mine() {
		score := 0
		for _, r := range m.requests.Value {
			if !waiting(r, id.Member) {
				continue
			}
			if score += waits; m.picked[r.ID] {
				score += picked
			}
		}
		if score > 0 && id.Member == m.member {
			score += chosen
		}
		if score > 0 && id.Present {
			score += present
		}
		if score > most {
			best, most = id, score
		}
	}
	return best
}

// pickable are the requests that this member may decide on; while the bridge is
// not connected, all that wait.
func (m *Model) pickable(id frame.Identity) (list []wire.Request) {
	for _, r := range m.requests.Value {
		if unsent(r) {
			continue // which is signed by itself
		}
		if waiting(r, id.Member) || id.Member == "" && m.forMe(r) {
			list = append(list, r)
		}
	}
	return list
}

// chosen are those of list that were picked, as many as a batch holds.
func (m *Model) chosen(list []wire.Request) (some []wire.Request) {
	for _, r := range list {
		if m.picked[r.ID] && len(some) < frame.MaxBatch {
			some = append(some, r)
		}
	}
	return some
}

func (m *Model) pick(request string, on bool) []Command {
	if !on {
		delete(m.picked, request)
		return nil
	}
	list := m.pickable(m.together())
	for _, r := range list {
		if r.ID != request {
			continue
		}
		if len(m.chosen(list)) == frame.MaxBatch {
			m.announce = "At most " + itoa(frame.MaxBatch) + " requests are approved together."
			return nil
		}
		m.picked[request] = true
	}
	return nil
}

func (m *Model) pickAll(on bool) []Command {
	list := m.pickable(m.together())
	clear(m.picked)
	for i, r := range list {
		if on && i < frame.MaxBatch {
			m.picked[r.ID] = true
		}
	}
	return nil
}

// decideAll starts the approve flow for what was picked.
func (m *Model) decideAll() []Command {
	list := m.chosen(m.pickable(m.together()))
	if len(list) == 0 || m.flow != nil && !m.flow.Over() {
		return nil
	}
	items := make([]approvals.Item, len(list))
	for i, r := range list {
		items[i].Request = r.ID
	}
	m.flow = &approvals.Flow{Decision: frame.Approve, Paired: m.bridge.Paired, Items: items, Needed: len(items)}
	return m.begin(frame.Approve)
}

// runAll hands the decision on several requests to the bridge.
func (m *Model) runAll() []Command {
	id := m.together()
	var requests []string
	for _, item := range m.flow.Items {
		if r := m.listed(item.Request); !waiting(r, id.Member) {
			*m.flow = m.flow.Ended(item, "", noSigner(r, m.mine()))
			continue
		}
		requests = append(requests, item.Request)
	}
	if len(requests) == 0 {
		return nil
	}
	m.through(id)
	return []Command{DecideAll{Entity: id.Entity, Member: id.Member, Decision: m.flow.Decision, Requests: requests}}
}

func (m *Model) listed(id string) wire.Request {
	for _, r := range m.requests.Value {
		if r.ID == id {
			return r
		}
	}
	return wire.Request{}
}

func (m *Model) itemEnded(msg ItemEnded) []Command {
	if m.flow == nil || m.flow.Over() {
		return nil
	}
	*m.flow = m.flow.Ended(approvals.Item{Request: msg.Request, Done: msg.Done, Needed: msg.Needed}, msg.Text, msg.Err)
	var told []Command
	if msg.Err == nil {
		delete(m.picked, msg.Request)
		told = append(m.step(approvals.Verified), Tell{TellApproved, msg.Request})
	}
	switch f := m.flow; {
	case !f.Over():
		return told
	case f.Err != nil:
		m.announce = m.explain(f.Err).Title
		m.unpair(f.Err)
	default:
		m.announce = itoa(f.Done) + " of " + plural(f.Needed, "request", "requests") + " approved."
	}
	return append(told, Load{What: TheRequests})
}
