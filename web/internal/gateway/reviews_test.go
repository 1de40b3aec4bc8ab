package gateway_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/shared/governance"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/review"
)

// screened has the program Carol judge a request before Alice or Bob approves it.
func screened(r *governance.Rule) {
	r.Steps = []governance.Step{{Name: "screening", Reviewer: "mem_carol"}, {Name: "approval", Quorum: 1, Members: []string{"mem_alice", "mem_bob"}}}
}

// reviewed is a world with a reviewer that is asked over HTTPS, and answers as says does.
func reviewed(t *testing.T, says func(w *gatewaytest.World, question string) (string, int)) (w *gatewaytest.World, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewTLSServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		question, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		answer, status := says(w, string(question))
		out.Header().Set("Content-Type", review.ContentType)
		out.WriteHeader(status)
		_, _ = io.WriteString(out, answer)
	}))
	t.Cleanup(s.Close)
	w = gatewaytest.NewReviewed(t, review.New(s.Client()), map[string]string{"mem_carol": s.URL}, screened)
	return w, asked
}

func judging(v governance.Verdict, reason string) func(w *gatewaytest.World, question string) (string, int) {
	return func(w *gatewaytest.World, question string) (string, int) {
		answer, err := w.Signer.Judge(question, v, reason)
		if err != nil {
			w.T.Error(err)
		}
		return answer, http.StatusOK
	}
}

func TestAReviewerIsAskedOverHTTPSAndItsVerdictCounts(t *testing.T) {
	t.Parallel()
	w, asked := reviewed(t, judging(governance.Approves, "no match on any list"))
	r := w.Requested()
	if r.Reasons[0] != "step 1 of 2, screening: waiting for the verdict of Carol" {
		t.Errorf("%q", r.Reasons)
	}
	for range 2 { // it is asked once
		if err := w.Gateway.AskReviewers(t.Context(), gatewaytest.Entity); err != nil {
			t.Fatal(err)
		}
	}
	r = must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID))
	if r.Step != 2 || r.Steps[0].Verdict != governance.Approves || asked.Load() != 1 {
		t.Errorf("step %d after %d questions: %+v", r.Step, asked.Load(), r.Steps)
	}
	if e := r.History[1]; e.Type != "verdict" || e.Text != "Carol approved: “no match on any list”" {
		t.Errorf("%+v", e)
	}
	said := must[wire.LogPage](t)(w.Gateway.LogPage(t.Context(), gatewaytest.Caller(), 1, 10, true))
	if e := said.Entries[0].Said; e == nil || !strings.HasPrefix(e.Text, "The program mem_carol approved: ") || e.Request != r.ID {
		t.Errorf("%+v", e)
	}
	w.Signer.Decide(r.ID, "mem_bob", statement.Approve)
	if err := w.Gateway.Sync(t.Context(), gatewaytest.Entity); err != nil {
		t.Fatal(err)
	}
	if r = must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID)); r.State != wire.RequestApproved {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
}

func TestAReviewerThatRejectsEndsTheRequest(t *testing.T) {
	t.Parallel()
	w, _ := reviewed(t, judging(governance.Rejects, "the provider is on a list"))
	r := w.Requested()
	if err := w.Gateway.AskReviewers(t.Context(), gatewaytest.Entity); err != nil {
		t.Fatal(err)
	}
	if r = must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID)); r.State != wire.RequestRejected || r.Reasons[0] != "rejected by Carol" {
		t.Errorf("%s: %q", r.State, r.Reasons)
	}
}

// Whatever goes wrong on the way approves nothing, and is tried again later.
func TestAReviewerThatDoesNotAnswerApprovesNothingAndIsAskedAgain(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]func(w *gatewaytest.World, question string) (string, int){
		"an error":            func(*gatewaytest.World, string) (string, int) { return "", http.StatusServiceUnavailable },
		"the question itself": func(_ *gatewaytest.World, question string) (string, int) { return question, http.StatusOK },
		"a word":              func(*gatewaytest.World, string) (string, int) { return "APPROVE", http.StatusOK },
		"an answer to another": func(w *gatewaytest.World, question string) (string, int) {
			return strings.Replace(question, "review", "verdict", 1), http.StatusOK
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, asked := reviewed(t, says)
			r := w.Requested()
			for i, wait := range []time.Duration{0, time.Second, 5 * time.Second, 9 * time.Second, time.Second} {
				w.Pass(wait)
				err := w.Gateway.AskReviewers(t.Context(), gatewaytest.Entity)
				if want := []int64{1, 1, 2, 2, 3}[i]; asked.Load() != want || err == nil { // also while it is not asked: nothing works again yet
					t.Errorf("after %s it was asked %d times, want %d: %v", wait, asked.Load(), want, err)
				}
			}
			if r = must[wire.Request](t)(w.Gateway.Request(t.Context(), gatewaytest.Caller(), r.ID)); r.State != wire.RequestPending || r.Step != 1 {
				t.Errorf("%s at step %d", r.State, r.Step)
			}
		})
	}
}
