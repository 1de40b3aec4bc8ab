package gateway_test

import (
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
)

// again reads the signer's log, and then the request.
func again(t *testing.T, w *gatewaytest.World, id string) wire.Request {
	t.Helper()
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
		t.Fatal(err)
	}
	r, err := w.Gateway.Request(t.Context(), gatewaytest.Caller(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestARequestSaysWhoMaySignAndSendItAndWhoDid(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gatewaytest.FourEyes)
	r := w.Requested()
	if r.State != wire.RequestUnsent || r.Initiator != nil || len(r.Approvers) != 2 || r.Approvers[1].Member != "mem_bob" || r.Approvers[1].Decision != "" || r.Needed != 1 || r.Approved != 0 {
		t.Errorf("at first: %+v", r)
	}
	if r.Reasons[0] != "waiting for Alice or Bob to sign and send it" {
		t.Errorf("reasons %q", r.Reasons)
	}
	preview, err := w.Gateway.Preview(t.Context(), gatewaytest.Caller(), r.ID, "mem_bob", "")
	if err != nil || preview.Decision != statement.Initiate || !strings.Contains(preview.Text, "ASK for this purchase") {
		t.Errorf("Bob would read %+v, %v", preview, err)
	}
	if _, err := w.Gateway.NewOrder(t.Context(), gatewaytest.Caller(), r.ID); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("an order of what nobody sent: %v", err)
	}

	w.Signer.Decide(r.ID, "mem_bob", statement.Initiate)
	r = again(t, w, r.ID)
	if i := r.Initiator; r.State != wire.RequestPending || i == nil || i.Member != "mem_bob" || i.Name != "Bob" || i.At == nil || i.Decision != statement.Initiate {
		t.Errorf("once it was sent: %+v", r)
	}
	if len(r.Approvers) != 2 || r.Approvers[0].Member != "mem_alice" || r.Approvers[1].Member != "mem_carol" || r.Step != 1 {
		t.Errorf("who decides: %+v", r.Approvers)
	}
	if h := r.History[1]; h.Type != "initiation" || h.Text != "Bob signed and sent it" || h.Seq != 2 {
		t.Errorf("history %+v", h)
	}
	preview, err = w.Gateway.Preview(t.Context(), gatewaytest.Caller(), r.ID, "mem_alice", "")
	if err != nil || preview.Decision != statement.Approve || !strings.Contains(preview.Text, "Bob (mem_bob), who signed it, for Sandbox GmbH") {
		t.Errorf("Alice would read %+v, %v", preview, err)
	}
	w.Signer.Decide(r.ID, "mem_alice", statement.Approve)
	if r = again(t, w, r.ID); r.State != wire.RequestApproved || r.Initiator == nil {
		t.Errorf("at the end: %+v", r)
	}
	for state, n := range map[string]int{wire.RequestUnsent: 0, wire.RequestPending: 0, wire.RequestApproved: 1} {
		if p, err := w.Gateway.Requests(t.Context(), gatewaytest.Caller(), state, "", 10); err != nil || len(p.Items) != n {
			t.Errorf("%d requests are %s, %v", len(p.Items), state, err)
		}
	}
}

func TestAnUnsentRequestHasExpired(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gatewaytest.FourEyes)
	r := w.Requested()
	w.Pass(r.ExpiresAt.Sub(r.CreatedAt))
	r, err := w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID)
	if err != nil || r.State != wire.RequestExpired || !strings.Contains(r.Reasons[0], "before a member signed and sent it") {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestALogWhoseInitiationIsNotTheMembersOwnIsNotRead(t *testing.T) {
	t.Parallel()
	w := gatewaytest.New(t, gatewaytest.FourEyes)
	r := w.Requested()
	key := gatewaytest.NewKey(t)
	w.Signer.Lie = gatewaytest.Changed(t, signedlog.Initiation, 0, func(b *signedlog.DecisionBody) {
		payload, err := jws.Payload(b.JWS)
		if err == nil {
			b.JWS, err = jws.Sign(t.Context(), key, statement.TypInitiation, payload)
		}
		if err != nil {
			t.Error(err)
		}
	})
	w.Signer.Decide(r.ID, "mem_alice", statement.Initiate)
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err == nil {
		t.Error("an initiation by another key was read")
	}
}
