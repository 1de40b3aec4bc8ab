package channel

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"countersign/shared/fault"
)

var hash = bytes.Repeat([]byte{0xab}, 32)

var examples = map[string]Message{
	`{"type":"welcome","entity":"ent_sandbox","entity_name":"A & B","member":"mem_alice","log":{"size":3,"head":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"}}`: &Welcome{
		Entity: "ent_sandbox", EntityName: "A & B", Member: "mem_alice", Log: Log{Size: 3, Head: hash}},
	`{"type":"statement.get","request":"req_aaaa","decision":"APPROVE"}`: &StatementGet{Request: "req_aaaa", Decision: "APPROVE"},
	`{"type":"statement","statement":"e30"}`:                             &Statement{Statement: []byte("{}")},
	`{"type":"statement.submit","jws":"a.b.c"}`:                          &StatementSubmit{JWS: "a.b.c"},
	`{"type":"receipt","request":"req_aaaa","state":"pending","approvals":["mem_alice"],"needed":2,"entry":{"seq":4,"hash":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"}}`: &Receipt{
		Request: "req_aaaa", State: "pending", Approvals: []string{"mem_alice"}, Needed: 2, Entry: Entry{Seq: 4, Hash: hash}},
	`{"type":"error","code":"REQUEST_CLOSED","message":"the request is closed","details":{"state":"expired"}}`: &Error{
		Code: fault.RequestClosed, Message: "the request is closed", Details: map[string]string{"state": "expired"}},
}

func TestMessagesHaveOneForm(t *testing.T) {
	t.Parallel()
	for text, m := range examples {
		data, err := Encode(m)
		if err != nil || string(data) != text {
			t.Errorf("encoded %s, %v; want %s", data, err, text)
		}
		got, err := Decode([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(m, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"nothing":                ``,
		"null":                   `null`,
		"array":                  `[]`,
		"no type":                `{"jws":"a.b.c"}`,
		"type as a number":       `{"type":1,"jws":"a.b.c"}`,
		"type twice":             `{"type":"statement","type":"statement.submit","jws":"a.b.c"}`,
		"unknown type":           `{"type":"transfer","jws":"a.b.c"}`,
		"unknown field":          `{"type":"statement.submit","jws":"a.b.c","x":1}`,
		"field of another type":  `{"type":"statement.submit","jws":"a.b.c","request":"req_aaaa"}`,
		"field twice":            `{"type":"statement.submit","jws":"a.b.c","jws":"a.b.d"}`,
		"field in another case":  `{"type":"statement.submit","JWS":"a.b.c"}`,
		"nested field twice":     `{"type":"welcome","entity":"ent_sandbox","entity_name":"x","member":"mem_alice","log":{"size":1,"size":2,"head":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"}}`,
		"trailing data":          `{"type":"statement.submit","jws":"a.b.c"} {}`,
		"not UTF-8":              "{\"type\":\"statement.submit\",\"jws\":\"\xff\"}",
		"field missing":          `{"type":"statement.submit"}`,
		"jws too long":           `{"type":"statement.submit","jws":"` + strings.Repeat("x", MaxJWS+1) + `"}`,
		"statement empty":        `{"type":"statement","statement":""}`,
		"statement padded":       `{"type":"statement","statement":"e30="}`,
		"statement too long":     `{"type":"statement","statement":"` + strings.Repeat("AAAA", MaxStatement/3+1) + `"}`,
		"decision":               `{"type":"statement.get","request":"req_aaaa","decision":"YES"}`,
		"request":                `{"type":"statement.get","request":"REQ","decision":"APPROVE"}`,
		"negative size":          `{"type":"welcome","entity":"ent_sandbox","entity_name":"x","member":"mem_alice","log":{"size":-1,"head":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"}}`,
		"short head":             `{"type":"welcome","entity":"ent_sandbox","entity_name":"x","member":"mem_alice","log":{"size":1,"head":"q6ur"}}`,
		"needed too large":       `{"type":"receipt","request":"req_aaaa","state":"x","approvals":[],"needed":65,"entry":{"seq":4,"hash":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"}}`,
		"approver is not an id":  `{"type":"receipt","request":"req_aaaa","state":"x","approvals":["a"],"needed":1,"entry":{"seq":4,"hash":"q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"}}`,
		"error without a code":   `{"type":"error","message":"x"}`,
		"error message too long": `{"type":"error","code":"X","message":"` + strings.Repeat("x", 1001) + `"}`,
	} {
		if m, err := Decode([]byte(text)); fault.CodeOf(err) != fault.Invalid || m != nil {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
	if _, err := Decode(make([]byte, MaxPlaintext+1)); fault.CodeOf(err) != fault.TooLarge {
		t.Error(err)
	}
	if _, err := Encode(&StatementSubmit{}); fault.CodeOf(err) != fault.Invalid {
		t.Error(err)
	}
}

func TestTheLargestMessagesFitIntoARecord(t *testing.T) {
	t.Parallel()
	for _, m := range []Message{&Statement{Statement: make([]byte, MaxStatement)}, &StatementSubmit{JWS: strings.Repeat("x", MaxJWS)}} {
		if _, err := Encode(m); err != nil {
			t.Error(err)
		}
	}
}

func TestErrorsOfTheSignerSurviveTheWay(t *testing.T) {
	t.Parallel()
	for _, code := range fault.Codes() {
		data, err := Encode(NewError(fault.Wrap(io.EOF, code, "what happened").With("field", "x")))
		if err != nil {
			t.Fatal(err)
		}
		m, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if f := m.(*Error).Fault(); f.Code != code || f.Message != "what happened" || f.Details["field"] != "x" {
			t.Errorf("%+v", f)
		}
	}
	long := NewError(fault.New(fault.Invalid, strings.Repeat("ä", 1000)).With("x", strings.Repeat("y", 2000)))
	if _, err := Encode(long); err != nil {
		t.Errorf("a long error does not fit: %v", err)
	}
	if e := NewError(io.EOF); e.Code != fault.Internal || strings.Contains(e.Message, "EOF") {
		t.Errorf("%+v", e)
	}
	if f := (&Error{Code: "LATER", Message: "x"}).Fault(); f.Code != fault.Internal {
		t.Errorf("%+v", f)
	}
}

func FuzzDecode(f *testing.F) {
	for text := range examples {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(m)
		if err != nil {
			if fault.CodeOf(err) == fault.TooLarge {
				return
			}
			t.Fatalf("decoded and not encoded: %v", err)
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("encoded and not decoded: %v", err)
		}
		if diff := cmp.Diff(m, back); diff != "" {
			t.Error(diff)
		}
	})
}
