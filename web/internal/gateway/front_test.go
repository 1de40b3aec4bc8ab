package gateway_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"countersign/shared/wire"
	"countersign/web/internal/chain"
	"countersign/web/internal/chain/chaintest"
	"countersign/web/internal/gateway"
	"countersign/web/internal/gateway/gatewaytest"
	"countersign/web/internal/store"
)

// front stands before a node and may answer in its place, or change its answer.
type front struct {
	mu     sync.Mutex
	n      *chaintest.Node
	before func(method string, call map[string]any) (status int, result any, rpcErr any) // status 0: pass on
	after  func(method string, answer map[string]any)
	calls  int
	latest bool
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	var one map[string]any
	if json.Unmarshal(body, &one) == nil {
		method, _ := one["method"].(string)
		f.latest = bytes.Contains(body, []byte(`"latest"`))
		if f.before != nil {
			status, result, rpcErr := f.before(method, one)
			if status != 0 && status != 200 {
				http.Error(w, "too many requests", status)
				return
			}
			if status == 200 {
				w.Header().Set("Content-Type", "application/json")
				out := map[string]any{"jsonrpc": "2.0", "id": one["id"]}
				if rpcErr != nil {
					out["error"] = rpcErr
				} else {
					out["result"] = result
				}
				_ = json.NewEncoder(w).Encode(out)
				return
			}
		}
		rec := httptest.NewRecorder()
		req := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		f.n.ServeHTTP(rec, req)
		var answer map[string]any
		_ = json.Unmarshal(rec.Body.Bytes(), &answer)
		if f.after != nil {
			f.after(method, answer)
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
		return
	}
	var many []map[string]any
	_ = json.Unmarshal(body, &many)
	answers := []any{}
	for _, call := range many {
		method, _ := call["method"].(string)
		out := map[string]any{"jsonrpc": "2.0", "id": call["id"]}
		var status int
		var result, rpcErr any
		if f.before != nil {
			status, result, rpcErr = f.before(method, call)
		}
		switch {
		case status != 0 && status != 200:
			http.Error(w, "too many requests", status)
			return
		case status == 200 && rpcErr != nil:
			out["error"] = rpcErr
		case status == 200:
			out["result"] = result
		default:
			text, _ := json.Marshal(call)
			rec := httptest.NewRecorder()
			f.n.ServeHTTP(rec, httptest.NewRequest("POST", "/", bytes.NewReader(text)))
			_ = json.Unmarshal(rec.Body.Bytes(), &out)
		}
		answers = append(answers, out)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answers)
}

// behind is a gateway that reads a chain through a front.
func behind(t *testing.T, w *gatewaytest.World, id uint64, name string, now func() time.Time, confirmations int64) (*gateway.Gateway, *front) {
	t.Helper()
	f := &front{n: chaintest.New(t, id)}
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	watcher, err := chain.New(chain.Config{RPC: s.URL, Chain: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(watcher.Close)
	g, err := gateway.New(t.Context(), gateway.Config{
		Store: w.Store, Tokens: w.Tokens, Desk: w.Desk, Env: "sandbox",
		Now: now, Rand: rand.Reader, Chains: map[string]gateway.Watched{name: {Node: watcher, Confirmations: confirmations}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g, f
}

// paidAddress is where the order of waitsFor is paid.
const paidAddress = "0x8ba1f109551bd432803012645ac136ddd64dba72"

// waitsFor makes an order wait for another asset, on another chain.
func waitsFor(t *testing.T, w *gatewaytest.World, r wire.Request, o wire.Order, chainID, assetID, amount, minimum string) {
	t.Helper()
	err := w.Store.Write(t.Context(), func(tx store.Tx) error {
		kept, err := tx.Order("ent_sandbox", o.ID)
		kept.Chain, kept.Address = chainID, paidAddress
		kept.Asset, kept.Minimum = assetID, minimum
		return errors.Join(err, tx.PutOrder(kept),
			tx.PutAddress(store.Address{Chain: chainID, Address: paidAddress, Entity: "ent_sandbox", Account: "acc_treasury", Request: r.ID, Balance: "0", Swept: -1}))
	})
	if err != nil {
		t.Fatal(err)
	}
}
