package vault

import (
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/strictjson"
)

// Look verifies the signatures inside an entry ahead of its turn. It may be called by
// several goroutines, also while another entry is applied. What is wrong is found when
// it is the entry's turn.
func (s *State) Look(e signedlog.Entry) {
	if s.Ahead == nil {
		return
	}
	switch e.Type {
	case signedlog.Request:
		var b signedlog.RequestBody
		if strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody) != nil {
			return
		}
		if b.Attestation != "" {
			_, _ = s.Ahead.Look(b.Attestation, statement.TypAddress, s.Key())
		}
		if b.Rate != "" && b.Recorded.Value != nil {
			s.lookBy(b.Recorded.Value.Source, b.Rate, statement.TypRate)
		}
	case signedlog.Initiation, signedlog.Approval, signedlog.Verdict:
		var b signedlog.DecisionBody
		if strictjson.Unmarshal(e.Body, &b, signedlog.MaxBody) != nil {
			return
		}
		typ := map[string]string{signedlog.Initiation: statement.TypInitiation, signedlog.Approval: statement.TypApproval, signedlog.Verdict: statement.TypVerdict}[e.Type]
		s.lookBy(b.Member, b.JWS, typ)
	}
}

// lookBy verifies ahead what a member signed.
func (s *State) lookBy(member, token, typ string) {
	s.mu.RLock()
	m := s.members[member]
	s.mu.RUnlock()
	if m != nil {
		_, _ = s.Ahead.Look(token, typ, m.ApprovalKey)
	}
}
