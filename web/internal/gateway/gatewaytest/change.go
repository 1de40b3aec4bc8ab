package gatewaytest

import (
	"time"

	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/vault"
)

// Change changes the vault by a request that alice and bob approve.
func (s *Signer) Change(request string, draft intent.Intent) {
	s.t.Helper()
	s.want(request, draft)
	s.Decide(request, "mem_alice", statement.Approve)
	s.Decide(request, "mem_bob", statement.Approve)
}

func (s *Signer) want(request string, draft intent.Intent) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	wants, err := draft.Fill(s.state)
	if err != nil {
		s.t.Fatal(err)
	}
	now := s.now()
	b := signedlog.RequestBody{Request: request, Created: now.Unix(), Expires: now.Add(time.Hour).Unix(), Intent: intenttest.Doc(wants)}
	fresh := &vault.Request{RequestBody: b, Wants: wants, CreatedAt: now}
	b.GovernedBy = fresh.Pin(s.state.Govern(fresh))
	s.append(signedlog.Request, b)
}
