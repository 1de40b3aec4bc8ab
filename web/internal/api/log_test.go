package api

import (
	"fmt"
	"strings"
	"testing"

	"countersign/shared/fault"
	"countersign/shared/jws"
	"countersign/shared/receipt"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
	"countersign/web/internal/gateway"
)

// The reader has the statement key and the route, and nothing else.
func TestWhoeverHoldsTheStatementKeyVerifiesTheLogByTheRouteAlone(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	first, second := r.Approved(), r.Requested()
	for _, limit := range []string{"", "&limit=1", "&limit=3"} {
		chain := signedlog.Chain{Key: r.Signer.Key.PublicKey()}
		var gen statement.Genesis
		votes, outcomes, requests := map[string]int{}, map[string]string{}, map[string]bool{}
		for {
			page := get[wire.LogPage](t, r.do("GET", fmt.Sprintf("/v1/log?after=%d%s", chain.Mark.Size-1, limit), ""))
			for _, line := range page.Entries {
				e, _, err := chain.Next(line.JWS)
				if err != nil || e.Seq != line.Seq {
					t.Fatalf("entry %d: %v", line.Seq, err)
				}
				switch e.Type {
				case signedlog.Genesis:
					b, err := e.Genesis()
					if err == nil {
						gen, err = statement.Decode[statement.Genesis](b.Genesis)
					}
					if err != nil {
						t.Fatal(err)
					}
				case signedlog.Request:
					requests[body[signedlog.RequestBody](t, e).Request] = true
				case signedlog.Approval:
					b := body[signedlog.DecisionBody](t, e)
					for _, m := range gen.Members {
						if m.Member != b.Member {
							continue
						}
						key, err := jws.NewPublicKey(m.Approval.Crv, m.Approval.X, m.Approval.Y)
						if err != nil {
							t.Fatal(err)
						}
						if _, err := jws.Verify(b.JWS, statement.TypApproval, key); err != nil {
							t.Errorf("the approval of %s: %v", m.Member, err)
						}
						votes[b.Request]++
					}
				case signedlog.Outcome:
					b := body[signedlog.OutcomeBody](t, e)
					outcomes[b.Request] = b.State
				}
			}
			if chain.Mark.Size == page.Log.Size && chain.Mark.Head != page.Log.Head {
				t.Errorf("the head is %s, not %s", chain.Mark.Head, page.Log.Head)
			}
			if len(page.Entries) == 0 {
				break
			}
		}
		if !requests[first.ID] || !requests[second.ID] || votes[first.ID] != 2 || votes[second.ID] != 0 || outcomes[first.ID] != "APPROVED" || outcomes[second.ID] != "" {
			t.Errorf("read %v, %v, %v", requests, votes, outcomes)
		}
	}
}

func body[T any](t *testing.T, e signedlog.Entry) T {
	t.Helper()
	return get[T](t, answer{status: 200, body: e.Body})
}

func TestTheLogIsForItsEntityAndRefusesWhatIsNotAPlaceInIt(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Approved()
	stranger := "Bearer " + r.mint(gateway.Subject{Developer: "dev_other", Entity: "ent_other", Version: 1})
	if c := r.do("GET", "/v1/log", "", "Authorization", stranger).code(t); c != fault.EntityUnknown {
		t.Errorf("another entity: %s", c)
	}
	if c := r.do("GET", "/v1/log", "", "Authorization", "").code(t); c != fault.Unauthenticated {
		t.Errorf("nobody: %s", c)
	}
	for _, q := range []string{"after=-2", "after=%2B1", "after=01", "after=1e3", "after=99999999999999999999", "limit=0", "limit=501", "cursor=a", "words=false", "words=1"} {
		if a := r.do("GET", "/v1/log?"+q, ""); a.code(t) != fault.Invalid || !strings.Contains(string(a.body), `"field":"`+q[:strings.Index(q, "=")]+`"`) {
			t.Errorf("%s: %d %s", q, a.status, a.body)
		}
	}
	if p := get[wire.LogPage](t, r.do("GET", "/v1/log?after=9223372036854775807", "")); len(p.Entries) != 0 || p.Log.Size == 0 {
		t.Errorf("beyond the end: %+v", p)
	}
}

func TestAReceiptAndTheNoteThatItRestsOnComeByTheirRoutes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	done := r.Approved()
	file := r.do("GET", "/v1/requests/"+done.ID+"/receipt", "")
	if report, err := receipt.Verify(file.body, r.Signer.Key.PublicKey().Thumbprint()); err != nil || report.Request.Request != done.ID {
		t.Errorf("%v: %s", err, file.body)
	}
	c := get[wire.LogCheckpoint](t, r.do("GET", "/v1/log/checkpoint?since=1", ""))
	if n, err := signedlog.ReadNote(c.Note, "ent_sandbox", r.Signer.Key.PublicKey(), r.Signer.Key.PublicKey()); err != nil || n.Size < 4 || len(c.Proof) == 0 {
		t.Errorf("%+v, %v", c, err)
	}
	for _, since := range []string{"0", "-1", "01", "x", "1000000"} {
		a := r.do("GET", "/v1/log/checkpoint?since="+since, "")
		if code := a.code(t); code != fault.Invalid && code != fault.Conflict || !strings.Contains(string(a.body), `"field":"since"`) {
			t.Errorf("since=%s: %s", since, a.body)
		}
	}
	if c := r.do("GET", "/v1/requests/req_zzzzzzzzzzzzzzzzzzzzzzzzzz/receipt", "").code(t); c != fault.NotFound {
		t.Errorf("of no request: %s", c)
	}
	if c := r.do("GET", "/v1/requests/"+r.Requested().ID+"/receipt", "").code(t); c != fault.Conflict {
		t.Errorf("of an open request: %s", c)
	}
}

func TestTheVaultAndItsObjectsComeByTheirRoutes(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.Approved()
	v := get[wire.Vault](t, r.do("GET", "/v1/vault", ""))
	if len(v.Members) != 3 || len(v.Accounts) != 1 || v.Log.Size == 0 {
		t.Errorf("%+v", v)
	}
	for _, id := range []string{"mem_alice", "acc_treasury", wire.AdminRule} {
		if o := get[wire.VaultObject](t, r.do("GET", "/v1/vault/"+id+"?limit=1", "")); o.ID != id || len(o.Versions) != 1 || len(o.Versions[0].Lines) == 0 {
			t.Errorf("%+v", o)
		}
	}
	for _, id := range []string{"mem_none", "x", "ADMIN"} {
		if c := r.do("GET", "/v1/vault/"+id, "").code(t); c != fault.NotFound {
			t.Errorf("%s: %s", id, c)
		}
	}
	for _, q := range []string{"before=0", "before=-1", "before=01", "limit=0", "limit=101"} {
		if a := r.do("GET", "/v1/vault/admin?"+q, ""); a.code(t) != fault.Invalid || !strings.Contains(string(a.body), `"field":"`+q[:strings.Index(q, "=")]+`"`) {
			t.Errorf("%s: %d %s", q, a.status, a.body)
		}
	}
	if e := get[wire.LogPage](t, r.do("GET", "/v1/log?words=true&limit=1", "")).Entries; len(e) != 1 || e[0].Said == nil {
		t.Errorf("%+v", e)
	}
}
