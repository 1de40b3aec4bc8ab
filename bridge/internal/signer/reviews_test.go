package signer

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"countersign/shared/fault"
	"countersign/shared/governance"
	"countersign/shared/intent"
	"countersign/shared/jws"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// screened asks the program Carol first, which may leave it to Alice or Bob, and then one of
// the two.
func screened(fallback int) governance.Set {
	screening := governance.Step{Name: "screening", Reviewer: "mem_carol"}
	if fallback > 0 {
		screening.Quorum, screening.Members = fallback, []string{"mem_alice", "mem_bob"}
	}
	return governance.Set{Version: 1, Rules: []governance.Rule{{Name: "purchases", Steps: []governance.Step{
		screening, {Name: "treasury", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}},
	}}}}
}

// review is the one question that waits.
func (g *rig) review() (q wire.SignerReview, r statement.Review) {
	g.t.Helper()
	var all wire.SignerReviews
	if code := g.call("GET", "/v1/reviews", nil, &all); code != "" || len(all.Reviews) != 1 {
		g.t.Fatalf("%s: %d questions", code, len(all.Reviews))
	}
	q = all.Reviews[0]
	payload, err := jws.Verify(q.JWS, statement.TypReview, g.service.key.PublicKey())
	if err != nil {
		g.t.Fatal(err)
	}
	if r, err = statement.Decode[statement.Review](payload); err != nil {
		g.t.Fatal(err)
	}
	return q, r
}

// says has a member sign a verdict.
func (g *rig) says(member string, v statement.Verdict) string {
	g.t.Helper()
	payload, err := statement.Encode(v)
	if err != nil {
		g.t.Fatal(err)
	}
	token, err := jws.Sign(g.t.Context(), g.people[member].Approval, statement.TypVerdict, payload)
	if err != nil {
		g.t.Fatal(err)
	}
	return token
}

func (g *rig) verdict(token string) (r wire.SignerRequest, code fault.Code) {
	g.t.Helper()
	return r, g.call("POST", "/v1/verdicts", wire.SignerVerdict{JWS: token}, &r)
}

// judged answers the question that waits.
func (g *rig) judged(v governance.Verdict) wire.SignerRequest {
	g.t.Helper()
	_, q := g.review()
	r, code := g.verdict(g.says("mem_carol", q.Answer(v, "", g.clock.now().Unix())))
	if code != "" {
		g.t.Fatal(code)
	}
	return r
}

func (g *rig) questions() int {
	g.t.Helper()
	var all wire.SignerReviews
	if code := g.call("GET", "/v1/reviews", nil, &all); code != "" {
		g.t.Fatal(code)
	}
	return len(all.Reviews)
}

func TestAReviewerJudgesAStepAndMembersTheRest(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fallback int
		says     []governance.Verdict
		then     []string // who approves
		state    string
		reason   string
	}{
		"APPROVE":                        {0, []governance.Verdict{governance.Approves}, []string{"mem_bob"}, "APPROVED", "approved by Carol and Bob"},
		"APPROVE alone is one of two":    {0, []governance.Verdict{governance.Approves}, nil, "PENDING_APPROVAL", "step 2 of 2, treasury: 0 of 1 approval; waiting for Alice or Bob"},
		"REJECT":                         {0, []governance.Verdict{governance.Rejects}, nil, "REJECTED", "rejected by Carol"},
		"DEFER to members":               {1, []governance.Verdict{governance.Defer}, []string{"mem_alice", "mem_bob"}, "APPROVED", "approved by Alice and Bob"},
		"DEFER, and one of two approved": {1, []governance.Verdict{governance.Defer}, []string{"mem_alice"}, "PENDING_APPROVAL", "step 2 of 2, treasury: 0 of 1 approval; waiting for Bob"},
		"RETRY, then APPROVE":            {0, []governance.Verdict{governance.Retries, governance.Approves}, []string{"mem_bob"}, "APPROVED", "approved by Carol and Bob"},
		"RETRY decides nothing":          {0, []governance.Verdict{governance.Retries}, nil, "PENDING_APPROVAL", "step 1 of 2, screening: waiting for another verdict of Carol"},
		"silence":                        {1, nil, nil, "PENDING_APPROVAL", "step 1 of 2, screening: waiting for the verdict of Carol"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRig(t, screened(c.fallback))
			id := g.request(newRequestID(t)).Request
			for _, v := range c.says {
				g.judged(v)
				g.clock.add(askAgain)
			}
			for _, m := range c.then {
				g.approves(m, id)
			}
			if err := g.service.Checkpoint(t.Context()); err != nil { // what is open comes back from a snapshot
				t.Fatal(err)
			}
			for _, when := range []string{"before", "after"} {
				if r := g.look(id); r.State != c.state || r.Reasons[0] != c.reason {
					t.Errorf("%s a restart %s: %q", when, r.State, r.Reasons)
				}
				g.restart()
			}
			cfg, file := g.written(t)
			if err := VerifyLog(t.Context(), cfg, file, Stdio{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}); err != nil {
				t.Errorf("from the genesis: %v", err)
			}
		})
	}
}

func TestNobodyApprovesInPlaceOfAReviewer(t *testing.T) {
	t.Parallel()
	g := newRig(t, screened(1))
	id := g.request(newRequestID(t)).Request
	for _, member := range []string{"mem_alice", "mem_carol"} { // also not the program, as a member
		if _, ferr := mustConnect(t, g, member).Statement(id, statement.Approve); ferr == nil || ferr.Code != fault.Forbidden {
			t.Errorf("%s: %v", member, ferr)
		}
	}
	g.clock.add(8 * 24 * time.Hour)
	if r := g.look(id); r.State != "EXPIRED" || !strings.HasSuffix(r.Reasons[0], "without a verdict of Carol") {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
	if n := g.questions(); n != 0 {
		t.Errorf("%d questions about what expired", n)
	}
}

func TestAReviewerWhoSaysRetryIsAskedAgainLaterEachTime(t *testing.T) {
	t.Parallel()
	g := newRig(t, screened(0))
	g.request(newRequestID(t))
	for _, pause := range []time.Duration{askAgain, 2 * askAgain, 4 * askAgain} {
		g.judged(governance.Retries)
		g.clock.add(pause - time.Second)
		if n := g.questions(); n != 0 {
			t.Fatalf("asked again before %s", pause)
		}
		g.clock.add(time.Second)
	}
	if r := g.judged(governance.Approves); r.Step != 2 {
		t.Errorf("%+v", r)
	}
}

func TestAQuestionIsTheSameUntilItIsAboutToEnd(t *testing.T) {
	t.Parallel()
	g := newRig(t, screened(0))
	id := g.request(newRequestID(t)).Request
	q, r := g.review()
	if r.Request != id || r.Step != 1 || r.Digest != intent.Digest(r.Intent) || r.Expires-r.IssuedAt != 600 {
		t.Errorf("%+v", r)
	}
	if again, _ := g.review(); again != q {
		t.Error("it was asked twice")
	}
	g.clock.add(statement.Lifetime - leftOver + time.Second)
	if later, _ := g.review(); later == q {
		t.Error("it is asked with no time left")
	}
}

func TestAVerdictThatIsNotTheReviewersAnswerIsRefused(t *testing.T) {
	t.Parallel()
	g := newRig(t, screened(0))
	first := g.request(newRequestID(t)).Request
	_, old := g.review()
	g.clock.add(statement.Lifetime)
	_, q := g.review()
	other := q
	g.request(newRequestID(t))
	answer := func(edit func(*statement.Verdict)) statement.Verdict {
		v := q.Answer(governance.Approves, "no match on any list", g.clock.now().Unix())
		edit(&v)
		return v
	}
	for name, c := range map[string]struct {
		by    string
		v     statement.Verdict
		code  fault.Code
		field string
	}{
		"signed by another member":       {"mem_bob", answer(func(*statement.Verdict) {}), fault.SignatureInvalid, ""},
		"by a member whom nobody asked":  {"mem_bob", answer(func(v *statement.Verdict) { v.Reviewer = "mem_bob" }), fault.StatementInvalid, "reviewer"},
		"by nobody whom the vault knows": {"mem_bob", answer(func(v *statement.Verdict) { v.Reviewer = "mem_mallory" }), fault.Forbidden, "reviewer"},
		"to a question that is over":     {"mem_carol", old.Answer(governance.Approves, "", q.IssuedAt), fault.StatementInvalid, "evaluation"},
		"to a question of its own":       {"mem_carol", answer(func(v *statement.Verdict) { v.Evaluation = strings.Repeat("0", 64) }), fault.StatementInvalid, "evaluation"},
		"about another request":          {"mem_carol", answer(func(v *statement.Verdict) { v.Request = newRequestID(t) }), fault.StatementInvalid, "evaluation"},
		"about another step":             {"mem_carol", answer(func(v *statement.Verdict) { v.Step = 2 }), fault.StatementInvalid, "step"},
		"about another intent":           {"mem_carol", answer(func(v *statement.Verdict) { v.Intent = b64(make([]byte, 32)) }), fault.StatementInvalid, "intent"},
		"for another entity":             {"mem_carol", answer(func(v *statement.Verdict) { v.Entity = "ent_other" }), fault.StatementInvalid, "entity"},
	} {
		token := g.says(c.by, c.v)
		if _, code := g.verdict(token); code != c.code {
			t.Errorf("%s: %q, want %s", name, code, c.code)
		}
		if _, err := g.service.Verdict(t.Context(), token); c.field != "" {
			if f, ok := fault.As(err); !ok || f.Details["field"] != c.field {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if _, code := g.verdict(g.people["mem_carol"].Certificate); code == "" {
		t.Error("a certificate passed for a verdict")
	}
	token := g.says("mem_carol", answer(func(*statement.Verdict) {}))
	for range 2 { // the answer was lost, and comes again
		if r, code := g.verdict(token); code != "" || r.Step != 2 {
			t.Fatalf("the answer itself: %s, %+v", code, r)
		}
	}
	if _, code := g.verdict(g.says("mem_carol", other.Answer(governance.Rejects, "", q.IssuedAt))); code != fault.StatementInvalid {
		t.Errorf("another answer to the same question: %q", code)
	}
	if r := g.look(first); r.Step != 2 {
		t.Errorf("%+v", r)
	}
}

func TestAReviewerWhoIsNotActiveIsNotAskedAndItsRulesMustChangeFirst(t *testing.T) {
	t.Parallel()
	g := newRig(t, screened(0))
	if code := g.change(newRequestID(t), turns(intent.KindMemberSuspend, "carol", 1)); code != fault.Invalid {
		t.Errorf("a rule waits for its verdict: %q", code)
	}
	open := g.request(newRequestID(t)).Request
	_, q := g.review()
	answer := g.says("mem_carol", q.Answer(governance.Approves, "", q.IssuedAt))
	g.changed(edits(1, twoOfThree().Rules...), "mem_alice", "mem_bob")
	if _, code := g.verdict(answer); code != fault.RequestClosed {
		t.Errorf("an answer to what is not asked any more: %q", code)
	}
	if r := g.look(open); r.Steps[0].Reviewer != "" || g.questions() != 0 {
		t.Errorf("under other rules: %+v", r.Steps)
	}
}

func TestAReviewerThatDoesNotAnswerKeepsNoOtherWaiting(t *testing.T) {
	t.Parallel()
	g := newRig(t, screened(0))
	waits := map[string]bool{}
	for range maxReviews + 1 {
		waits[g.request(newRequestID(t)).Request] = true
	}
	for range 2 {
		var all wire.SignerReviews
		if code := g.call("GET", "/v1/reviews", nil, &all); code != "" || len(all.Reviews) != maxReviews {
			t.Fatalf("%s: %d questions", code, len(all.Reviews))
		}
		for _, q := range all.Reviews {
			delete(waits, q.Request)
		}
	}
	if len(waits) > 0 {
		t.Errorf("%d requests were never told", len(waits))
	}
	g.clock.add(8 * 24 * time.Hour)
	if err := g.service.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := g.questions(); n != 0 || len(g.service.evaluations) != 0 {
		t.Errorf("%d questions, and %d are kept, about what expired", n, len(g.service.evaluations))
	}
}
