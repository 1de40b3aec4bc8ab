package chain

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/common/hexutil"
)

// answering is a client of a node that answers as text says, where A, B and C
// stand for the ids of the questions in their order.
func answering(t *testing.T, text string) *client {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var many []message
		if json.Unmarshal(body, &many) != nil {
			many = make([]message, 1)
			_ = json.Unmarshal(body, &many[0])
		}
		for i, m := range many {
			id, _ := json.Marshal(m.ID)
			text = strings.ReplaceAll(text, string(rune('A'+i)), string(id))
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	c := &client{url: s.URL, http: s.Client()}
	c.last.Store(41)
	return c
}

func TestAnAnswerIsBelievedByTheIdOfItsQuestion(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"jsonrpc":"2.0","id":A,"result":"0x7"}`:                                         "",
		` {"id":A,"result":"0x7","jsonrpc":"2.0"} ` + "\n":                                "",
		`{"jsonrpc":"2.0","id":A,"error":null,"result":"0x7"}`:                            "",
		`{"id":A,"result":"0x7"}`:                                                         "",
		`{"jsonrpc":"2.0","id":A,"result":"0x7","usage":{"credits":3},"error":null}`:      "",
		`{"jsonrpc":"2.0","id":A,"result":null,"error":{"code":-32000,"message":"busy"}}`: "busy",
		`{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"not read"}}`:        "not read",
		`{"jsonrpc":"2.0","error":{"code":-32700,"message":"not read"}}`:                  "not read",
		`{"jsonrpc":"2.0","id":41,"result":"0x7"}`:                                        "no question",
		`{"jsonrpc":"2.0","id":41,"error":{"code":-32000,"message":"busy"}}`:              "no question",
		`{"jsonrpc":"2.0","id":"A","result":"0x7"}`:                                       "no question",
		`{"jsonrpc":"2.0","id":A.0,"result":"0x7"}`:                                       "no question",
		`{"jsonrpc":"2.0","id":null,"result":"0x7"}`:                                      "no question",
		`{"jsonrpc":"2.0","id":{},"result":"0x7"}`:                                        "no question",
		`{"jsonrpc":"2.0","result":"0x7"}`:                                                "which question",
		`{"jsonrpc":"2.0","ID":A,"result":"0x7"}`:                                         "which question",
		`{"jsonrpc":"2.0","id":A}`:                                                        "neither",
		`{"jsonrpc":"2.0","id":A,"error":null}`:                                           "neither",
		`{"jsonrpc":"2.0","id":A,"Result":"0x7"}`:                                         "neither",
		`{"jsonrpc":"2.0","id":A,"result":"0x7","error":{"code":1,"message":"x"}}`:        "a result and an error",
		`{"jsonrpc":"2.0","id":A,"error":"busy"}`:                                         "no code and message",
		`{"jsonrpc":"2.0","id":A,"result":"0x6","result":"0x7"}`:                          "twice",
		`{"jsonrpc":"2.0","id":41,"result":"0x6","id":A}`:                                 "twice",
		`{"jsonrpc":"1.0","id":A,"result":"0x7"}`:                                         "version",
		`{"jsonrpc":2,"id":A,"result":"0x7"}`:                                             "version",
		`[{"jsonrpc":"2.0","id":A,"result":"0x7"}]`:                                       "not an object",
		`null`: "not an object",
		``:     "not JSON",
		`{"jsonrpc":"2.0","id":A,"result":"0x7"}{"jsonrpc":"2.0","id":A,"result":"0x8"}`: "not JSON",
	} {
		var got hexutil.Uint64
		err := answering(t, text).ask(t.Context(), question{method: "m", out: &got})
		switch {
		case want == "" && (err != nil || got != 7):
			t.Errorf("%s: %d, %v", text, got, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
}

func TestABatchIsAnsweredInAnyOrderAndEachQuestionOnce(t *testing.T) {
	t.Parallel()
	one := func(id, result string) string { return `{"jsonrpc":"2.0","id":` + id + `,"result":"` + result + `"}` }
	for text, want := range map[string]string{
		"[" + one("A", "0x1") + "," + one("B", "0x2") + "," + one("C", "0x3") + "]":                         "",
		"[" + one("C", "0x3") + "," + one("A", "0x1") + "," + one("B", "0x2") + "]":                         "",
		"[" + one("A", "0x1") + "," + one("A", "0x2") + "," + one("C", "0x3") + "]":                         "no question",
		"[" + one("A", "0x1") + "," + one("B", "0x2") + "," + one("C", "0x3") + "," + one("B", "0x2") + "]": "no question",
		"[" + one("A", "0x1") + "," + one("B", "0x2") + "," + one("41", "0x3") + "]":                        "no question",
		"[" + one("A", "0x1") + "," + one("C", "0x3") + "]":                                                 "leaves 1 of 3",
		"[]":            "leaves 3 of 3",
		one("A", "0x1"): "leaves 2 of 3",
		"[" + one("A", "0x1") + ",null," + one("C", "0x3") + "]":                                                                  "not an object",
		`{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch is too large"}}`:                                      "too large",
		`[{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"batch is too large"}}]`:                                    "too large",
		"[" + one("A", "0x1") + "," + one("B", "0x2") + `,{"jsonrpc":"2.0","id":C,"error":{"code":-32000,"message":"no state"}}]`: "no state",
		`"ok"`: "not the answer to a batch",
	} {
		var got [3]hexutil.Uint64
		var all []question
		for i := range got {
			all = append(all, question{method: "m", out: &got[i]})
		}
		err := answering(t, text).ask(t.Context(), all...)
		switch {
		case want == "" && (err != nil || got != [3]hexutil.Uint64{1, 2, 3}):
			t.Errorf("%s: %d, %v", text, got, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
}
