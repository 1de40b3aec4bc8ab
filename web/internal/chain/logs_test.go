package chain_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"countersign/web/internal/chain"
	"countersign/web/internal/chain/chaintest"
)

// between is the address of a node whose results are changed.
func between(t *testing.T, n *chaintest.Node, change func(method string, params []any, result any) any) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		rec := httptest.NewRecorder()
		n.ServeHTTP(rec, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
		data := rec.Body.Bytes()
		var q struct {
			Method string
			Params []any
		}
		var a map[string]any
		if json.Unmarshal(body, &q) == nil && json.Unmarshal(data, &a) == nil {
			if _, ok := a["result"]; ok {
				a["result"] = change(q.Method, q.Params, a["result"])
			}
			data, _ = json.Marshal(a)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(data)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func watch(t *testing.T, url string) *chain.Watcher {
	t.Helper()
	w, err := chain.New(chain.Config{RPC: url, Chain: "eip155:1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

func object(v any) map[string]any { return v.(map[string]any) }

func TestTransfersThatCannotBeReadAreAnErrorAndNotAbsent(t *testing.T) {
	t.Parallel()
	each := func(f func(l map[string]any)) func(any) any {
		return func(r any) any {
			for _, l := range r.([]any) {
				f(object(l))
			}
			return r
		}
	}
	upper := func(s any) string { return "0x" + strings.ToUpper(s.(string)[2:]) }
	for name, row := range map[string]struct {
		change func(any) any
		found  int // 0: an error
	}{
		"null":                 {func(any) any { return nil }, 0},
		"a null log":           {func(any) any { return []any{nil} }, 0},
		"none":                 {func(any) any { return []any{} }, 0},
		"one of two":           {func(r any) any { return r.([]any)[:1] }, 0},
		"another block":        {each(func(l map[string]any) { l["blockHash"] = "0x" + strings.Repeat("1", 64) }), 0},
		"without a block":      {each(func(l map[string]any) { delete(l, "blockHash") }), 0},
		"without an index":     {each(func(l map[string]any) { l["logIndex"] = nil }), 0},
		"without transaction":  {each(func(l map[string]any) { l["transactionHash"] = nil }), 0},
		"short data":           {each(func(l map[string]any) { l["data"] = "0x5f5e100" }), 0},
		"short topic":          {each(func(l map[string]any) { l["topics"].([]any)[2] = "0x" + l["topics"].([]any)[2].(string)[26:] }), 0},
		"removed":              {each(func(l map[string]any) { l["removed"] = true }), 0},
		"as they are":          {func(r any) any { return r }, 2},
		"upper-case topic":     {each(func(l map[string]any) { l["topics"].([]any)[0] = upper(l["topics"].([]any)[0]) }), 2},
		"upper-case block":     {each(func(l map[string]any) { l["blockHash"] = upper(l["blockHash"]) }), 2},
		"upper-case contract":  {each(func(l map[string]any) { l["address"] = upper(l["address"]) }), 2},
		"upper-case recipient": {each(func(l map[string]any) { l["topics"].([]any)[2] = upper(l["topics"].([]any)[2]) }), 2},
	} {
		n := chaintest.New(t, 1)
		n.Token(usdc, vault, "100000000")
		n.Token(usdc, other, "7000000")
		n.Mine()
		w := watch(t, between(t, n, func(method string, _ []any, r any) any {
			if method == "eth_getLogs" {
				return row.change(r)
			}
			return r
		}))
		blocks, found, err := w.Read(t.Context(), at(t, w, 0), 1, chain.Watched{vault: true, other: true})
		if row.found == 0 && (err == nil || len(blocks) != 0) {
			t.Errorf("%s: %d blocks, %d arrivals and %v, want an error", name, len(blocks), len(found), err)
		}
		if row.found > 0 && (err != nil || len(found) != row.found) {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

// A bloom filter may name what is not there, and some nodes set all its bits.
func TestAFilterThatNamesTooMuchStopsNothing(t *testing.T) {
	t.Parallel()
	all := "0x" + strings.Repeat("ff", 256)
	for name, row := range map[string]struct {
		mine  func(n *chaintest.Node)
		bloom any // nil: as it is
		found int
	}{
		"a transfer to another, all bits": {func(n *chaintest.Node) { n.Token(usdc, other, "1") }, all, 0},
		"no logs, all bits":               {func(n *chaintest.Node) { n.Pay(other, "1") }, all, 0},
		"no transactions, all bits":       {func(*chaintest.Node) {}, all, 0},
		"a transfer to us, all bits":      {func(n *chaintest.Node) { n.Token(usdc, vault, "1") }, all, 1},
		"a transfer to us, no bits":       {func(n *chaintest.Node) { n.Token(usdc, vault, "1") }, "0x" + strings.Repeat("00", 256), 1},
		"a transfer to us, no filter":     {func(n *chaintest.Node) { n.Token(usdc, vault, "1") }, "0x", 1},
		"many others": {func(n *chaintest.Node) {
			for i := range 2000 {
				n.Token(usdc, "0x"+strings.Repeat("0", 36)+strings.ToLower(string("abcdef0123456789"[i%16]))+string("0123456789"[i/16%10])+string("0123456789"[i/160%10])+string("0123456789"[i/1600])+"", "1")
			}
		}, nil, 0},
	} {
		n := chaintest.New(t, 1)
		row.mine(n)
		n.Mine()
		w := watch(t, between(t, n, func(method string, _ []any, r any) any {
			if b, ok := r.(map[string]any); ok && method == "eth_getBlockByNumber" && row.bloom != nil {
				b["logsBloom"] = row.bloom
			}
			return r
		}))
		blocks, found, err := w.Read(t.Context(), at(t, w, 0), 1, chain.Watched{vault: true})
		if err != nil || len(blocks) != 1 || len(found) != row.found {
			t.Errorf("%s: %d blocks, %+v, %v", name, len(blocks), found, err)
		}
	}
}

func TestAnswersThatAreNoneNameNoTypesOfGo(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"a number for digits": `{"jsonrpc":"2.0","id":1,"result":{"number":7,"hash":[]}}`, "a list": `[{"jsonrpc":"2.0","id":1,"result":"0x1"}]`,
		"nothing": ``, "no result": `{"jsonrpc":"2.0","id":1}`, "half": `{"jsonrpc":"2.0","id":1,"result":`, "text": `hello`,
		"a long number": `{"jsonrpc":"2.0","id":1,"result":"0x` + strings.Repeat("f", 70) + `"}`, "negative": `{"jsonrpc":"2.0","id":1,"result":"-0x1"}`,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, answer)
		}))
		w := watch(t, s.URL)
		_, err := w.Head(t.Context())
		s.Close()
		if err == nil {
			t.Errorf("%s: no error", name)
			continue
		}
		for _, bad := range []string{"Go ", "json", "rpc.", "hexutil", "EOF", "chain."} {
			if strings.Contains(err.Error(), bad) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestABlockWithoutItsTransactionsIsNotRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(b map[string]any){
		"null":    func(b map[string]any) { b["transactions"] = nil },
		"missing": func(b map[string]any) { delete(b, "transactions") },
	} {
		n := chaintest.New(t, 1)
		n.Pay(vault, "10")
		n.Mine()
		w := watch(t, between(t, n, func(method string, params []any, r any) any {
			if b, ok := r.(map[string]any); ok && method == "eth_getBlockByNumber" && params[1] == true {
				change(b)
			}
			return r
		}))
		if blocks, _, err := w.Read(t.Context(), at(t, w, 0), 1, chain.Watched{vault: true}); err == nil || len(blocks) > 0 {
			t.Errorf("%s: %d blocks, %v", name, len(blocks), err)
		}
	}
}

func TestHashesAreComparedWithoutCase(t *testing.T) {
	t.Parallel()
	n := chaintest.New(t, 1)
	tx := n.Pay(vault, "10")
	n.Mine()
	n.Mine()
	w := watch(t, between(t, n, func(method string, _ []any, r any) any {
		if b, ok := r.(map[string]any); ok && method == "eth_getTransactionReceipt" {
			b["transactionHash"], b["blockHash"] = "0x"+strings.ToUpper(tx[2:]), "0x"+strings.ToUpper(b["blockHash"].(string)[2:])
		}
		return r
	}))
	_, found, err := w.Read(t.Context(), at(t, w, 0), 2, chain.Watched{vault: true})
	if err != nil || len(found) != 1 || found[0].Tx != tx {
		t.Errorf("%+v, %v", found, err)
	}
	odd := watch(t, between(t, n, func(method string, _ []any, r any) any {
		if b, ok := r.(map[string]any); ok && method == "eth_getTransactionReceipt" {
			b["transactionHash"] = "0x" + strings.Repeat("7", 64)
		}
		return r
	}))
	if _, found, err := odd.Read(t.Context(), at(t, odd, 0), 2, chain.Watched{vault: true}); err == nil || len(found) > 0 {
		t.Errorf("the receipt of another transaction: %+v, %v", found, err)
	}
}
