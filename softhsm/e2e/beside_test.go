package e2e

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite" // the driver

	"countersign/shared/wire"
	"countersign/softhsm/e2e/page"
	"countersign/softhsm/e2e/system"
)

// Two gateways, each a process of its own, on one SQLite file. What both are asked at
// the same time is done once, and nothing is lost when the one that is at work is killed.
func TestTwoGatewayProcessesOnOneDatabaseDoEverythingOnceAlsoWhenOneIsKilled(t *testing.T) {
	t.Parallel()
	r := start(t)
	s := newStory(t, r)
	url, err := r.StartBeside(r.ctx)
	if err != nil {
		t.Fatal(err)
	}
	first := *s.Gateway
	second := page.Gateway{Base: url, Token: first.Token}
	read := func(g page.Gateway, id string) (v wire.Request) {
		t.Helper()
		if err := g.Do(r.ctx, http.MethodGet, "/v1/requests/"+id, nil, &v); err != nil {
			t.Fatal(err)
		}
		return v
	}
	ask := func(g page.Gateway, key, quote string) (v wire.Request, err error) {
		g.Key = key
		err = g.Do(r.ctx, http.MethodPost, "/v1/requests", wire.RequestInput{QuoteID: quote, AccountID: system.Account}, &v)
		return v, err
	}

	// The same question to both at the same moment is one request.
	best, err := s.Quotes(r.ctx, "250")
	if err != nil {
		t.Fatal(err)
	}
	var both [2]wire.Request
	var wg sync.WaitGroup
	for i, g := range []page.Gateway{first, second} {
		wg.Go(func() {
			var err error
			if both[i], err = ask(g, "the-same-key", best.ID); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	id := both[0].ID
	if id == "" || both[1].ID != id {
		t.Fatalf("requests %q and %q of one question", id, both[1].ID)
	}
	approve(t, r, s, id, "mem_alice")
	if got := read(second, id); got.Approved != 1 {
		t.Errorf("the other gateway shows %d approvals", got.Approved)
	}

	// The first one is killed while it waits for the signer; whoever asked asks the other.
	if best, err = s.Quotes(r.ctx, "100"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(r.PID("signer"), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	asked := make(chan error, 1)
	go func() {
		_, err := ask(first, "a-lost-answer", best.ID)
		asked <- err
	}()
	claimed(t, r, "a-lost-answer")
	r.KillProgram("gateway")
	if err := <-asked; err == nil {
		t.Error("a gateway that was killed answered")
	}
	if err := unix.Kill(r.PID("signer"), unix.SIGCONT); err != nil {
		t.Fatal(err)
	}
	lost, err := ask(second, "a-lost-answer", best.ID)
	if err != nil {
		t.Fatal(err)
	}

	// It was perhaps the one that read the chain: the other takes that over, and the
	// purchase goes on to its end.
	s.Gateway = &second
	approve(t, r, s, id, "mem_bob")
	order, err := s.Order(r.ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Pay(r.ctx, order); err != nil {
		t.Fatal(err)
	}
	if err := s.Delivery(r.ctx, order.ID); err != nil {
		t.Fatal(err)
	}

	if err := r.StartProgram(r.ctx, "gateway"); err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]page.Gateway{"the first": first, "the second": second} {
		var all wire.Page[wire.Request]
		if err := g.Do(r.ctx, http.MethodGet, "/v1/requests", nil, &all); err != nil {
			t.Fatal(err)
		}
		if len(all.Items) != 2 || all.Items[0].ID != lost.ID || all.Items[1].ID != id || all.Items[1].State != wire.RequestCompleted {
			t.Errorf("%s lists %+v", name, all.Items)
		}
		var account wire.Account
		if err := g.Do(r.ctx, http.MethodGet, "/v1/accounts/"+system.Account, nil, &account); err != nil {
			t.Fatal(err)
		}
		if len(account.Deposits) != 1 || len(account.Entries) != 2 {
			t.Errorf("%s has deposits %+v and booked %+v", name, account.Deposits, account.Entries)
		}
		var h wire.Health
		if err := g.Do(r.ctx, http.MethodGet, "/_health", nil, &h); err != nil || h.Status != "ok" {
			t.Errorf("%s is %+v, %v", name, h, err)
		}
	}
}

// claimed waits until a gateway has begun to answer a question.
func claimed(t *testing.T, r *rig, key string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(r.State.Dir, "gateway", "gateway.db")+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for n := 0; n == 0; {
		if err := db.QueryRowContext(r.ctx, `SELECT count(*) FROM replies WHERE key = ? AND holder <> ''`, key).Scan(&n); err != nil {
			t.Fatal(err)
		}
	}
}
