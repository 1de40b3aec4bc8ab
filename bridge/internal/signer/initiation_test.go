package signer

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/intent/intenttest"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// fourEyes lets Alice or Bob ask, and somebody else of the three approve.
func fourEyes() governance.Set {
	return governance.Set{Version: 1, Rules: []governance.Rule{{
		Name: "four eyes", Creation: &governance.Creation{Members: []string{"mem_alice", "mem_bob"}},
		Steps: []governance.Step{{Name: "others", Quorum: 1, Members: []string{"mem_alice", "mem_bob", "mem_carol"}, ExcludeInitiator: true}},
	}}}
}

func (g *rig) look(id string) wire.SignerRequest {
	g.t.Helper()
	var r wire.SignerRequest
	if code := g.call("GET", "/v1/requests/"+id, nil, &r); code != "" {
		g.t.Fatalf("request: %s", code)
	}
	return r
}

func refuses(t *testing.T, what string, ferr *fault.Error, code fault.Code) {
	t.Helper()
	if ferr == nil || ferr.Code != code {
		t.Errorf("%s: %v, want %s", what, ferr, code)
	}
}

func TestARequestWaitsUntilAMemberHasSignedAndSentIt(t *testing.T) {
	t.Parallel()
	g := newRig(t, fourEyes())
	r := g.request(testReq)
	if r.State != "PENDING_INITIATION" || r.Step != 0 || r.Initiator != "" || !slices.Equal(r.Initiators, []string{"mem_alice", "mem_bob"}) {
		t.Errorf("at first: %+v", r)
	}
	alice, bob, carol := mustConnect(t, g, "mem_alice"), mustConnect(t, g, "mem_bob"), mustConnect(t, g, "mem_carol")
	for _, decision := range []string{statement.Approve, statement.Reject} {
		_, ferr := carol.Statement(testReq, decision)
		refuses(t, decision+" of what nobody sent", ferr, fault.Conflict)
	}
	_, ferr := carol.Statement(testReq, statement.Initiate)
	refuses(t, "sent by somebody whom the rule does not name", ferr, fault.Forbidden)

	first, token, ferr := alice.Decide(testReq, statement.Initiate)
	if ferr != nil || first.State != "PENDING_APPROVAL" || len(first.Approvals) != 0 || first.Needed != 1 {
		t.Fatalf("Alice signed and sent it: %+v, %v", first, ferr)
	}
	if e, err := g.service.entry(t.Context(), int64(first.Entry.Seq)); err != nil || e.Type != signedlog.Initiation {
		t.Errorf("the log has %s, %v", e.Type, err)
	}
	r = g.look(testReq)
	if r.State != "PENDING_APPROVAL" || r.Step != 1 || r.Initiator != "mem_alice" || r.Initiators != nil || len(r.Approvals) != 0 || !slices.Equal(r.Steps[0].Waiting, []string{"mem_bob", "mem_carol"}) {
		t.Errorf("once it was sent: %+v", r)
	}
	_, ferr = bob.Statement(testReq, statement.Initiate)
	refuses(t, "sent again", ferr, fault.Conflict)
	_, ferr = alice.Statement(testReq, statement.Approve)
	refuses(t, "approved by who asked", ferr, fault.Forbidden)
	_, ferr = alice.Statement(testReq, statement.Reject)
	refuses(t, "rejected by who asked", ferr, fault.Forbidden)

	g.restart()
	alice, bob = mustConnect(t, g, "mem_alice"), mustConnect(t, g, "mem_bob")
	if again, ferr := alice.Submit(token); ferr != nil || again.Entry.Seq != first.Entry.Seq || !bytes.Equal(again.Entry.Hash, first.Entry.Hash) || again.State != first.State {
		t.Errorf("the same initiation after a restart: %+v, %v", again, ferr)
	}
	data, ferr := bob.Statement(testReq, statement.Approve)
	if ferr != nil {
		t.Fatal(ferr)
	}
	if a, err := statement.Decode[statement.Approval](data); err != nil || a.Initiator != "mem_alice" || a.InitiatorName != "Alice" {
		t.Errorf("Bob reads %+v, %v", a, err)
	}
	if done, ferr := bob.Submit(bob.Sign(data)); ferr != nil || done.State != "APPROVED" {
		t.Errorf("Bob approved: %+v, %v", done, ferr)
	}
	if r = g.look(testReq); r.State != "APPROVED" || r.Initiator != "mem_alice" || len(r.Approvals) != 1 {
		t.Errorf("at the end: %+v", r)
	}
	_, ferr = alice.Statement(testReq, statement.Initiate)
	refuses(t, "sent after the end", ferr, fault.RequestClosed)
	cfg, signerFile := g.written(t)
	var out bytes.Buffer
	if err := VerifyLog(t.Context(), cfg, signerFile, Stdio{Out: &out, Err: &out}); err != nil {
		t.Error(err)
	}
}

func TestARequestWithoutACreationStepIsNotInitiated(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	_, ferr := mustConnect(t, g, "mem_alice").Statement(testReq, statement.Initiate)
	refuses(t, "an initiation that no rule asks for", ferr, fault.Conflict)
}

func TestAnUnsentRequestExpires(t *testing.T) {
	t.Parallel()
	g := newRig(t, fourEyes())
	g.request(testReq)
	g.clock.add(time.Hour)
	_, ferr := mustConnect(t, g, "mem_alice").Statement(testReq, statement.Initiate)
	refuses(t, "an initiation after the end", ferr, fault.RequestClosed)
	if r := g.look(testReq); r.State != "EXPIRED" || !strings.Contains(r.Reasons[0], "before a member signed and sent it") {
		t.Errorf("%+v", r)
	}
}

func TestAnInitiationThatIsNotTheMembersOwnIsRefused(t *testing.T) {
	t.Parallel()
	const other = "req_bbbbbbbbbbbbbbbbbbbbbbbbbb"
	hash := strings.Repeat("A", 43)
	edit := func(f func(*statement.Initiation)) func(*rig, *membertest.Line, []byte) string {
		return func(_ *rig, l *membertest.Line, data []byte) string {
			i, err := statement.Decode[statement.Initiation](data)
			if err != nil {
				t.Fatal(err)
			}
			f(&i)
			changed, err := statement.Encode(i)
			if err != nil {
				t.Fatal(err)
			}
			return l.Sign(changed)
		}
	}
	for name, row := range map[string]struct {
		token func(*rig, *membertest.Line, []byte) string
		code  fault.Code
		field string
	}{
		"of another vault":   {edit(func(i *statement.Initiation) { i.Entity = "ent_other" }), fault.StatementInvalid, "entity"},
		"of another member":  {edit(func(i *statement.Initiation) { i.Member = "mem_bob" }), fault.StatementInvalid, "member"},
		"of another key":     {edit(func(i *statement.Initiation) { i.Key = hash }), fault.StatementInvalid, "key"},
		"of another channel": {edit(func(i *statement.Initiation) { i.Channel = hash }), fault.StatementInvalid, "channel"},
		"a nonce made up":    {edit(func(i *statement.Initiation) { i.Nonce = strings.Repeat("ab", 32) }), fault.StatementInvalid, "nonce"},
		"of another request": {edit(func(i *statement.Initiation) { i.Request = other }), fault.StatementInvalid, "request"},
		"of another intent": {edit(func(i *statement.Initiation) {
			intenttest.Edit(&i.Intent, func(b *intent.Buy) { b.Fiat.Amount = "1" })
		}), fault.StatementInvalid, "statement"},
		"under other rules": {edit(func(i *statement.Initiation) { i.GovernedBy.Digest = hash }), fault.StatementInvalid, "statement"},
		"with a longer life": {edit(func(i *statement.Initiation) { i.NotBefore, i.Expires = i.NotBefore+60, i.Expires+60 }),
			fault.StatementInvalid, "statement"},
		"expired": {func(g *rig, l *membertest.Line, d []byte) string { g.clock.add(10 * time.Minute); return l.Sign(d) }, fault.StatementInvalid, "exp"},
		"signed by another member": {func(g *rig, l *membertest.Line, d []byte) string {
			return signAs(t, g.people["mem_bob"].Approval, statement.TypInitiation, d)
		}, fault.SignatureInvalid, ""},
		"signed as an approval": {func(_ *rig, l *membertest.Line, d []byte) string {
			return signAs(t, l.Who.Approval, statement.TypApproval, d)
		}, fault.SignatureInvalid, ""},
		"turned into an approval": {func(_ *rig, l *membertest.Line, d []byte) string {
			a, err := statement.DecodeDecision(d)
			if err != nil {
				t.Fatal(err)
			}
			a.V, a.Type, a.Decision, a.Step = 2, "approval", statement.Approve, 1
			if d, err = statement.Encode(a); err != nil {
				t.Fatal(err)
			}
			return l.Sign(d)
		}, fault.StatementInvalid, "decision"},
		"of what another member sent meanwhile": {func(g *rig, l *membertest.Line, d []byte) string {
			if _, _, ferr := mustConnect(t, g, "mem_bob").Decide(testReq, statement.Initiate); ferr != nil {
				t.Fatal(ferr)
			}
			return l.Sign(d)
		}, fault.Conflict, ""},
		"whose nonce is spent": {func(g *rig, l *membertest.Line, d []byte) string {
			if _, ferr := l.Submit(l.Sign(d)); ferr != nil {
				t.Fatal(ferr)
			}
			return edit(func(i *statement.Initiation) { i.Log.Size++ })(g, l, d)
		}, fault.StatementInvalid, "nonce"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, fourEyes())
			g.request(testReq)
			g.request(other)
			l := mustConnect(t, g, "mem_alice")
			data, ferr := l.Statement(testReq, statement.Initiate)
			if ferr != nil {
				t.Fatal(ferr)
			}
			token := row.token(g, l, data)
			size := g.service.Status().Log.Size
			_, ferr = l.Submit(token)
			if ferr == nil || ferr.Code != row.code || ferr.Details["field"] != row.field {
				t.Errorf("got %v, details %v; want %s %q", ferr, details(ferr), row.code, row.field)
			}
			if now := g.service.Status().Log.Size; now != size {
				t.Errorf("the log grew from %d to %d", size, now)
			}
		})
	}
}

// TestALogWithAnInitiationThatTheRuleDoesNotAllowStopsTheSigner has the vault's own key
// sign an entry with the initiation of a member whom the rule does not name, and one
// under an approval's type.
func TestALogWithAnInitiationThatTheRuleDoesNotAllowStopsTheSigner(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ member, entry string }{
		"a member whom the rule does not name": {"mem_carol", signedlog.Initiation},
		"an initiation as an approval":         {"mem_alice", signedlog.Approval},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, fourEyes())
			g.request(testReq)
			alice := mustConnect(t, g, "mem_alice")
			data, ferr := alice.Statement(testReq, statement.Initiate)
			if ferr != nil {
				t.Fatal(ferr)
			}
			i, err := statement.Decode[statement.Initiation](data)
			if err != nil {
				t.Fatal(err)
			}
			i.Member = c.member
			if data, err = statement.Encode(i); err != nil {
				t.Fatal(err)
			}
			token := signAs(t, g.people[c.member].Approval, statement.TypInitiation, data)
			g.log(c.entry, signedlog.DecisionBody{Request: testReq, Member: c.member, JWS: token})
			if err := g.file.Close(); err != nil {
				t.Fatal(err)
			}
			err = g.tryStart()
			if f, ok := fault.As(err); !ok || f.Code != fault.LogCorrupt || f.Details["entry"] != "2" {
				t.Errorf("the signer said %v", err)
			}
		})
	}
}

func TestInitHasNoWarningForARuleThatNamesWhoMayAsk(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := warn(&out, Draft{Accounts: []DraftAccount{{Account: treasury, Rules: fourEyes()}}}); err != nil || out.Len() > 0 {
		t.Errorf("init says %q, %v", out.String(), err)
	}
}
