package chain

import (
	"bytes"
	"encoding/json"
	"testing"
)

// Whatever a node answers, an arrival is to a watched address and positive.
func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"number":"0x1","hash":"0x01","parentHash":"0x02","timestamp":"0x3","transactions":[{"hash":"0x01","to":"0xaa","value":"0x1"},7,null,{"type":"0x7e","value":"lots"}]}`),
		[]byte(`{"address":"0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48","topics":["`+transferTopic+`","0x","0x"],"data":"0x1","logIndex":"0x0"}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":42,"result":"0x1","error":null}`), []byte(`{}`))
	f.Add([]byte(`{"jsonrpc":"2.0","id":"42","result":"0x1","id":42}`), []byte(`{}`))
	w, err := New(Config{RPC: "http://127.0.0.1:1", Chain: "eip155:1"})
	if err != nil {
		f.Fatal(err)
	}
	watched := Watched{"0x8ba1f109551bd432803012645ac136ddd64dba72": true}
	check := func(t *testing.T, a Arrival, ok bool) {
		if ok && (!watched[a.Address] || units(a.Units).Sign() <= 0 || !isHash(a.Tx)) {
			t.Errorf("%+v", a)
		}
	}
	f.Fuzz(func(t *testing.T, block, log []byte) {
		var result json.RawMessage
		waiting := map[string]question{"42": {out: &result}}
		if err := take(block, waiting); err == nil && (len(waiting) != 0 || !bytes.Contains(block, []byte("42"))) {
			t.Errorf("%s answers question 42", block)
		}
		var raw rawBlock
		if json.Unmarshal(block, &raw) == nil && raw.complete() {
			_ = w.names(raw.bloom(), watched, nil)
			for _, data := range raw.Transactions {
				if tx, ok := transaction(data); ok {
					a, ok := w.direct(raw, tx, watched)
					check(t, a, ok)
				}
			}
		}
		var l rawLog
		if json.Unmarshal(log, &l) == nil {
			moved, err := w.transfer(&l, Block{Hash: l.BlockHash})
			for _, a := range moved {
				check(t, a, err == nil && watched[a.Address] && a.Units != "0")
			}
		}
	})
}
