// Package gatewaytest is the world around a gateway for tests: the vault's real signer
// behind a real unix socket, with its keys in memory and with the faults and lies that a
// test puts in front of it; a desk and a chain that do what they are told; and a clock.
package gatewaytest

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"countersign/bridge/signertest"
	"countersign/shared/asset"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// NewKey makes a secp256k1 key in memory.
func NewKey(t testing.TB) *signertest.Key {
	t.Helper()
	return signertest.NewKey(t, jws.Secp256k1)
}

// FourEyes has alice or bob sign and send a request, and one of the others approve it.
func FourEyes(r *governance.Rule) {
	members := r.Steps[0].Members
	r.Name, r.Creation = "four eyes", &governance.Creation{Members: members[:2]}
	r.Steps = []governance.Step{{Name: "approval", Quorum: 1, Members: members, ExcludeInitiator: true}}
}

// The entity of [NewSigner], and what entities have in common.
const (
	Entity  = "ent_sandbox"
	Other   = "ent_other" // that no signer knows, but in a world with two
	Account = "acc_treasury"
)

// Signer is the real signer of one entity, with members mem_alice, mem_bob and mem_carol,
// two of whom must approve, and the account acc_treasury. Its fields are for faults.
type Signer struct {
	*signertest.Signer
	Down  func() bool   // when it says so, every answer is an error, and nothing is done
	Lie   Lie           // how the log is served otherwise than it was written; nil: as it is
	Note  *string       // what is served as the note about the log; nil: the signer's own
	Wrong time.Duration // how far the clock on the wall of its computer is ahead

	t        testing.TB
	requests atomic.Int64
}

// NewSigner starts one whose rule is what changes make of it; it stops with the test.
func NewSigner(t testing.TB, now func() time.Time, changes ...func(*governance.Rule)) *Signer {
	t.Helper()
	return NewSignerOf(t, Entity, "Sandbox GmbH", now, changes...)
}

// NewSignerOf starts one of an entity.
func NewSignerOf(t testing.TB, entity, name string, now func() time.Time, changes ...func(*governance.Rule)) *Signer {
	t.Helper()
	rule := governance.Rule{
		Name: "two of three", Steps: []governance.Step{{Name: "approval", Quorum: 2, Members: []string{"mem_alice", "mem_bob", "mem_carol"}}},
	}
	for _, change := range changes {
		change(&rule)
	}
	rules := governance.Set{Version: 1, Rules: []governance.Rule{rule}}
	if rule.RateWithin != 0 {
		rules.RateSource = "mem_carol"
	}
	s := &Signer{t: t, Down: func() bool { return false }}
	started := now()
	s.Signer = signertest.New(t, signertest.Config{
		Entity: entity, EntityName: name,
		Accounts: []signertest.Account{{
			Account: Account, Name: "Treasury", Chain: asset.Sandbox, Rules: rules,
		}},
		Now:    func() time.Time { return now().Add(s.Wrong) },
		Uptime: func() (string, time.Duration) { return "this start", time.Hour + now().Sub(started) },
		Front:  s.front,
	})
	return s
}

// Change changes the vault by a request that alice and bob approve.
func (s *Signer) Change(request string, draft intent.Intent) {
	s.t.Helper()
	s.Request(request, draft)
	s.Decide(request, "mem_alice", statement.Approve)
	s.Decide(request, "mem_bob", statement.Approve)
}

// Requests is how many it was asked for, but for dry ones.
func (s *Signer) Requests() int { return int(s.requests.Load()) }

// front stands between the socket and the signer.
func (s *Signer) front(signer http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.Down():
			w.WriteHeader(http.StatusInternalServerError)
		case s.Lie != nil && r.URL.Path == "/v1/log":
			s.serveLie(w, r)
		case s.Note != nil && r.URL.Path == "/v1/log/checkpoint":
			answer(w, wire.SignerNote{Note: *s.Note})
		default:
			if r.Method == http.MethodPost && r.URL.Path == "/v1/requests" && r.Header.Get(wire.HeaderDryRun) == "" {
				s.requests.Add(1)
			}
			signer.ServeHTTP(w, r)
		}
	})
}
