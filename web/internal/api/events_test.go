package api

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"countersign/shared/wire"
	"countersign/web/internal/gateway"
	"countersign/web/internal/store"
)

// listen opens a stream of events; next gives each line of data with its event, and
// "" at the end.
func (r *rig) listen(ctx context.Context, query string) (next func() string) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+"/v1/events"+query, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(res.Body)
		return func() string { return string(body) }
	}
	lines := bufio.NewScanner(res.Body)
	return func() string {
		event := ""
		for lines.Scan() {
			if name, ok := strings.CutPrefix(lines.Text(), "event: "); ok {
				event = name
			}
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return event + " " + data
			}
		}
		return ""
	}
}

func TestAStreamTellsWhatChangesForItsEntity(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	next := r.listen(t.Context(), "")
	if got := next(); got != `open {"entity":"ent_sandbox"}` {
		t.Fatalf("it begins with %q", got)
	}
	if err := r.Store.Write(t.Context(), func(tx store.Tx) error { return tx.PutGovernance("ent_other", "{}") }); err != nil {
		t.Fatal(err)
	}
	q := get[wire.Quotes](t, r.do("GET", quotesPath, ""))
	req := get[wire.Request](t, r.do("POST", "/v1/requests", `{"quote_id":"`+q.Quotes[0].ID+`","account_id":"acc_treasury"}`))
	if got, want := next(), `change {"what":"request","id":"`+req.ID+`"}`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := get[wire.Request](t, r.do("GET", "/v1/requests/"+req.ID, "")).ID; got != req.ID {
		t.Errorf("what was told of cannot be read: %q", got)
	}
}

func TestAStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	next := r.listen(t.Context(), "")
	next()
	if err := r.Store.Write(t.Context(), func(tx store.Tx) error {
		d, err := tx.Developer("dev_sandbox")
		if err != nil {
			return err
		}
		d.Version++ // as when its key is changed
		if err := tx.PutDeveloper(d); err != nil {
			return err
		}
		return tx.Book(store.Booking{Entity: "ent_sandbox", Account: "acc_treasury", Entry: store.Entry{ID: "e1", Postings: []store.Posting{
			{Ledger: "a", Side: "debit", Asset: "EUR", Amount: "1"}, {Ledger: "b", Side: "credit", Asset: "EUR", Amount: "1"},
		}}})
	}); err != nil {
		t.Fatal(err)
	}
	if got := next(); !strings.HasPrefix(got, "error ") || !strings.Contains(got, "AUTHENTICATION_ERROR") {
		t.Errorf("it goes on with %q", got)
	}
	if got := next(); got != "" {
		t.Errorf("and then %q", got)
	}
}

func TestStreamsEndWhenTheGatewayStops(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, stop := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { r.Gateway.Run(ctx); close(ran) }()
	next := r.listen(t.Context(), "")
	next()
	stop()
	for got := next(); got != ""; got = next() {
		if !strings.HasPrefix(got, "change ") {
			t.Errorf("it ends with %q", got)
		}
	}
	<-ran
}

func TestStreamsOfOneCallerAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	ctx, leave := context.WithCancel(t.Context())
	for range gateway.StreamsAtOnce {
		r.listen(ctx, "")()
	}
	if got := r.listen(t.Context(), "")(); !strings.Contains(got, "RATE_LIMITED") {
		t.Errorf("one more: %q", got)
	}
	leave()
	for { // until the gateway noticed
		if got := r.listen(t.Context(), "")(); strings.HasPrefix(got, "open") {
			return
		} else if !strings.Contains(got, "RATE_LIMITED") {
			t.Fatal(got)
		}
	}
}

func TestAStreamThatFailsOnOurSideSaysSo(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	next := r.listen(t.Context(), "")
	next()
	if err := r.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if got := next(); !strings.HasPrefix(got, "error ") || !strings.Contains(got, "INTERNAL_ERROR") {
		t.Errorf("it ends with %q", got)
	}
}
