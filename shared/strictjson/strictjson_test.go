package strictjson

import (
	"encoding/json"
	"strings"
	"testing"

	"countersign/shared/fault"
)

type inner struct {
	Currency string `json:"currency"`
}

type body struct {
	Name   string            `json:"name"`
	Amount *inner            `json:"amount,omitempty"`
	List   []inner           `json:"list,omitempty"`
	Open   Raw               `json:"open,omitempty"`
	Tags   map[string]string `json:"tags,omitempty"`
}

func TestUnmarshalRefusesWhatTwoPartiesCouldReadDifferently(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		in   string
		want fault.Code // empty: accepted
	}{
		"plain":                   {`{"name":"a"}`, ""},
		"nested":                  {`{"name":"a","amount":{"currency":"EUR"},"list":[{"currency":"x"}]}`, ""},
		"open value":              {`{"open":{"any":{"thing":[1,2]}}}`, ""},
		"map":                     {`{"tags":{"A":"1","a":"2"}}`, ""},
		"unknown field":           {`{"nome":"a"}`, fault.Invalid},
		"unknown nested field":    {`{"amount":{"curr":"EUR"}}`, fault.Invalid},
		"unknown field in list":   {`{"list":[{"curr":"EUR"}]}`, fault.Invalid},
		"other case":              {`{"Name":"a"}`, fault.Invalid},
		"duplicate":               {`{"name":"a","name":"b"}`, fault.Invalid},
		"duplicate by escape":     {`{"name":"a","n\u0061me":"b"}`, fault.Invalid},
		"duplicate nested":        {`{"amount":{"currency":"a","currency":"b"}}`, fault.Invalid},
		"duplicate in open value": {`{"open":{"a":1,"a":2}}`, fault.Invalid},
		"duplicate in map":        {`{"tags":{"a":"1","a":"2"}}`, fault.Invalid},
		"wrong type":              {`{"name":1}`, fault.Invalid},
		"trailing value":          {`{"name":"a"} {}`, fault.Invalid},
		"trailing garbage":        {`{"name":"a"}x`, fault.Invalid},
		"cut short":               {`{"name":"a"`, fault.Invalid},
		"empty":                   {``, fault.Invalid},
		"array for object":        {`[]`, fault.Invalid},
		"invalid UTF-8":           {"{\"name\":\"\xff\"}", fault.Invalid},
		"too deep":                {`{"open":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, fault.Invalid},
		"over the limit":          {`{"name":"` + strings.Repeat("a", 500) + `"}`, fault.TooLarge},
	} {
		var b body
		if got := fault.CodeOf(Unmarshal([]byte(tc.in), &b, 400)); got != tc.want {
			t.Errorf("%s: code %q, want %q", name, got, tc.want)
		}
	}
}

func TestAMessageNeverRepeatsAValue(t *testing.T) {
	t.Parallel()
	var b body
	err := Unmarshal([]byte(`{"name":{"secret-pin-1234":1}}`), &b, 400)
	if e, ok := fault.As(err); !ok || strings.Contains(e.Message, "1234") {
		t.Errorf("message %v", err)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"name":"a","amount":{"currency":"EUR"},"tags":{"a":"b"}}`))
	f.Add([]byte(`{"open":[[[{"a":1}]]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var b body
		if Unmarshal(data, &b, 4096) != nil {
			return
		}
		again, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		var c body
		if err := Unmarshal(again, &c, 8192*6); err != nil {
			t.Fatalf("%s was accepted, its encoding %s was not: %v", data, again, err)
		}
	})
}
