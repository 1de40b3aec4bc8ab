package signer

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/bridge/internal/signer/membertest"
	"countersign/shared/fault"
	"countersign/shared/id"
	"countersign/shared/signedlog"
	"countersign/shared/statement"
	"countersign/shared/wire"
)

// Three members decide on many requests at once, each through a channel of
// their own, while others read: each request ends approved by two of them.
func TestManyDecideAtOnce(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	var ids []string
	for range 8 {
		name, err := id.New(rand.Reader, id.Request)
		if err != nil {
			t.Fatal(err)
		}
		g.request(name)
		ids = append(ids, name)
	}
	var lines []*membertest.Line
	for id := range g.people {
		lines = append(lines, mustConnect(t, g, id))
	}
	var wg sync.WaitGroup
	for _, l := range lines {
		wg.Go(func() {
			for _, id := range ids {
				_, _, err := l.Decide(id, statement.Approve)
				if err != nil && err.Code != fault.RequestClosed {
					t.Errorf("%s on %s: %v", l.Who.ID, id, err)
				}
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			if _, err := g.service.LogPage(-1, maxLogPage); err != nil {
				t.Error(err)
			}
			if err := g.service.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	wg.Wait()
	for _, id := range ids {
		r, err := g.service.Get(t.Context(), id)
		if err != nil || r.State != "APPROVED" || len(r.Approvals) != 2 {
			t.Errorf("%s is %s with %d approvals: %v", id, r.State, len(r.Approvals), err)
		}
	}
	g.restart() // the log holds
}

// A crash between the last approval and the outcome leaves the outcome to the
// next start.
func TestAnOutcomeThatACrashKeptBackComesLater(t *testing.T) {
	t.Parallel()
	g := newRig(t, twoOfThree())
	g.request(testReq)
	approveAs(t, g, "mem_alice", "mem_bob")
	approved := g.clock.now()
	lines := g.lines()
	if err := g.file.Truncate(0, int64(len(strings.Join(lines[:4], "\n"))+1)); err != nil {
		t.Fatal(err)
	}
	if err := (watermark{g.vault}).Set(t.Context(), signedlog.Mark{Size: 4, Head: signedlog.Hash([]byte(lines[3]))}); err != nil {
		t.Fatal(err)
	}
	g.clock.add(72 * time.Hour) // the approval is not usable any longer
	g.restart()
	r, err := g.service.Get(t.Context(), testReq)
	if err != nil || r.State != "APPROVED" || g.service.Status().Log.Size != 5 {
		t.Errorf("%+v, %v", r, err)
	}
	if want := approved.Add(24 * time.Hour); r.UseBy == nil || !r.UseBy.Equal(want) {
		t.Errorf("the approval ends at %v, want %s", r.UseBy, want)
	}
}

// FuzzHandler sends bytes to every call that takes some. Whatever they are, the
// answer is JSON with a known code, and only a proper request is logged.
func FuzzHandler(f *testing.F) {
	g := newRig(f, twoOfThree())
	good, err := json.Marshal(g.input(testReq))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("/v1/requests", good)
	f.Add("/v1/channels", []byte(`{"record":"AQEC"}`))
	f.Add("/v1/channels/chn_aaaa/records", []byte(`{"record":"AQEC"}`))
	handler := g.service.Handler()
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		switch path {
		case "/v1/requests", "/v1/channels", "/v1/channels/chn_aaaa/records":
		default:
			path = "/v1/requests"
		}
		size := g.service.Status().Log.Size
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", path, bytes.NewReader(body)))
		var r wire.SignerRequest
		code := membertest.Answer(t, w.Code, w.Body.Bytes(), func() any {
			if path == "/v1/requests" {
				return &r
			}
			return nil
		}())
		if code == fault.Internal || code != "" && g.service.Status().Log.Size != size {
			t.Errorf("%s: %s", path, code)
		}
	})
}
